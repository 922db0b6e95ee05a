"""Repeats of (series, ts) are found as a set of pairs would find them, near and far in time."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from nagare.metrics.samples.order import in_order
from nagare.metrics.samples.pairs import KeptPairs, repeated
from nagare.model.samples import Samples
from tests.support.metric_store import START_MS

Pair = tuple[int, int]

_NEAR = st.integers(START_MS - 5, START_MS + 5)
_FAR = st.one_of(_NEAR, st.integers(-(2**63), 2**63 - 1))
_SERIES = st.one_of(st.integers(0, 3), st.just(2**31 - 1))


def _pairs(times: st.SearchStrategy[int]) -> st.SearchStrategy[list[Pair]]:
    return st.lists(st.tuples(_SERIES, times), max_size=30)


def _columns(pairs: list[Pair]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    return np.array([pair[0] for pair in pairs], np.int32), np.array([pair[1] for pair in pairs], np.int64)


@given(st.one_of(_pairs(_NEAR), _pairs(_FAR)))
def test_repeats_are_those_that_came_before(pairs: list[Pair]) -> None:
    assert repeated(*_columns(pairs)).tolist() == [pair in pairs[:at] for at, pair in enumerate(pairs)]


@given(st.lists(st.tuples(st.one_of(_pairs(_NEAR), _pairs(_FAR)), _pairs(_FAR)), min_size=1, max_size=8))
def test_kept_pairs_hold_what_came_so_far(steps: list[tuple[list[Pair], list[Pair]]]) -> None:
    kept, held = KeptPairs(), list[Pair]()
    for more, asked in steps:
        held += more
        asked = [*asked, *held[-3:]]
        if held:
            assert kept.hold(*_columns(asked), *_columns(held)).tolist() == [pair in held for pair in asked]


@given(st.one_of(_pairs(_NEAR), _pairs(_FAR)))
def test_blocks_lie_by_rank_and_time(pairs: list[Pair]) -> None:
    pairs = [(min(series, 9), ts) for series, ts in dict.fromkeys(pairs)]
    ranks = np.array([3, 70_000, 0, 5, 4, 6, 7, 8, 9, 1], np.int32)
    series, ts_ms = _columns(pairs)
    samples = Samples(series, ts_ms, np.arange(len(pairs), dtype=np.float64))
    rows = in_order([samples], ranks)
    told = list(zip(rows.series.tolist(), rows.ts_ms.tolist(), rows.values.tolist(), strict=True))
    assert [(series, ts) for series, ts, _ in told] == sorted(pairs, key=lambda pair: (ranks[pair[0]], pair[1]))
    assert [pairs[int(value)] for _, _, value in told] == [(series, ts) for series, ts, _ in told]
