"""Batches with known heads, while they wait for the disk: no task stands for them, and no promise is broken for that."""

import asyncio
import contextlib
import errno
import os
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest

from nagare.fleet.gaps.seen import find_seen
from nagare.metrics.head import Generation
from tests.component.server.conftest import Api, Serve
from tests.component.server.lines import (
    Line,
    batch_request,
    connected,
    connections_of,
    hot_count,
    store_waits,
    until_at_work,
)

_NEW = (200, b'{"accepted":2,"duplicate":false,"refused":[]}')


class Sender:
    """A connection whose head is known, with one batch stored the long way and one the short way."""

    def __init__(self, api: Api, token: str, line: Line, host: str) -> None:
        self.api = api
        self.line = line
        self.connection = connections_of(line)[0]
        self.token = token
        self._host = host

    def request(self, seq: int, **more: Any) -> bytes:
        """Return a batch of this host."""
        return batch_request(self.api, self.token, host=self._host, seq=seq, **more)

    async def ask(self, seq: int, **more: Any) -> tuple[int, bytes]:
        """Send a batch and return its answer."""
        reply = await self.line.ask(self.request(seq, **more))
        return reply.status, reply.body


@contextlib.asynccontextmanager
async def sender_of(api: Api, host: str = "web1", token: str = "") -> AsyncIterator[Sender]:
    """Connect, and let the head become known; without ``token`` the host is registered."""
    token = token or await api.register(host, host)
    async with connected(api) as line:
        for seq in (1, 2):
            assert (await line.ask(batch_request(api, token, host=host, seq=seq))).status == 200
        yield Sender(api, token, line, host)


async def _until_at_work(*senders: Sender) -> None:
    await until_at_work(*(each.connection for each in senders))


async def test_no_task_waits_for_a_batch_and_its_bytes_are_held(api: Api) -> None:
    async with sender_of(api) as sender:
        with store_waits(api):
            sender.line.writer.write(sender.request(3))
            await _until_at_work(sender)
            assert [task for task in asyncio.all_tasks() if task.get_name() == "request"] == []
            assert api.services.bodies.held_bytes > 0
            assert api.services.crowd.taken == 0
        reply = await sender.line.read()
        assert (reply.status, reply.body) == _NEW
        assert (hot_count(api), api.services.bodies.held_bytes) == (2, 0)


async def test_batches_of_one_connection_are_answered_in_order(api: Api) -> None:
    async with sender_of(api) as sender:
        with store_waits(api):
            sender.line.writer.write(b"".join(sender.request(seq) for seq in (3, 3, 4)))
            await _until_at_work(sender)
        bodies = [(await sender.line.read()).body for _ in range(3)]
        assert [b"true" in body for body in bodies] == [False, True, False]
        assert hot_count(api) == 4


async def test_a_repeat_beside_its_original_waits_for_the_same_disk(api: Api) -> None:
    async with sender_of(api) as first, sender_of(api, token=first.token) as second:
        with store_waits(api):
            for each in (first, second):
                each.line.writer.write(each.request(9))
            await _until_at_work(second)
        replies = [await each.line.read() for each in (first, second)]
        assert sorted(reply.body.count(b"true") for reply in replies) == [0, 1]
    assert await api.sql("select count(*) from cpu") == [[6]]


async def test_a_server_that_stops_answers_what_waits_for_the_disk(serve: Serve) -> None:
    async with contextlib.AsyncExitStack() as stack:
        server = serve()
        api = await server.__aenter__()
        sender = await stack.enter_async_context(sender_of(api))
        with store_waits(api):
            sender.line.writer.write(sender.request(3))
            await _until_at_work(sender)
            stopping = asyncio.create_task(server.__aexit__(None, None, None))
            async with asyncio.timeout(30):
                while sender.connection._done is None:  # noqa: ASYNC110
                    await asyncio.sleep(0)
        await stopping
        reply = await sender.line.read()
        assert (reply.status, reply.body) == _NEW
    async with serve() as api:
        assert await api.sql("select count(*) from cpu") == [[6]]


