"""A fixed rate without drift."""

import asyncio

import hypothesis
from hypothesis import strategies as st

from nagare.lib.clock import ManualClock
from nagare.scrape.schedule import Schedule, Tick

START_MS = 1_760_000_000_000  # a multiple of 10 s


async def _ticks(clock: ManualClock, schedule: Schedule, pauses: list[float]) -> list[Tick]:
    """Return a tick and one more after each of ``pauses``: the seconds that a scrape takes."""
    ticks: list[Tick] = []

    async def follow() -> None:
        ticks.append(await schedule.next())
        for pause in pauses:
            await clock.sleep(pause)
            ticks.append(await schedule.next())

    async with asyncio.TaskGroup() as tasks:
        following = tasks.create_task(follow())
        while not following.done():
            await clock.advance(0.5)
    return ticks


async def test_ticks_stand_on_a_grid_of_the_wall_clock() -> None:
    clock = ManualClock(START_MS + 1_234)
    ticks = await _ticks(clock, Schedule(10.0, 0.5, clock), [0.1, 3.0, 9.9])
    assert ticks == [Tick(START_MS + 5_000 + 10_000 * number, 0) for number in range(4)]


async def test_what_takes_too_long_misses_ticks_and_returns_to_the_grid() -> None:
    clock = ManualClock(START_MS)
    ticks = await _ticks(clock, Schedule(10.0, 0.5, clock), [25.0, 1.0, 10.5])
    assert [tick.missed for tick in ticks] == [0, 2, 0, 1]
    assert [tick.ts_ms - START_MS for tick in ticks] == [5_000, 35_000, 45_000, 65_000]


async def test_a_clock_that_was_set_moves_the_stamps_not_the_rate() -> None:
    class SetClock(ManualClock):
        shift_ms = 0

        def now_ms(self) -> int:
            return super().now_ms() + self.shift_ms

    clock = SetClock(START_MS)
    schedule = Schedule(10.0, 0.5, clock)
    first = await _ticks(clock, schedule, [])
    clock.shift_ms = 3_600_000
    more = await _ticks(clock, schedule, [0.5])
    assert [tick.ts_ms - START_MS for tick in (*first, *more)] == [5_000, 3_615_000, 3_625_000]


@hypothesis.given(interval=st.floats(0.2, 3600), offset=st.floats(0, 0.999), start=st.integers(10**12, 2 * 10**12))
def test_the_first_tick_comes_within_one_interval(interval: float, offset: float, start: int) -> None:
    clock = ManualClock(start)

    async def first() -> Tick:
        (tick,) = await _ticks_exactly(clock, Schedule(interval, offset, clock), interval)
        return tick

    tick = asyncio.run(first())
    assert start <= tick.ts_ms <= start + interval * 1000 + 1
    assert tick.missed == 0


async def _ticks_exactly(clock: ManualClock, schedule: Schedule, seconds: float) -> list[Tick]:
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(schedule.next())
        await asyncio.sleep(0)
        await clock.advance(seconds)
    return [waiting.result()]
