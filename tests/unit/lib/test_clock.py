import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.lib.clock import Clock, ManualClock, SystemClock
from nagare.lib.tasks import TaskSupervisor


async def _sleep_and_note(clock: Clock, seconds: float, woken: list[float]) -> None:
    await clock.sleep(seconds)
    woken.append(clock.monotonic())


async def test_sleepers_wake_at_their_own_moments_in_order() -> None:
    clock, woken = ManualClock(), list[float]()
    async with TaskSupervisor() as tasks:
        for seconds in (3.0, 1.0, 2.0, 9.0):
            tasks.start("sleeper", _sleep_and_note(clock, seconds, woken))
        await asyncio.sleep(0)
        await clock.advance(5)
        assert woken == [1.0, 2.0, 3.0]
        await clock.advance(4)
        assert woken == [1.0, 2.0, 3.0, 9.0]


async def test_one_advance_wakes_a_sleeper_as_often_as_it_sleeps() -> None:
    clock, woken = ManualClock(), list[float]()

    async def tick() -> None:
        while True:
            await clock.sleep(5)
            woken.append(clock.monotonic())

    async with TaskSupervisor() as tasks:
        tasks.start("ticker", tick())
        await asyncio.sleep(0)
        await clock.advance(17)
    assert woken == [5.0, 10.0, 15.0]


async def test_a_cancelled_sleeper_hurts_nobody() -> None:
    clock = ManualClock()
    async with TaskSupervisor() as tasks:
        task = tasks.start("sleeper", clock.sleep(1))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0)
        await clock.advance(2)
    assert clock.monotonic() == 2


async def test_no_sleep_still_lets_others_run() -> None:
    clock = ManualClock()
    await clock.sleep(0)
    await clock.sleep(-1)
    assert clock.monotonic() == 0


@given(st.integers(min_value=0, max_value=4_102_444_800_000))
def test_both_faces_of_the_manual_clock_agree(start_ms: int) -> None:
    clock = ManualClock(start_ms)
    assert clock.now().tzinfo is UTC
    assert clock.now() - datetime(1970, 1, 1, tzinfo=UTC) == timedelta(milliseconds=start_ms)


async def test_the_system_clock_shows_the_machines_time() -> None:
    clock = SystemClock()
    before = time.time()
    assert abs(clock.now_ms() / 1000 - before) < 5
    assert abs((clock.now() - datetime.now(UTC)).total_seconds()) < 5
    start = clock.monotonic()
    await clock.sleep(0.01)
    assert clock.monotonic() >= start + 0.009


@pytest.mark.parametrize("clock", [SystemClock(), ManualClock()])
def test_both_are_clocks(clock: Clock) -> None:
    assert clock.now().utcoffset() == timedelta(0)
