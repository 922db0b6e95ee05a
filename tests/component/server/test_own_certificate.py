"""A user's own certificate under a real server: served, taken up when its files change, and believed by hosts that join."""

import asyncio
import hashlib
import ssl
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from nagare.agent.enrolment import Enrolment, Machine
from nagare.agent.identity import Identity, IdentityFiles
from nagare.client.client import Client
from nagare.client.target import Target, find_target
from nagare.config.places import Places
from nagare.config.settings import AgentSettings
from nagare.errors import ConfigError
from nagare.keys.own import OwnFiles
from nagare.keys.signing import SigningKey
from nagare.lib.clock import ManualClock, SystemClock
from nagare.lib.der import public_key_of
from nagare.model.event import Event
from nagare.server.running.listen import parse_listen
from nagare.server.running.renewal import Renewal
from nagare.server.running.served import Served
from nagare.server.running.tls import find_certificate
from nagare.wire.joining import JoinTokenRequest
from nagare.wire.system import Health
from tests.component.server.conftest import Api, Serve, on_loopback
from tests.unit.keys.own_authority import TestAuthority, pem, pem_key, write_own

ROOT = TestAuthority()


def _write(folder: Path, *, with_ca: bool = True, names: Sequence[str] = ("localhost",), **more: Any) -> OwnFiles:
    key = ec.generate_private_key(ec.SECP256R1())
    ca = pem(ROOT.certificate) if with_ca else None
    return write_own(folder, pem(ROOT.issue(key, names, **more)), pem_key(key), ca)


def _settings(files: OwnFiles) -> dict[str, Any]:
    return {
        "tls": "always",
        "tls_certificate_file": files.certificate,
        "tls_key_file": files.key,
        "tls_ca_file": files.ca,
    }


def _local(api: Api) -> Client:
    return Client(find_target(api.services.settings), deadline_seconds=10)


def _folder(folder: Path) -> Path:
    folder.mkdir()
    return folder


async def _join(api: Api, tmp_path: Path, host: str) -> tuple[Identity, Target]:
    """Join by a token for the server's ``host`` and return what the agent keeps, and how it goes on."""
    url = f"https://{host}:{api.running.port}"
    async with _local(api) as client:
        minted = await client.mint_join_token(JoinTokenRequest(url=url, accepts=True))
    token = tmp_path / "join.token"
    token.touch(mode=0o600)
    token.write_text(minted.token)
    places = Places(tmp_path / "agent")
    places.spool.mkdir(parents=True)
    files = IdentityFiles(places, tmp_path)
    enrolment = Enrolment(AgentSettings(name="web1", join_token_file=token), places, files, SystemClock())
    identity = await enrolment.register(Machine("m1", SigningKey.generate(), {}), deadline_seconds=10)
    target = enrolment.find_target(identity.token)
    async with Client(target, deadline_seconds=10, is_lean=True) as client:
        assert (await client.standing()).enrolment == "active"
    return identity, target


async def test_a_host_trusts_the_company_where_the_name_is_covered(serve: Serve, tmp_path: Path) -> None:
    async with serve(**_settings(_write(tmp_path / "tls"))) as api:
        identity, target = await _join(api, tmp_path, "localhost")
        assert (identity.pin, target.pin) == ("", "")
        assert target.ca_file is not None
        assert target.ca_file.read_bytes() == pem(ROOT.certificate)


async def test_a_host_keeps_the_pin_where_the_name_is_not_covered(serve: Serve, tmp_path: Path) -> None:
    async with serve(**_settings(_write(tmp_path / "tls"))) as api:
        identity, target = await _join(api, tmp_path, "127.0.0.1")
        assert (identity.pin, target.ca_file) == (api.running.certificate.pin, None)  # type: ignore[union-attr]


async def test_a_private_certificate_without_the_name_leaves_the_pin(serve: Serve, tmp_path: Path) -> None:
    async with serve(listen="0.0.0.0:0", announce=False) as api:
        # An address of this machine that it does not know itself by.
        identity, target = await _join(api, tmp_path, "127.0.0.2")
        assert identity.pin == api.running.certificate.pin  # type: ignore[union-attr]
        assert target.ca_file is None


