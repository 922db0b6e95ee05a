"""Doubles as whole numbers over powers of ten: exact or not at all."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from nagare.metrics.samples.admit import taken
from nagare.metrics.samples.decimal import MOST_DECIMALS, to_decimals
from nagare.metrics.samples.order import in_order
from tests.support.samples import make_samples

BITS = arrays.arrays(np.int64, st.integers(1, 40)).map(lambda bits: bits.view(np.float64))
DECIMALS = st.lists(
    st.builds(lambda whole, scale: whole / 10.0**scale, st.integers(-(2**60), 2**60), st.integers(0, 12)), min_size=1
).map(np.array)


@given(BITS | DECIMALS, st.data())
def test_what_is_said_as_a_decimal_is_the_same_bit_by_bit(values: Any, data: Any) -> None:
    starts = np.array([0, *sorted(data.draw(st.sets(st.integers(1, len(values)), max_size=3)) - {len(values)})])
    guess = np.array(data.draw(st.lists(st.integers(0, MOST_DECIMALS), min_size=len(starts), max_size=len(starts))))
    found = to_decimals(values, starts, guess.astype(np.uint8))
    said = found.mantissa / found.divisor
    kept = found.is_decimal
    with np.errstate(invalid="ignore"):
        # A signalling NaN is a value like any other.
        said = np.where(found.has_rest, said + found.rest, said)
    alone = ~kept
    assert found.has_rest[alone].all()
    assert found.rest[alone].view(np.int64).tolist() == values[alone].view(np.int64).tolist()
    assert said[kept].view(np.int64).tolist() == values[kept].view(np.int64).tolist()
    assert (np.abs(found.mantissa) < 2**53).all()
    for run in np.split(np.arange(len(values)), starts[1:]):
        assert len(set(found.divisor[run])) == 1


def test_the_power_is_the_smallest_that_holds_all() -> None:
    values = np.array([1.0, 2.0, 0.5, 1.25, 1e15, 0.1 + 0.2, -0.0])
    found = to_decimals(values, np.array([0, 2]), np.zeros(2, np.uint8))
    assert found.divisor.tolist() == [1.0] * 2 + [100.0] * 5
    assert found.is_decimal.tolist() == [True, True, True, True, False, True, False]
    assert found.mantissa.tolist() == [1, 2, 50, 125, 0, 30, 0]
    assert found.rest[found.has_rest].tolist() == [1e15, 2.0**-54, -0.0]


def test_what_was_reckoned_with_is_a_decimal_and_a_few_bits() -> None:
    whole = np.arange(317_000, 318_000)
    reckoned: tuple[Any, ...] = (whole * 0.001, whole / 1000.0 / 1000.0, np.cumsum(whole / 1e3))
    for values in reckoned:
        found = to_decimals(values, np.array([0]), np.zeros(1, np.uint8))
        assert found.is_decimal.all()
        assert 0 < found.has_rest.sum() < len(whole)
        assert len(np.unique(found.rest[found.has_rest])) < 40


def test_doubles_of_all_bits_are_none() -> None:
    values = np.random.default_rng(7).exponential(0.01, 10_000)
    found = to_decimals(values, np.array([0]), np.zeros(1, np.uint8))
    assert found.is_decimal.mean() < 0.01


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(-5, 5))),
    st.permutations(range(31)),
    st.integers(1, 2**26),
    st.integers(0, 20),
)
def test_rows_are_ordered_by_rank_and_time(
    pairs: list[tuple[int, int]], places: list[int], step: int, cut: int
) -> None:
    ranks = np.array(places, np.int32) * step
    rows = make_samples([series for series, _ in pairs], [ts for _, ts in pairs], list(range(len(pairs))))
    parts = [taken(rows, part) for part in np.split(np.arange(len(rows)), [min(cut, len(rows))])]
    found = in_order(parts, ranks)
    expected = sorted(range(len(pairs)), key=lambda row: (ranks[pairs[row][0]], pairs[row][1]))
    assert found.values.tolist() == expected
