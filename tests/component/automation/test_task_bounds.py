"""What must hold at the edges: a lease that cannot be renewed, a full stream, many that wait, an order that came late."""

import asyncio
import os
import sqlite3
import time
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nagare.automation.tasks.kinds import QUERY, Kind
from nagare.automation.workers.worker import Worker, WorkerDiedError
from nagare.bus.embedded.bus import EmbeddedBus
from nagare.bus.streams import STREAMS, Streams
from nagare.config.places import Places
from nagare.errors import LimitExceededError, RateLimitedError
from nagare.lib.clock import SystemClock
from nagare.model.principal import ADMIN_PERMISSIONS, Principal, PrincipalKind
from nagare.model.task import TaskReason, TaskState
from nagare.records.engine import Records
from nagare.wire.tasks import TaskRequest
from nagare.wire.worker import Answer, Installation, Order
from tests.support.task_kinds import KINDS, Steps
from tests.support.task_room import LOCAL, Room, room

BOB = Principal("u2", "bob", ADMIN_PERMISSIONS, kind=PrincipalKind.USER, user_id="u2")


async def test_as_many_messages_may_be_out_as_tasks_may_be_open(
    records: Records, bus: EmbeddedBus, tmp_path: Path
) -> None:
    async with room(records, bus, tmp_path, open_limit=5_000) as one:
        lanes = one.tasks.runner._lanes
    assert lanes
    for lane, consumer in lanes:
        assert consumer.spec.unacked_limit == lane.slots + 5_000


async def test_tasks_that_were_made_and_cancelled_leave_room_for_those_of_others(
    records: Records, tmp_path: Path
) -> None:
    streams = Streams([replace(spec, limit_messages=4) if spec.name == "tasks" else spec for spec in STREAMS])
    async with (
        EmbeddedBus(tmp_path / "bus.db", SystemClock(), streams=streams) as bus,
        room(records, bus, tmp_path, workers=1) as one,
    ):
        first = await one.submit(do="hang", folder=str(tmp_path))
        await one.until(first, lambda task: task.state is TaskState.RUNNING)
        for _ in range(10):
            await one.tasks.cancel(LOCAL, (await one.submit()).id)
        last = await one.submit()
        await one.tasks.cancel(LOCAL, first.id)
        assert (await one.ended(last)).state is TaskState.DONE
        assert one.tasks.counters.get("announcements_failed") == 0


async def test_a_renewal_that_hangs_ends_before_the_lease_does(
    records: Records, bus: EmbeddedBus, tmp_path: Path
) -> None:
    told: list[float] = []

    async def serve(*_: Any) -> Any:
        told.append(time.monotonic())
        try:
            await asyncio.Event().wait()
        finally:
            told.append(time.monotonic())

    waits = Kind("waits", "waits", Steps, 1, 60.0, is_repeatable=False, serve=serve)
    # Held by another program, as a disk that stands still holds it.
    with closing(sqlite3.connect(tmp_path / "records.db", isolation_level=None, check_same_thread=False)) as other:
        async with room(records, bus, tmp_path, kinds=(*KINDS, waits), lease_seconds=3.0) as one:
            await one.until(await one.submit("waits"), lambda task: task.state is TaskState.RUNNING)
            await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
            try:
                await _until_told(one, told)
            finally:
                await asyncio.to_thread(other.execute, "ROLLBACK")
    assert told[1] - told[0] < 3.0


async def _until_told(one: Room, told: list[float]) -> None:
    async with asyncio.timeout(20):
        while len(told) < 2:
            await one.tasks._clock.sleep(0.01)


async def test_an_order_that_is_over_when_it_arrives_is_not_begun(tmp_path: Path) -> None:
    async def answer(_name: str, _value: dict[str, Any]) -> Answer:
        raise AssertionError("nothing is asked")

    worker = await Worker.start(2**30)
    try:
        arguments = {"folder": str(tmp_path)}
        order = Order("t", 0, time.monotonic() + 0.001, "tests.support.task_kinds:run", arguments, Installation("/x"))
        with pytest.raises(WorkerDiedError, match="SIGKILL"):
            await worker.do(order, lambda *_: None, answer)
    finally:
        with suppress(ProcessLookupError):
            await worker.end()
    assert not await asyncio.to_thread(lambda: list(tmp_path.iterdir()))


async def test_an_export_stands_among_the_exports_and_of_one_that_failed_there_is_nothing(
    records: Records, bus: EmbeddedBus, tmp_path: Path
) -> None:
    exports = Places(tmp_path).exports
    async with room(records, bus, tmp_path, kinds=(QUERY,)) as one:
        done = await one.ended(await one.submit("query", sql="select n from t"))
        assert (done.state, (done.result or {})["rows"], (done.result or {})["bytes"]) == (TaskState.DONE, 2, 4)
        one.book.export_fault = LimitExceededError("cannot write export: it has more than 1 MiB")
        failed = await one.ended(await one.submit("query", sql="select n from t"))
        assert (failed.state, failed.reason, failed.attempt) == (TaskState.FAILED, TaskReason.ERROR, 1)
        assert "more than 1 MiB" in failed.text
    assert [path.name for path in exports.iterdir()] == [f"{done.id}.csv"]
    assert (exports / f"{done.id}.csv").stat().st_mode & 0o777 == 0o600


