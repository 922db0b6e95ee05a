"""What keeps happening is said now and then, with the count of what was not said."""

from __future__ import annotations

from nagare.lib.clock import ManualClock
from nagare.server.middleware.seldom import Seldom


async def test_said_at_once_then_seldom_with_the_count() -> None:
    clock = ManualClock()
    seldom = Seldom(clock)
    assert [seldom.ask("disk-full") for _ in range(4)] == [0, None, None, None]
    assert seldom.ask("other") == 0
    await clock.advance(10)
    assert [seldom.ask("disk-full") for _ in range(2)] == [3, None]
    await clock.advance(10)
    assert seldom.ask("disk-full") == 1
