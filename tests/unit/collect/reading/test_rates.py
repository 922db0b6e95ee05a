"""Rates of counters that go back, wrap or begin again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.collect.reading.rates import Stopwatch, rate, ratio, rise

COUNTS = st.integers(0, 2**40)


@pytest.mark.parametrize(
    ("new", "old", "elapsed", "expected"),
    [(30, 10, 5.0, 4.0), (10, 10, 5.0, 0.0), (9, 10, 5.0, None), (30, 10, 0.0, None), (30, 10, -1.0, None)],
)
def test_rate(new: int, old: int, elapsed: float, expected: float | None) -> None:
    assert rate(new, old, elapsed) == expected


@pytest.mark.parametrize(
    ("new", "old", "expected"),
    [
        (5, 3, 2),
        (9, 2**32 - 1, 10),  # wrapped
        (10, 3_000_000, None),  # began again
        (2**33, 2**34, None),  # wider than 32 bits, so it cannot have wrapped there
        (2**31, 2**32 - 1, None),  # too far for a wrap
    ],
)
def test_rise(new: int, old: int, expected: int | None) -> None:
    assert rise(new, old) == expected


@given(COUNTS, COUNTS)
def test_rise_is_never_negative_nor_beyond_half_a_wrap(new: int, old: int) -> None:
    result = rise(new, old)
    assert result is None or result == new - old or 0 <= result < 2**31


def test_ratio_of_nothing_is_unknown() -> None:
    assert ratio(1, 4) == 0.25
    assert ratio(None, 4) is None
    assert ratio(1, None) is None
    assert ratio(1, 0) is None


def test_stopwatch_is_due_at_once_and_then_by_period() -> None:
    watch = Stopwatch(10)
    assert [watch.is_due(at) for at in (5.0, 6.0, 14.9, 15.0, 15.1)] == [True, False, False, True, False]
