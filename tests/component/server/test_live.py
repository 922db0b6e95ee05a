"""Live connections over real WebSockets: what is sent to whom, when it is not, and how they end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from nagare.server.hub import Connection
from tests.component.server.conftest import Api, Serve

BATCH = "/api/v1/metrics/batch"


class Live:
    """One live connection of a test."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def send(self, **frame: Any) -> None:
        await self.socket.send_json(frame)

    async def next(self, op: str | None = None) -> dict[str, Any]:
        """Return the next frame, or the next one with that ``op``."""
        async with asyncio.timeout(10):
            while True:
                frame: dict[str, Any] = await self.socket.receive_json()
                if op is None or frame["op"] == op:
                    return frame

    async def closed(self) -> tuple[int | None, str]:
        """Return code and reason once the server closes."""
        async with asyncio.timeout(10):
            while True:
                message = await self.socket.receive()
                if message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED):
                    return self.socket.close_code, str(message.extra or "")

    async def subscribe(self, **more: Any) -> None:
        await self.send(op="subscribe", **{"id": "all", **more})
        assert (await self.next("subscribed"))["id"] == more.get("id", "all")


@asynccontextmanager
async def connected(api: Api, path: str = "/ws/dashboard", **options: Any) -> AsyncIterator[Live]:
    headers = {"Authorization": f"Bearer {api.admin}"}
    async with api.session.ws_connect(api.running.url + path, headers=headers, **options) as socket:
        live = Live(socket)
        hello = await live.next()
        assert hello["op"] == "hello"
        assert abs(hello["now"] - api.now_ms()) < 60_000
        yield live


@pytest.mark.parametrize("path", ["/ws/dashboard", "/ws/monitoring"])
async def test_rows_reach_those_who_asked(api: Api, path: str) -> None:
    token = await api.register()
    async with connected(api, path) as wants_all, connected(api, path) as wants_memory, connected(api, path) as other:
        await wants_all.subscribe()
        await wants_memory.subscribe(tables=["memory"])
        await other.subscribe(hosts=["web2"])
        batch = api.batch()
        batch["tables"]["memory"] = {"ts": [api.now_ms()], "total_bytes": [1]}
        await api.call("POST", BATCH, batch, token=token)
        rows = await wants_all.next("rows")
        assert (rows["host"], rows["missed"]) == ("web1", 0)
        assert rows["tables"] == batch["tables"]
        assert set((await wants_memory.next("rows"))["tables"]) == {"memory"}
        # Frames stay in order, so that an answer to a later request proves that nothing came before it.
        await other.send(op="subscribe", id="probe", hosts=["web3"])
        assert (await other.next())["op"] == "subscribed"


async def test_nothing_comes_before_subscribing_or_after_unsubscribing(api: Api) -> None:
    token = await api.register()
    async with connected(api) as live:
        await api.call("POST", BATCH, api.batch(seq=1), token=token)
        await live.subscribe()
        await live.send(op="unsubscribe", id="all")
        await live.send(op="unsubscribe", id="never was")
        await live.subscribe(id="other", hosts=["web2"])
        await api.call("POST", BATCH, api.batch(seq=2), token=token)
        await live.subscribe(id="last", hosts=["web3"])


async def test_a_duplicate_and_a_late_batch_are_not_shown(api: Api) -> None:
    token = await api.register()
    async with connected(api) as live:
        await live.subscribe(tables=["cpu"])
        for seq in (5, 5, 3, 6):
            await api.call("POST", BATCH, api.batch(seq=seq) | {"boot": "b"}, token=token)
        await live.next("rows")
        await live.next("rows")
        await live.subscribe(id="probe", hosts=["web3"])


async def _follow(live: Live, **more: Any) -> None:
    await live.subscribe(**{"tables": [], "series": ["cpu.busy", "memory.used"], **more})


async def test_followers_get_many_hosts_in_one_frame_and_at_once_what_is_known(api: Api) -> None:
    tokens = {name: await api.register(name) for name in ("web1", "web2", "web3")}
    async with connected(api) as live, connected(api) as late, connected(api) as limited:
        await _follow(live)
        await _follow(limited, hosts=["web2"])
        for name, token in tokens.items():
            batch = {**api.batch(host=name), "boot": name}
            batch["tables"] = {"cpu": {"ts": [api.now_ms()], "core": ["all"], "busy_ratio": [0.5]}}
            batch["tables"]["memory"] = {"ts": [api.now_ms()], "used_ratio": [0.98]}
            await api.call("POST", BATCH, batch, token=token)
        told: dict[str, Any] = {}
        while told.keys() != tokens.keys():
            frame = await live.next("digests")
            for index, host in enumerate(frame["hosts"]):
                told[host] = {name: cells[index] for name, cells in frame["values"].items()}
                assert frame["reasons"][host] == [["crit", "memory 98.0% full"]]
                assert 0 <= frame["ages"][index] < 60_000
        assert told == {name: {"cpu.busy": 0.5, "memory.used": 0.98} for name in tokens}
        assert (await limited.next("digests"))["hosts"] == ["web2"]
        # Who comes later need not wait for the next reports.
        await _follow(late, series=["cpu.busy"])
        frame = await late.next("digests")
        assert (sorted(frame["hosts"]), frame["values"]) == (sorted(tokens), {"cpu.busy": [0.5] * 3})
        await api.call("DELETE", "/api/v1/hosts/web3")
        await _follow(late, id="again", series=["cpu.busy"])
        assert sorted((await late.next("digests"))["hosts"]) == ["web1", "web2"]