async def test_the_roots_of_the_system_are_trusted_only_where_they_verify(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serve(**_settings(_write(tmp_path / "tls", with_ca=False))) as api:
        identity, _ = await _join(api, _folder(tmp_path / "stranger"), "localhost")
        assert identity.pin == api.running.certificate.pin  # type: ignore[union-attr]
        roots = tmp_path / "roots.pem"
        roots.write_bytes(pem(ROOT.certificate))
        monkeypatch.setenv("SSL_CERT_FILE", str(roots))
        identity, target = await _join(api, _folder(tmp_path / "friend"), "localhost")
        assert (identity.pin, target.pin, target.ca_file) == ("", "", None)


class _Watched:
    """A renewal over a running server, looked at by hand, and what it told."""

    def __init__(self, api: Api, clock: Any = None) -> None:
        services = api.services
        assert services.certificate is not None
        self.served: Served = services.certificate
        self.events: list[Event] = []
        self.pins: list[str] = []
        self._renewal = Renewal(
            services.settings,
            services.listen,
            clock or services.clock,
            self.served,
            tell=self._tell,
            on_swap=lambda found: self.pins.append(found.pin),
        )

    async def _tell(self, event: Event) -> None:
        self.events.append(event)

    async def look(self) -> list[str]:
        """Look once; return what was told then."""
        self.events.clear()
        with ThreadPoolExecutor(1) as thread:
            await self._renewal.look(thread)
        return [event.kind for event in self.events]


def _seen(api: Api) -> bytes:
    """Return the public key that a new handshake shows."""
    port = urlsplit(api.running.url).port
    pem_text = ssl.get_server_certificate(("127.0.0.1", port or 0), timeout=10)
    return public_key_of(ssl.PEM_cert_to_DER_cert(pem_text))


async def _served_key(api: Api) -> bytes:
    return await asyncio.to_thread(_seen, api)


async def test_a_new_pair_is_taken_up_and_a_bad_one_is_not(serve: Serve, tmp_path: Path) -> None:
    files = _write(tmp_path / "tls")
    async with serve(**_settings(files)) as api, _local(api) as old:
        await old.status()
        watched, first = _Watched(api), await _served_key(api)
        assert await watched.look() == []
        # Half of a new pair: the certificate is there, its key is not yet.
        fresh = _write(tmp_path / "fresh")
        files.certificate.write_bytes(fresh.certificate.read_bytes())
        assert await watched.look() == ["certificate.refused"]
        assert await watched.look() == []
        assert await _served_key(api) == first
        details = await old.fetch("/api/v1/health", Health)
        assert details.status == "degraded"
        assert "is not the key of" in details.checks["certificate"]
        files.key.write_bytes(fresh.key.read_bytes())
        assert await watched.look() == ["certificate.changed"]
        second = await _served_key(api)
        assert second != first
        assert watched.pins == [hashlib.sha256(second).hexdigest()]
        # The connection from before lives on, though its pin is the old one's.
        assert (await old.fetch("/api/v1/health", Health)).status == "ok"
        async with Client(Target(api.running.url, api.admin, pin=watched.pins[0]), deadline_seconds=10) as new:
            assert "nagare_certificate_expiry_seconds" in (await new.fetch_bytes("/metrics")).decode()
        files.certificate.write_text("nonsense")
        assert await watched.look() == ["certificate.refused"]
        files.certificate.unlink()
        assert await watched.look() == ["certificate.refused"]
        files.certificate.write_bytes(fresh.certificate.read_bytes())
        assert await watched.look() == []
        assert watched.served.fault == ""


async def test_the_end_is_told_in_steps(serve: Serve, tmp_path: Path) -> None:
    now = SystemClock().now()
    async with serve(**_settings(_write(tmp_path / "tls", end=now + timedelta(days=30)))) as api:
        clock = ManualClock(round(now.timestamp() * 1000))
        watched = _Watched(api, clock)
        assert await watched.look() == []
        told = []
        for days in (10, 1, 15, 10):
            await clock.advance(days * 86400)
            await watched.look()
            told.append([(event.kind, int(event.severity)) for event in watched.events])
        ends = "certificate.ends"
        assert told == [[(ends, 1)], [], [(ends, 2)], [(ends, 3)]]


async def test_a_pair_given_by_half_names_the_other_setting(tmp_path: Path) -> None:
    files = _write(tmp_path / "tls")
    for given, missing in (
        ("tls_certificate_file", "tls_key_file"),
        ("tls_ca_file", "tls_certificate_file"),
        ("tls_next_file", "tls_certificate_file"),
    ):
        settings = on_loopback(tmp_path, tls="always", **{given: files.certificate})
        with pytest.raises(ConfigError, match=f"server.{given} is set and server.{missing} is not"):
            find_certificate(settings, parse_listen("127.0.0.1:0"), SystemClock().now())


async def test_names_of_the_certificate_are_names_of_the_server(serve: Serve, tmp_path: Path) -> None:
    async with serve(**_settings(_write(tmp_path / "tls", names=["ops.example.net"]))) as api:
        for host, status in (("ops.example.net", 200), ("evil.example.net", 403)):
            async with api.session.get(f"{api.running.url}/health", headers={"Host": host}, ssl=False) as answer:
                assert answer.status == status
