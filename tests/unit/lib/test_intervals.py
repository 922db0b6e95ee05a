"""The interval set against a plain set of integers."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from nagare.lib.intervals import IntervalSet

SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 6)).map(lambda span: (span[0], span[0] + span[1])))


@given(SPANS)
def test_holds_what_a_set_holds(spans: list[tuple[int, int]]) -> None:
    intervals = IntervalSet(spans)
    plain = {value for first, last in spans for value in range(first, last + 1)}
    assert [value in intervals for value in range(-2, 70)] == [value in plain for value in range(-2, 70)]


@given(SPANS)
def test_intervals_are_sorted_apart_and_as_few_as_can_be(spans: list[tuple[int, int]]) -> None:
    found = list(IntervalSet(spans))
    assert all(first <= last for first, last in found)
    assert all(after[0] - before[1] > 1 for before, after in pairwise(found))
    assert len(IntervalSet(spans)) == len(found)


def test_a_sequence_without_gaps_is_one_interval() -> None:
    intervals = IntervalSet()
    for value in (3, 1, 2, 5, 4):
        intervals.add(value)
    assert list(intervals) == [(1, 5)]
