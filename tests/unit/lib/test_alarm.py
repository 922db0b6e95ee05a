"""A ring or the clock, whichever comes first."""

import asyncio

from nagare.lib.alarm import Alarm
from nagare.lib.clock import ManualClock
from tests.support.buses import until


async def test_it_ends_by_the_clock() -> None:
    clock = ManualClock()
    waiting = asyncio.gather(Alarm(clock).wait(5.0))
    await _asleep(clock)
    await clock.advance(4.9)
    assert not waiting.done()
    await clock.advance(0.1)
    assert (await waiting)[0] is False


async def test_it_ends_by_a_ring() -> None:
    clock = ManualClock()
    alarm = Alarm(clock)
    waiting = asyncio.gather(alarm.wait(5.0))
    await _asleep(clock)
    await clock.advance(1.0)
    alarm.ring()
    assert (await waiting)[0] is True


async def test_a_ring_before_the_wait_counts() -> None:
    alarm = Alarm(ManualClock())
    alarm.ring()
    assert await alarm.wait(5.0)
    assert not await Alarm(ManualClock()).wait(0.0)


async def _asleep(clock: ManualClock) -> None:
    await until(lambda: clock._sleepers)
