"""Series that vanish get the mark, to the bit."""

import numpy as np

from nagare.interop.columns import joined, stale_marks
from nagare.model.samples import STALE_BITS, Samples
from nagare.scrape.staleness import NOTHING, Presence, compare


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


def test_a_page_like_the_last_one_changes_nothing_and_another_does() -> None:
    presence = Presence()
    first = _samples([3, 1, 2], [5, 5, 5])
    found = presence.compare(first, 5)
    assert found.added.tolist() == [1, 2, 3]
    # What is not stored does not hold.
    assert presence.compare(first, 5).added.tolist() == [1, 2, 3]
    presence.take(found, first, 5)
    again = presence.compare(_samples([3, 1, 2], [6, 6, 6]), 6)
    assert (again.present.tolist(), again.vanished.tolist(), again.added.tolist()) == ([1, 2, 3], [], [])
    own_time = presence.compare(_samples([3, 1, 2], [6, 4, 6]), 6)
    assert own_time.vanished.tolist() == [1]
    assert presence.compare(_samples([3, 1], [6, 6]), 6).vanished.tolist() == [2]


def test_a_page_with_refused_series_is_compared_each_time() -> None:
    presence = Presence()
    first = _samples([3, -1], [5, 5])
    presence.take(presence.compare(first, 5), first, 5)
    assert presence.series.tolist() == [3]
    assert presence.compare(first, 5).present.tolist() == [3]


def test_a_mark_keeps_its_bits() -> None:
    marked = joined([_samples([7], [1]), stale_marks([1, 2], 9)])
    assert marked.series.tolist() == [7, 1, 2]
    assert marked.ts_ms.tolist() == [1, 9, 9]
    assert marked.values.view(np.uint64)[1:].tolist() == [STALE_BITS, STALE_BITS]
