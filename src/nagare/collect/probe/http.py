"""Asks a URL once and reads no more than the status line; TLS is checked, and its certificate's end is told.

It speaks HTTP itself, in a dozen lines: the standard client has a deadline for each read, not for the whole.
"""

from __future__ import annotations

import socket
import ssl
import time
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import SplitResult, urlsplit

from nagare.collect.probe.attempt import Attempt, ProbeError, reason
from nagare.collect.probe.certificate import find_expiry
from nagare.collect.probe.tcp import connect
from nagare.config.settings import ProbeTarget
from nagare.errors import ConfigError
from nagare.lib.clock import SystemClock

_HEAD_LIMIT_BYTES = 8192
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Url:
    """What is needed of a probed URL."""

    is_tls: bool
    host: str
    port: int
    authority: str
    path: str


def parse_url(target: str) -> Url:
    """Return the parts of an http or https URL. Raises ConfigError, among others for a URL with credentials."""
    try:
        parts = urlsplit(target)
        port = parts.port
    except ValueError as error:
        raise ConfigError(f"cannot probe {target[:200]!r}: {error}") from error
    if "@" in parts.netloc:
        raise ConfigError("cannot probe a URL with credentials in it", hint="probe a URL that needs none")
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ConfigError(f"cannot probe {target[:200]!r}: it is not an http or https URL", hint="write https://HOST/")
    if any(ord(character) <= 0x20 or ord(character) == 0x7F for character in target):
        raise ConfigError(f"cannot probe {target[:200]!r}: blanks in a URL are written %20")
    try:
        authority = _authority(parts)
    except UnicodeError as error:
        raise ConfigError(f"cannot probe {target[:200]!r}: its host is not a name that DNS can carry") from error
    return Url(parts.scheme == "https", parts.hostname, port or _PORTS[parts.scheme], authority, _path(parts))


def _authority(parts: SplitResult) -> str:
    try:
        return parts.netloc.encode("ascii").decode()
    except UnicodeEncodeError:
        host = (parts.hostname or "").encode("idna").decode()
        return host if parts.port is None else f"{host}:{parts.port}"


def _path(parts: SplitResult) -> str:
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return "".join(character if ord(character) < 0x7F else _percent(character) for character in path)


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode())


@lru_cache(maxsize=1)
def _trust() -> ssl.SSLContext:
    # Loading the system's authorities costs tens of milliseconds: once is enough.
    return ssl.create_default_context()


@lru_cache(maxsize=1)
def _no_trust() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def probe_http(target: ProbeTarget) -> Attempt:
    """Send one GET; the latency reaches from the connection to the status line."""
    url = parse_url(target.target)
    deadline = time.monotonic() + target.timeout_seconds
    sock, handshake = connect(url.host, url.port, deadline)
    started = time.monotonic() - handshake
    expiry: float | None = None
    try:
        if url.is_tls:
            try:
                sock = _secure(sock, url, _trust(), deadline)
            except ssl.SSLCertVerificationError as error:
                return Attempt(
                    error=f"certificate: {error.verify_message}", certificate_expiry_seconds=_peek(url, deadline)
                )
            expiry = _expiry(sock)
        status = _ask(sock, url, deadline)
        return _judge(target, status, time.monotonic() - started, expiry)
    except OSError as error:
        raise ProbeError(f"no answer: {reason(error)}") from error
    finally:
        sock.close()


def _judge(target: ProbeTarget, status: int, latency: float, expiry: float | None) -> Attempt:
    is_good = status == target.expect_status if target.expect_status else status < 400
    wanted = str(target.expect_status or "below 400")
    return Attempt(latency, "" if is_good else f"status {status}, expected {wanted}", status, expiry)


def _secure(sock: socket.socket, url: Url, context: ssl.SSLContext, deadline: float) -> ssl.SSLSocket:
    sock.settimeout(max(0.01, deadline - time.monotonic()))
    return context.wrap_socket(sock, server_hostname=url.host)


def _expiry(sock: socket.socket) -> float | None:
    der = sock.getpeercert(binary_form=True) if isinstance(sock, ssl.SSLSocket) else None
    end = find_expiry(der) if der else None
    return None if end is None else (end - SystemClock().now()).total_seconds()


def _peek(url: Url, deadline: float) -> float | None:
    """Return the seconds to the end of a certificate that is not trusted; nothing is sent over that connection."""
    try:
        sock, _ = connect(url.host, url.port, deadline)
    except ProbeError:
        return None
    try:
        sock = _secure(sock, url, _no_trust(), deadline)
        return _expiry(sock)
    except OSError:
        return None
    finally:
        sock.close()


def _ask(sock: socket.socket, url: Url, deadline: float) -> int:
    lines = (
        f"GET {url.path} HTTP/1.1", f"Host: {url.authority}", "User-Agent: nagare-probe", "Accept: */*",
        "Connection: close", "", "",
    )  # fmt: skip
    sock.settimeout(max(0.01, deadline - time.monotonic()))
    sock.sendall("\r\n".join(lines).encode("ascii"))
    head = b""
    while b"\n" not in head and len(head) < _HEAD_LIMIT_BYTES:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        sock.settimeout(left)
        more = sock.recv(_HEAD_LIMIT_BYTES - len(head))
        if not more:
            break
        head += more
    return parse_status_line(head.split(b"\n", 1)[0])


def parse_status_line(line: bytes) -> int:
    """Return the status of an HTTP/1 status line. Raises ProbeError."""
    words = line.split(None, 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or len(words[1]) != 3 or not words[1].isdigit():
        raise ProbeError("no answer: it does not speak HTTP/1")
    return int(words[1])
