"""Tasks and schedules as people use them: a real server, real workers, the command line; and a kill in the middle."""

import json
from pathlib import Path
from typing import Any

from tests.support import warm
from tests.support.processes import RunningServer, child_environment, nagare_argv, serving, wait_until


def nagare(data: Path, *arguments: str | Path, status: int = 0) -> tuple[str, str]:
    """Return what a command wrote on both streams."""
    ended = warm.run(
        nagare_argv("--data", data, *arguments), capture_output=True, check=False, timeout=120, env=child_environment()
    )
    assert ended.returncode == status, (arguments, ended.stdout, ended.stderr)
    return ended.stdout.decode(), ended.stderr.decode()


def _list(data: Path, *arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(nagare(data, *arguments, "-o", "json")[0])
    return found


def test_tasks_and_schedules_from_a_terminal(running_server: RunningServer, tmp_path: Path) -> None:
    data = running_server.data
    out, said = nagare(data, "tasks", "run", "verify", "-o", "json")
    verified = json.loads(out)
    assert (verified["state"], verified["result"]["bad"]) == ("done", 0)
    assert "(verify) is done" in said
    out, _ = nagare(
        data, "tasks", "run", "query", "sql=select kind, state from tasks order by ts desc", "format=csv", "-o", "json"
    )
    export = json.loads(out)
    nagare(data, "tasks", "download", export["id"][:8], tmp_path / "tasks.csv")
    assert (tmp_path / "tasks.csv").read_text().splitlines()[:2] == ["kind,state", "query,running"]
    assert [task["kind"] for task in _list(data, "tasks", "list", "--state", "done")] == ["query", "verify"]
    assert "result: bad" in nagare(data, "tasks", "show", verified["id"][:8], "-o", "table")[0]
    assert "nagare: cannot make task" in nagare(data, "tasks", "run", "verfy", status=5)[1]
    assert "arguments" in nagare(data, "tasks", "run", "verify", "x=1", status=2)[1]
    assert "is done" in nagare(data, "tasks", "cancel", verified["id"], status=7)[1]
    _schedule_from_a_terminal(data)
    audited = {entry["action"] for entry in _list(data, "audit", "list")}
    assert {"tasks.submit", "tasks.cancel", "schedules.save", "schedules.switch", "schedules.remove"} <= audited


def _schedule_from_a_terminal(data: Path) -> None:
    add = ("schedules", "add", "nightly", "--cron", "30 2 * * *", "--zone", "Europe/Berlin", "--kind", "verify")
    assert "next 20" in nagare(data, *add)[1]
    assert "it is there already" in nagare(data, *add, status=7)[1]
    nagare(data, "schedules", "edit", "nightly", "--missed", "run-once", "--text", "every night")
    (schedule,) = _list(data, "schedules", "list")
    assert (schedule["missed"], schedule["zone"], schedule["text"]) == ("run-once", "Europe/Berlin", "every night")
    stale = ("schedules", "edit", "nightly", "--text", "mine", "--revision", str(schedule["revision"] - 1))
    assert "it was changed since it was read" in nagare(data, *stale, status=7)[1]
    assert len(_list(data, "schedules", "next", "nightly")) == 5
    assert "is done" in nagare(data, "schedules", "run", "nightly")[1]
    assert [task["kind"] for task in _list(data, "tasks", "list", "--schedule", "nightly")] == ["verify"]
    nagare(data, "schedules", "disable", "nightly")
    assert _list(data, "schedules", "next", "nightly") == []
    nagare(data, "schedules", "remove", "nightly")
    assert _list(data, "schedules", "list") == []


def test_a_task_outlasts_a_killed_server(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with serving(data, environment=child_environment(NAGARE_TASKS__WORKERS="0")) as server:
        waiting = server.request("/api/v1/tasks", {"kind": "verify"})
        server.process.kill()
    with serving(data) as server:

        def ended() -> bool:
            return bool(server.request(f"/api/v1/tasks/{waiting['id']}")["state"] == "done")

        wait_until(ended, "a task that waited is done after the kill", server.process)


def test_a_restored_installation_claims_nothing_that_may_have_been_done(tmp_path: Path) -> None:
    data, restored = tmp_path / "data", tmp_path / "restored"
    with serving(data, environment=child_environment(NAGARE_TASKS__WORKERS="0")) as server:
        waiting = server.request("/api/v1/tasks", {"kind": "verify"})
        nagare(data, "backup", tmp_path / "a.tar")
    assert "these are lost: 1" in nagare(restored, "restore", tmp_path / "a.tar")[1]
    with serving(restored) as server:
        found = server.request(f"/api/v1/tasks/{waiting['id']}")
        assert (found["state"], found["reason"]) == ("lost", "restored")
        # It works on with what is new.
        assert json.loads(nagare(restored, "tasks", "run", "verify", "-o", "json")[0])["state"] == "done"
