"""A small HTTP/1.1 client for the agent: one kept connection, whole answers, and a tenth of a library's memory.

The agent stands on every host and may take 50 MB in all; the library behind ``session`` alone costs ten of them. What
both promise is the same: no redirect is followed, no proxy or cookie of the environment is used, a pinned certificate
is compared before a byte of the request leaves, answers are capped, deadlines are the caller's. What this one does not
do: WebSockets, compressed answers, several requests at one time.

Method: RFC 9112 (HTTP/1.1 message syntax), the parts a client needs.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import urlencode, urlsplit

from nagare import __version__
from nagare.errors import ConfigError, ConnectFailedError
from nagare.net.answer import Answer
from nagare.net.causes import os_cause
from nagare.net.tls import make_tls
from nagare.net.trust import Trust, check_address, parse_pin

# Replies to an agent are small; a longer one is not our server's.
_ANSWER_LIMIT_BYTES = 4 * 2**20
_LINE_LIMIT_BYTES = 16 * 2**10
_HEADER_LIMIT = 100
_CLOSE_SECONDS = 1.0
_NO_BODY = frozenset({204, 304})


class _StaleError(Exception):
    """The connection ended before the first byte of an answer."""


class _GarbledError(Exception):
    """What came is not HTTP/1.1, or too long."""


@dataclass(frozen=True, slots=True)
class _Stream:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class LeanSession:
    """One connection to one server; ``async with`` closes it. One request at a time."""

    def __init__(self, url: str, *, token: str = "", trust: Trust | None = None) -> None:
        """Check the address and the trust. Raises ConfigError."""
        trust = trust or Trust()
        check_address(url, trust.pin)
        parts = urlsplit(url)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._prefix = parts.path.rstrip("/")
        self._pin = parse_pin(trust.pin) if trust.pin else ""
        self._tls = make_tls(trust) if parts.scheme == "https" else None
        self._headers = {
            "Host": parts.netloc,
            "User-Agent": f"nagare/{__version__}",
            "Accept": "application/json, application/problem+json",
        }
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._stream: _Stream | None = None

    async def __aenter__(self) -> Self:
        """Prepare; the first request opens the connection."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await stream.writer.wait_closed()

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Return the answer, whatever its status. Raises ConnectFailedError.

        A request is repeated once when a kept connection turns out to be closed: so only those that may be repeated
        belong here, which holds for all of an agent's.
        """
        target = self._prefix + path + (f"?{urlencode(params)}" if params else "")
        message = self._message(method, target, body or b"", headers or {})
        try:
            if self._stream is not None:
                with contextlib.suppress(_StaleError):
                    return await self._exchange(message)
            return await self._exchange(message)
        except _StaleError as error:
            raise self._failed("the connection was closed") from error
        except _GarbledError as error:
            raise self._failed(f"the answer is not HTTP: {error}") from error
        except ssl.SSLCertVerificationError as error:
            raise self._failed(f"its certificate is not trusted: {error.verify_message}") from error
        except TimeoutError:
            raise
        except OSError as error:
            raise self._failed(os_cause(error)) from error

    def _message(self, method: str, target: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        fields = {**self._headers, **headers, "Content-Length": str(len(body))}
        head = "\r\n".join([f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())])
        if not head.replace("\r\n", "").isprintable() or not head.isascii() or head.count("\r\n") != len(fields):
            # Never sent as it is: it could smuggle a second request, or a secret's bytes into another header.
            raise ConfigError(f"cannot call {self._origin}: a header or path has unlawful characters")
        return head.encode("ascii") + b"\r\n\r\n" + body

    async def _exchange(self, message: bytes) -> Answer:
        stream, self._stream = self._stream, None
        stream = stream or await self._connect()
        is_kept = False
        try:
            stream.writer.write(message)
            # A server may answer before it has read all, and close: the answer is read then anyway.
            with contextlib.suppress(ConnectionError):
                await stream.writer.drain()
            answer, is_kept = await _read_answer(stream.reader)
        finally:
            if is_kept:
                self._stream = stream
            else:
                stream.writer.transport.abort()
        return answer

    async def _connect(self) -> _Stream:
        reader, writer = await asyncio.open_connection(self._host, self._port, ssl=self._tls, limit=_LINE_LIMIT_BYTES)
        if self._pin:
            certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True) or b""
            if hashlib.sha256(certificate).hexdigest() != self._pin:
                writer.transport.abort()
                raise self._failed("its certificate does not match the pin")
        return _Stream(reader, writer)

    def _failed(self, cause: str) -> ConnectFailedError:
        return ConnectFailedError(f"cannot reach {self._origin}: {cause}")


async def _read_answer(reader: asyncio.StreamReader) -> tuple[Answer, bool]:
    """Return the answer and whether the connection may be kept."""
    try:
        while True:
            status, is_modern = _parse_status(await _read_line(reader, is_first=True))
            headers = await _read_headers(reader)
            if status >= 200:
                break
        body, is_delimited = await _read_body(reader, status, headers)
    except asyncio.IncompleteReadError as error:
        raise _GarbledError("it ends too early") from error
    is_kept = is_modern and is_delimited and "close" not in headers.get("connection", "").lower()
    return Answer(status, headers, body), is_kept


async def _read_line(reader: asyncio.StreamReader, *, is_first: bool = False) -> str:
    try:
        line = await reader.readuntil(b"\n")
    except asyncio.IncompleteReadError as error:
        if is_first and not error.partial:
            raise _StaleError from error
        raise
    except ConnectionError as error:
        if is_first:
            raise _StaleError from error
        raise
    except asyncio.LimitOverrunError as error:
        raise _GarbledError("a line is too long") from error
    return line.decode("latin-1").rstrip("\r\n")


def _parse_status(line: str) -> tuple[int, bool]:
    version, _, rest = line.partition(" ")
    code = rest[:3]
    if not version.startswith("HTTP/1.") or not (code.isascii() and code.isdigit()) or rest[3:4] not in ("", " "):
        raise _GarbledError("no status line")
    return int(code), version != "HTTP/1.0"


async def _read_headers(reader: asyncio.StreamReader) -> dict[str, str]:
    headers: dict[str, str] = {}
    for _ in range(_HEADER_LIMIT):
        line = await _read_line(reader)
        if not line:
            return headers
        name, colon, value = line.partition(":")
        if not colon:
            raise _GarbledError("a header does not read")
        headers[name.strip().lower()] = value.strip()
    raise _GarbledError("it has too many headers")


async def _read_body(reader: asyncio.StreamReader, status: int, headers: Mapping[str, str]) -> tuple[bytes, bool]:
    """Return the body and whether its end was told, so that the next answer can follow it."""
    if status in _NO_BODY:
        return b"", True
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return await _read_chunks(reader), True
    length = headers.get("content-length")
    if length is not None:
        return await reader.readexactly(_parse_length(length, 10, 0)), True
    content = bytearray()
    while piece := await reader.read(_LINE_LIMIT_BYTES):
        content += piece
        _parse_length(str(len(content)), 10, 0)
    return bytes(content), False


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    content = bytearray()
    while size := _parse_length((await _read_line(reader)).partition(";")[0].strip(), 16, len(content)):
        content += await reader.readexactly(size)
        await _read_line(reader)
    await _read_headers(reader)
    return bytes(content)


def _parse_length(text: str, base: int, before: int) -> int:
    try:
        length = int(text, base)
    except ValueError as error:
        raise _GarbledError("a length is no number") from error
    if length < 0 or before + length > _ANSWER_LIMIT_BYTES:
        raise _GarbledError(f"it is larger than {_ANSWER_LIMIT_BYTES} bytes")
    return length
