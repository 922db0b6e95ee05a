"""Schedules and exports over HTTP and by the typed client."""

import csv
import io
from contextlib import aclosing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from nagare.client.client import Client
from nagare.client.schedules import ScheduleCalls
from nagare.client.target import Target
from nagare.client.tasks import TaskCalls
from nagare.config.settings import TaskSettings
from nagare.errors import ConflictError, InputError, NotFoundError, PermissionDeniedError, StaleVersionError
from nagare.wire.tasks import ScheduleRequest, TaskLine, TaskView
from tests.component.server.conftest import Api, Serve

NIGHTLY = ScheduleRequest("30 2 * * *", "verify", zone="Europe/Berlin", text="every night")


async def _ended(calls: TaskCalls, task: TaskView) -> TaskView:
    async with aclosing(calls.follow(task.id)) as lines:
        async for line in lines:
            if isinstance(line, TaskLine):
                task = line.task
    return task


async def test_a_schedule_from_its_making_to_its_end(api: Api) -> None:
    async with Client(Target(api.running.url, api.admin), deadline_seconds=30) as client:
        calls, tasks = ScheduleCalls(client), TaskCalls(client)
        made = await calls.save("nightly", NIGHTLY)
        assert (made.owner, len(made.next), made.enabled) == ("local", 5, True)
        assert all(moment[10:19] in ("T02:30:00", "T03:00:00") for moment in made.next)
        assert (await calls.schedule("nightly")).next == made.next
        done = await _ended(tasks, await calls.run("nightly"))
        assert (done.state, done.schedule) == ("done", "nightly")
        assert [task.id for task in await tasks.tasks(schedule="nightly")] == [done.id]
        assert (await calls.enable("nightly", enabled=False)).next == []
        assert [one.name for one in await calls.schedules()] == ["nightly"]
        assert await api.sql("select name, zone, enabled, next_ms from schedules") == [
            ["nightly", "Europe/Berlin", False, None]
        ]
        await calls.remove("nightly")
        with pytest.raises(NotFoundError):
            await calls.schedule("nightly")
        with pytest.raises(InputError):
            await calls.save("nightly", ScheduleRequest("bad", "verify"))
    actions = [entry["action"] for entry in (await api.call("GET", "/api/v1/audit?limit=20")).json["entries"]]
    assert {"schedules.save", "schedules.switch", "schedules.run", "schedules.remove"} <= set(actions)


async def test_two_who_change_one_schedule_at_once_lose_nothing(api: Api) -> None:
    async with Client(Target(api.running.url, api.admin), deadline_seconds=30) as client:
        calls = ScheduleCalls(client)
        read = await calls.save("nightly", msgspec.structs.replace(NIGHTLY, is_new=True))
        with pytest.raises(ConflictError, match="it is there already"):
            await calls.save("nightly", msgspec.structs.replace(NIGHTLY, is_new=True))
        first = msgspec.structs.replace(NIGHTLY, text="theirs", revision=read.revision)
        changed = await calls.save("nightly", first)
        for stale in (
            calls.save("nightly", msgspec.structs.replace(first, text="mine")),
            calls.enable("nightly", enabled=False, revision=read.revision),
            calls.run("nightly", read.revision),
            calls.remove("nightly", read.revision),
        ):
            with pytest.raises(StaleVersionError, match="it was changed since it was read"):
                await stale
        assert await calls.schedule("nightly") == changed
        assert (changed.text, changed.revision) == ("theirs", read.revision + 1)
        await calls.remove("nightly", changed.revision)
    answer = await api.call("PUT", "/api/v1/schedules/nightly", {"cron": "@daily", "kind": "verify", "revision": 1})
    assert (answer.status, answer.json["code"]) == (412, "version-stale")


async def _filled(api: Api) -> None:
    token = await api.register()
    assert (await api.call("POST", "/api/v1/metrics/batch", api.batch(), token=token)).status == 200


async def _download(calls: TaskCalls, task_id: str) -> bytes:
    content = io.BytesIO()
    assert await calls.download(task_id, content.write) == len(content.getvalue())
    return content.getvalue()


