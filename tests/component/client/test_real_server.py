"""The typed client against the real server over a fresh directory: both ends speak of the same things."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from nagare.client.client import Client
from nagare.client.live import Connected, Disconnected, LiveFeed
from nagare.client.target import Target, find_target
from nagare.config.settings import ServerSettings, Settings
from nagare.errors import (
    ConflictError,
    InputError,
    NotFoundError,
    PermissionDeniedError,
    QuerySyntaxError,
    UnauthenticatedError,
)
from nagare.server.lifecycle import serving
from nagare.wire.batch import BATCH_VERSION, Batch, BatchReply
from nagare.wire.codec import encode, pack
from nagare.wire.events import EventRequest
from nagare.wire.hosts import RegisterRequest
from nagare.wire.live import EventFrame, HostFrame, Rows, Subscribe, Subscribed
from tests.component.server.conftest import WITHOUT_SHIPPED

WEB1 = RegisterRequest("web1", "m1", "0.1.0", labels={"rack": "7"})


@pytest.fixture
def on_loopback(tmp_path: Path) -> Settings:
    server = ServerSettings(listen="127.0.0.1:0", stop_seconds=5.0)
    return Settings(data=tmp_path / "data", server=server, alerts=WITHOUT_SHIPPED)


@pytest.fixture
async def client(on_loopback: Settings) -> AsyncIterator[Client]:
    async with serving(on_loopback), Client(find_target(on_loopback)) as client:
        yield client


async def _send(client: Client, token: str, seq: int, *, host: str = "web1", is_lean: bool = True) -> BatchReply:
    now = client.clock.now_ms()
    batch = Batch(BATCH_VERSION, host, "boot-1", seq, {"load": {"ts": [now, now], "load1": [0.5, 0.7]}})
    async with Client(Target(client.target.url, token), is_lean=is_lean) as agent:
        return await agent.send_batch(pack(encode(batch), "zstd"), "zstd", None)


async def test_the_server_about_itself(client: Client) -> None:
    health = await client.health()
    assert (health.status, health.version) == ("ok", "0.1.0")
    status = await client.status()
    assert status.hosts["up"] == 0
    assert "cpu" in [table.name for table in await client.tables()]


@pytest.mark.parametrize("is_lean", [False, True])
async def test_a_batch_is_taken_once_and_found_by_sql(client: Client, is_lean: bool) -> None:
    reply = await client.register(WEB1)
    assert await _send(client, reply.token, 1, is_lean=is_lean) == BatchReply(2)
    assert await _send(client, reply.token, 1, is_lean=is_lean) == BatchReply(0, duplicate=True)
    answer = await client.sql("select host, load1 from load where load1 > $1 order by load1", [0.1])
    assert answer.rows == [["web1", 0.5], ["web1", 0.7]]
    assert [column.name for column in answer.columns] == ["host", "load1"]
    limited = await client.sql("select load1 from load", limit=1)
    assert (len(limited.rows), limited.truncated) == (1, True)


async def test_hosts_are_listed_changed_and_removed(client: Client) -> None:
    await client.register(WEB1)
    [host] = await client.hosts()
    assert (host.name, host.state, host.labels) == ("web1", "unknown", {"rack": "7"})
    assert (await client.patch_host("web1", {"rack": "8"})).labels == {"rack": "8"}
    assert (await client.host("web1")).labels == {"rack": "8"}
    await client.delete_host("web1")
    assert await client.hosts() == []


async def test_events_are_posted_and_listed(client: Client) -> None:
    await client.register(WEB1)
    ids = await client.post_events([EventRequest("disk swapped", host="web1", id="n1"), EventRequest("hello")])
    assert ids[0] == "n1"
    assert len(ids) == 2
    assert [event.text for event in await client.events(host="web1")] == ["disk swapped"]
    assert {event.id for event in await client.events(kind="note")} == set(ids)
    assert len(await client.events(limit=1)) == 1


async def test_errors_of_the_server_arrive_as_ours(client: Client) -> None:
    with pytest.raises(QuerySyntaxError):
        await client.sql("selec 1")
    with pytest.raises(NotFoundError, match="cannot find host 'web9'"):
        await client.host("web9")
    with pytest.raises(InputError):
        await client.register(RegisterRequest("web 1", "m1", "0.1.0"))
    await client.register(WEB1)
    with pytest.raises(ConflictError) as caught:
        await client.register(RegisterRequest("web1", "m2", "0.1.0"))
    assert "agent.name" in caught.value.hint
    with pytest.raises(PermissionDeniedError):
        await _send(client, client.target.token, 1)
    with pytest.raises(UnauthenticatedError):
        await _send(client, "nobody", 1)


@pytest.mark.parametrize("name", ["..", "a/b", "a%2Fb", "a?b#c", "ö", "\x1b[31m"])
async def test_a_hostile_name_reaches_no_other_route(client: Client, name: str) -> None:
    with pytest.raises((NotFoundError, InputError)) as caught:
        await client.host(name)
    assert "\x1b" not in caught.value.message


async def test_the_feed_tells_of_hosts_rows_and_events_and_survives_a_restart(on_loopback: Settings) -> None:
    async with serving(on_loopback):
        target = find_target(on_loopback)
    seen: set[type] = set()
    async with asyncio.timeout(60), Client(target, find=lambda: find_target(on_loopback)) as client:
        feed = LiveFeed(client)
        feed.subscribe(Subscribe("all"))
        async with aclosing(feed.__aiter__()) as stream:
            assert isinstance(await anext(stream), Disconnected)
            async with serving(on_loopback):
                feed.retry_now()
                async for event in stream:
                    seen.add(type(event))
                    if isinstance(event, Subscribed):
                        token = (await client.register(WEB1)).token
                        await _send(client, token, 1)
                        await client.post_events([EventRequest("hello", host="web1")])
                    if seen >= {Connected, Subscribed, HostFrame, Rows, EventFrame}:
                        break
            async for event in stream:
                if isinstance(event, Disconnected):
                    break
            async with serving(on_loopback):
                feed.retry_now()
                async for event in stream:
                    if isinstance(event, Subscribed):
                        break
                assert [host.name for host in await client.hosts()] == ["web1"]
