"""What an agent alone knows of its gaps is on disk before its batch is answered, or the batch is refused for now."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from nagare.errors import OverloadedError
from nagare.fleet.gaps import service
from nagare.fleet.gaps.seen import Seen
from nagare.fleet.gaps.service import Gaps
from nagare.fleet.gaps.store import GapStore
from nagare.fleet.gaps.timeline import Tick
from nagare.lib.clock import ManualClock
from nagare.lib.tasks import TaskSupervisor
from nagare.model.gap import GapKind
from nagare.model.host import Host, HostState
from nagare.records.engine import Records
from tests.support.migrated import place_records

HOST = Host("h1", "web1", "m1", datetime(2026, 1, 1, tzinfo=UTC), None, 5.0, "0.1.0")
GIVEN_UP = Seen(None, None, given_up=((2_000, 90_000),))


async def _no_ticks(_host: str, _since_ms: int) -> Sequence[int]:
    return []


def _gaps(records: Records, clock: ManualClock) -> Gaps:
    return Gaps(records, _no_ticks, clock, lambda: ["h1"])


def _tick(at_ms: int, boot: str, *, is_all: bool = False) -> Seen:
    tick = Tick(at_ms, boot, at_ms // 1000)
    return Seen(tick, tick, is_all=is_all)


@pytest.fixture
def records(tmp_path: Path) -> Records:
    path = tmp_path / "records.db"
    place_records(path)
    return Records(path)


async def test_what_was_told_is_kept_and_judged_by_a_later_start(records: Records) -> None:
    clock = ManualClock()
    async with records, TaskSupervisor(clock=clock) as tasks:
        gaps = _gaps(records, clock)
        await gaps.__aenter__()
        tasks.supervise("gaps", gaps.run)
        for seen in (_tick(1_000, "a"), _tick(100_000, "b")):
            gaps.note(HOST, seen)
        await gaps.keep(HOST, GIVEN_UP)
        # Nothing of it is saved when the object is left as a crash leaves it.
        async with _gaps(records, clock) as later:
            assert [gap.kind for gap in later.of(HOST, HostState.UP)] == [GapKind.LATE]
            later.note(HOST, _tick(101_000, "b", is_all=True))
            await later.take()
            assert [gap.kind for gap in later.of(HOST, HostState.UP)] == [GapKind.DROPPED]


async def test_of_a_host_that_nothing_else_is_known_of_it_is_kept_too(records: Records) -> None:
    clock = ManualClock()
    async with records, TaskSupervisor(clock=clock) as tasks:
        async with _gaps(records, clock) as gaps:
            tasks.supervise("gaps", gaps.run)
            await asyncio.gather(*(gaps.keep(HOST, GIVEN_UP) for _ in range(3)))
            lines = await GapStore(records).load()
        assert (lines["h1"].last, lines["h1"].given_up) == (None, [(2_000, 90_000)])


async def test_what_the_disk_does_not_take_is_refused_for_now_and_kept_when_it_comes_again(records: Records) -> None:
    clock = ManualClock()
    async with records, TaskSupervisor(clock=clock) as tasks, _gaps(records, clock) as gaps:
        tasks.supervise("gaps", gaps.run)
        await records.write(lambda connection: connection.execute(text("ALTER TABLE timelines RENAME TO away")))
        with pytest.raises(OverloadedError, match="cannot keep what an agent says of gaps") as refused:
            await gaps.keep(HOST, GIVEN_UP)
        assert refused.value.retry_after_seconds
        await records.write(lambda connection: connection.execute(text("ALTER TABLE away RENAME TO timelines")))
        await gaps.keep(HOST, GIVEN_UP)
        assert (await GapStore(records).load())["h1"].given_up == [(2_000, 90_000)]


async def test_whom_a_crowd_pushes_out_is_told_to_come_again(records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_INBOX", 2)
    async with records, _gaps(records, ManualClock()) as gaps, asyncio.TaskGroup() as waits:
        waiting = waits.create_task(_refused(gaps))
        await asyncio.sleep(0)
        gaps.note(HOST, _tick(1_000, "a"))
        gaps.note(HOST, _tick(2_000, "a"))
        assert "too much waits" in await waiting


async def test_nobody_waits_for_a_host_that_is_removed(records: Records) -> None:
    async with records, _gaps(records, ManualClock()) as gaps, asyncio.TaskGroup() as waits:
        waiting = waits.create_task(gaps.keep(HOST, GIVEN_UP))
        await asyncio.sleep(0)
        await gaps.forget("h1")
        await waiting


async def _refused(gaps: Gaps) -> str:
    with pytest.raises(OverloadedError) as refused:
        await gaps.keep(HOST, GIVEN_UP)
    return refused.value.message
