"""Request bodies: read under a cap, counted against one budget, unpacked and decoded off the loop when large.

Every byte that is held for a request stands in the budget until the request is answered; past it the answer is 503.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar

from aiohttp import hdrs, web

from nagare.config.settings import ServerSettings
from nagare.errors import BodyTooLargeError, InputError, OverloadedError, UnsupportedMediaError
from nagare.lib.counters import Counters
from nagare.wire.codec import decode, unpack

# Below this, decoding takes less than a millisecond: handing it to a thread would cost as much.
_INLINE_BYTES = 256 * 1024
# The same for unpacking, which is tried up to the limit above and no further.
_INLINE_PACKED_BYTES = 64 * 1024
# One unpacks and decodes while the other waits for memory; more would only contend for the interpreter's lock.
_THREADS = 2
_READ_SECONDS = 60.0
# What a codec of columns reads in a millisecond: some 3000 samples of remote write. The first time, when every series
# is new, it takes some fifty.
WORK_INLINE_BYTES = 2**19

T = TypeVar("T")


class Body(NamedTuple):
    """A body as sent, and its content encoding."""

    raw: bytes
    encoding: str


class BodyReader:
    """Takes in bodies within ``server.*_limit_bytes``. ``async with`` owns the decoding threads."""

    def __init__(self, settings: ServerSettings) -> None:
        """Keep the limits."""
        self._settings = settings
        self._held_bytes = 0
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="decode")
        self.counters = Counters()

    async def __aenter__(self) -> Self:
        """Enter; threads start on first use."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let the threads end."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    @property
    def held_bytes(self) -> int:
        """Bytes of bodies held just now."""
        return self._held_bytes

    @asynccontextmanager
    async def taken(self, request: web.Request) -> AsyncIterator[Holding]:
        """Read the body of ``request`` and hold it for the time of the block.

        Raises BodyTooLargeError, OverloadedError, InputError for a body that ends early.
        """
        holding = Holding(self)
        try:
            holding.body = await self._read(request, holding)
            yield holding
        finally:
            self._held_bytes -= holding.bytes

    def hold(self, count: int) -> None:
        """Take ``count`` bytes out of the budget. Raises OverloadedError."""
        if self._held_bytes + count > self._settings.inflight_limit_bytes:
            self.counters.add("bodies_refused_overload")
            raise OverloadedError(
                "cannot answer now: too many bytes of requests and answers are held at this moment",
                hint="try again after the time in Retry-After",
                retry_after_seconds=1.0,
            )
        self._held_bytes += count

    def release(self, holding: Holding) -> None:
        """Give back what ``holding`` took."""
        self._held_bytes -= holding.bytes
        holding.bytes = 0

    @contextmanager
    def held(self, count: int) -> Iterator[None]:
        """Hold ``count`` bytes for the time of the block. Raises OverloadedError."""
        self.hold(count)
        try:
            yield
        finally:
            self._held_bytes -= count

    async def unpack(self, holding: Holding) -> bytes:
        """Return the body unpacked. Raises InputError, UnsupportedMediaError, BodyTooLargeError."""
        body, limit = holding.body, self._settings.unpacked_limit_bytes
        if body.encoding == "identity":
            return body.raw
        try:
            # What stays small is unpacked here; what does not begins anew beside the loop.
            unpacked = unpack(body.raw, body.encoding, min(limit, WORK_INLINE_BYTES))
        except BodyTooLargeError:
            loop = asyncio.get_running_loop()
            unpacked = await loop.run_in_executor(self._threads, unpack, body.raw, body.encoding, limit)
        holding.add(len(unpacked))
        return unpacked

    async def work(self, size: int, function: Callable[[], T]) -> T:
        """Return what ``function`` makes of ``size`` bytes; beside the loop when they are many."""
        if size <= WORK_INLINE_BYTES:
            return function()
        return await asyncio.get_running_loop().run_in_executor(self._threads, function)

    async def decode(self, holding: Holding, kind: Any) -> Any:
        """Return the body as ``kind``. Raises InputError, UnsupportedMediaError, BodyTooLargeError."""
        content = self.find_small(holding)
        if content is not None:
            return decode(content, kind)
        body = holding.body
        limit = self._settings.unpacked_limit_bytes
        loop = asyncio.get_running_loop()
        unpacked = await loop.run_in_executor(self._threads, unpack, body.raw, body.encoding, limit)
        holding.add(len(unpacked))
        if len(unpacked) <= _INLINE_BYTES:
            return decode(unpacked, kind)
        return await loop.run_in_executor(self._threads, decode, unpacked, kind)

    def find_small(self, holding: Holding) -> bytes | None:
        """Return the content of a body that is small, unpacked; None for any other, and for one that does not unpack."""
        body = holding.body
        if body.encoding == "identity":
            return body.raw if len(body.raw) <= _INLINE_BYTES else None
        if len(body.raw) > _INLINE_PACKED_BYTES:
            return None
        try:
            content = unpack(body.raw, body.encoding, min(_INLINE_BYTES, self._settings.unpacked_limit_bytes))
        except (BodyTooLargeError, InputError, UnsupportedMediaError):
            return None
        holding.add(len(content))
        return content

    async def _read(self, request: web.Request, holding: Holding) -> Body:
        limit = self._settings.body_limit_bytes
        length = request.content_length
        if length is not None and length > limit:
            raise _too_large(limit)
        await _continue(request)
        chunks = bytearray()
        try:
            async with asyncio.timeout(_READ_SECONDS):
                async for chunk in request.content.iter_any():
                    holding.add(len(chunk))
                    chunks += chunk
                    if len(chunks) > limit:
                        raise _too_large(limit)
        except TimeoutError as error:
            raise web.HTTPRequestTimeout from error
        except web.RequestPayloadError as error:
            raise InputError("cannot read body: it ends too early or its framing is broken") from error
        encoding = request.headers.get(hdrs.CONTENT_ENCODING, "identity").strip().lower() or "identity"
        return Body(bytes(chunks), encoding)


class Holding:
    """A body that is held, and what it takes of the budget."""

    __slots__ = ("_reader", "body", "bytes")

    def __init__(self, reader: BodyReader) -> None:
        """Hold nothing yet."""
        self._reader = reader
        self.bytes = 0
        self.body = Body(b"", "identity")

    def add(self, count: int) -> None:
        """Hold ``count`` bytes more. Raises OverloadedError."""
        self._reader.hold(count)
        self.bytes += count


def check_media(request: web.Request, *spoken: str) -> None:
    """Accept a body that says it is one of ``spoken``. Raises UnsupportedMediaError."""
    if request.content_type not in spoken:
        raise UnsupportedMediaError(
            f"cannot read content type {request.content_type[:80]!r}: only {' and '.join(spoken)} is spoken here",
            hint=f"send Content-Type: {spoken[0]}",
        )


async def no_early_continue(_request: web.Request) -> None:
    """Let ``Expect: 100-continue`` wait: the body is asked for only after the caller and its length were checked."""


async def _continue(request: web.Request) -> None:
    expect = request.headers.get(hdrs.EXPECT, "")
    if not expect:
        return
    if expect.lower() != "100-continue":
        raise web.HTTPExpectationFailed
    if request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")


def _too_large(limit: int) -> BodyTooLargeError:
    return BodyTooLargeError(
        f"cannot take in body: it is larger than {limit} bytes", hint="send smaller batches (server.body_limit_bytes)"
    )