async def test_what_was_followed_is_forgotten_once_nobody_does(api: Api) -> None:
    token = await api.register()
    cpu = {"core": ["all"], "busy_ratio": [0.5]}
    async with connected(api) as live:
        await _follow(live)
        await api.call(
            "POST", BATCH, {**api.batch(seq=1), "tables": {"cpu": {"ts": [api.now_ms()], **cpu}}}, token=token
        )
        assert (await live.next("digests"))["hosts"] == ["web1"]
    async with asyncio.timeout(30):
        while len(api.services.hub):
            await api.call("GET", "/health")
    memory = {"ts": [api.now_ms()], "used_ratio": [0.1]}
    await api.call("POST", BATCH, {**api.batch(seq=2), "tables": {"memory": memory}}, token=token)
    async with connected(api) as live:
        await _follow(live)
        await api.call("POST", BATCH, {**api.batch(seq=3), "tables": {"memory": memory}}, token=token)
        # Of before it would know how busy the host was then.
        assert (await live.next("digests"))["values"] == {"cpu.busy": [None], "memory.used": [0.1]}


async def test_an_unknown_series_is_refused_by_name(api: Api) -> None:
    async with connected(api) as live:
        await live.send(op="subscribe", id="a", series=["cpu.busi"])
        problem = (await live.next("error"))["problem"]
        assert problem["status"] == 400
        assert "cpu.busi" in problem["detail"]
        assert "cpu.busy" in problem["hint"]


async def test_refused_rows_are_not_shown(api: Api) -> None:
    token = await api.register()
    now = api.now_ms()
    async with connected(api) as live:
        await live.subscribe(tables=["cpu"])
        columns = {"ts": [now, now + 3_600_000], "core": ["a", "b"]}
        await api.call("POST", BATCH, {**api.batch(), "tables": {"cpu": columns}}, token=token)
        assert (await live.next("rows"))["tables"]["cpu"]["core"] == ["a"]


async def test_hosts_and_events_are_shown(api: Api) -> None:
    async with connected(api) as live:
        await live.subscribe()
        token = await api.register()
        assert (await live.next("host"))["host"]["name"] == "web1"
        await api.call("POST", "/api/v1/events", {"text": "hello", "host": "web1", "id": "e1"})
        assert (await live.next("event"))["event"]["text"] == "hello"
        await api.call("POST", "/api/v1/events", {"text": "hello", "host": "web1", "id": "e1"})
        row = {
            "ts": [api.now_ms()], "id": ["e2"], "kind": ["agent.start"], "severity": [0],
            "source": ["agent"], "text": ["the agent started"], "attributes": [{"version": "1"}],
        }  # fmt: skip
        await api.call("POST", BATCH, {**api.batch(), "tables": {"events": row}}, token=token)
        event = (await live.next("event"))["event"]
        assert (event["id"], event["host"], event["attributes"]) == ("e2", "web1", {"version": "1"})
        await api.call("PATCH", "/api/v1/hosts/web1", {"labels": {"rack": "7"}})
        while (changed := await live.next("host"))["host"]["labels"] != {"rack": "7"}:
            pass
        assert changed["removed"] is False
        await api.call("DELETE", "/api/v1/hosts/web1")
        while not (await live.next("host"))["removed"]:
            pass


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"op":"nope"}', '{"op":"subscribe"}', '{"op":"subscribe","id":1}', '{"op":"authenticate","ticket":"x"}',
     '{"op":"rows","host":"a","tables":{}}', "\x00", '{"op":"subscribe","id":"a","tables":"*"}'],
)  # fmt: skip
async def test_a_wrong_frame_is_answered_and_the_connection_goes_on(api: Api, content: str) -> None:
    async with connected(api) as live:
        await live.socket.send_str(content)
        problem = (await live.next())["problem"]
        assert problem["status"] == 400
        await live.subscribe()


async def test_too_many_subscriptions_are_refused(api: Api) -> None:
    async with connected(api) as live:
        for number in range(64):
            await live.subscribe(id=str(number))
        await live.send(op="subscribe", id="one more")
        assert (await live.next())["problem"]["code"] == "limit-exceeded"
        await live.subscribe(id="7", tables=["cpu"])


async def test_too_many_connections_are_refused(serve: Serve) -> None:
    async with serve(connection_limit=2) as api:
        async with connected(api), connected(api):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                async with connected(api):
                    pass
            assert refused.value.status == 503
        async with connected(api):
            pass


