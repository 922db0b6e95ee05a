"""A WebSocket (RFC 6455) for the agent by the standard library: text frames both ways, without extensions.

Beside ``lean`` for the same reason and with the same promises: no proxy, no redirect, a pinned key is compared before a byte of
the request leaves, what arrives is capped. One task reads; any may send.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import os
import secrets
import struct
from collections.abc import Mapping
from http.client import HTTPException, parse_headers
from io import BytesIO
from ssl import SSLCertVerificationError, SSLObject
from typing import Self
from urllib.parse import urlsplit

from nagare import __version__
from nagare.errors import ConfigError, ConnectFailedError
from nagare.lib.plain_text import plain
from nagare.net.answer import Answer
from nagare.net.causes import os_cause
from nagare.net.tls import make_tls
from nagare.net.trust import Trust, check_address, is_pinned

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_HEAD_LIMIT_BYTES = 16 * 2**10
_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG = 0, 1, 2, 8, 9, 10
_CONTROL_LIMIT_BYTES = 125
_GOING_AWAY = 1001
# A frame that has begun, a frame that is being sent, a goodbye.
_FRAME_SECONDS, _SEND_SECONDS, _CLOSE_SECONDS = 60.0, 30.0, 2.0


class LeanSocket:
    """One open WebSocket."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        origin: str,
        *,
        limit_bytes: int,
        heartbeat_seconds: float,
    ) -> None:
        """Wrap a connection whose handshake is done; ``connect`` makes one."""
        self._reader = reader
        self._writer = writer
        self._origin = origin
        self._limit_bytes = limit_bytes
        self._heartbeat_seconds = heartbeat_seconds

    @classmethod
    async def connect(  # noqa: PLR0913  all but two by name
        cls,
        url: str,
        path: str,
        *,
        token: str,
        trust: Trust,
        limit_bytes: int,
        heartbeat_seconds: float = 20.0,
        headers: Mapping[str, str] | None = None,
    ) -> Self | Answer:
        """Open a WebSocket at ``path`` of the server ``url``; or return what the server answered instead.

        ``headers`` go along with the request.

        Raises ConnectFailedError, and ConfigError for an address or trust that is unusable.
        """
        check_address(url, trust.pin)
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        try:
            reader, writer = await _open(parts.scheme, parts.hostname or "", parts.port, trust, limit_bytes)
        except SSLCertVerificationError as error:
            raise _failed(origin, f"its certificate is not trusted: {error.verify_message}") from error
        except OSError as error:
            raise _failed(origin, os_cause(error)) from error
        try:
            _check_pin(writer, trust, origin)
            key = base64.b64encode(secrets.token_bytes(16))
            writer.write(_request(parts.netloc, parts.path.rstrip("/") + path, token, key, headers or {}))
            answer = _checked(await _read_head(reader, origin), key, origin)
        except BaseException as error:
            writer.transport.abort()
            if isinstance(error, OSError):
                raise _failed(origin, os_cause(error)) from error
            raise
        if answer is not None:
            writer.transport.abort()
            return answer
        return cls(reader, writer, origin, limit_bytes=limit_bytes, heartbeat_seconds=heartbeat_seconds)

    async def send(self, frame: bytes) -> None:
        """Send one text frame. Raises ConnectFailedError, also when the other side does not take it in time."""
        try:
            async with asyncio.timeout(_SEND_SECONDS):
                await self._write(_TEXT, frame)
        except TimeoutError as error:
            self._writer.transport.abort()
            raise _failed(self._origin, "it takes nothing any more") from error

    async def receive(self) -> bytes:
        """Return the next text frame. Raises ConnectFailedError when the connection has ended, or is not sound."""
        whole = bytearray()
        is_begun = False
        while True:
            is_last, kind, content = await self._read_frame(self._limit_bytes - len(whole))
            if kind == _PING:
                await self._write(_PONG, content)
            elif kind == _CLOSE:
                raise _failed(self._origin, _end_reason(content))
            elif kind != _PONG:
                if (kind == _CONTINUATION) != is_begun or kind == _BINARY:
                    raise self._broken("a frame of a kind that is not spoken here")
                is_begun = True
                whole += content
                if is_last:
                    return bytes(whole)

    async def close(self) -> None:
        """Say goodbye and close."""
        with contextlib.suppress(ConnectFailedError, TimeoutError, OSError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._write(_CLOSE, struct.pack("!H", 1000))
                self._writer.close()
                await self._writer.wait_closed()
        self._writer.transport.abort()

    async def _write(self, kind: int, content: bytes) -> None:
        try:
            self._writer.write(_frame(kind, content))
            await self._writer.drain()
        except OSError as error:
            raise _failed(self._origin, os_cause(error)) from error

    async def _read_frame(self, limit_bytes: int) -> tuple[bool, int, bytes]:
        try:
            first, second = await self._read_first()
            async with asyncio.timeout(_FRAME_SECONDS):
                length = await self._read_length(second & 0x7F)
                kind = first & 0x0F
                self._check_frame(first, second, length, limit_bytes)
                return bool(first & 0x80), kind, await self._reader.readexactly(length)
        except asyncio.IncompleteReadError as error:
            raise _failed(self._origin, "the connection was closed") from error
        except TimeoutError as error:
            raise _failed(self._origin, "it stopped answering") from error
        except OSError as error:
            raise _failed(self._origin, os_cause(error)) from error

    async def _read_first(self) -> bytes:
        # Nothing is lost when a wait ends early: what has arrived stays in the reader until all of it is there.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._heartbeat_seconds):
                return await self._reader.readexactly(2)
        await self._write(_PING, b"")
        async with asyncio.timeout(self._heartbeat_seconds):
            return await self._reader.readexactly(2)

    async def _read_length(self, short: int) -> int:
        if short < _CONTROL_LIMIT_BYTES + 1:
            return short
        size = 2 if short == _CONTROL_LIMIT_BYTES + 1 else 8
        return int.from_bytes(await self._reader.readexactly(size), "big")

    def _check_frame(self, first: int, second: int, length: int, limit_bytes: int) -> None:
        is_control = bool(first & 0x08)
        if first & 0x70 or first & 0x0F not in (_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG):
            raise self._broken("a frame with unknown bits")
        if second & 0x80:
            raise self._broken("a frame that is masked")
        if is_control and (length > _CONTROL_LIMIT_BYTES or not first & 0x80):
            raise self._broken("a control frame that is too long")
        if length > limit_bytes:
            raise self._broken(f"a frame longer than {self._limit_bytes} bytes")

    def _broken(self, what: str) -> ConnectFailedError:
        self._writer.transport.abort()
        return _failed(self._origin, f"it sent {what}")


async def _open(
    scheme: str, host: str, port: int | None, trust: Trust, limit_bytes: int
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    tls = make_tls(trust) if scheme == "https" else None
    # The buffer is for the head of the answer; longer frames are waited for in pieces.
    limit = min(limit_bytes, 2**16)
    name = host if tls is not None else None
    return await asyncio.open_connection(host, port or (443 if tls else 80), ssl=tls, server_hostname=name, limit=limit)


def _check_pin(writer: asyncio.StreamWriter, trust: Trust, origin: str) -> None:
    pins = trust.pins()
    if not pins:
        return
    tls: SSLObject | None = writer.get_extra_info("ssl_object")
    certificate = (None if tls is None else tls.getpeercert(binary_form=True)) or b""
    if not is_pinned(certificate, *pins):
        raise _failed(origin, "its certificate does not match the pin")


def _request(netloc: str, path: str, token: str, key: bytes, headers: Mapping[str, str]) -> bytes:
    fields = {
        **headers,
        "Host": netloc,
        "User-Agent": f"nagare/{__version__}",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": key.decode(),
        **({"Authorization": f"Bearer {token}"} if token else {}),
    }
    # Never sent as it is: it could smuggle a second request, or a secret's bytes into another header.
    if not all(text.isascii() and text.isprintable() for text in (path, *fields.values())) or " " in path:
        raise ConfigError(f"cannot call {plain(netloc, 200)}: a header or path has unlawful characters")
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"GET {path} HTTP/1.1\r\n{head}\r\n".encode("ascii")


async def _read_head(reader: asyncio.StreamReader, origin: str) -> bytes:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        raise _failed(origin, "the connection was closed") from error
    except asyncio.LimitOverrunError as error:
        raise _failed(origin, "the answer is not HTTP: its head is too long") from error
    if len(head) > _HEAD_LIMIT_BYTES:
        raise _failed(origin, "the answer is not HTTP: its head is too long")
    return head


def _checked(head: bytes, key: bytes, origin: str) -> Answer | None:
    """Return None when the server opened the WebSocket, else its answer."""
    line, _, rest = head.partition(b"\r\n")
    words = line.split(b" ", 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
        raise _failed(origin, "the answer is not HTTP")
    try:
        message = parse_headers(BytesIO(rest))
    except HTTPException as error:
        raise _failed(origin, "the answer is not HTTP") from error
    headers = {name.lower(): value for name, value in message.items()}
    if int(words[1]) != 101:
        return Answer(int(words[1]), headers, b"")
    proof = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest()).decode()
    is_upgraded = (
        headers.get("upgrade", "").lower() == "websocket" and "upgrade" in headers.get("connection", "").lower()
    )
    if not is_upgraded or headers.get("sec-websocket-accept", "") != proof or "sec-websocket-extensions" in headers:
        raise _failed(origin, "the answer is no WebSocket")
    return None


def _frame(kind: int, content: bytes) -> bytes:
    length = len(content)
    if length <= _CONTROL_LIMIT_BYTES:
        head = struct.pack("!BB", 0x80 | kind, 0x80 | length)
    elif length < 2**16:
        head = struct.pack("!BBH", 0x80 | kind, 0x80 | 126, length)
    else:
        head = struct.pack("!BBQ", 0x80 | kind, 0x80 | 127, length)
    mask = os.urandom(4)
    # A client masks what it sends; as one number, for a loop over bytes would take seconds for a megabyte.
    repeated = (mask * (length // 4 + 1))[:length]
    masked = (int.from_bytes(content, "big") ^ int.from_bytes(repeated, "big")).to_bytes(length, "big")
    return head + mask + masked


def _end_reason(content: bytes) -> str:
    code = int.from_bytes(content[:2], "big")
    told = plain(content[2:].decode(errors="replace"), 200)
    return told or ("the server is stopping" if code == _GOING_AWAY else "the connection was closed")


def _failed(origin: str, cause: str) -> ConnectFailedError:
    return ConnectFailedError(f"cannot reach {origin}: {cause}")
