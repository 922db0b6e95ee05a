"""Places that are a run, against the same one by one: what is kept and told is the same, but for the last bits."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nagare.insights.anomalies.detector import Detector
from nagare.insights.anomalies.places import at_which, columns, in_memory, numbers, run_of, slots

BEGIN_MS, STEP_MS = 1_767_225_600_000, 1_800_000
SERIES, TICKS = 9, 260


@pytest.mark.parametrize("places", [[0, 1, 2], [4], [2, 3]])
def test_places_that_follow_on_one_another_are_a_slice(places: list[int]) -> None:
    run = run_of(np.array(places))
    assert isinstance(run, slice)
    assert numbers(run).tolist() == places


@pytest.mark.parametrize("places", [[], [1, 0], [0, 2, 1, 3], [0, 2], [3, 1, 2]])
def test_other_places_stay_as_they_are(places: list[int]) -> None:
    run = run_of(np.array(places, dtype=np.int64))
    assert not isinstance(run, slice)
    assert numbers(run).tolist() == places


def test_some_of_a_run_are_those_places() -> None:
    assert at_which(slice(3, 7), np.array([True, False, True, False])).tolist() == [3, 5]
    assert at_which(slice(3, 7), np.array([3, 0])).tolist() == [6, 3]
    assert at_which(np.array([5, 2]), np.array([False, True])).tolist() == [2]


@pytest.mark.parametrize("column", [[1, 1, 1], [2, 0, 1]])
@pytest.mark.parametrize("places", [[1, 2, 3], [4, 0, 2]])
def test_a_slot_is_where_a_column_of_a_series_lies(places: list[int], column: list[int]) -> None:
    table = columns(5, 3)
    table[:] = np.arange(15).reshape(5, 3)
    at = slots(run_of(np.array(places)), np.array(column), 5)
    assert in_memory(table)[at].tolist() == table[places, column].tolist()
    in_memory(table)[at] = -1.0
    assert (table[places, column] == -1.0).all()


def _advance(detector: Detector, places: Any, at: int, values: Any) -> Any:
    return detector.advance(places, np.full((len(places), 1), BEGIN_MS + STEP_MS * at), values[places, None])


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.05, 0.4]))
@settings(max_examples=8, deadline=None)
def test_a_run_of_series_scores_as_the_same_in_any_order(seed: int, missing: float) -> None:
    chance = np.random.default_rng(seed)
    in_order, mixed = Detector(SERIES), Detector(SERIES)
    told = 0
    for at in range(TICKS):
        values = chance.normal(10.0, 1.0, SERIES) * np.where(chance.random(SERIES) < 0.01, 1e6, 1.0)
        places = np.flatnonzero(chance.random(SERIES) >= missing)
        order = chance.permutation(len(places))
        found, other = _advance(in_order, places, at, values), _advance(mixed, places[order], at, values)
        np.testing.assert_allclose(found.score[order], other.score, rtol=0, atol=1e-6)
        assert found.expected[order].tolist() == other.expected.tolist()
        told += int((found.score >= 0.5).sum())
    assert told
    for name, array in in_order.arrays().items():
        np.testing.assert_allclose(array, mixed.arrays()[name], rtol=1e-6, err_msg=name)
