"""Slots: each hash that was added leads to its row, whatever the others are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.interop.slots import Slots

# Few values for the high and the low bits, so that many want one slot.
_HASHES = st.one_of(
    st.integers(0, 2**64 - 1),
    st.builds(lambda high, low: high << 54 | low, st.integers(0, 3), st.integers(0, 8)),
)
_ADDED = st.lists(st.lists(_HASHES, max_size=30), max_size=6)


@given(_ADDED, st.lists(_HASHES, max_size=10))
def test_what_was_added_is_there_and_nothing_else(added: list[list[int]], asked: list[int]) -> None:
    slots, rows = Slots(), list[int]()
    for hashes in added:
        fresh = [each for each in dict.fromkeys(hashes) if each not in rows]
        slots.add(np.array(fresh, np.uint64))
        rows += fresh
        for each in (rows, asked):
            assert slots.has(np.array(each, np.uint64)).tolist() == [one in rows for one in each]
        assert slots.find(np.array(rows, np.uint64)).tolist() == list(range(len(rows)))


@pytest.mark.parametrize("seed", range(20))
def test_thousands_have_a_place_each(seed: int) -> None:
    slots, made = Slots(), np.random.default_rng(seed)
    hashes = made.integers(0, 2**64, 12_500, np.uint64)
    # As they come, so that the table is now nearly full, now just grown.
    for some in np.split(hashes, np.sort(made.integers(0, len(hashes), 10))):
        slots.add(some)
        slots.add(some[:0])
    assert np.array_equal(slots.find(hashes), np.arange(len(hashes)))
    assert not slots.has(~hashes).any()


def test_more_of_one_group_than_a_factor_can_place_hide_no_other() -> None:
    slots = Slots()
    alike = np.arange(300, dtype=np.uint64)
    others = np.random.default_rng(2).integers(2**60, 2**64, 300, np.uint64)
    for hashes in (alike[:150], others, alike[150:]):
        slots.add(hashes)
    assert slots.has(others).all()
    assert not slots.has(others + np.uint64(1)).any()
