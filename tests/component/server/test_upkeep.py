"""Notes and maintenance windows over HTTP, in SQL, live and over a restart."""

import asyncio
from typing import Any

import pytest

from nagare.config.settings import FleetSettings, GroupRule
from nagare.fleet.maintenance import service as maintenance
from nagare.fleet.notes.service import NOTES_LIMIT
from tests.component.server.conftest import Api, Serve

NOTES = "/api/v1/hosts/web1/notes"
WINDOWS = "/api/v1/maintenance"


async def _window(api: Api, **more: Any) -> dict[str, Any]:
    asked = {"why": "new disks", "until_ms": api.now_ms() + 3_600_000, "hosts": ["web1"], **more}
    answer = await api.call("POST", WINDOWS, asked)
    assert answer.status == 200, answer.raw
    made: dict[str, Any] = answer.json
    return made


async def _maintenance(api: Api, name: str = "web1") -> str:
    return str((await api.call("GET", f"/api/v1/hosts/{name}")).json["maintenance"])


async def test_notes_are_written_read_and_removed(serve: Serve) -> None:
    async with serve() as api:
        await api.register()
        for text in ("left power supply changed", "  moved to rack \x1b[2J b7 "):
            assert (await api.call("POST", NOTES, {"text": text})).status == 200
    async with serve() as api:
        notes = (await api.call("GET", NOTES)).json["notes"]
        assert [(note["text"], note["author"]) for note in notes] == [
            ("moved to rack ␛[2J b7", "local"),
            ("left power supply changed", "local"),
        ]
        host = (await api.call("GET", "/api/v1/hosts/web1")).json
        assert host["note"] == "moved to rack ␛[2J b7 (local)"
        assert (await api.call("DELETE", f"{NOTES}/{notes[0]['id']}")).status == 204
        assert (await api.call("DELETE", f"{NOTES}/{notes[0]['id']}")).status == 404
        assert await api.sql("SELECT note FROM hosts") == [["left power supply changed (local)"]]
        listed = (await api.call("GET", "/api/v1/audit")).json["entries"]
        told = [entry for entry in listed if entry["action"].startswith("notes") and entry["outcome"] == "done"]
        assert [(entry["action"], entry["target"]) for entry in told] == [
            ("notes.remove", "web1"), ("notes.add", "web1"), ("notes.add", "web1"),
        ]  # fmt: skip
        await api.call("DELETE", "/api/v1/hosts/web1")
        await api.register()
        assert (await api.call("GET", NOTES)).json["notes"] == []


async def test_notes_are_bounded(api: Api) -> None:
    await api.register()
    for text in ("", "   ", "x" * 1001):
        assert (await api.call("POST", NOTES, {"text": text})).status == 400
    assert (await api.call("POST", "/api/v1/hosts/nobody/notes", {"text": "x"})).status == 404
    for number in range(NOTES_LIMIT):
        assert (await api.call("POST", NOTES, {"text": f"note {number}"})).status == 200
    assert (await api.call("POST", NOTES, {"text": "one more"})).code == "limit-exceeded"


async def test_a_host_in_maintenance_shows_so_everywhere_and_its_events_are_marked(serve: Serve) -> None:
    async with serve() as api:
        await api.register(interval_seconds=0.2)
        await api.register("db1", "m2", labels={"group": "db", "rack": "b7"})
        window = await _window(api)
        assert (window["is_open"], window["made_by"], window["hosts"]) == (True, "local", ["web1"])
        assert [await _maintenance(api, name) for name in ("web1", "db1")] == ["new disks", ""]
        await _window(api, why="by group", hosts=[], groups=["db"])
        assert await _maintenance(api, "db1") == "by group"
    async with serve() as api:
        assert await api.sql("SELECT host, maintenance FROM hosts ORDER BY host") == [
            ["db1", "by group"], ["web1", "new disks"],
        ]  # fmt: skip
        api.services.fleet.touch("web1")
        async with asyncio.timeout(30):
            while not (events := (await api.call("GET", "/api/v1/events?kind=host.down")).json["events"]):
                pass
        (event,) = events
        assert event["attributes"]["maintenance"] == "new disks"
        assert (await api.call("DELETE", f"{WINDOWS}/{window['id']}")).status == 204
        assert (await api.call("DELETE", f"{WINDOWS}/{window['id']}")).status == 404
        assert await _maintenance(api) == ""
        assert [one["why"] for one in (await api.call("GET", WINDOWS)).json["windows"]] == ["by group"]
        listed = (await api.call("GET", "/api/v1/audit")).json["entries"]
        told = [entry["action"] for entry in listed if entry["outcome"] == "done" and "maintenance" in entry["action"]]
        assert told == ["maintenance.end", "maintenance.make", "maintenance.make"]


