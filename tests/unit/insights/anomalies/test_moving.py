"""Moving statistics, against the same said plainly."""

from typing import Any

import numpy as np
import pytest

from nagare.insights.anomalies.moving import exponential, gains, shifted, trailing_greatest, windowed_means


def _rows(count: int, series: int = 3) -> Any:
    return np.random.default_rng(4).normal(5.0, 2.0, (series, count))


def test_a_mean_averages_plainly_and_then_forgets() -> None:
    rows, seen = _rows(1500), np.zeros(3)
    before, after = exponential(np.zeros(3), rows, gains(seen, 1500, 0.01))
    mean = np.zeros(3)
    for at in range(1500):
        assert before[:, at] == pytest.approx(mean)
        mean += max(1 / (at + 1), 0.01) * (rows[:, at] - mean)
    assert after == pytest.approx(mean)


def test_a_mean_goes_on_where_it_was() -> None:
    rows = _rows(600)
    whole, _ = exponential(np.zeros(3), rows, gains(np.zeros(3), 600, 0.003))
    first, carried = exponential(np.zeros(3), rows[:, :217], gains(np.zeros(3), 217, 0.003))
    second, _ = exponential(carried, rows[:, 217:], gains(np.full(3, 217), 383, 0.003))
    assert np.concatenate((first, second), axis=1) == pytest.approx(whole)


@pytest.mark.parametrize("count", [1, 7, 40])
def test_windows_are_those_that_end_at_each_row(count: int) -> None:
    held, rows = _rows(10), _rows(count) + 1
    joined = np.concatenate((held, rows), axis=1)
    for at in range(count):
        assert windowed_means(held, rows, 4)[:, at] == pytest.approx(joined[:, at + 7 : at + 11].mean(axis=1))
        assert trailing_greatest(held, rows)[:, at].tolist() == joined[:, at : at + 10].max(axis=1).tolist()
    assert shifted(held, rows).tolist() == joined[:, -10:].tolist()