async def test_an_export_that_waits_for_another_is_queued_and_keeps_nobody_from_a_worker(
    records: Records, bus: EmbeddedBus, tmp_path: Path
) -> None:
    async with room(records, bus, tmp_path, kinds=(*KINDS, QUERY), workers=2) as one:
        one.book.may_export.clear()
        first, second = [await one.submit("query", sql="select n from t") for _ in range(2)]
        await one.until(first, lambda found: found.state is TaskState.RUNNING)
        for _ in range(3):
            assert (await one.ended(await one.submit())).state is TaskState.DONE
        waits = await one.tasks.get(second.id)
        assert (waits.state, waits.attempt) == (TaskState.QUEUED, 0)
        one.book.may_export.set()
        assert [(await one.ended(each)).state for each in (first, second)] == [TaskState.DONE] * 2


async def test_an_export_is_durable_under_its_name_before_it_is_said_to_be_done(
    records: Records, bus: EmbeddedBus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exports, found = Places(tmp_path).exports, list[tuple[Path, list[str]]]()
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        fsync(descriptor)
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        if exports in (path, *path.parents):
            found.append((path, [each.name for each in exports.iterdir() if each.is_file()]))

    monkeypatch.setattr(os, "fsync", watched)
    async with room(records, bus, tmp_path, kinds=(QUERY,)) as one:
        done = await one.ended(await one.submit("query", sql="select n from t"))
    name = f"{done.id}.csv"
    assert [(path.name, names) for path, names in found] == [(name, []), (exports.name, [name])]


@pytest.mark.parametrize("do", ["burst", "repeat"])
async def test_one_burst_of_memory_is_refused_by_the_kernel_before_anybody_looks(
    records: Records, bus: EmbeddedBus, tmp_path: Path, do: str
) -> None:
    async with room(records, bus, tmp_path, memory_limit_bytes=128 * 2**20) as one:
        failed = await one.ended(await one.submit(do=do))
        assert (failed.state, failed.reason, failed.attempt) == (TaskState.FAILED, TaskReason.MEMORY, 1)
        assert failed.text == "it ran out of memory (limit 134217728 bytes, tasks.memory_limit_bytes)"
        # Its process goes on.
        assert (await one.ended(await one.submit())).state is TaskState.DONE
        assert one.tasks.counters.get("workers_started") == 1


async def test_a_bound_of_duckdb_is_named_and_is_no_bug_of_ours(one: Room) -> None:
    failed = await one.ended(await one.submit(do="crowd"))
    assert (failed.state, failed.reason) == (TaskState.FAILED, TaskReason.MEMORY)
    assert failed.text == "it ran out of memory (query.memory_limit_bytes)"


async def test_who_asks_for_one_gets_his_turn_beside_who_asks_for_many(
    records: Records, bus: EmbeddedBus, tmp_path: Path
) -> None:
    async with room(records, bus, tmp_path, workers=1) as one:
        held = await one.submit(do="hang", folder=str(tmp_path))
        await one.until(held, lambda task: task.state is TaskState.RUNNING)
        many = [await one.submit(name=f"a{number}", folder=str(tmp_path)) for number in range(6)]
        few = await one.tasks.submit(BOB, TaskRequest("again", {"name": "b", "folder": str(tmp_path)}))
        await one.tasks.cancel(LOCAL, held.id)
        ended = [await one.ended(task) for task in [*many, few]]
        assert {task.state for task in ended} == {TaskState.DONE}
        began = sorted(ended, key=lambda task: task.started_ms or 0)
        assert [task.attempt for task in ended] == [1] * 7
        assert few.id in [task.id for task in began[:2]]


async def test_nobody_fills_the_queue_alone(records: Records, bus: EmbeddedBus, tmp_path: Path) -> None:
    async with room(records, bus, tmp_path, workers=0, owner_open_limit=3, open_limit=5) as one:
        first, *_ = [await one.submit() for _ in range(3)]
        with pytest.raises(RateLimitedError, match=r"3 of local have not ended \(tasks.owner_open_limit\)") as refused:
            await one.submit()
        assert refused.value.retry_after_seconds > 0
        await one.tasks.submit(BOB, TaskRequest("again"))
        await one.tasks.cancel(LOCAL, first.id)
        # The same key is the same task, full or not.
        kept = await one.submit(key="k")
        assert await one.submit(key="k") == kept
        assert one.tasks.counters.get("tasks_refused") == 1
        await one.tasks.submit(BOB, TaskRequest("again"))
        with pytest.raises(LimitExceededError, match="5 have not ended"):
            await one.tasks.submit(BOB, TaskRequest("again"))
