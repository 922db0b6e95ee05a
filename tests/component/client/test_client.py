"""The typed client against real HTTP servers that record what it sends."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from nagare.client.client import Client
from nagare.client.target import Target
from nagare.errors import (
    ConnectFailedError,
    DeadlineExceededError,
    InvariantError,
    NotFoundError,
    QuerySyntaxError,
    UnavailableError,
)
from nagare.server.problems import error_response
from nagare.wire.batch import BatchReply
from nagare.wire.codec import decode_any, encode
from nagare.wire.events import EventRequest, EventView
from nagare.wire.hosts import HostView, RegisterReply, RegisterRequest
from nagare.wire.sql import ColumnView, SqlColumn, SqlReply, TableView
from nagare.wire.system import Health, Status, StoreStatus
from tests.component.net.local_server import serving

HOST = HostView("h1", "web/1", "up", "2026-01-01T00:00:00Z", None, 5.0, "0.1.0", {"a": "b"}, {})
EVENT = EventView("e1", 1, "web1", "note", 0, "test", "text", {})
REPLY = SqlReply([SqlColumn("n", "BIGINT")], [[1]], truncated=False, tier="raw", elapsed_ms=0.5)
STATUS = Status("0.1.0", 1, "", 1.0, "127.0.0.1:1", "/data", {"up": 1}, StoreStatus())
TABLE = TableView("cpu", "text", [ColumnView("ts", "TIMESTAMP_MS", "time")])


class Recording:
    """Answers every request with ``reply`` and keeps what came."""

    def __init__(self, reply: Any, status: int = 200) -> None:
        self.reply = reply
        self.status = status
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.requests.append((request.method, str(request.rel_url), dict(request.headers), body))
        return web.Response(body=encode(self.reply), status=self.status, content_type="application/json")


@asynccontextmanager
async def client_of(handler: Any, **more: Any) -> AsyncIterator[Client]:
    async with (
        serving(web.route("*", "/{path:.*}", handler)) as url,
        Client(Target(url, "t0ken"), deadline_seconds=5, **more) as client,
    ):
        yield client


Call = Callable[[Client], Any]


@pytest.mark.parametrize(
    ("call", "reply", "expected", "request_line", "document"),
    [
        (lambda c: c.health(), Health("ok", "0.1.0"), Health("ok", "0.1.0"), "GET /api/v1/health", None),
        (lambda c: c.status(), STATUS, STATUS, "GET /api/v1/status", None),
        (lambda c: c.tables(), [TABLE], [TABLE], "GET /api/v1/tables", None),
        (
            lambda c: c.sql("select 1", [1], 5),
            REPLY,
            REPLY,
            "POST /api/v1/sql",
            {"sql": "select 1", "params": [1], "limit": 5, "since_ms": None, "until_ms": None},
        ),
        (
            lambda c: c.sql("select $a", {"a": 1}, since_ms=7),
            REPLY,
            REPLY,
            "POST /api/v1/sql",
            {"sql": "select $a", "params": {"a": 1}, "limit": None, "since_ms": 7, "until_ms": None},
        ),
        (lambda c: c.hosts(), {"hosts": [HOST]}, [HOST], "GET /api/v1/hosts", None),
        (lambda c: c.host("web/1"), HOST, HOST, "GET /api/v1/hosts/web%2F1", None),
        (lambda c: c.patch_host("a.b", {"x": "y"}), HOST, HOST, "PATCH /api/v1/hosts/a%2Eb", {"labels": {"x": "y"}}),
        (lambda c: c.delete_host("web1"), {}, None, "DELETE /api/v1/hosts/web1", None),
        (
            lambda c: c.events(since_ms=5, kind="note", limit=2),
            {"events": [EVENT]},
            [EVENT],
            "GET /api/v1/events?since_ms=5&kind=note&limit=2",
            None,
        ),
        (
            lambda c: c.post_events([EventRequest("hello")]),
            {"ids": ["e1"]},
            ["e1"],
            "POST /api/v1/events",
            [
                {"text": "hello", "kind": "note", "severity": 0, "host": "", "id": None, "ts": None, "attributes": {}},
            ],
        ),
    ],
)
async def test_a_call_sends_and_reads_what_the_contract_says(
    call: Call, reply: Any, expected: Any, request_line: str, document: Any
) -> None:
    handler = Recording(reply)
    async with client_of(handler.handle) as client:
        assert await call(client) == expected
    [(method, path, headers, body)] = handler.requests
    # Whether a dot of a name stays encoded is left to the URL's library; the server reads the same name.
    assert f"{method} {path}".replace("a.b", "a%2Eb") == request_line
    assert headers["Authorization"] == "Bearer t0ken"
    assert headers["User-Agent"].startswith("nagare/")
    assert (decode_any(body) if body else None) == document


@pytest.mark.parametrize("is_lean", [False, True])
async def test_a_batch_goes_as_it_is_with_its_encoding_and_signature(is_lean: bool) -> None:
    handler = Recording(BatchReply(3))
    async with client_of(handler.handle, is_lean=is_lean) as client:
        assert await client.send_batch(b"{}", "identity", "c2ln") == BatchReply(3)
        assert await client.send_batch(b"{}", "identity", None) == BatchReply(3)
    signed, unsigned = handler.requests
    assert signed[:2] == ("POST", "/api/v1/metrics/batch")
    assert signed[3] == b"{}"
    assert (signed[2]["Content-Encoding"], signed[2]["Nagare-Signature"]) == ("identity", "c2ln")
    assert "Nagare-Signature" not in unsigned[2]


async def test_registering_returns_the_hosts_token() -> None:
    handler = Recording(RegisterReply("h1", "web1", "host-token"))
    async with client_of(handler.handle, is_lean=True) as client:
        reply = await client.register(RegisterRequest("web1", "m1", "0.1.0"))
    assert reply.token == "host-token"
    assert handler.requests[0][1] == "/api/v1/hosts/register"


async def test_a_server_that_is_not_well_still_tells_its_health() -> None:
    health = Health("degraded", "0.1.0", {"store": "disk full"})
    async with client_of(Recording(health, status=503).handle) as client:
        assert await client.health() == health


async def test_a_problem_document_becomes_our_error() -> None:
    async def refuse(_: web.Request) -> web.Response:
        return error_response(
            QuerySyntaxError("cannot run SQL: no", hint="try yes", errors=[{"pointer": "#/sql"}]), "r1"
        )

    async with client_of(refuse) as client:
        with pytest.raises(QuerySyntaxError, match="cannot run SQL: no") as caught:
            await client.sql("no")
    assert caught.value.hint == "try yes"
    assert caught.value.errors == [{"pointer": "#/sql"}]


async def test_another_service_on_the_port_is_told_apart() -> None:
    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<h1>It works!</h1>", content_type="text/html")

    async with client_of(page) as client:
        with pytest.raises(UnavailableError, match="cannot read answer of"):
            await client.hosts()


async def test_a_health_that_is_not_there_is_told() -> None:
    async def missing(_: web.Request) -> web.Response:
        raise web.HTTPNotFound

    async with client_of(missing) as client:
        with pytest.raises(NotFoundError, match="cannot read health: the server answered 404 not found"):
            await client.health()


@pytest.mark.parametrize("is_lean", [False, True])
async def test_a_passed_deadline_is_our_error(is_lean: bool) -> None:
    never = asyncio.Event()

    async def hang(_: web.Request) -> web.Response:
        await never.wait()
        return web.Response()

    async with (
        serving(web.get("/{path:.*}", hang)) as url,
        Client(Target(url, ""), deadline_seconds=0.05, is_lean=is_lean) as client,
    ):
        with pytest.raises(
            DeadlineExceededError, match=r"cannot GET /api/v1/status at http.*: no answer within 0\.05 s"
        ):
            await client.status()
        never.set()


async def test_a_caller_that_gives_up_is_not_told_of_a_deadline() -> None:
    never = asyncio.Event()

    async def hang(_: web.Request) -> web.Response:
        await never.wait()
        return web.Response()

    async with client_of(hang) as client:
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(0.05):
                await client.status()
        assert not isinstance(caught.value, DeadlineExceededError)
        never.set()


async def test_a_client_follows_a_server_that_moved() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        where = [Target(f"http://127.0.0.1:{closed.getsockname()[1]}", "a")]
    async with Client(where[0], find=lambda: where[0]) as client:
        with pytest.raises(ConnectFailedError):
            await client.hosts()
        assert await client.retarget() is False
        handler = Recording({"hosts": []})
        async with serving(web.get("/{path:.*}", handler.handle)) as url:
            where[0] = Target(url, "b")
            assert await client.retarget() is True
            assert await client.hosts() == []
    assert handler.requests[0][2]["Authorization"] == "Bearer b"


async def test_a_client_must_be_entered() -> None:
    with pytest.raises(InvariantError, match="entered before it is used"):
        await Client(Target("http://127.0.0.1:1", "")).hosts()
    async with Client(Target("http://127.0.0.1:1", ""), is_lean=True) as client:
        with pytest.raises(InvariantError, match="no live connection"):
            await client.connect_live("/ws")
