"""The live feed against real WebSocket servers that come, go and misbehave."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

from aiohttp import web

from nagare.client.client import Client
from nagare.client.live import Connected, Disconnected, LiveEvent, LiveFeed
from nagare.client.target import Target
from nagare.errors import OverloadedError, UnauthenticatedError
from nagare.lib.backoff import Backoff
from nagare.lib.clock import ManualClock
from nagare.server.problems import error_response
from nagare.wire.codec import decode, encode
from nagare.wire.live import ClientFrame, Hello, Rows, ServerFrame, Subscribe, Subscribed, Unsubscribe
from tests.component.net.local_server import serving

HELLO = Hello("0.1.0", 1)
ALL = Subscribe("all")


class LiveServer:
    """Greets, notes every frame and confirms subscriptions; ``end`` closes the open connections."""

    def __init__(self) -> None:
        self.frames: list[Subscribe | Unsubscribe] = []
        self.sockets: list[web.WebSocketResponse] = []
        self.tokens: list[str] = []
        self.arrived = asyncio.Condition()

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.tokens.append(request.headers["Authorization"])
        self.sockets.append(socket)
        await self.send(HELLO)
        async for message in socket:
            frame: Subscribe | Unsubscribe = decode(message.data, ClientFrame)  # type: ignore[arg-type]
            async with self.arrived:
                self.frames.append(frame)
                self.arrived.notify_all()
            if isinstance(frame, Subscribe):
                await self.send(Subscribed(frame.id))
        return socket

    async def send(self, frame: ServerFrame) -> None:
        await self.sockets[-1].send_str(encode(frame).decode())

    async def frame_count(self, count: int) -> None:
        async with self.arrived:
            await self.arrived.wait_for(lambda: len(self.frames) >= count)

    async def end(self) -> None:
        await self.sockets[-1].close(code=1001)


@asynccontextmanager
async def feeding(
    url: str, clock: ManualClock | None = None
) -> AsyncIterator[tuple[LiveFeed, AsyncIterator[LiveEvent]]]:
    backoff = Backoff(base_seconds=0.01, floor_seconds=0.01, random=random.Random(1))
    async with Client(Target(url, "t"), clock=clock) as client:
        feed = LiveFeed(client, backoff=backoff)
        stream = feed.__aiter__()
        async with aclosing(stream), asyncio.timeout(20):
            yield feed, stream


async def _until(stream: AsyncIterator[LiveEvent], kind: type[LiveEvent]) -> LiveEvent:
    async for event in stream:
        if isinstance(event, kind):
            return event
    raise AssertionError("the feed ended")


async def test_subscriptions_are_sent_changed_and_ended() -> None:
    server = LiveServer()
    async with serving(web.get("/ws/dashboard", server.handle)) as url, feeding(url) as (feed, stream):
        feed.subscribe(ALL)
        assert await anext(stream) == Connected(HELLO)
        assert await anext(stream) == Subscribed("all")
        feed.subscribe(Subscribe("one", ("cpu",), ("web1",)))
        assert await anext(stream) == Subscribed("one")
        feed.unsubscribe("all")
        feed.unsubscribe("never known")
        await server.frame_count(3)
    assert server.frames == [ALL, Subscribe("one", ("cpu",), ("web1",)), Unsubscribe("all")]
    assert server.tokens == ["Bearer t"]


async def test_a_lost_connection_is_told_made_again_and_given_its_subscriptions_back() -> None:
    server = LiveServer()
    async with serving(web.get("/ws/dashboard", server.handle)) as url, feeding(url) as (feed, stream):
        feed.subscribe(ALL)
        feed.subscribe(Subscribe("one"))
        await server_connected(stream, server)
        await server.end()
        lost = await _until(stream, Disconnected)
        assert isinstance(lost, Disconnected)
        assert lost.reason.endswith("the server is stopping")
        assert lost.retry_in_seconds > 0
        assert await anext(stream) == Connected(HELLO)
        await server.frame_count(4)
    assert server.frames == [ALL, Subscribe("one"), ALL, Subscribe("one")]


async def server_connected(stream: AsyncIterator[LiveEvent], server: LiveServer) -> None:
    await _until(stream, Connected)
    await server.frame_count(2)


async def test_a_feed_waits_for_a_server_that_is_not_there_yet_and_hurries_when_asked() -> None:
    server = LiveServer()
    clock = ManualClock()  # never advanced: only retry_now ends the wait
    async with serving(web.get("/x", server.handle)) as gone:
        pass
    port = int(gone.rpartition(":")[2])
    async with feeding(gone, clock) as (feed, stream):
        lost = await anext(stream)
        assert isinstance(lost, Disconnected)
        assert lost.reason == f"cannot reach {gone}: connection refused"
        async with serving(web.get("/ws/dashboard", server.handle), port=port):
            feed.retry_now()
            assert await anext(stream) == Connected(HELLO)


async def test_a_refusal_says_why_and_a_delay_that_the_server_asks_for_is_kept() -> None:
    answers = iter([UnauthenticatedError("no"), OverloadedError("cannot serve: full", retry_after_seconds=42)])

    async def refuse(_: web.Request) -> web.Response:
        return error_response(next(answers), "r1")

    clock = ManualClock()
    async with serving(web.get("/ws/dashboard", refuse)) as url, feeding(url, clock) as (feed, stream):
        first = await anext(stream)
        assert isinstance(first, Disconnected)
        assert first.reason == "cannot connect /ws/dashboard: the server answered 401 unauthorized"
        feed.retry_now()
        second = await anext(stream)
        assert isinstance(second, Disconnected)
        assert second.retry_in_seconds >= 42


async def test_a_server_that_is_not_ours_is_told() -> None:
    async def chatter(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str("welcome to the chat")
        await socket.receive()
        return socket

    async with serving(web.get("/ws/dashboard", chatter)) as url, feeding(url, ManualClock()) as (_, stream):
        lost = await anext(stream)
    assert isinstance(lost, Disconnected)
    assert lost.reason == "cannot follow /ws/dashboard: the greeting is not ours"


async def test_frames_that_a_newer_server_invented_are_counted_and_passed_over() -> None:
    server = LiveServer()
    async with serving(web.get("/ws/dashboard", server.handle)) as url, feeding(url) as (feed, stream):
        await anext(stream)
        await server.sockets[-1].send_str('{"op":"forecast","rain":true}')
        await server.sockets[-1].send_str("{")
        await server.send(Rows("web1", {"cpu": {"ts": [1]}}))
        assert await anext(stream) == Rows("web1", {"cpu": {"ts": [1]}})
        assert feed.counters.get("frames_unknown") == 2


async def test_a_reader_that_sleeps_gets_the_latest_and_is_told_what_it_missed() -> None:
    server = LiveServer()
    async with serving(web.get("/ws/dashboard", server.handle)) as url, feeding(url) as (feed, stream):
        feed.subscribe(ALL)
        await anext(stream)
        await anext(stream)
        for value in range(100):
            await server.send(Rows("web1", {"cpu": {"ts": [value]}}))
        # A frame of another kind behind them tells that all have arrived.
        await server.send(Subscribed("mark"))
        seen = []
        async for event in stream:
            if isinstance(event, Subscribed):
                break
            assert isinstance(event, Rows)
            seen.append(event)
        assert seen[-1].tables == {"cpu": {"ts": [99]}}
        assert sum(1 + rows.missed for rows in seen) == 100


async def test_ending_the_iteration_ends_the_connection() -> None:
    server = LiveServer()
    ended = asyncio.Event()

    async def handle(request: web.Request) -> web.WebSocketResponse:
        try:
            return await server.handle(request)
        finally:
            ended.set()

    async with serving(web.get("/ws/dashboard", handle)) as url, Client(Target(url, "t")) as client:
        stream = LiveFeed(client).__aiter__()
        async with aclosing(stream):
            assert await anext(stream) == Connected(HELLO)
        async with asyncio.timeout(20):
            await ended.wait()
