"""Callers that are limited to groups of hosts, over HTTP and WebSocket: other hosts are as if there were none."""

import asyncio
from typing import Any

import aiohttp
import pytest

from nagare.model.principal import HOST_BOUND, Permission
from nagare.server.routes.table import ROUTES
from tests.component.server.conftest import Api

PASSWORD = "correct horse battery"
BATCH = "/api/v1/metrics/batch"
# Data by hosts themselves; users send none.
SENDS_DATA = {"metrics.write"}
# What a request to run something needs beside the right to it.
RUNS_MORE = {Permission.COMMANDS_SHELL, Permission.COMMANDS_BREAK_GLASS}


class Fleet:
    """Hosts of two groups, and a user who has a role in one of them."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.hosts: dict[str, str] = {}
        self.user = ""

    async def fill(self) -> None:
        for name, group in (("db1", "db"), ("web1", "web"), ("lone", "")):
            labels = {"group": group} if group else {}
            self.hosts[name] = await self.api.register(name, machine_id=name, labels=labels)
            await self.api.call("POST", BATCH, self.api.batch(host=name), token=self.hosts[name])
            await self.api.call("POST", "/api/v1/events", {"text": f"of {name}", "kind": "note", "host": name})
        await self.api.call("POST", "/api/v1/events", {"text": "of nobody", "kind": "note"})

    async def login(self, role: str, groups: list[str] | None, name: str = "dora") -> str:
        grants = [{"role": role, "groups": groups}]
        answer = await self.api.call("POST", "/api/v1/users", {"name": name, "password": PASSWORD, "grants": grants})
        assert answer.status == 200, answer.raw
        answer = await self.api.call("POST", "/api/v1/auth/login", {"user": name, "password": PASSWORD}, token=None)
        assert answer.status == 200, answer.raw
        return str(answer.json["access_token"])

    async def get(self, path: str, token: str) -> Any:
        answer = await self.api.call("GET", path, token=token)
        assert answer.status == 200, answer.raw
        return answer.json


@pytest.fixture
async def fleet(api: Api) -> Fleet:
    made = Fleet(api)
    await made.fill()
    return made


async def test_a_limited_caller_reads_its_hosts_only(fleet: Fleet) -> None:
    token = await fleet.login("viewer", ["db"])
    assert [host["name"] for host in (await fleet.get("/api/v1/hosts", token))["hosts"]] == ["db1"]
    assert {event["text"] for event in (await fleet.get("/api/v1/events", token))["events"]} == {"of db1"}
    for table in ("cpu", "events", "hosts"):
        statement = {"sql": f"SELECT DISTINCT host FROM {table}"}
        answer = await fleet.api.call("POST", "/api/v1/sql", statement, token=token)
        assert answer.json["rows"] == [["db1"]], table
    counted = await fleet.get("/api/v1/cardinality", token)
    assert {row["name"] for row in counted["rows"] if row["by"] == "host"} == {"db1"}
    shown = (await fleet.api.call("GET", "/api/v1/hosts/web1", token=token)).json
    missing = (await fleet.api.call("GET", "/api/v1/hosts/web9", token=token)).json
    assert (shown["status"], shown["detail"].replace("web1", "web9")) == (404, missing["detail"])
    assert "hint" not in shown or shown["hint"] == missing["hint"]


async def test_a_limited_caller_changes_its_hosts_only(fleet: Fleet) -> None:
    token = await fleet.login("operator", ["db"])
    api, labels = fleet.api, {"labels": {"group": "db", "env": "x"}}
    assert (await api.call("PATCH", "/api/v1/hosts/db1", labels, token=token)).status == 200
    assert (await api.call("PATCH", "/api/v1/hosts/web1", labels, token=token)).status == 404
    assert (await api.call("DELETE", "/api/v1/hosts/web1", token=token)).status == 404
    assert (await api.call("POST", "/api/v1/events", {"text": "x", "host": "db1"}, token=token)).status == 200
    for host in ("web1", "", "nobody"):
        assert (await api.call("POST", "/api/v1/events", {"text": "x", "host": host}, token=token)).status == 404
    assert (await api.call("DELETE", "/api/v1/hosts/db1", token=token)).status == 204


async def test_what_one_may_see_and_change_can_differ(fleet: Fleet) -> None:
    token = await fleet.login("viewer", None)
    await fleet.api.call("PUT", "/api/v1/users/dora/roles/operator", {"groups": ["db"]})
    assert len((await fleet.get("/api/v1/hosts", token))["hosts"]) == 3
    labels: dict[str, Any] = {"labels": {}}
    assert (await fleet.api.call("PATCH", "/api/v1/hosts/web1", labels, token=token)).status == 403
    assert (await fleet.api.call("PATCH", "/api/v1/hosts/db1", labels, token=token)).status == 200


async def test_a_limit_follows_the_labels_at_once(fleet: Fleet) -> None:
    token = await fleet.login("viewer", ["db"])
    await fleet.api.call("PATCH", "/api/v1/hosts/web1", {"labels": {"group": "web,db"}})
    assert [host["name"] for host in (await fleet.get("/api/v1/hosts", token))["hosts"]] == ["db1", "web1"]
    await fleet.api.call("PATCH", "/api/v1/hosts/db1", {"labels": {}})
    assert [host["name"] for host in (await fleet.get("/api/v1/hosts", token))["hosts"]] == ["web1"]


async def test_every_route_that_knows_no_limit_refuses_a_limited_caller(fleet: Fleet) -> None:
    token = await fleet.login("admin", ["db"])
    for route in ROUTES:
        if route.permission is None or route.is_scoped or route.permission.value.startswith("account."):
            continue
        path = route.path.replace("{name}", "db1").replace("{role}", "viewer").replace("{id}", "x")
        answer = await fleet.api.call(route.method, path, token=token)
        assert answer.status == 403, (route.method, route.path, answer.status)


def test_only_what_concerns_hosts_knows_limits() -> None:
    assert {route.permission for route in ROUTES if route.is_scoped} == HOST_BOUND - RUNS_MORE


async def test_sql_shows_no_table_that_the_caller_may_not_read(fleet: Fleet) -> None:
    await fleet.api.call("PUT", "/api/v1/roles/metrics", {"permissions": ["metrics.read"]})
    token = await fleet.login("metrics", None)
    for table in ("events", "hosts"):
        answer = await fleet.api.call("POST", "/api/v1/sql", {"sql": f"SELECT * FROM {table}"}, token=token)
        assert (answer.status, answer.code) == (400, "query-refused"), table
    assert not {"events", "hosts"} & {view["name"] for view in await fleet.get("/api/v1/tables", token)}
    assert (await fleet.api.call("POST", "/api/v1/sql", {"sql": "SELECT * FROM cpu"}, token=token)).status == 200


async def _frames(fleet: Fleet, token: str, *, ticket: bool) -> list[dict[str, Any]]:
    """Return what a live connection is told while every host sends, until its own host's last event came."""
    api = fleet.api
    headers = {} if ticket else {"Authorization": f"Bearer {token}"}
    async with api.session.ws_connect(api.running.url + "/ws/dashboard", headers=headers) as socket:
        if ticket:
            answer = await api.call("POST", "/api/v1/tickets", token=token)
            await socket.send_json({"op": "authenticate", "ticket": answer.json["ticket"]})
        await socket.send_json({"op": "subscribe", "id": "all", "tables": ["*"], "hosts": ["*"]})
        while (await socket.receive_json())["op"] != "subscribed":
            pass
        for name in ("web1", "lone", "db1"):
            await api.call("POST", BATCH, api.batch(host=name, seq=2), token=fleet.hosts[name])
            await api.call("PATCH", f"/api/v1/hosts/{name}", {"labels": {"group": name[:2], "n": "1"}})
            await api.call("POST", "/api/v1/events", {"text": "live", "kind": "end", "host": name})
        frames: list[dict[str, Any]] = []
        async with asyncio.timeout(10):
            while not (frames and frames[-1]["op"] == "event" and frames[-1]["event"]["host"] == "db1"):
                frames.append(await socket.receive_json())
        return frames