async def test_strangers_cannot_take_every_place(serve: Serve) -> None:
    async with serve(connection_limit=8) as api:
        url = api.running.url + "/ws/dashboard"
        async with api.session.ws_connect(url) as first:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await api.session.ws_connect(url)
            assert refused.value.status == 503
            async with connected(api):
                pass
            ticket = (await api.call("POST", "/api/v1/tickets")).json["ticket"]
            await first.send_json({"op": "authenticate", "ticket": ticket})
            assert (await first.receive_json())["op"] == "hello"
            async with api.session.ws_connect(url):
                pass


async def test_a_ticket_opens_one_connection(api: Api) -> None:
    answer = await api.call("POST", "/api/v1/tickets")
    assert answer.json["expires_seconds"] == 30
    first_frame = {"op": "authenticate", "ticket": answer.json["ticket"]}
    url = api.running.url + "/ws/dashboard"
    async with api.session.ws_connect(url) as socket:
        await socket.send_json(first_frame)
        assert (await socket.receive_json())["op"] == "hello"
        await Live(socket).subscribe()
    async with api.session.ws_connect(url) as socket:
        await socket.send_json(first_frame)
        code, reason = await Live(socket).closed()
        assert code == aiohttp.WSCloseCode.POLICY_VIOLATION
        assert "ticket" in reason


@pytest.mark.parametrize("frame", ['{"op":"subscribe","id":"a"}', "nonsense", '{"op":"authenticate","ticket":""}'])
async def test_no_frame_helps_without_a_ticket(api: Api, frame: str) -> None:
    async with api.session.ws_connect(api.running.url + "/ws/dashboard") as socket:
        await socket.send_str(frame)
        code, _ = await Live(socket).closed()
        assert code == aiohttp.WSCloseCode.POLICY_VIOLATION


async def test_a_revoked_caller_is_told_why_it_ends(serve: Serve) -> None:
    async with serve() as api, connected(api) as live:
        connection = next(iter(api.services.hub._connections))
        assert connection.principal is not None
        api.services.hub.end_principals({connection.principal.id})
        assert await live.closed() == (aiohttp.WSCloseCode.POLICY_VIOLATION, "credentials were revoked")


async def test_stopping_says_that_it_goes_away(serve: Serve) -> None:
    served = serve()
    api = await served.__aenter__()
    try:
        headers = {"Authorization": f"Bearer {api.admin}"}
        session = aiohttp.ClientSession()
        socket = await session.ws_connect(api.running.url + "/ws/dashboard", headers=headers)
        live = Live(socket)
        await live.next("hello")
        closing, _ = await asyncio.gather(live.closed(), served.__aexit__(None, None, None))
        assert closing == (aiohttp.WSCloseCode.GOING_AWAY, "server is stopping")
    finally:
        await session.close()


async def test_a_reader_that_stalls_loses_frames_and_not_the_server(api: Api) -> None:
    token = await api.register()
    async with connected(api) as stalled, connected(api) as quick:
        await stalled.subscribe(tables=["cpu"])
        connection = _of(api, tables=1)
        await quick.subscribe(id="quick", tables=["cpu", "memory"])
        transport = _stall(stalled)
        total = 0
        while api.services.hub.counters.get("frames_dropped") < 3:
            total += 1
            await _send_much(api, token, total)
            assert (await quick.next("rows"))["missed"] == 0
            assert total < 200
        assert connection.outbox
        transport.resume_reading()
        missed = 0
        while True:
            frame = await stalled.next("rows")
            missed += frame["missed"]
            if frame["tables"]["cpu"]["freq_hertz"][0] == total:
                break
        assert missed == api.services.hub.counters.get("frames_dropped")


async def test_a_reader_that_stalls_does_not_hold_up_the_stop(serve: Serve) -> None:
    served = serve(stop_seconds=120.0)
    api = await served.__aenter__()
    token = await api.register()
    async with connected(api) as stalled:
        await stalled.subscribe(tables=["cpu"])
        transport = _stall(stalled)
        total = 0
        while api.services.hub.counters.get("frames_dropped") < 1:
            total += 1
            await _send_much(api, token, total)
        async with asyncio.timeout(40):
            await served._serving.__aexit__(None, None, None)
        transport.resume_reading()
    await api.session.close()


def _stall(live: Live) -> asyncio.ReadTransport:
    """Let the socket take no more: nothing that comes is read, for its transport is paused."""
    line = live.socket._response.connection
    assert line is not None
    transport = line.transport
    assert isinstance(transport, asyncio.ReadTransport)
    transport.pause_reading()
    return transport


async def _send_much(api: Api, token: str, number: int) -> None:
    padding = "x" * 60_000
    columns = {
        "ts": [api.now_ms()] * 20,
        "core": [f"{padding}{i}" for i in range(20)],
        "freq_hertz": [number] * 20,
    }
    batch = {**api.batch(seq=number), "tables": {"cpu": columns}}
    assert (await api.call("POST", BATCH, batch, token=token)).status == 200


def _of(api: Api, *, tables: int) -> Connection:
    return next(c for c in api.services.hub._connections if len(c.subscriptions) == tables)
