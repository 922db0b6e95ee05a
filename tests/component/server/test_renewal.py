"""The certificate is renewed under a server that listens: real handshakes before and after."""

import asyncio
import hashlib
import ssl
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography import x509

from nagare.lib.clock import ManualClock
from nagare.lib.der import public_key_of
from nagare.server.running.listen import parse_listen
from nagare.server.running.renewal import Renewal
from nagare.server.running.served import Served
from nagare.server.running.tls import find_certificate, make_context
from tests.component.server.conftest import on_loopback

DAY = 86400.0


def _trusting() -> ssl.SSLContext:
    # The clock of the test is not that of the TLS library.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while line := await reader.readline():
        writer.write(line)
    writer.close()


def _certificate(writer: asyncio.StreamWriter) -> bytes:
    der: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    return der


async def test_a_renewed_certificate_is_served_with_the_same_key_and_old_connections_live_on(tmp_path: Path) -> None:
    clock, listen = ManualClock(), parse_listen("127.0.0.1:0")
    settings = on_loopback(tmp_path, tls="always")
    first = find_certificate(settings, listen, clock.now())
    assert first is not None
    served = Served(first, make_context(first))
    renewal = Renewal(settings, listen, clock, served)
    server = await asyncio.start_server(_echo, "127.0.0.1", 0, ssl=served.context)
    async with server:
        thread = ThreadPoolExecutor(1)
        port = server.sockets[0].getsockname()[1]
        old_reader, old = await asyncio.open_connection("127.0.0.1", port, ssl=_trusting())
        await clock.advance(500 * DAY)
        await renewal.look(thread)
        assert served.current == first
        await clock.advance(60 * DAY)
        await renewal.look(thread)
        thread.shutdown()
        _, new = await asyncio.open_connection("127.0.0.1", port, ssl=_trusting())
        before, after = _certificate(old), _certificate(new)
        assert x509.load_der_x509_certificate(after).not_valid_after_utc == served.current.expires_at
        assert served.current.expires_at > first.expires_at
        assert after != before
        assert public_key_of(after) == public_key_of(before)
        assert hashlib.sha256(public_key_of(after)).hexdigest() == first.pin
        old.write(b"still here\n")
        assert await old_reader.readline() == b"still here\n"
        for writer in (old, new):
            writer.close()
            await writer.wait_closed()


@pytest.mark.parametrize(
    ("version", "ciphers"),
    [(ssl.TLSVersion.TLSv1_1, "ALL:@SECLEVEL=0"), (ssl.TLSVersion.TLSv1_2, "AES256-GCM-SHA384:AES128-SHA")],
)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
async def test_old_versions_and_ciphers_without_forward_secrecy_are_refused(
    tmp_path: Path, version: ssl.TLSVersion, ciphers: str
) -> None:
    clock = ManualClock()
    certificate = find_certificate(on_loopback(tmp_path, tls="always"), parse_listen("127.0.0.1:0"), clock.now())
    assert certificate is not None
    client = _trusting()
    client.set_ciphers(ciphers)
    client.minimum_version = client.maximum_version = version
    server = await asyncio.start_server(_echo, "127.0.0.1", 0, ssl=make_context(certificate))
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await asyncio.open_connection("127.0.0.1", port, ssl=client)
