"""Rows of many series in the order of time, each moment once, and cut into passes: one row of each series at a time.

Rows stay where they lie. They came tick by tick, so that those of one pass lie near one another, and those of one series
far apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]


class Pass(NamedTuple):
    """A row of each of some series, which come in the order of their places: place, moment, value."""

    places: Array
    ts_ms: Array
    values: Array


class InOrder:
    """Rows by series and time; of two of one moment the one that came last."""

    def __init__(self, places: Array, ts_ms: Array, values: Array) -> None:
        """Find the order of rows whose series stand at ``places``."""
        self._ts_ms = ts_ms
        self._values = values
        self._order = _by_series(places, ts_ms)
        ordered = places[self._order]
        # Where each series begins in the order, and how many rows it has.
        self._begins = np.flatnonzero(np.diff(ordered, prepend=-1))
        self._counts = np.diff(self._begins, append=len(ordered))
        self._series = ordered[self._begins]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._order)

    def passes(self) -> Iterator[Pass]:
        """Yield the first row of each series, then the second of those that have one, and so on."""
        begins, counts, series = self._begins, self._counts, self._series
        for number in range(int(counts.max(initial=0))):
            has_more = counts > number
            if not has_more.all():
                begins, counts, series = begins[has_more], counts[has_more], series[has_more]
            rows = self._order[begins + number]
            yield Pass(series, self._ts_ms[rows], self._values[rows])


def _by_series(places: Array, ts_ms: Array) -> Array:
    # By halves of the place: numpy sorts numbers of two bytes without a comparison.
    order = np.lexsort(((places & 0xFFFF).astype(np.uint16), (places >> 16).astype(np.uint16)))
    ordered, moments = places[order], ts_ms[order]
    is_same = ordered[1:] == ordered[:-1]
    if not (is_same & (moments[1:] <= moments[:-1])).any():
        # Mostly: a host sends its rows as time goes.
        return order
    order = np.lexsort((ts_ms, places))
    ordered, moments = places[order], ts_ms[order]
    is_last = np.ones(len(order), dtype=np.bool_)
    is_last[:-1] = (ordered[1:] != ordered[:-1]) | (moments[1:] != moments[:-1])
    return order[is_last]
