"""Kinds that the server does itself: no task of theirs is said to be over while what it waited for goes on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from nagare.automation.tasks.kinds import Kind
from nagare.automation.tasks.rights import owner_of
from nagare.automation.tasks.store import OpenLimits
from nagare.bus.embedded.bus import EmbeddedBus
from nagare.errors import InputError, NotReadyError, StorageError, UnavailableError
from nagare.lib.clock import SystemClock
from nagare.model.principal import Rights
from nagare.model.task import Task, TaskReason, TaskState
from nagare.records.engine import Records
from nagare.wire.tasks import TaskRequest
from nagare.wire.worker import Finished
from tests.support.task_kinds import Steps
from tests.support.task_room import LOCAL, Room, room


@dataclass
class Job:
    """What tasks wait for: ``faults`` come one an attempt, then it goes on until somebody ends it."""

    faults: list[Exception] = field(default_factory=list)
    stop_faults: list[Exception] = field(default_factory=list)
    is_going_on: bool = False
    stopped_by: list[str] = field(default_factory=list)
    is_done: bool = False

    async def serve(self, _book: Any, _principal: Any, _task: Task, _arguments: Any, report: Any) -> Finished:
        self.is_going_on = not self.is_done
        report(None, "goes on")
        if self.faults:
            raise self.faults.pop(0)
        if self.is_going_on:
            await asyncio.Event().wait()
        return Finished({})

    async def stop(self, _book: Any, task: Task) -> None:
        if self.stop_faults:
            raise self.stop_faults.pop(0)
        self.is_going_on = False
        self.stopped_by.append(task.cancelled_by)

    def kind(self, **more: Any) -> Kind:
        """Return the kind of tasks that wait for it."""
        made = Kind("job", "waits", Steps, attempts=5, deadline_seconds=60, is_repeatable=True)
        return replace(made, serve=self.serve, stop=self.stop, **more)


@dataclass
class World:
    """One installation whose server comes and goes."""

    records: Records
    bus: EmbeddedBus
    folder: Path
    job: Job = field(default_factory=Job)

    @asynccontextmanager
    async def server(self, **more: Any) -> AsyncIterator[Room]:
        async with room(self.records, self.bus, self.folder, kinds=(self.job.kind(**more),)) as running:
            yield running


@pytest.fixture
def world(records: Records, bus: EmbeddedBus, tmp_path: Path) -> World:
    return World(records, bus, tmp_path)


def _goes_on(task: Task) -> bool:
    return task.progress_text == "goes on"


def _waits_again(task: Task) -> bool:
    return task.state is TaskState.QUEUED and task.attempt > 0


async def test_cancelled_while_it_runs(world: World) -> None:
    async with world.server() as one:
        task = await one.until(await one.submit("job"), _goes_on)
        await one.tasks.cancel(LOCAL, task.id)
        ended = await one.ended(task)
    assert (ended.state, world.job.stopped_by) == (TaskState.CANCELLED, ["local"])


@pytest.mark.parametrize("fault", [UnavailableError("away"), StorageError("full")])
async def test_cancelled_between_two_attempts(world: World, fault: Exception) -> None:
    world.job.faults = [fault]
    async with world.server() as one:
        task = await one.until(await one.submit("job"), _waits_again)
        assert (task.reason, world.job.is_going_on) == (TaskReason.ERROR, True)
        assert (await one.tasks.cancel(LOCAL, task.id)).state is TaskState.CANCELLED
    assert (world.job.is_going_on, world.job.stopped_by) == (False, ["local"])


async def test_what_cannot_be_ended_is_not_said_to_be(world: World) -> None:
    world.job.faults, world.job.stop_faults = [UnavailableError("away")], [StorageError("full")]
    async with world.server() as one:
        task = await one.until(await one.submit("job"), _waits_again)
        with pytest.raises(StorageError):
            await one.tasks.cancel(LOCAL, task.id)
        assert (await one.tasks.get(task.id)).state is not TaskState.CANCELLED


async def test_cancelled_before_the_server_died(world: World) -> None:
    async with world.server() as one:
        # Nobody runs it here: another server did, and is gone.
        task = one.tasks.make(owner_of(LOCAL), TaskRequest("job"))
        await one.tasks.store.add(task, OpenLimits(10))
        now_ms = SystemClock().now_ms()
        assert await one.tasks.store.claim(task.id, "server-gone", now_ms + 1, now_ms + 60_000)
        assert (await one.tasks.cancel(LOCAL, task.id)).state is TaskState.RUNNING
        world.job.stop_faults = [StorageError("full")]
        await one.tasks.runner.take_over(is_alone=True)
        found = await one.tasks.get(task.id)
        assert (found.state, found.cancelled_by) == (TaskState.QUEUED, "local")
        # The next attempt begins nothing, and ends what goes on.
        ended = await one.ended(found)
    assert (ended.state, ended.text, world.job.stopped_by) == (TaskState.CANCELLED, "cancelled by local", ["local"])


async def test_a_task_that_fails_leaves_nothing_behind(world: World) -> None:
    world.job.faults = [InputError("wrong")]
    async with world.server() as one:
        failed = await one.ended(await one.submit("job"))
        assert (failed.state, failed.text, world.job.is_going_on) == (TaskState.FAILED, "wrong", False)
        one.book.rights = Rights(frozenset(), {})
        failed = await one.ended(await one.submit("job"))
        assert (failed.reason, len(world.job.stopped_by)) == (TaskReason.NOT_ALLOWED, 2)


async def test_time_that_is_over_ends_what_it_waited_for(world: World) -> None:
    async with world.server(deadline_seconds=0.1) as one:
        failed = await one.ended(await one.submit("job"))
    assert (failed.reason, world.job.is_going_on) == (TaskReason.DEADLINE, False)


async def test_a_server_that_stops_ends_nothing(world: World) -> None:
    world.job.faults = [NotReadyError("stopping")]
    async with world.server() as one:
        task = await one.until(await one.submit("job"), lambda task: task.attempt == 2 and _goes_on(task))
    assert (world.job.is_going_on, world.job.stopped_by) == (True, [])
    found = await one.tasks.store.find(task.id)
    assert found is not None
    assert (found.state, found.reason) == (TaskState.QUEUED, TaskReason.SERVER_STOPPED)
    world.job.is_done = True
    async with world.server() as one:
        assert (await one.ended(task)).state is TaskState.DONE
