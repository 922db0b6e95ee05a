"""Runs that go on where the one before ended: moved, and moved back by their base."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.metrics.samples.chain import chained

RUNS = st.lists(
    st.tuples(st.integers(-(2**53), 2**53), st.lists(st.integers(-(2**20), 2**20), min_size=7, max_size=30)),
    min_size=1,
    max_size=8,
)


@given(RUNS)
def test_what_was_moved_and_its_base_are_the_number(found: list[tuple[int, list[int]]]) -> None:
    parts = [np.cumsum([first, *steps]) for first, steps in found]
    numbers = np.concatenate(parts)
    runs = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    moved, base = chained(numbers, runs)
    assert (moved + base).tolist() == numbers.tolist()
    for run in range(len(parts)):
        assert len(set(base[runs == run].tolist())) == 1
    # No step is further than the furthest within a run.
    assert np.abs(np.diff(moved)).max() <= max(np.abs(np.diff(part)).max() for part in parts)


@pytest.mark.parametrize("numbers", [[1, 10**15], [2**62, -(2**62)] * 100])
def test_what_is_short_or_might_not_fit_stays(numbers: list[int]) -> None:
    given = np.array(numbers)
    moved, base = chained(given, np.arange(len(numbers)) // 50 if len(numbers) > 2 else np.arange(2))
    assert moved.tolist() == numbers
    assert not base.any()
