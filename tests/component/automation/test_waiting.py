"""Nothing waits for ever: neither for a clock that was ahead, nor for a kind that nobody knows."""

from dataclasses import replace
from pathlib import Path

from nagare.automation.tasks.rights import owner_of
from nagare.automation.tasks.rules import GREATEST_DELAY_SECONDS
from nagare.automation.tasks.store import OpenLimits
from nagare.config.settings import RecordsSettings
from nagare.lib.clock import ManualClock
from nagare.model.task import TaskReason, TaskState
from nagare.wire.tasks import TaskRequest
from tests.support.schedule_room import START_MS, schedule_request, schedule_server
from tests.support.task_room import LOCAL, Book

DAY_MS = 86_400_000


async def test_a_retry_that_a_clock_put_off_for_a_day_comes_within_the_greatest_delay(
    tmp_path: Path, database: RecordsSettings
) -> None:
    clock = ManualClock()
    async with schedule_server(tmp_path, 1, database, clock) as (_, tasks):
        made = tasks.make(owner_of(LOCAL), TaskRequest("again"))
        far = replace(made, due_ms=START_MS + DAY_MS, made_ms=START_MS + DAY_MS)
        near = replace(made, id="1" * 32, due_ms=START_MS + 299_000)
        for task in (far, near):
            await tasks.store.add(task, OpenLimits(10))
        # Its message comes again in time, too.
        assert tasks.runner._wait_seconds(far, 0.1) == GREATEST_DELAY_SECONDS
        assert tasks.runner._wait_seconds(near, 0.1) == 299.0
        await tasks.runner._mend_waiting()
        assert (await tasks.get(far.id)).due_ms == START_MS + 300_000
        assert (await tasks.get(near.id)).due_ms == near.due_ms
        await clock.advance(300)
        assert await tasks.store.claim(far.id, "server", clock.now_ms(), clock.now_ms() + 1000) is not None


async def test_a_task_of_a_kind_that_is_gone_fails_and_says_the_way_out(
    tmp_path: Path, database: RecordsSettings
) -> None:
    clock, book = ManualClock(), Book(tmp_path)
    async with schedule_server(tmp_path, 1, database, clock, book=book) as (_, tasks):
        gone = tasks.make(owner_of(LOCAL), TaskRequest("report"))
        await tasks.store.add(gone, OpenLimits(10))
        known = await tasks.submit(LOCAL, TaskRequest("again"))
        # A server that was set back by mistake may be brought forward again.
        await clock.advance(599)
        await tasks.runner._mend_waiting()
        assert (await tasks.get(gone.id)).state is TaskState.QUEUED
        await clock.advance(1)
        await tasks.runner._mend_waiting()
        ended = await tasks.get(gone.id)
        assert (ended.state, ended.reason, ended.attempt) == (TaskState.FAILED, TaskReason.UNKNOWN_KIND, 0)
        assert ended.text == (
            "there is no kind report here: another version made it; `nagare tasks kinds` lists what there is"
        )
        assert (await tasks.get(known.id)).state is TaskState.QUEUED
        assert [event.kind for event in book.events] == ["task.failed"]
        assert tasks.counters.get("tasks_failed") == 1


async def test_an_older_server_leaves_what_it_does_not_know_to_a_newer_one(
    tmp_path: Path, database: RecordsSettings
) -> None:
    clock = ManualClock()
    async with schedule_server(tmp_path, 1, database, clock, is_alone=False) as (_, tasks):
        newer = tasks.make(owner_of(LOCAL), TaskRequest("report"))
        await tasks.store.add(newer, OpenLimits(10))
        await clock.advance(86_399)
        await tasks.runner._mend_waiting()
        assert (await tasks.get(newer.id)).state is TaskState.QUEUED
        # Nobody who knows it came.
        await clock.advance(1)
        await tasks.runner._mend_waiting()
        assert (await tasks.get(newer.id)).reason is TaskReason.UNKNOWN_KIND


async def test_a_schedule_of_a_kind_that_is_gone_makes_nothing_and_says_why(
    tmp_path: Path, database: RecordsSettings
) -> None:
    clock, book = ManualClock(), Book(tmp_path)
    async with schedule_server(tmp_path, 1, database, clock, book=book) as (schedules, tasks):
        await schedules.save(LOCAL, "each", schedule_request())
        tasks.kinds._kinds.pop("again")
        await clock.advance(60)
        await schedules.look()
        assert await tasks.newest(10) == []
        assert "there is no such kind" in (await schedules.get("each")).fault
        assert [event.kind for event in book.events] == ["schedule.fault"]
