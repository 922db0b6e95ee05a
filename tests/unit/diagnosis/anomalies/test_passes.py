"""Rows in passes, against the same said plainly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nagare.diagnosis.anomalies.passes import InOrder

Row = tuple[int, int, float]
# Beyond two bytes too.
PLACES = st.sampled_from([0, 1, 2, 3, 65_535, 65_536, 65_537, 200_000])
ROWS = st.lists(st.tuples(PLACES, st.integers(1, 6), st.floats(-1e9, 1e9)), max_size=40)


def _plain(rows: list[Row]) -> list[list[Row]]:
    last = {(place, ts_ms): value for place, ts_ms, value in rows}
    series: dict[int, list[Row]] = {}
    for (place, ts_ms), value in sorted(last.items()):
        series.setdefault(place, []).append((place, ts_ms, value))
    most = max(map(len, series.values()), default=0)
    return [[of[at] for of in series.values() if at < len(of)] for at in range(most)]


def _found(rows: list[Row]) -> tuple[int, list[list[Row]]]:
    places, ts_ms, values = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])
    ordered = InOrder(np.array(places, dtype=np.int64), np.array(ts_ms, dtype=np.int64), np.array(values, dtype=float))
    passes = ordered.passes()
    return len(ordered), [list(zip(*(column.tolist() for column in one), strict=True)) for one in passes]


@given(ROWS)
@settings(max_examples=150, deadline=None)
def test_passes_are_rows_by_series_and_time_and_of_a_moment_the_last(rows: list[Row]) -> None:
    plain = _plain(rows)
    assert _found(rows) == (sum(map(len, plain)), plain)


@pytest.mark.parametrize("more", [0, 2])
def test_rows_that_came_tick_by_tick_are_passes_tick_by_tick(more: int) -> None:
    ticks = [[(place, 5 * tick, float(place * tick)) for place in range(4)] for tick in range(1, 4)]
    ticks += [[(place, 20, 7.0) for place in range(more)]] * bool(more)
    rows = [row for tick in ticks for row in reversed(tick)]
    assert _found(rows) == (len(rows), ticks)
