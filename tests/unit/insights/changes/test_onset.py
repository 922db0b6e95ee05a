import numpy as np
import pytest

from nagare.insights.changes.cusum import onsets
from nagare.insights.changes.onset import find_onset, likely_onsets
from nagare.insights.matrix import SeriesMatrix

_STEP_MS = 5000


def _matrix(values: np.ndarray) -> SeriesMatrix:
    names = tuple(f"s{row}" for row in range(len(values)))
    return SeriesMatrix(names, np.arange(values.shape[1], dtype=np.int64) * _STEP_MS, values)


def test_the_moment_at_which_a_few_of_many_change_is_found() -> None:
    values = np.random.default_rng(1).normal(0, 1, (60, 400))
    values[5:10, 260:] += 6
    found = find_onset(_matrix(values))
    assert found is not None
    assert abs(found // _STEP_MS - 260) <= 1


def test_of_begin_and_recovery_the_begin_counts() -> None:
    values = np.random.default_rng(2).normal(0, 1, (30, 600))
    values[5:15, 200:320] += 6
    found = find_onset(_matrix(values))
    assert found is not None
    assert abs(found // _STEP_MS - 200) <= 1
    assert {round(time / _STEP_MS, -1) for time in likely_onsets(_matrix(values))} >= {200, 320}


def test_gaps_and_series_that_stand_still_hide_nothing() -> None:
    random = np.random.default_rng(3)
    values = random.normal(0, 1, (30, 400))
    values[20:] = 7
    values[3, 300:] += 8
    values[25, 300:] = 8
    values[random.random(values.shape) < 0.2] = np.nan
    found = find_onset(_matrix(values))
    assert found is not None
    assert abs(found // _STEP_MS - 300) <= 2


@pytest.mark.parametrize("rows", [0, 5])
def test_nothing_is_found_where_nothing_moves(rows: int) -> None:
    assert find_onset(_matrix(np.full((rows, 300), 3.0))) is None


def test_only_the_time_that_was_asked_for_is_answered() -> None:
    values = np.random.default_rng(4).normal(0, 1, (20, 400))
    values[:5, 100:] += 9
    values[5:8, 300:] += 9
    found = find_onset(_matrix(values), from_ms=200 * _STEP_MS)
    assert found is not None
    assert abs(found // _STEP_MS - 300) <= 1


def test_each_series_begins_when_it_does() -> None:
    values = np.random.default_rng(5).normal(0, 1, (6, 200))
    values[0, 80:] += 8
    values[1, 90:] -= 8
    values[2, 100] += 50
    values[3, 60:120] = np.nan
    values[3, 120:] += 8
    values[4, 70:] += np.arange(130) * 0.5
    found = onsets(values, np.zeros(6), np.ones(6), np.array([1, -1, 1, 1, 1, 1.0]))
    assert found[:2].tolist() == [80, 90]
    assert found[2] == -1
    assert found[3] == 120
    assert 70 <= found[4] <= 80
    assert found[5] == -1
    assert onsets(values[:, :0], np.zeros(6), np.ones(6), np.ones(6)).tolist() == [-1] * 6