async def test_windows_that_recur_and_those_that_have_not_begun(api: Api) -> None:
    await api.register()
    await _window(api, from_ms=api.now_ms() + 1_800_000)
    assert await _maintenance(api) == ""
    recurrence = {"at": "00:00", "duration_seconds": 86_400, "zone": "Europe/Berlin", "days": []}
    made = await _window(api, why="always", until_ms=None, recurrence=recurrence)
    assert made["recurrence"] == recurrence
    assert await _maintenance(api) == "always"
    wrong = {"why": "x", "hosts": ["web1"], "recurrence": {**recurrence, "zone": "Atlantis"}}
    assert (await api.call("POST", WINDOWS, wrong)).status == 400


async def test_windows_are_bounded(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintenance, "WINDOWS_LIMIT", 2)
    for _ in range(2):
        await _window(api)
    asked = {"why": "x", "hosts": ["web1"], "until_ms": api.now_ms() + 1000}
    assert (await api.call("POST", WINDOWS, asked)).code == "limit-exceeded"


async def test_notes_are_those_of_ones_own_hosts(api: Api) -> None:
    await api.register(labels={"group": "web"})
    await api.register("db1", "m2", labels={"group": "db"})
    written = (await api.call("POST", NOTES, {"text": "of web1"})).json["id"]
    user = {"name": "ann", "password": "correct horse battery", "grants": [{"role": "operator", "groups": ["db"]}]}
    assert (await api.call("POST", "/api/v1/users", user)).status == 200
    login = {"user": "ann", "password": "correct horse battery"}
    token = (await api.call("POST", "/api/v1/auth/login", login, token=None)).json["access_token"]
    own = "/api/v1/hosts/db1/notes"
    made = await api.call("POST", own, {"text": "of db1"}, token=token)
    assert (made.status, made.json["author"]) == (200, "ann")
    # No note of another host, not by its own address, and not by way of a host that one has.
    assert (await api.call("GET", NOTES, token=token)).status == 404
    assert (await api.call("DELETE", f"{NOTES}/{written}", token=token)).status == 404
    assert (await api.call("DELETE", f"{own}/{written}", token=token)).status == 404
    assert (await api.call("DELETE", f"{own}/{made.json['id']}", token=token)).status == 204
    # A window may mean any host, so one who is limited to some makes none.
    asked = {"why": "x", "hosts": ["db1"], "until_ms": api.now_ms() + 60_000}
    assert (await api.call("POST", WINDOWS, asked, token=token)).status == 403


async def test_groups_are_listed_as_far_as_one_sees_them(api: Api) -> None:
    for name, group in (("web1", "web,lab"), ("db1", "db,lab"), ("db2", "db"), ("lone", "")):
        await api.register(name, name, labels={"group": group} if group else {})
    listed = (await api.call("GET", "/api/v1/groups")).json["groups"]
    assert listed == [
        {"name": "db", "hosts": ["db1", "db2"], "text": ""},
        {"name": "lab", "hosts": ["db1", "web1"], "text": ""},
        {"name": "web", "hosts": ["web1"], "text": ""},
    ]
    user = {"name": "ann", "password": "correct horse battery", "grants": [{"role": "viewer", "groups": ["db"]}]}
    assert (await api.call("POST", "/api/v1/users", user)).status == 200
    login = {"user": "ann", "password": "correct horse battery"}
    token = (await api.call("POST", "/api/v1/auth/login", login, token=None)).json["access_token"]
    seen = (await api.call("GET", "/api/v1/groups", token=token)).json["groups"]
    assert seen == [{"name": "db", "hosts": ["db1", "db2"], "text": ""}]


async def test_a_rule_puts_hosts_into_a_group_by_labels_that_no_agent_said(serve: Serve) -> None:
    rules = (GroupRule("racks", "what stands in rack b7", {"rack": "b7"}), GroupRule("empty", "of nobody"))
    async with serve(sections={"fleet": FleetSettings(groups=rules)}) as api:
        await api.register("said", "m1", labels={"rack": "b7"})
        await api.register("given", "m2")
        assert (await api.call("PATCH", "/api/v1/hosts/given", {"labels": {"rack": "b7"}})).status == 200
        assert (await api.call("GET", "/api/v1/groups")).json["groups"] == [
            {"name": "empty", "hosts": [], "text": "of nobody"},
            {"name": "racks", "hosts": ["given"], "text": "what stands in rack b7"},
        ]
        user = {"name": "ann", "password": "correct horse battery", "grants": [{"role": "viewer", "groups": ["racks"]}]}
        assert (await api.call("POST", "/api/v1/users", user)).status == 200
        login = {"user": "ann", "password": "correct horse battery"}
        token = (await api.call("POST", "/api/v1/auth/login", login, token=None)).json["access_token"]
        seen = (await api.call("GET", "/api/v1/hosts", token=token)).json["hosts"]
        assert [host["name"] for host in seen] == ["given"]
        await _window(api, hosts=[], groups=["racks"])
        assert [await _maintenance(api, name) for name in ("said", "given")] == ["", "new disks"]
