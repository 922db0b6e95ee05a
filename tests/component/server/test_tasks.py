"""Tasks over HTTP and by the typed client: asked for, followed to their end, refused, on record."""

from contextlib import aclosing
from typing import Any

import pytest

from nagare.client.client import Client
from nagare.client.target import Target
from nagare.client.tasks import TaskCalls
from nagare.errors import ConflictError, InputError, NotFoundError
from nagare.wire.codec import decode
from nagare.wire.tasks import TaskLine, TaskView
from tests.component.server.conftest import Api

COMMAND = {"action": "host.uptime", "targets": {"all": True}}


async def _ended(calls: TaskCalls, task: TaskView) -> TaskView:
    async with aclosing(calls.follow(task.id)) as lines:
        async for line in lines:
            if isinstance(line, TaskLine):
                task = line.task
    return task


async def test_verify_reads_everything_and_says_so(api: Api) -> None:
    token = await api.register()
    await api.call("POST", "/api/v1/metrics/batch", api.batch(), token=token)
    async with Client(Target(api.running.url, api.admin), deadline_seconds=30) as client:
        calls = TaskCalls(client)
        task = await _ended(calls, await calls.submit("verify", {}, "k1"))
        assert (task.state, task.text) == ("done", "")
        assert task.result is not None
        assert task.result["bad"] == 0
        assert task.result["segments"] >= 1
        assert [found.id for found in await calls.tasks(state="done,failed")] == [task.id]
        assert (await calls.submit("verify", {}, "k1")).id == task.id
        with pytest.raises(ConflictError):
            await calls.cancel(task.id)
        with pytest.raises(NotFoundError):
            await calls.task("0" * 32)
        with pytest.raises(InputError):
            await calls.tasks(state="dnoe")
    assert await api.sql("select kind, state, owner from tasks") == [["verify", "done", "local"]]
    text = (await api.call("GET", "/metrics")).raw.decode()
    assert 'nagare_tasks{state="done"} 1.0' in text
    entries = (await api.call("GET", "/api/v1/audit?action=tasks.submit")).json["entries"]
    assert len(entries) == 2


async def test_what_a_task_found_is_followed_after_its_end(api: Api) -> None:
    made = (await api.call("POST", "/api/v1/tasks", {"kind": "verify"})).json
    for _ in range(2):
        answer = await api.call("GET", f"/api/v1/tasks/{made['id']}/follow")
        assert answer.headers["Content-Type"] == "application/x-ndjson"
        last: Any = decode(answer.raw.splitlines()[-1], TaskLine)
        assert last.is_end
        assert last.task.state == "done"


async def test_kinds_say_what_they_take(api: Api) -> None:
    kinds = {kind["name"]: kind for kind in (await api.call("GET", "/api/v1/tasks/kinds")).json["kinds"]}
    assert kinds.keys() >= {"verify", "command"}
    assert kinds["command"]["is_repeatable"]


@pytest.mark.parametrize(
    ("request_", "status", "pointer"),
    [
        ({"kind": "nonsense"}, 404, None),
        ({"kind": "verify", "arguments": {"x": 1}}, 400, "#/arguments"),
        ({"kind": "command", "arguments": {"action": "host.uptime"}}, 400, "#/arguments"),
        ({"kind": "command", "arguments": {**COMMAND, "action": "no.such"}}, 404, None),
    ],
)
async def test_what_cannot_be_is_refused_at_once(
    api: Api, request_: dict[str, Any], status: int, pointer: str | None
) -> None:
    answer = await api.call("POST", "/api/v1/tasks", request_)
    assert answer.status == status, answer.raw
    if pointer:
        assert answer.json["errors"][0]["pointer"].startswith(pointer)
    assert (await api.call("GET", "/api/v1/tasks")).json["tasks"] == []


async def test_a_command_that_no_host_can_take_fails_with_its_cause(api: Api) -> None:
    await api.register()
    made = (await api.call("POST", "/api/v1/tasks", {"kind": "command", "arguments": COMMAND})).json
    answer = await api.call("GET", f"/api/v1/tasks/{made['id']}/follow")
    last: Any = decode(answer.raw.splitlines()[-1], TaskLine)
    assert (last.task.state, last.task.reason) == ("failed", "error")
    assert "takes commands" in last.task.text
