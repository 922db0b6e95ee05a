"""What holds of scores whatever the series is."""

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nagare.insights.anomalies.detector import LEARNING_ROWS, Detector
from nagare.insights.anomalies.series import score_all, score_series

STEP_MS = 300_000
BEGIN_MS = 1_767_225_600_000
VALUES = st.floats(allow_nan=True, allow_infinity=True) | st.sampled_from([0.0, 1.0, -1e308, 1e308, 5e-324])


def _times(count: int, step_ms: int = STEP_MS) -> Any:
    return BEGIN_MS + step_ms * np.arange(count)


def _noise(count: int, seed: int = 1) -> Any:
    return np.random.default_rng(seed).normal(10.0, 1.0, count)


@given(st.integers(0, 2**32 - 1), st.integers(1, 700))
@settings(max_examples=15, deadline=None)
def test_no_row_knows_of_a_later_one(seed: int, cut: int) -> None:
    values = _noise(700, seed)
    values[cut:] *= 50
    whole = score_series(_times(700), values)
    assert score_series(_times(cut), values[:cut]).tolist() == whole[:cut].tolist()


@given(st.lists(VALUES, max_size=120))
@settings(max_examples=60, deadline=None)
def test_any_values_score_between_nought_and_one(values: list[float]) -> None:
    with warnings.catch_warnings(action="error"):
        scores = score_series(_times(len(values)), np.array(values, dtype=float))
    assert ((scores >= 0) & (scores <= 1)).all()


@pytest.mark.parametrize("pair", [(1.0, 1.7976931348623157e308), (1.7976931348623157e308, -1.7976931348623157e308)])
def test_the_greatest_of_all_values_score_too(pair: tuple[float, float]) -> None:
    with warnings.catch_warnings(action="error"):
        scores = score_series(_times(5000, 5000), np.array(pair * 2500))
    assert ((scores >= 0) & (scores <= 1)).all()


@given(st.floats(-1e300, 1e300))
@settings(max_examples=30, deadline=None)
def test_a_constant_never_scores(value: float) -> None:
    assert not score_series(_times(400), np.full(400, value)).any()


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_the_unit_does_not_matter(scale: float) -> None:
    values = _noise(600)
    values[500] = 40.0
    assert score_series(_times(600), values * scale) == pytest.approx(score_series(_times(600), values), abs=1e-5)


def test_rows_without_a_number_score_nothing_and_change_nothing() -> None:
    values, times = _noise(600), _times(600)
    values[500] = 40.0
    holes = np.isin(np.arange(600), [0, 99, 300, 501, 599])
    with_holes = np.where(holes, np.nan, values)
    scores = score_series(times, with_holes)
    assert not scores[holes].any()
    assert scores[~holes].tolist() == score_series(times[~holes], values[~holes]).tolist()


def test_a_repeated_row_scores_as_the_first_and_teaches_nothing() -> None:
    values, times = _noise(600), _times(600)
    values[500] = 40.0
    twice = np.repeat(np.arange(600), 2)
    assert score_series(times[twice], values[twice]).tolist() == score_series(times, values)[twice].tolist()


@given(st.randoms(use_true_random=False))
@settings(max_examples=10, deadline=None)
def test_the_order_of_rows_does_not_matter(random: Any) -> None:
    values, times = _noise(400), _times(400)
    order = list(range(400))
    random.shuffle(order)
    assert score_series(times[order], values[order]).tolist() == score_series(times, values)[order].tolist()


def test_one_row_at_a_time_is_as_all_at_once() -> None:
    count, series = 900, 5
    times = _times(count)
    values = np.stack([_noise(count, seed) for seed in range(series)])
    values[2, 700] = 40.0
    detector, places = Detector(series), np.arange(series)
    found = np.stack(
        [
            detector.advance(places, np.full((series, 1), times[at]), values[:, at : at + 1]).score[:, 0]
            for at in range(count)
        ],
        axis=1,
    )
    whole = np.stack([score_series(times, row) for row in values])
    assert found == pytest.approx(whole, abs=1e-4)


def test_series_side_by_side_are_as_each_for_itself() -> None:
    times, long = _times(700), _times(900)
    series = [(times, _noise(700, 1)), (long, _noise(900, 2)), (times, _noise(700, 3)), (times[:5], _noise(5))]
    series[2][1][[0, 100, 400]] = np.nan
    for found, (ts_ms, values) in zip(score_all(series), series, strict=True):
        assert found == pytest.approx(score_series(ts_ms, values), abs=1e-4)
    assert score_all([]) == []


def test_what_the_time_of_day_explains_is_no_news_and_what_breaks_it_is() -> None:
    day = 288
    values = 50 + 20 * np.sin(2 * np.pi * np.arange(day * 12) / day) + _noise(day * 12)
    values[day * 10 + 72 : day * 10 + 84] -= 25
    told = np.flatnonzero(score_series(_times(len(values)), values) >= 0.5)
    assert day * 10 + 72 <= told.min() <= day * 10 + 84


def test_series_that_miss_a_tick_do_not_touch_the_others() -> None:
    count, times = 300, _times(300)
    values = np.stack([_noise(count, 1), _noise(count, 2)])
    detector, found = Detector(2), np.zeros((2, count))
    for at in range(count):
        places = np.array([0, 1]) if at % 3 else np.array([1])
        scored = detector.advance(places, np.full((len(places), 1), times[at]), values[places, at : at + 1])
        found[places, at] = scored.score[:, 0]
    kept = np.arange(count) % 3 > 0
    assert found[0, kept] == pytest.approx(score_series(times[kept], values[0, kept]), abs=1e-4)
    assert found[1] == pytest.approx(score_series(times, values[1]), abs=1e-4)


def test_a_spike_and_a_step_are_told_once() -> None:
    values, times = _noise(1500), _times(1500)
    values[700] = 40.0
    values[1100:] += 30.0
    scores = score_series(times, values)
    told = np.flatnonzero(scores >= 0.5)
    assert {700, 1100} <= set(told.tolist())
    assert set(told.tolist()) <= {*range(700, 704), *range(1100, 1148)}


def test_what_comes_every_night_is_news_once() -> None:
    day, values = 288, _noise(288 * 10)
    for night in range(10):
        values[night * day + 30 + night % 3] = 40.0
    told = np.flatnonzero(score_series(_times(len(values)), values) >= 0.5)
    assert told.tolist()
    assert told.max() < 2 * day


def test_a_counter_that_counts_evenly_is_no_news() -> None:
    values = np.cumsum(100 + _noise(2000))
    assert score_series(_times(2000), values)[LEARNING_ROWS:].max() < 0.5


def test_a_counter_that_counts_faster_is_news() -> None:
    rate = 100 + 10 * _noise(2000)
    rate[1500:] *= 3
    told = np.flatnonzero(score_series(_times(2000), np.cumsum(rate)) >= 0.5)
    assert 1500 in told
    assert told.min() >= 1500


def test_the_row_after_a_long_pause_is_told_once() -> None:
    times = _times(600)
    times[300:] += 100 * STEP_MS
    times[400:] += 100 * STEP_MS
    scores = score_series(times, _noise(600))
    assert scores[300] == 0.75
    assert scores[400] < 0.5


def test_nothing_is_scored_of_nothing() -> None:
    assert score_series(np.zeros(0, dtype=np.int64), np.zeros(0)).tolist() == []
    assert score_series(_times(3), np.full(3, np.nan)).tolist() == [0, 0, 0]
