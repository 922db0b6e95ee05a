"""Bare connections to a server, and requests byte for byte as their senders write them."""

import asyncio
import contextlib
import gc
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

from nagare.server.hot.connection import HotConnection
from nagare.wire.codec import encode, pack
from tests.component.server.conftest import Api

_OWN = {"date", "x-request-id"}


@dataclass
class Reply:
    """One answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def told(self) -> tuple[int, dict[str, str], bytes]:
        """All of it that is the same for the same request."""
        kept = {name: value for name, value in self.headers.items() if name not in _OWN}
        body = self.body
        if request_id := self.headers.get("x-request-id"):
            body = body.replace(request_id.encode(), b"ID")
        return self.status, kept, body


class Line:
    """A bare connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def ask(self, request: bytes) -> Reply:
        """Send a whole request at once and read its answer."""
        self.writer.write(request)
        return await self.read()

    async def read(self) -> Reply:
        """Read one answer."""
        async with asyncio.timeout(30):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.strip().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return Reply(int(first.split()[1]), headers, body)


@contextlib.asynccontextmanager
async def connected(api: Api) -> AsyncIterator[Line]:
    """Connect to the server."""
    reader, writer = await asyncio.open_connection("127.0.0.1", api.running.port)
    try:
        yield Line(reader, writer)
    finally:
        writer.close()


def post(path: str, token: str, body: bytes, *, more: str = "", **headers: str) -> bytes:
    """Return the bytes of a request."""
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {token}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    lines += [more] if more else []
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


def batch_request(api: Api, token: str, *, more: str = "", content: bytes | None = None, **changes: Any) -> bytes:
    """Return a batch as an agent sends it."""
    body = pack(encode(api.batch(**changes)) if content is None else content, "zstd")
    return post(
        "/api/v1/metrics/batch", token, body, more=more, Content_Type="application/json", Content_Encoding="zstd"
    )


def hot_count(api: Api) -> int:
    """Return how many requests went the short way."""
    return int(api.services.counters.get("hot_requests"))


def connections() -> list[Any]:
    """Return the open connections of the servers of this process."""
    return [each for each in gc.get_objects() if isinstance(each, HotConnection) and each.transport is not None]


def connections_of(line: Line) -> list[Any]:
    """Return the server's end of that one."""
    port = line.writer.get_extra_info("sockname")[1]
    return [each for each in connections() if each.peername[1] == port]


@contextlib.contextmanager
def store_waits(api: Api) -> Iterator[None]:
    """Keep the writer's thread from its work for the time of the block."""
    gate = threading.Event()
    core = api.services.store._core
    assert core is not None
    core.writer.call(gate.wait)
    try:
        yield
    finally:
        gate.set()


async def until_at_work(*connections: Any) -> None:
    """Wait until each of the server's ends has handed what it got to the store, and no task waits for that."""
    async with asyncio.timeout(30):
        while not all(each._at_work for each in connections):  # noqa: ASYNC110
            await asyncio.sleep(0)
