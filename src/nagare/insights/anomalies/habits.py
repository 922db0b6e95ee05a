"""What surprised at this time of day on earlier days: a nightly backup is news once, and no news the week after.

A day's surprises are remembered by half hours of UTC and fade from day to day. Rows of one call lie in one UTC day, so
that nothing of a day is remembered before the day is over: rows in one piece then see what rows one by one see.
"""

from __future__ import annotations

from typing import Any

import numpy as np

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
        self.past = np.zeros((count, BINS), dtype=np.float32, order="F")
        self.today = np.zeros((count, BINS), dtype=np.float32, order="F")
        # Of each half hour and those beside it the greatest of ``past``.
        self._about = np.zeros((count, BINS), dtype=np.float32, order="F")
        # The day of ``today``, counted from 1970; 0 before the first row.
        self.day = np.zeros(count, dtype=np.int64)

    def recall(self, places: Array, day: Array, bins: Array) -> Array:
        """Return the greatest surprise that earlier days had about the time of each row, in (series, rows).

        ``day`` is that of each series' rows, counted from 1970, and ``bins`` the half hour of each row (``days_and_bins``).
        """
        is_new = self.day[places] < day
        if is_new.any():
            self._begin_day(places[is_new], day[is_new])
        greatest: Array = self._about[places[:, None], bins]
        return greatest

    def remember(self, places: Array, bins: Array, surprise: Array) -> None:
        """Take the surprises of the rows that ``recall`` was asked about."""
        slots = (places[:, None], bins)
        if bins.shape[1] == 1:
            # Each series has one slot.
            self.today[slots] = np.maximum(self.today[slots], surprise)
        else:
            np.maximum.at(self.today, slots, surprise)

    def renew(self, places: Array) -> None:
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
