"""Jobs that leave the records: no answer changes by it, whatever the order of moves, repeats, merges, kills and restarts."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select

from nagare.commands.aging import LOST_TIMES, Aging, Found
from nagare.commands.heads import Heads
from nagare.commands.schema import moved_jobs
from nagare.commands.store import CommandStore, Kept
from nagare.errors import NotFoundError
from nagare.lib.clock import ManualClock
from nagare.metrics.observe import HISTORY_STEPS
from nagare.metrics.store import MetricStore
from nagare.model.command.job import Command
from nagare.model.command.result import CommandResult, Reason
from nagare.model.command.states import CommandState
from nagare.records.engine import Records
from nagare.wire.sql import SqlRequest
from tests.support import warm
from tests.support.aged_jobs import DAY_MS, HISTORY_SECONDS, Shelf, add_ended, aged, aging_of, everything, many
from tests.support.command_jobs import NOW_MS
from tests.support.metric_store import files, make_store, rows

S = CommandState
ROOT = Path(__file__).parents[3]


class Store(CommandStore):
    """Whose command ``late`` ends just before its job is removed, and whose jobs move in the midst of a read."""

    late: Command | None = None
    # Moves jobs just before it is read what commands wrote.
    moving: Aging | None = None

    async def load_heads(self, command_ids: Sequence[str]) -> dict[str, Heads | None]:
        """Return what they wrote."""
        moving, self.moving = self.moving, None
        if moving is not None:
            await moving.move()
        return await super().load_heads(command_ids)

    async def forget_moved(self, moved: Sequence[Kept]) -> int:
        """Remove them."""
        if self.late is not None:
            result = CommandResult(S.DONE, Reason.EXIT, exit_code=7, started_ms=1, ended_ms=2)
            assert await self.end(self.late, S.DONE, result, moved[0].job.made_ms + 217 * DAY_MS) is not None
            self.late = None
        return await super().forget_moved(moved)


@dataclass
class World:
    """Records and metrics of one folder, and what moves jobs from the one to the other."""

    store: Store
    metrics: MetricStore
    aging: Aging
    clock: ManualClock
    shelf: Shelf


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    clock = ManualClock(NOW_MS)
    async with Records(tmp_path / "records.db") as records, make_store(tmp_path, clock=clock) as metrics:
        store = Store(records)
        shelf = Shelf(metrics)
        yield World(store, metrics, aging_of(store, metrics, clock, shelf), clock, shelf)


async def _moved_times(world: World) -> list[int]:
    """Return when the jobs were made that are known to have moved."""
    query = select(moved_jobs.c.made_ms).order_by(moved_jobs.c.made_ms)
    return list(await world.store._records.read(lambda connection: connection.execute(query).scalars().all()))


async def test_no_answer_changes_when_jobs_move(world: World, tmp_path: Path) -> None:
    kept = many(1, 12)
    for job in kept:
        await add_ended(world.store, job, b"\x1b[2J" + b"x" * 5000)
    before, counted = (
        await everything(world.metrics),
        "SELECT state, count(*), sum(exit_code) FROM commands GROUP BY 1 ORDER BY 1",
    )
    states = await rows(world.metrics, counted)
    old = [job for job in kept if job.job.made_ms < NOW_MS - 30 * DAY_MS]
    assert await world.aging.move() == len(old) > 0
    assert await everything(world.metrics) == before
    assert await rows(world.metrics, counted) == states
    assert len(before) == sum(len(job.commands) for job in kept)
    assert [await world.store.find(job.job.id) for job in old] == [None] * len(old)
    # One block a day, which the rollups and the age of raw rows do not concern.
    days = {job.job.made_ms // DAY_MS for job in old}
    assert len(files(tmp_path, "metrics/commands/*/*.parquet")) == len(days)
    await world.metrics.keep_house()
    assert await everything(world.metrics) == before
    assert await world.aging.move() == 0


async def test_a_job_that_moved_is_found_with_all_that_is_left_of_it(world: World) -> None:
    job = aged(40, S.DONE, S.FAILED, secrets=("token",), why="ümlaut")
    await add_ended(world.store, job, b"a" * 3000)
    as_kept = await world.store.find(job.job.id)
    assert as_kept is not None
    assert await world.aging.find(job.job.id) == Found(as_kept)
    await world.aging.move()
    found = await world.aging.find(job.job.id)
    assert found is not None
    assert found.kept == as_kept
    streams = await world.aging.load_streams(found)
    assert world.shelf.looks == 1
    # As who saw it in the records, and asks for its output when it has moved.
    assert await world.aging.load_streams(Found(as_kept)) == streams
    (stdout, _) = streams[job.commands[0].id]
    assert (stdout.head, stdout.total_bytes, stdout.dropped_bytes) == (b"a" * 2000, 3000, 1000)
    assert list(streams) == [job.commands[0].id]


async def test_a_history_that_was_dropped_says_so(world: World, tmp_path: Path) -> None:
    job, other = aged(40, S.FAILED), aged(31, S.FAILED)
    for each in (job, other):
        await add_ended(world.store, each)
    await world.aging.move()
    await world.clock.advance(5 * 365 * 86_400.0 - 35 * 86_400)
    await world.metrics.keep_house()
    assert [row[0] for row in await rows(world.metrics, "SELECT job FROM commands")] == [other.job.id]
    with pytest.raises(NotFoundError, match="its history is gone"):
        await world.aging.find(job.job.id, tells_dropped=True)
    assert await world.aging.find(job.job.id) is None
    assert await world.aging.find("0" * 32, tells_dropped=True) is None
    assert len(files(tmp_path, "metrics/commands/*/*.parquet")) == 1


async def test_of_a_history_that_was_dropped_long_ago_nothing_is_known(world: World) -> None:
    for days in (40, 31):
        await add_ended(world.store, aged(days, S.FAILED))
    young = aged(1, S.FAILED)
    await add_ended(world.store, young)
    assert await world.aging.move() == 2
    times = [NOW_MS - days * DAY_MS for days in (40, 31)]
    await world.clock.advance(HISTORY_SECONDS)
    assert await world.aging.move() == 1
    assert await _moved_times(world) == sorted([*times, young.job.made_ms])
    # The older of the two is past twice the age of the history and a day, the other is not.
    await world.clock.advance(HISTORY_SECONDS - 35 * 86_400.0)
    assert await world.aging.move() == 0
    assert await _moved_times(world) == [times[1], young.job.made_ms]


async def test_what_moves_while_its_output_is_read_is_shown_with_it(world: World) -> None:
    for days in (40, 31, 1):
        await add_ended(world.store, aged(days, S.DONE, S.FAILED))
    before = await everything(world.metrics)
    world.store.moving = world.aging
    assert await everything(world.metrics) == before
    assert len(await _moved_times(world)) == 2
    assert await rows(world.metrics, "SELECT count(*), count(stdout) FROM commands") == [[6, 3]]


async def test_a_lost_command_keeps_its_job_and_the_truth_takes_its_place(world: World) -> None:
    job = aged(31, S.LOST, S.DONE)
    await add_ended(world.store, job)
    assert await world.aging.move() == 0
    await world.clock.advance(LOST_TIMES * 31 * 86_400.0)
    # It comes back in the very moment in which its job moves.
    world.store.late = job.commands[0]
    assert await world.aging.move() == 0
    codes = "SELECT state, exit_code FROM commands ORDER BY position"
    assert await rows(world.metrics, codes) == [["done", 7], ["done", 0]]
    await world.clock.advance(31 * 86_400.0)
    assert await world.aging.move() == 1
    assert await rows(world.metrics, codes) == [["done", 7], ["done", 0]]


async def test_a_limited_caller_sees_its_own_hosts_in_both_places(world: World) -> None:
    for days in (40, 1):
        await add_ended(world.store, aged(days, S.DONE, S.FAILED, S.FAILED))
    await world.aging.move()
    request = SqlRequest("SELECT host, count(*) FROM commands GROUP BY 1 ORDER BY 1")
    assert (await world.metrics.query(request, hosts=frozenset({"h1", "x"}))).rows == [["h1", 2]]
    assert (await world.metrics.query(request)).rows == [["h0", 2], ["h1", 2], ["h2", 2]]


async def test_only_blocks_of_the_days_that_are_asked_for_are_read(world: World) -> None:
    for days in (31, 40, 50, 60):
        await add_ended(world.store, aged(days, S.FAILED))
    await world.aging.move()
    since = "2025-08-29"  # 42 days before
    plan = await rows(world.metrics, f"EXPLAIN SELECT count(*) FROM commands WHERE ts >= '{since}'")
    assert "commands 2 of 4" in plan[0][1]
    assert await rows(world.metrics, f"SELECT count(*) FROM commands WHERE ts >= '{since}'") == [[2]]


async def test_more_than_one_look_can_show_moves_however_young(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nagare.commands.aging._CROWD", 4)
    for days in (1, 2, 3):
        await add_ended(world.store, aged(days))
    assert await world.aging.move() == 1
    assert len(await everything(world.metrics)) == 12


@pytest.mark.parametrize("step", [*HISTORY_STEPS, "before_removal", "after_removal"])
def test_killed_at_a_step_nothing_is_lost_and_nothing_is_there_twice(step: str, tmp_path: Path) -> None:
    kept = many(7, 10)

    async def fill() -> list[list[object]]:
        async with Records(tmp_path / "records.db") as records, make_store(tmp_path) as metrics:
            store = CommandStore(records)
            aging_of(store, metrics, ManualClock(NOW_MS))
            for job in kept:
                await add_ended(store, job)
            return await everything(metrics)

    async def look(*, moves: bool) -> list[list[object]]:
        clock = ManualClock(NOW_MS)
        async with Records(tmp_path / "records.db") as records, make_store(tmp_path, clock=clock) as metrics:
            aging = aging_of(CommandStore(records), metrics, clock)
            if moves:
                await aging.move()
                assert await aging.move() == 0
            assert metrics.status().damages == []
            return await everything(metrics)

    whole = asyncio.run(fill())
    child = warm.run(
        [sys.executable, "-m", "tests.support.crash_aging", str(tmp_path), step, "1"],
        check=False, cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert child.returncode == -signal.SIGKILL, child.stderr
    assert asyncio.run(look(moves=False)) == whole
    assert asyncio.run(look(moves=True)) == whole
