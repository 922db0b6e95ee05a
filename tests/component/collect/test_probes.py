"""Probes against real sockets of this machine."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from nagare.collect.collector import Root, Tick
from nagare.collect.probe.attempt import Attempt, ProbeError
from nagare.collect.probe.collector import ProbeCollector
from nagare.collect.probe.dns import DnsProber
from nagare.collect.probe.http import probe_http
from nagare.collect.probe.icmp import probe_icmp
from nagare.collect.probe.tcp import probe_tcp
from nagare.config.settings import ProbeTarget
from tests.unit.collect.trees import rows_of

Answer = Callable[[socket.socket], None]


@contextmanager
def server(answer: Answer, context: ssl.SSLContext | None = None, family: int = socket.AF_INET) -> Iterator[int]:
    """Listen on loopback and give each connection to ``answer``."""
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
    listener.listen()

    def serve() -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            try:
                with context.wrap_socket(sock, server_side=True) if context else sock as talking:
                    answer(talking)
            except OSError:
                sock.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def say(text: bytes) -> Answer:
    def answer(sock: socket.socket) -> None:
        sock.recv(4096)
        sock.sendall(text)

    return answer


def url(port: int, scheme: str = "http") -> ProbeTarget:
    return ProbeTarget(target=f"{scheme}://127.0.0.1:{port}/path?q=1", kind="http", timeout_seconds=5)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_echo(host: str) -> None:
    attempt = probe_icmp(ProbeTarget(target=host, kind="icmp", timeout_seconds=5))
    if attempt.is_possible:
        assert attempt.latency_seconds is not None
        assert 0 < attempt.latency_seconds < 5
    else:
        assert attempt.error.startswith("icmp not permitted")


def test_tcp() -> None:
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "[::1]")):
        with server(lambda _: None, family=family) as port:
            attempt = probe_tcp(ProbeTarget(target=f"{host}:{port}", kind="tcp", timeout_seconds=5))
        assert attempt.latency_seconds is not None
    with pytest.raises(ProbeError, match="cannot connect: connection refused"):
        probe_tcp(ProbeTarget(target=f"127.0.0.1:{free_port()}", kind="tcp"))


@pytest.mark.parametrize(
    ("answer", "expect", "error"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", 0, ""),
        (b"HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\n\r\n", 0, ""),
        (b"HTTP/1.1 503 no\r\n\r\n", 0, "status 503, expected below 400"),
        (b"HTTP/1.1 404 no\r\n\r\n", 404, ""),
        (b"HTTP/1.1 200 OK\r\n\r\n", 204, "status 200, expected 204"),
    ],
)
def test_http_status(answer: bytes, expect: int, error: str) -> None:
    with server(say(answer)) as port:
        attempt = probe_http(
            ProbeTarget(target=f"http://127.0.0.1:{port}/", kind="http", expect_status=expect, timeout_seconds=5)
        )
    assert (attempt.error, attempt.status_code) == (error, int(answer[9:12]))
    assert attempt.latency_seconds is not None


@pytest.mark.parametrize("answer", [b"", b"220 smtp ready\r\n", b"\0" * 9000])
def test_http_of_something_else(answer: bytes) -> None:
    with server(say(answer)) as port, pytest.raises(ProbeError, match="no answer"):
        probe_http(url(port))


def test_http_that_drips_ends_at_the_deadline() -> None:
    stop = threading.Event()

    def drip(sock: socket.socket) -> None:
        while not stop.wait(0.05):
            sock.sendall(b"H")

    with server(drip) as port:
        with pytest.raises(ProbeError, match="timed out"):
            probe_http(ProbeTarget(target=f"http://127.0.0.1:{port}/", kind="http", timeout_seconds=0.4))
        stop.set()


def test_untrusted_certificate_is_no_success_and_tells_its_end(tmp_path: Path) -> None:
    seen: list[bytes] = []

    def answer(sock: socket.socket) -> None:
        seen.append(sock.recv(4096))

    with server(answer, _self_signed(tmp_path, timedelta(days=30))) as port:
        attempt = probe_http(url(port, "https"))
    assert attempt.error.startswith("certificate: self")
    assert attempt.certificate_expiry_seconds == pytest.approx(30 * 86400, abs=3600)
    assert b"GET" not in b"".join(seen)


def test_tls_that_is_none() -> None:
    with server(say(b"HTTP/1.1 400 plain\r\n\r\n")) as port, pytest.raises(ProbeError, match="no answer"):
        probe_http(url(port, "https"))


def _self_signed(folder: Path, left: timedelta) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - left, now + left)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    (folder / "both.pem").write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "both.pem")
    return context


@contextmanager
def name_server(flags: int) -> Iterator[int]:
    """Answer every question with ``flags``, after a packet that answers another one."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            question, sender = sock.recvfrom(512)
            if question == b"stop":
                return
            reply = bytearray(question)
            reply[2:4] = flags.to_bytes(2, "big")
            sock.sendto(b"\0\0" + bytes(reply[2:]) if question[:2] != b"\0\0" else b"junk", sender)
            sock.sendto(bytes(reply), sender)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield sock.getsockname()[1]
    finally:
        sock.sendto(b"stop", sock.getsockname())
        thread.join()
        sock.close()


@pytest.mark.parametrize(("flags", "error"), [(0x8180, ""), (0x8183, "no such name"), (0x8185, "refused")])
def test_dns(tmp_path: Path, flags: int, error: str) -> None:
    with name_server(flags) as port:
        attempt = DnsProber(tmp_path)(
            ProbeTarget(target="example.org", kind="dns", resolver=f"127.0.0.1:{port}", timeout_seconds=5)
        )
    assert attempt.error == error
    assert attempt.latency_seconds is not None


def test_dns_without_an_answer(tmp_path: Path) -> None:
    target = ProbeTarget(target="example.org", kind="dns", resolver=f"127.0.0.1:{free_port()}", timeout_seconds=0.3)
    with pytest.raises(ProbeError, match="no answer"):
        DnsProber(tmp_path)(target)


def test_all_kinds_in_one_collection() -> None:
    with server(say(b"HTTP/1.1 200 OK\r\n\r\n")) as port:
        targets = [
            ProbeTarget(target=f"127.0.0.1:{port}", kind="tcp", count=3, timeout_seconds=2),
            ProbeTarget(target=f"http://127.0.0.1:{port}/", kind="http"),
            ProbeTarget(target=f"127.0.0.1:{free_port()}", kind="tcp"),
            ProbeTarget(target="no-such-name.invalid:1", kind="tcp"),
            ProbeTarget(target="127.0.0.1", kind="icmp"),
        ]
        collector = ProbeCollector(targets, Root())
        rows = rows_of(collector.collect(Tick(0, 0.0)), "probe")
        collector.close()
    assert [row["success"] for row in rows[:4]] == [True, True, False, False]
    assert rows[0]["loss_ratio"] == 0
    assert rows[4]["success"] in (True, None)


def test_attempt_says_nothing_by_itself() -> None:
    assert Attempt().error == ""
