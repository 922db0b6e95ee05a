"""What surprised at this time of day on earlier days: a nightly backup is news once, and no news the week after.

A day's surprises are remembered by half hours of UTC and fade from day to day. Rows of one call lie in one UTC day, so
that nothing of a day is remembered before the day is over: rows in one piece then see what rows one by one see.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nagare.insights.anomalies.places import Places, at_which, columns, in_memory, numbers, slots

Array = np.ndarray[Any, Any]
DAY_MS = 86_400_000
BINS = 48
# What is left of a surprise after a day.
_KEPT = 0.8
# A job that starts a little earlier or later is still the same.
_BESIDE = (-1, 0, 1)


class Habits:
    """The greatest surprise of each half hour, of so many series."""

    def __init__(self, count: int) -> None:
        """Begin with nothing remembered."""
        # Half hour by half hour in memory: rows of one call are mostly of the same one.
        self.past = columns(count, BINS, np.float32)
        self.today = columns(count, BINS, np.float32)
        # Of each half hour and those beside it the greatest of ``past``.
        self._about = columns(count, BINS, np.float32)
        # The day of ``today``, counted from 1970; 0 before the first row.
        self.day = np.zeros(count, dtype=np.int64)

    def recall(self, places: Places, day: Array, bins: Array) -> Array:
        """Return the greatest surprise that earlier days had about the time of each row, in (series, rows).

        ``day`` is that of each series' rows, counted from 1970, and ``bins`` the half hour of each row (``days_and_bins``).
        """
        is_new = self.day[places] < day
        if is_new.any():
            self._begin_day(at_which(places, is_new), day[is_new])
        if bins.shape[1] == 1:
            return in_memory(self._about)[slots(places, bins[:, 0], len(self.day))][:, None]
        return np.take_along_axis(self._about[places], bins, axis=1)

    def remember(self, places: Places, bins: Array, surprise: Array) -> None:
        """Take the surprises of the rows that ``recall`` was asked about."""
        if bins.shape[1] == 1:
            today, at = in_memory(self.today), slots(places, bins[:, 0], len(self.day))
            today[at] = np.maximum(today[at], surprise[:, 0])
        else:
            np.maximum.at(self.today, (numbers(places)[:, None], bins), surprise)

    def renew(self, places: Places) -> None:
        """Look at what is remembered anew, after it was changed."""
        past = self.past[places]
        self._about[places] = np.maximum.reduce([np.roll(past, by, axis=1) for by in _BESIDE])

    def _begin_day(self, places: Array, day: Array) -> None:
        passed = np.where(self.day[places] == 0, 1, day - self.day[places])[:, None]
        fading = np.float32(_KEPT) ** passed.astype(np.float32)
        self.past[places] = np.maximum(self.past[places] * fading, self.today[places] * fading / np.float32(_KEPT))
        self.today[places] = 0
        self.day[places] = day
        self.renew(places)


def days_and_bins(ts_ms: Array) -> tuple[Array, Array]:
    """Return the day of each series' rows, which lie in one, counted from 1970, and the half hour of each row."""
    day = ts_ms[:, 0] // DAY_MS
    return day, (ts_ms - DAY_MS * day[:, None]) // (DAY_MS // BINS)