async def test_a_sender_that_goes_while_its_batch_waits_harms_nobody(api: Api) -> None:
    async with sender_of(api, "web2") as other:
        async with sender_of(api) as sender:
            with store_waits(api):
                for each in (sender, other):
                    each.line.writer.write(each.request(3))
                await _until_at_work(sender, other)
                sender.line.writer.transport.abort()
                async with asyncio.timeout(30):
                    while sender.connection.transport is not None:  # noqa: ASYNC110
                        await asyncio.sleep(0)
            assert (await other.line.read()).status == 200
        assert await other.ask(4) == _NEW
        assert sender.connection._at_work is None
        assert api.services.bodies.held_bytes == 0
    assert await api.sql("select host, count(*) from cpu group by 1 order by 1") == [["web1", 6], ["web2", 8]]


async def test_a_full_disk_is_told_and_forgotten(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: Any) -> Any:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    async with sender_of(api) as sender:
        with monkeypatch.context() as patch:
            patch.setattr(os, "fdatasync", full)
            status, body = await sender.ask(3)
            assert (status, b"disk-full" in body) == (507, True)
        assert hot_count(api) == 1
        assert await sender.ask(3) == _NEW
        assert (hot_count(api), api.services.bodies.held_bytes) == (2, 0)


async def test_a_writer_that_ended_fails_who_waits_and_who_comes_later(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(threading, "excepthook", lambda arguments: None)
    async with sender_of(api) as sender, sender_of(api, "web2") as other:
        monkeypatch.setattr(Generation, "add", broken)
        with store_waits(api):
            for each in (sender, other):
                each.line.writer.write(each.request(3))
            await _until_at_work(sender, other)
        for each in (sender, other):
            assert (await each.line.read()).status == 503
            assert (await each.ask(4))[0] == 503
        assert api.services.bodies.held_bytes == 0


async def test_a_bug_after_the_store_is_one_batch_s(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(boot: str, seq: int, *more: Any) -> Any:
        if seq == 3:
            raise ZeroDivisionError
        return find_seen(boot, seq, *more)

    async with sender_of(api) as sender, sender_of(api, "web2") as other:
        monkeypatch.setattr("nagare.server.routes.ingest.find_seen", broken)
        with store_waits(api):
            sender.line.writer.write(sender.request(3))
            other.line.writer.write(other.request(4))
            await _until_at_work(sender, other)
        assert (await sender.line.read()).status == 500
        assert (await other.line.read()).status == 200
        assert "hot_request_broke path=/api/v1/metrics/batch" in caplog.text
        monkeypatch.undo()
        assert await sender.ask(3) == (200, b'{"accepted":0,"duplicate":true,"refused":[]}')
        assert api.services.bodies.held_bytes == 0


async def test_one_turn_of_the_loop_takes_on_no_more_than_there_are_places(serve: Serve) -> None:
    async with serve(intake_limit=2) as api, contextlib.AsyncExitStack() as stack:
        senders = [await stack.enter_async_context(sender_of(api, f"web{number}")) for number in range(4)]
        for each in senders:
            # All within one turn of the loop.
            each.connection.data_received(each.request(3))
        replies = [await each.line.read() for each in senders]
        assert [reply.status for reply in replies] == [200, 200, 503, 503]
        assert all(1 <= int(reply.headers["retry-after"]) <= 4 for reply in replies[2:])
        assert api.services.crowd.counters.get("intake_refused") == 2
        assert [(await each.ask(3))[0] for each in senders] == [200] * 4
        assert (api.services.crowd.taken, api.services.crowd.turn) == (0, 0)


async def test_what_an_agent_left_out_is_kept_before_its_batch_is_answered(api: Api) -> None:
    async with sender_of(api) as sender:
        now = api.now_ms()
        for seq, back_ms in ((3, 90_000), (40, 0)):
            own = {"ts": [now - back_ms], "collector": ["agent"], "spool_batches": [20]}
            assert (await sender.ask(seq, tables={"agent": own}))[0] == 200
        before = hot_count(api)
        body = {"tables": {}, "replaces": [5, 6], "thinned": [now - 80_000, now - 10_000]}
        for is_duplicate in (b"false", b"true"):
            status, told = await sender.ask(2**40 + 6, **body)
            assert (status, told) == (200, b'{"accepted":0,"duplicate":%b,"refused":[]}' % is_duplicate)
        assert hot_count(api) == before + 2
        kept = await api.services.gaps._store.load()
        assert "thinned" in {piece.kind.value for line in kept.values() for piece in line.pieces}