async def test_an_export_is_downloaded_by_its_owner_alone(api: Api) -> None:
    await _filled(api)
    async with Client(Target(api.running.url, api.admin), deadline_seconds=30) as client:
        calls = TaskCalls(client)
        sql = "select ts, host, core, user_ratio from cpu order by core"
        found: dict[str, Any] = {}
        task = await calls.submit("verify", {})
        for form in ("csv", "ndjson", "parquet"):
            task = await _ended(calls, await calls.submit("query", {"sql": sql, "format": form}))
            assert (task.state, task.text) == ("done", "")
            assert task.result is not None
            assert (task.result["rows"], task.result["truncated"]) == (2, False)
            found[form] = await _download(calls, task.id)
        rows = list(csv.DictReader(io.StringIO(found["csv"].decode())))
        assert [(row["host"], row["core"], float(row["user_ratio"])) for row in rows] == [
            ("web1", "0", 0.2), ("web1", "all", 0.1)
        ]  # fmt: skip
        assert len(found["ndjson"].splitlines()) == 2
        bad = await _ended(calls, await calls.submit("query", {"sql": "select nonsense from cpu"}))
        assert bad.state == "failed"
        assert "nonsense" in bad.text
        with pytest.raises(NotFoundError, match="it made none"):
            await _download(calls, bad.id)
        with pytest.raises(InputError):
            await calls.submit("query", {"sql": sql, "format": "xlsx"})
    assert found["parquet"][:4] == found["parquet"][-4:] == b"PAR1"
    user = {"name": "bob", "password": "correct horse battery", "grants": [{"role": "operator"}]}
    assert (await api.call("POST", "/api/v1/users", user)).status == 200
    login = {"user": "bob", "password": "correct horse battery"}
    bob = (await api.call("POST", "/api/v1/auth/login", login, token=None)).json["access_token"]
    async with Client(Target(api.running.url, bob), deadline_seconds=30) as client:
        with pytest.raises(PermissionDeniedError, match="local's alone"):
            await _download(TaskCalls(client), task.id)


async def test_a_part_of_an_export_is_to_be_had(api: Api) -> None:
    async with Client(Target(api.running.url, api.admin), deadline_seconds=30) as client:
        task = await _ended(TaskCalls(client), await TaskCalls(client).submit("query", {"sql": "select 1 as one"}))
    path = f"/api/v1/tasks/{task.id}/file"
    whole = (await api.call("GET", path)).raw
    assert whole == b"one\n1\n"
    part = await api.call("GET", path, headers={"Range": "bytes=-2"})
    assert (part.status, part.raw) == (206, b"1\n")
    assert (await api.call("GET", path, headers={"Range": "bytes=6-"})).status == 416
    assert (await api.call("GET", path, headers={"Range": "bytes=0-1"}, token=await _bob(api))).status == 403


