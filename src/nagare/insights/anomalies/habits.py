"""What surprised at this time of day on earlier days: a nightly backup is news once, and no news the week after.

A day's surprises are remembered by half hours of UTC and fade from day to day. Rows of one call lie in one UTC day, so
that nothing of a day is remembered before the day is over: rows in one piece then see what rows one by one see.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from nagare.insights.anomalies.places import Places, at_which, columns, give, in_memory, numbers, slots, taken

Array = np.ndarray[Any, Any]
DAY_MS = 86_400_000
BINS = 48
# What is left of a surprise after a day.
_KEPT = 0.8
# A job that starts a little earlier or later is still the same.
_BESIDE = (-1, 0, 1)


class When(NamedTuple):
    """The day of each series' rows, which lie in one, counted from 1970; where the half hour of each row lies.

    That is in what is kept by half hours (``places.slots``): of series, or of (series, rows) where there are ``several``.
    """

    day: Array
    at: Places
    several: bool


class Habits:
    """The greatest surprise of each half hour, of so many series in so many ways."""

    def __init__(self, count: int, ways: int) -> None:
        """Begin with nothing remembered."""
        # Half hour by half hour in memory: rows of one call are mostly of the same one.
        self.past = columns(ways, count, BINS, dtype=np.float32)
        self.today = columns(ways, count, BINS, dtype=np.float32)
        # Of each half hour and those beside it the greatest of ``past``.
        self._about = columns(ways, count, BINS, dtype=np.float32)
        # The day of ``today``, counted from 1970; 0 before the first row.
        self.day = np.zeros(count, dtype=np.int64)

    def recall(self, places: Places, when: When) -> Array:
        """Return the greatest surprise that earlier days had about the time of each row, in (ways, series, rows)."""
        is_new = self.day[places] < when.day
        if is_new.any():
            self._begin_day(at_which(places, is_new), when.day[is_new])
        greatest = taken(in_memory(self._about), when.at)
        return greatest if when.several else greatest[..., None]

    def remember(self, when: When, surprise: Array) -> None:
        """Take the surprises of the rows that ``recall`` was asked about."""
        today = in_memory(self.today)
        if isinstance(when.at, slice) or not when.several:
            give(today, when.at, np.maximum(taken(today, when.at), surprise[..., 0]))
            return
        for way, new in zip(today, surprise, strict=True):
            np.maximum.at(way, when.at.ravel(), new.ravel())

    def renew(self, places: Places) -> None:
        """Look at what is remembered anew, after it was changed."""
        past = self.past[:, places]
        self._about[:, places] = np.maximum.reduce([np.roll(past, by, axis=-1) for by in _BESIDE])

    def _begin_day(self, places: Array, day: Array) -> None:
        passed = np.where(self.day[places] == 0, 1, day - self.day[places])[:, None]
        fading = np.float32(_KEPT) ** passed.astype(np.float32)
        past, today = self.past[:, places], self.today[:, places]
        self.past[:, places] = np.maximum(past * fading, today * fading / np.float32(_KEPT))
        self.today[:, places] = 0
        self.day[places] = day
        self.renew(places)


def when_of(places: Places, ts_ms: Array, count: int) -> When:
    """Return when rows are, (series, rows), of series at ``places`` among ``count``."""
    day = ts_ms[:, 0] // DAY_MS
    bins = (ts_ms - DAY_MS * day[:, None]) // (DAY_MS // BINS)
    if bins.shape[1] == 1:
        return When(day, slots(places, bins[:, 0], count), several=False)
    return When(day, numbers(places)[:, None] + count * bins, several=True)