@pytest.mark.parametrize("ticket", [False, True])
async def test_a_live_connection_shows_the_callers_hosts_only(fleet: Fleet, ticket: bool) -> None:
    token = await fleet.login("viewer", ["db"])
    frames = await _frames(fleet, token, ticket=ticket)
    assert {frame["op"] for frame in frames} == {"rows", "host", "event"}
    assert not any(name in str(frames) for name in ("web1", "lone"))


async def test_a_live_connection_shows_only_what_the_caller_may_read(fleet: Fleet) -> None:
    await fleet.api.call("PUT", "/api/v1/roles/metrics", {"permissions": ["metrics.read", "events.read"]})
    frames = await _frames(fleet, await fleet.login("metrics", None), ticket=False)
    assert {frame["op"] for frame in frames} == {"rows", "event"}


async def test_a_live_connection_ends_with_its_session(fleet: Fleet) -> None:
    api, token = fleet.api, await fleet.login("viewer", ["db"])
    headers = {"Authorization": f"Bearer {token}"}
    async with api.session.ws_connect(api.running.url + "/ws/dashboard", headers=headers) as socket:
        await socket.receive_json()
        assert (await api.call("DELETE", "/api/v1/users/dora/sessions")).json == {"ended": 1}
        async with asyncio.timeout(10):
            message = await socket.receive()
        assert message.type is aiohttp.WSMsgType.CLOSE
        assert message.extra == "credentials were revoked"
