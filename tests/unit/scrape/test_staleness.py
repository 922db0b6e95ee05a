"""Series that vanish get the mark, to the bit."""

import numpy as np

from nagare.interop.columns import joined, stale_marks
from nagare.model.samples import STALE_BITS, Samples
from nagare.scrape.staleness import NOTHING, compare


def _samples(series: list[int], ts: list[int]) -> Samples:
    return Samples(
        np.array(series, dtype=np.int32), np.array(ts, dtype=np.int64), np.arange(len(series), dtype=np.float64)
    )


def test_what_vanished_and_what_came() -> None:
    found = compare(np.array([1, 2, 3], dtype=np.int32), _samples([3, 2, 9, 2], [5, 5, 5, 5]), 5)
    assert (found.present.tolist(), found.vanished.tolist(), found.added.tolist()) == ([2, 3, 9], [1], [9])


def test_times_of_their_own_and_refused_series_do_not_count() -> None:
    found = compare(NOTHING, _samples([1, 2, -1], [5, 4, 5]), 5)
    assert found.present.tolist() == [1]


def test_a_mark_keeps_its_bits() -> None:
    marked = joined([_samples([7], [1]), stale_marks([1, 2], 9)])
    assert marked.series.tolist() == [7, 1, 2]
    assert marked.ts_ms.tolist() == [1, 9, 9]
    assert marked.values.view(np.uint64)[1:].tolist() == [STALE_BITS, STALE_BITS]