async def test_backups_are_made_and_the_oldest_go(serve: Serve, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    async with serve(sections={"tasks": TaskSettings(backup_directory=folder)}) as api:
        await _filled(api)
        async with Client(Target(api.running.url, api.admin), deadline_seconds=30) as client:
            calls = TaskCalls(client)
            made = [await _ended(calls, await calls.submit("backup", {"keep": 2})) for _ in range(3)]
        assert [task.state for task in made] == ["done"] * 3, made
        paths = [str((task.result or {})["path"]) for task in made]
        assert sorted(map(str, folder.iterdir())) == sorted(paths[1:])
        assert (made[2].result or {})["removed"] == [Path(paths[0]).name]
        assert list(api.services.settings.data.glob(".backup-*")) == []


async def test_without_a_directory_there_are_no_backups(api: Api) -> None:
    answer = await api.call("POST", "/api/v1/tasks", {"kind": "backup"})
    assert answer.status == 400
    assert "tasks.backup_directory" in answer.json["hint"]


async def _bob(api: Api) -> str:
    """Return the token of an operator."""
    user = {"name": "bob", "password": "correct horse battery", "grants": [{"role": "operator"}]}
    assert (await api.call("POST", "/api/v1/users", user)).status == 200
    login = {"user": "bob", "password": "correct horse battery"}
    return str((await api.call("POST", "/api/v1/auth/login", login, token=None)).json["access_token"])


async def _key(api: Api, token: str, name: str, *permissions: str) -> dict[str, Any]:
    request = {"name": name, "permissions": permissions, "expires_seconds": 3600}
    answer = await api.call("POST", "/api/v1/keys", request, token=token)
    assert answer.status == 200, answer.raw
    return dict(answer.json)


async def test_what_a_key_scheduled_ends_with_the_key(api: Api) -> None:
    bob = await _bob(api)
    key = await _key(api, bob, "ci", "schedules.write", "tasks.write", "tasks.read", "metrics.read")
    request = ScheduleRequest("30 2 * * *", "query", {"sql": "select 1 as one"})
    async with Client(Target(api.running.url, key["secret"]), deadline_seconds=30) as client:
        calls = ScheduleCalls(client)
        saved = await calls.save("leaked", request)
        assert (saved.owner, saved.via_key) == ("bob", key["id"])
        done = await _ended(TaskCalls(client), await calls.run("leaked"))
        assert (done.state, done.via_key) == ("done", key["id"])
        assert await _download(TaskCalls(client), done.id)
    assert (await api.call("DELETE", f"/api/v1/keys/{key['id']}", token=bob)).status in {200, 204}
    async with Client(Target(api.running.url, bob), deadline_seconds=30) as client:
        refused = await _ended(TaskCalls(client), await ScheduleCalls(client).run("leaked"))
        assert (refused.state, refused.reason) == ("failed", "not-allowed")
        assert key["id"] in refused.text


async def test_a_key_that_may_see_less_gets_no_export(api: Api) -> None:
    bob = await _bob(api)
    async with Client(Target(api.running.url, bob), deadline_seconds=30) as client:
        done = await _ended(TaskCalls(client), await TaskCalls(client).submit("query", {"sql": "select 1 as one"}))
        assert await _download(TaskCalls(client), done.id)
    for permissions in (["tasks.read"], ["tasks.read", "metrics.read"]):
        key = await _key(api, bob, "-".join(permissions), *permissions)
        async with Client(Target(api.running.url, key["secret"]), deadline_seconds=30) as client:
            with pytest.raises(PermissionDeniedError, match="bob's alone"):
                await _download(TaskCalls(client), done.id)


async def test_nobody_lets_a_schedule_do_what_it_may_not_do_itself(serve: Serve, tmp_path: Path) -> None:
    async with serve(sections={"tasks": TaskSettings(backup_directory=tmp_path / "backups")}) as api:
        bob = await _bob(api)
        async with Client(Target(api.running.url, api.admin), deadline_seconds=30) as client:
            await ScheduleCalls(client).save("saving", ScheduleRequest("30 2 * * *", "backup", enabled=False))
        async with Client(Target(api.running.url, bob), deadline_seconds=30) as client:
            calls = ScheduleCalls(client)
            with pytest.raises(PermissionDeniedError, match=r"you lack the permission system\.backup"):
                await calls.run("saving")
            with pytest.raises(PermissionDeniedError, match=r"you lack the permission system\.backup"):
                await calls.enable("saving", enabled=True)
            assert await TaskCalls(client).tasks() == []
            # To switch it off takes nothing more.
            assert not (await calls.enable("saving", enabled=False)).enabled


async def test_what_an_owner_confirmed_nobody_else_did(api: Api) -> None:
    await api.register()
    restart = {"action": "service.restart", "arguments": {"unit": "nginx.service"}, "targets": {"all": True}}
    checked = await api.call("POST", "/api/v1/commands", {**restart, "check": True})
    assert checked.status == 200, checked.raw
    request = ScheduleRequest("30 2 * * *", "command", {**restart, "confirm": checked.json["plan_sha256"]})
    bob = await _bob(api)
    async with Client(Target(api.running.url, api.admin), deadline_seconds=30) as client:
        await ScheduleCalls(client).save("restart", request)
        await ScheduleCalls(client).enable("restart", enabled=True)
    async with Client(Target(api.running.url, bob), deadline_seconds=30) as client:
        with pytest.raises(InputError, match="it needs to be confirmed"):
            await ScheduleCalls(client).run("restart")
        with pytest.raises(InputError, match="it needs to be confirmed"):
            await ScheduleCalls(client).enable("restart", enabled=True)
