"""Heartbeats over HTTP: who may send and see them, bodies that may be left out, and the table in SQL."""

import json
from typing import Any

import pytest

from nagare.model.event import Severity
from nagare.model.notify.heartbeat import Heartbeat
from tests.component.server.conftest import Api

HEARTBEATS = "/api/v1/heartbeats"
PASSWORD = "correct horse battery"


@pytest.fixture
def waiting(api: Api) -> Api:
    """A server that waits for a backup."""
    one = Heartbeat("backup", 3600.0, 60.0, Severity.CRITICAL, "of db1")
    api.services.alerts.heartbeats.defined = lambda: {"backup": one}
    return api


async def key_of(api: Api, *permissions: str) -> str:
    """Return a personal key of an operator with those permissions alone."""
    user = {"name": "ann", "password": PASSWORD, "grants": [{"role": "operator"}]}
    assert (await api.call("POST", "/api/v1/users", user)).status == 200
    login = await api.call("POST", "/api/v1/auth/login", {"user": "ann", "password": PASSWORD}, token=None)
    asked = {"name": "cron", "permissions": list(permissions), "expires_seconds": 600}
    answer = await api.call("POST", "/api/v1/keys", asked, token=login.json["access_token"])
    assert answer.status == 200, answer.raw
    return str(answer.json["secret"])


async def test_a_key_that_may_only_send_does(waiting: Api) -> None:
    key = await key_of(waiting, "heartbeats.send")
    # As curl sends it: without a body, and of no type.
    headers = {"Authorization": f"Bearer {key}"}
    async with waiting.session.post(f"{waiting.running.url}{HEARTBEATS}/backup", headers=headers) as answer:
        assert (answer.status, (await answer.json())["state"]) == (200, "ok")
    told = await waiting.call(
        "POST", f"{HEARTBEATS}/backup", {"ok": False, "text": "no room", "took_seconds": 2}, token=key
    )
    assert told.json | {"due_at": "", "seen_at": ""} == {
        "name": "backup", "state": "failed", "severity": 3, "text": "of db1", "every_seconds": 3600.0, "grace_seconds": 60.0,
        "late_seconds": 0.0, "due_at": "", "seen_at": "", "is_failed": True, "said": "no room", "took_seconds": 2.0, "sender": "ann",
    }  # fmt: skip
    assert (await waiting.call("GET", HEARTBEATS, token=key)).status == 403
    assert (await waiting.call("GET", HEARTBEATS)).json == {"heartbeats": [told.json]}
    (row,) = await waiting.sql("SELECT name, state, late_seconds, is_failed, severity, said, sender FROM heartbeats")
    assert row == ["backup", "failed", 0.0, True, "critical", "no room", "ann"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{}", 200),
        (b"[]", 400),
        (b"{", 400),
        (b'{"took_seconds": -1}', 400),
        (b'{"ok": "no"}', 400),
        (json.dumps({"text": "x" * 4001}).encode(), 400),
    ],
)
async def test_bodies(waiting: Api, body: bytes, status: int) -> None:
    answer = await waiting.call("POST", f"{HEARTBEATS}/backup", body=body)
    assert answer.status == status, answer.raw


async def test_a_body_says_that_it_is_json(waiting: Api) -> None:
    answer = await waiting.call("POST", f"{HEARTBEATS}/backup", body=b"{}", headers={"Content-Type": "text/plain"})
    assert answer.status == 415


async def test_an_unknown_name_is_told_the_nearest(waiting: Api) -> None:
    answer = await waiting.call("POST", f"{HEARTBEATS}/bakup")
    assert (answer.status, answer.json["hint"]) == (404, "did you mean 'backup'?")


async def test_hosts_send_none(waiting: Api) -> None:
    token = await waiting.register()
    assert (await waiting.call("POST", f"{HEARTBEATS}/backup", token=token)).status == 403


async def test_who_sees_some_hosts_only_sees_none(waiting: Api) -> None:
    user: dict[str, Any] = {"name": "bob", "password": PASSWORD, "grants": [{"role": "operator", "groups": ["db"]}]}
    assert (await waiting.call("POST", "/api/v1/users", user)).status == 200
    login = await waiting.call("POST", "/api/v1/auth/login", {"user": "bob", "password": PASSWORD}, token=None)
    token = login.json["access_token"]
    assert (await waiting.call("GET", HEARTBEATS, token=token)).status == 403
    assert (await waiting.call("POST", "/api/v1/sql", {"sql": "SELECT * FROM heartbeats"}, token=token)).status == 400
