"""When a pane is drawn next, by a clock that stands still."""

import pytest

from nagare.lib.clock import ManualClock
from nagare.tui.shells.pace import Pace


def test_what_a_host_writes_by_itself_waits_for_the_rest_of_it() -> None:
    pace = Pace(ManualClock().monotonic)
    assert not pace.is_awaited
    assert pace.wait_seconds() == 0.033


async def test_after_a_key_a_frame_is_due_at_once_and_the_next_ones_twice_as_often() -> None:
    clock = ManualClock()
    pace = Pace(clock.monotonic)
    pace.typed()
    assert pace.wait_seconds() == 0
    pace.drawn()
    assert pace.wait_seconds() == pytest.approx(0.016)
    await clock.advance(0.006)
    assert pace.wait_seconds() == pytest.approx(0.01)
    await clock.advance(0.25)
    assert not pace.is_awaited
    assert pace.wait_seconds() == 0.033


@pytest.mark.parametrize(("cost", "apart"), [(0.004, 0.016), (0.01, 0.02), (0.1, 0.033)])
async def test_half_of_the_time_is_spent_on_drawing_and_a_slow_frame_puts_none_off(cost: float, apart: float) -> None:
    clock = ManualClock()
    pace = Pace(clock.monotonic)
    pace.typed()
    pace.drawn()
    await clock.advance(cost)
    pace.shown()
    assert pace.wait_seconds() == pytest.approx(max(apart - cost, 0.0))
