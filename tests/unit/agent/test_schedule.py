import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.agent.schedule import Timetable

WALL = 1_760_000_000.0


def _table(intervals: dict[str, float], *, wall: float = WALL, now: float = 100.0, phase: float = 0.0) -> Timetable:
    return Timetable(intervals, now=now, wall=wall, phase=phase)


def test_everything_is_due_at_the_start() -> None:
    table = _table({"cpu": 5.0, "smart": 3600.0})
    assert table.next_at == 100.0
    assert table.take_due(100.0) == {"cpu": 0, "smart": 0}
    assert table.take_due(100.0) == {}


@pytest.mark.parametrize(
    ("wall", "phase", "next_at"),
    [
        (WALL, 0.0, 105.0),  # on the grid already: a whole interval
        (WALL + 1, 0.0, 104.0),
        (WALL + 2.5, 0.0, 102.5),  # half an interval is enough for a rate
        (WALL + 3, 0.0, 107.0),  # less is skipped
        (WALL, 1.0, 106.0),  # the phase shifts the grid
        (WALL, 4.0, 104.0),
    ],
)
def test_ticks_fall_on_wall_clock_multiples_plus_the_phase(wall: float, phase: float, next_at: float) -> None:
    table = _table({"cpu": 5.0}, wall=wall, phase=phase)
    table.take_due(100.0)
    assert table.next_at == pytest.approx(next_at)


def test_multiples_of_an_interval_share_their_wake_ups() -> None:
    table = _table({"cpu": 5.0, "disk": 30.0, "unit": 60.0}, wall=WALL + 7, phase=3.2)
    table.take_due(100.0)
    wakes = []
    for _ in range(24):
        wakes.append(table.next_at)
        table.take_due(table.next_at)
    assert [round(later - earlier, 6) for earlier, later in itertools.pairwise(wakes)] == [5.0] * 23


@given(
    st.floats(0.2, 60.0),
    st.floats(0, 1),
    st.lists(st.floats(0.0, 0.15), min_size=50, max_size=50),
)
def test_late_wakes_never_make_the_grid_drift(interval: float, phase: float, delays: list[float]) -> None:
    table = _table({"x": interval}, wall=WALL + 0.123, phase=phase * interval)
    table.take_due(100.0)
    first = table.next_at
    for number, delay in enumerate(delays):
        assert table.next_at == pytest.approx(first + number * interval, abs=1e-6)
        assert table.take_due(table.next_at + delay) == {"x": 0}


def test_a_timer_that_fires_a_little_early_counts() -> None:
    table = _table({"x": 5.0})
    table.take_due(100.0)
    assert table.take_due(104.999) == {"x": 0}
    assert table.next_at == pytest.approx(110.0)


@pytest.mark.parametrize(("late", "missed", "next_at"), [(4.9, 0, 110.0), (5.1, 1, 115.0), (22.0, 4, 130.0)])
def test_ticks_that_passed_are_counted_and_not_queued(late: float, missed: int, next_at: float) -> None:
    table = _table({"x": 5.0})
    table.take_due(100.0)
    assert table.take_due(105.0 + late) == {"x": missed}
    assert table.next_at == pytest.approx(next_at)


def test_a_postponed_name_returns_on_its_grid() -> None:
    table = _table({"x": 5.0, "gpu": 5.0})
    table.take_due(100.0)
    table.postpone("gpu", 700.0)
    assert table.take_due(105.0) == {"x": 0}
    assert "gpu" not in table.take_due(699.0)
    assert table.take_due(705.0) == {"x": 1, "gpu": 0}
    table.postpone("x", 0.0)
    assert table.next_at == pytest.approx(710.0)


def test_an_empty_table_is_never_due() -> None:
    assert _table({}).next_at == math.inf
