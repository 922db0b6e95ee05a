import numpy as np

from nagare.insights.changes.segments import change_points
from nagare.insights.matrix import SeriesMatrix


def _changes(*rows: np.ndarray) -> list[tuple[str, int, float, float]]:
    matrix = SeriesMatrix(tuple("abcdefgh"[: len(rows)]), np.arange(len(rows[0]), dtype=np.int64), np.array(rows))
    return [(one.name, one.at_ms, one.before, one.after) for one in change_points(matrix)]


def test_each_level_of_each_series_is_told() -> None:
    noise = np.random.default_rng(1).normal(0, 1, (3, 720))
    noise[1, 300:] += 5
    noise[2, 100:200] -= 6
    found = _changes(*noise)
    assert [(name, at) for name, at, _, _ in found] == [("b", 300), ("c", 100), ("c", 200)]
    assert abs(found[0][3] - 5) < 0.3


def test_an_outlier_is_no_change_and_a_step_without_noise_is_one() -> None:
    still = np.full(400, 7.0)
    step = np.where(np.arange(400) < 250, 0.0, 3.0)
    spike = np.random.default_rng(2).normal(0, 1, 400)
    spike[[5, 100, 250]] = 1000
    assert _changes(still, step, spike) == [("b", 250, 0.0, 3.0)]


def test_gaps_are_neither_levels_nor_changes() -> None:
    values = np.random.default_rng(3).normal(0, 1, 400)
    values[100:150] = np.nan
    assert _changes(values, np.full(400, np.nan)) == []
    values[200:] += 8
    values[np.random.default_rng(4).random(400) < 0.3] = np.nan
    ((_, at, _, _),) = _changes(values)
    assert 198 <= at <= 203


def test_what_is_too_short_has_no_changes() -> None:
    assert _changes(np.array([1.0, 9.0])) == []
    assert change_points(SeriesMatrix((), np.zeros(0, dtype=np.int64), np.zeros((0, 0)))) == []
