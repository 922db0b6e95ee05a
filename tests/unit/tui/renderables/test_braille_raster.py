"""Lines into dots: spikes stay, gaps stay, and any data whatever is drawn within the grid."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.tui.renderables.braille_raster import clean_samples, column_extremes, dot_rows, pack, raster, within
from tests.unit.tui.samples import numbers


def test_samples_are_sorted_and_what_is_not_finite_breaks_the_line() -> None:
    samples = clean_samples([30, 10, 20, 40, np.nan], [3, 1, np.nan, np.inf, 9], 10)
    assert samples.ts_ms.tolist() == [10, 30]
    assert samples.values.tolist() == [1, 3]
    assert samples.joined.tolist() == [False]


@pytest.mark.parametrize(("distance", "joined"), [(10, True), (25, True), (25.1, False), (1000, False)])
def test_more_than_two_and_a_half_steps_are_a_gap(distance: float, joined: bool) -> None:
    assert clean_samples([0, distance], [1, 1], 10).joined.tolist() == [joined]


def test_without_a_step_the_median_distance_counts() -> None:
    assert clean_samples([0, 10, 20, 30, 90], [1] * 5, 0).joined.tolist() == [True, True, True, False]


def test_every_spike_stays_however_many_samples_share_a_column() -> None:
    values = np.full(10_000, 5.0)
    values[1234] = 99.0
    values[8000] = -7.0
    low, high = column_extremes(clean_samples(np.arange(10_000), values, 1), 0, 10_000, 20)
    assert high.max() == 99.0
    assert low.min() == -7.0
    assert high[2] == 99.0
    assert low[16] == -7.0


def test_a_line_fills_the_columns_between_samples_and_not_those_of_a_gap() -> None:
    samples = clean_samples([0, 40, 100], [0, 4, 4], 20)
    low, high = column_extremes(samples, 0, 100, 10)
    assert np.isfinite(low[:4]).all()
    assert np.isnan(low[5:9]).all()
    assert low[9] == high[9] == 4
    assert low[:4].tolist() == pytest.approx([0, 1, 2, 3])
    assert high[:4].tolist() == pytest.approx([1, 2, 3, 4])


def test_a_line_begins_in_the_column_of_its_first_sample() -> None:
    low, _ = column_extremes(clean_samples([50, 60], [1, 1], 10), 0, 100, 10)
    assert np.flatnonzero(np.isfinite(low)).tolist() == [5, 6]


def test_neighbours_outside_the_window_are_kept_for_its_edges() -> None:
    samples = within(clean_samples(np.arange(100), np.arange(100), 1), 40, 50)
    assert samples.ts_ms[0] == 39
    assert samples.ts_ms[-1] == 51
    low, _ = column_extremes(samples, 40, 50, 10)
    assert np.isfinite(low).all()


def test_dots_stand_where_values_are() -> None:
    assert dot_rows(np.array([0.0, 0.5, 1.0, np.nan, 9.0]), 0, 1, 5).tolist() == [0, 2, 4, -1, 4]


def test_cells_are_packed_from_two_by_four_dots() -> None:
    rows = np.array([0, 3])
    assert "".join(map(chr, pack(raster(rows, rows, 1))[0])) == "⡈"
    assert "".join(map(chr, pack(raster(rows, rows, 1, fill=True))[0])) == "⣸"
    assert pack(raster(np.array([-1, -1]), np.array([-1, -1]), 1)).tolist() == [[32]]


@given(
    st.lists(st.tuples(numbers, numbers), max_size=60),
    numbers,
    st.integers(1, 80),
    st.floats(0, 1e6),
    st.floats(1, 1e9),
)
def test_any_data_is_drawn_within_the_grid(
    data: list[tuple[float, float]], step: float, columns: int, start: float, span: float
) -> None:
    samples = clean_samples([ts for ts, _ in data], [value for _, value in data], step)
    assert np.isfinite(samples.values).all()
    assert samples.joined.size == max(0, samples.values.size - 1)
    low, high = column_extremes(within(samples, start, start + span), start, start + span, columns)
    assert low.size == high.size == columns
    known = np.isfinite(low)
    assert (low[known] <= high[known]).all()
    assert (known == np.isfinite(high)).all()
    rows = dot_rows(high, 0.0, 1.0, 16)
    assert rows.min(initial=0) >= -1
    assert rows.max(initial=0) <= 15
