"""Clients that do not read, and connections that do not ask."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from nagare.config.settings import ServerSettings
from nagare.errors import OverloadedError
from nagare.server import lifecycle
from nagare.server.answers import Answers
from nagare.server.bodies import BodyReader
from nagare.wire.codec import encode
from nagare.wire.sql import PIECE_CELLS, SqlColumn, SqlReply, pack_rows
from tests.component.server.conftest import Api, Serve

LARGE = b"x" * (8 * 2**20)


@pytest.fixture
async def bodies() -> AsyncIterator[BodyReader]:
    async with BodyReader(ServerSettings(inflight_limit_bytes=12 * 2**20)) as reader:
        yield reader


async def test_a_client_that_does_not_read_loses_the_connection(bodies: BodyReader) -> None:
    answers, ended = Answers(bodies, piece_seconds=0.2), asyncio.Event()

    async def give(request: web.Request) -> web.StreamResponse:
        try:
            return await answers.send(request, LARGE, "text/plain")
        finally:
            ended.set()

    app = web.Application()
    app.router.add_get("/", give)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port, limit=1024)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readline()
        assert bodies.held_bytes == len(LARGE)
        async with asyncio.timeout(20):
            await ended.wait()
        assert bodies.held_bytes == 0
        assert bodies.counters.get("answers_abandoned") == 1
        writer.close()
    finally:
        await runner.cleanup()


async def test_answers_that_wait_are_bounded(bodies: BodyReader) -> None:
    with bodies.held(len(LARGE)), pytest.raises(OverloadedError), bodies.held(len(LARGE)):
        pass
    assert bodies.held_bytes == 0


@pytest.mark.parametrize("count", [1, PIECE_CELLS // 2 - 1, PIECE_CELLS // 2, PIECE_CELLS // 2 + 1, 3 * PIECE_CELLS])
async def test_rows_packed_in_pieces_are_the_same_bytes(bodies: BodyReader, count: int) -> None:
    columns = [SqlColumn('"rows":[]', "VARCHAR"), SqlColumn("b", "DOUBLE")]
    rows = [["]\udcff[" if number == 7 else f"x{number}", number / 3] for number in range(count)]
    reply = SqlReply(columns, rows, True, "1m", 1.5, ["note"])
    assert pack_rows(reply) == encode(reply) == await Answers(bodies).pack(reply)


def test_an_answer_without_columns_or_rows_is_packed() -> None:
    for reply in (SqlReply([], [], False, "raw", 0.0), SqlReply([], [[], []], False, "raw", 0.0)):
        assert pack_rows(reply) == encode(reply)


async def test_a_large_answer_is_whole_and_stamped(api: Api) -> None:
    answer = await api.call("POST", "/api/v1/sql", {"sql": "select repeat('x', 1000) from range(5000)"})
    assert answer.status == 200
    assert len(answer.json["rows"]) == 5000
    assert int(answer.headers["Content-Length"]) == len(answer.raw)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Request-Id"]
    assert answer.headers["Server"] == "nagare"
    assert api.services.bodies.held_bytes == 0


async def test_headers_that_never_end_do_not_keep_a_connection(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "_IDLE_SECONDS", 0.2)
    async with serve() as api:
        reader, writer = await asyncio.open_connection("127.0.0.1", api.running.port)
        writer.write(b"GET /health HTTP/1.1\r\nHost: ")
        async with asyncio.timeout(20):
            assert await reader.read() == b""
        writer.close()
