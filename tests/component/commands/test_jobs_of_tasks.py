"""A task of the kind ``command`` and its job: which of them ends what, and what it costs to follow."""

from contextlib import aclosing
from typing import Any

from nagare.client.client import Client
from nagare.client.target import Target
from nagare.client.tasks import TaskCalls
from nagare.model.command.result import Reason
from nagare.model.command.states import CommandState
from nagare.wire.commands import Cancel, ResultAck
from nagare.wire.tasks import TaskLine, TaskView
from tests.component.commands.conftest import Asker
from tests.component.server.conftest import Api
from tests.support.command_agent import scripted_host

UPTIME: dict[str, Any] = {"action": "host.uptime", "targets": {"hosts": ["web1"]}}


async def _until(calls: TaskCalls, task: TaskView, *states: str) -> TaskView:
    """Return a task when it is in one of ``states``."""
    async with aclosing(calls.follow(task.id)) as lines:
        async for line in lines:
            if isinstance(line, TaskLine) and line.task.state in states:
                return line.task
    raise AssertionError(f"it never was {states}")


async def test_a_cancelled_task_ends_its_job_on_the_hosts_also_between_two_attempts(api: Api, asker: Asker) -> None:
    host = await scripted_host(api, "web1")
    commands = api.services.commands
    async with host.connected() as agent, Client(Target(api.running.url, api.admin), deadline_seconds=30) as client:
        calls = TaskCalls(client)
        task = await calls.submit("command", UPTIME)
        envelope = await agent.dispatched()
        await agent.begin(envelope)
        waiting = task
        # Twice: the first time it is taken up again at once.
        for attempt in (1, 2):
            while (await calls.task(task.id)).attempt < attempt or not commands.count_followers():
                await agent.heard()
            commands._feeds.end_all("server is stopping")
            waiting = await _until(calls, task, "queued")
        assert (waiting.reason, waiting.text) == (
            "server-stopped",
            f"cannot follow job {task.id}: the server is stopping",
        )
        assert (await asker.get(task.id))["counts"] == {"started": 1}
        # At once where it waits still; where the next attempt has begun by now, that ends.
        await calls.cancel(task.id)
        await _until(calls, task, "cancelled")
        assert (await agent.next(Cancel)).id == envelope.id
        await agent.end(envelope, CommandState.CANCELLED, reason=Reason.CANCELLED)
        await agent.next(ResultAck)
        assert (await asker.get(task.id))["counts"] == {"cancelled": 1}


async def test_a_task_tells_how_far_its_job_is(api: Api) -> None:
    host = await scripted_host(api, "web1")
    async with host.connected() as agent, Client(Target(api.running.url, api.admin), deadline_seconds=30) as client:
        calls = TaskCalls(client)
        task = await calls.submit("command", UPTIME)
        envelope = await agent.dispatched()
        async with aclosing(calls.follow(task.id)) as lines:
            async for line in lines:
                if isinstance(line, TaskLine) and line.task.progress_text.startswith(f"job {task.id}: 1 "):
                    assert line.task.progress_ratio == 0.0
                    break
        await agent.begin(envelope)
        await agent.end(envelope)
        await agent.next(ResultAck)
        done = await _until(calls, task, "done")
        assert done.result == {"job": task.id, "state": "done", "counts": {"done": 1}}
