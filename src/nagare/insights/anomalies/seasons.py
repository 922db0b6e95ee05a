"""What a series usually is at each time of day, learned from the days before: the seasonal mean of Holt and Winters.

Winters, "Forecasting sales by exponentially weighted moving averages" (Management Science, 1960), with a day of UTC as
the season and half hours as its parts. Rows of one call lie in one UTC day; a day counts from the next one on.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nagare.insights.anomalies.habits import BINS, DAY_MS, When
from nagare.insights.anomalies.places import Places, at_which, columns, in_memory

Array = np.ndarray[Any, Any]
# How much a new day counts against all before.
_DAY_WEIGHT = 0.3
# Fewer days are no habit.
_DAYS = 2


class Seasons:
    """The mean of each half hour of the day, of so many series."""

    def __init__(self, count: int) -> None:
        """Begin with nothing known."""
        # Half hour by half hour in memory: rows of one call are mostly of the same one.
        self.means = columns(count, BINS)
        self.is_known = columns(count, BINS, dtype=np.bool_)
        self.sums = columns(count, BINS)
        self.counts = columns(count, BINS, dtype=np.float32)
        self.day = np.zeros(count, dtype=np.int64)
        self.days = np.zeros(count, dtype=np.int64)
        # Whether enough days of all the day are known.
        self._is_usual = np.zeros(count, dtype=np.bool_)

    def begin(self, places: Places, day: Array) -> Array:
        """Let the days that are over count, and tell which series have a season that can be expected."""
        is_new = self.day[places] < day
        if is_new.any():
            ended = at_which(places, is_new)
            self._end_day(ended)
            self.day[ended] = day[is_new]
        is_usual: Array = self._is_usual[places]
        return is_usual

    def renew(self, places: Places) -> None:
        """Look at what is known anew, after it was changed."""
        known = self.is_known[places]
        near = known | np.roll(known, 1, axis=1) | np.roll(known, -1, axis=1)
        self._is_usual[places] = (self.days[places] > _DAYS) & near.all(axis=1)

    def expect(self, places: Array, ts_ms: Array) -> Array:
        """Return what the season lets expect of each row: between two half hours in their proportion."""
        at = (ts_ms % DAY_MS) * BINS / DAY_MS - 0.5
        first = np.floor(at).astype(np.int64)
        low, high = first % BINS, (first + 1) % BINS
        share = at - first
        series = places[:, None]
        has_low, has_high = self.is_known[series, low], self.is_known[series, high]
        share = np.where(has_low & has_high, share, np.where(has_low, 0.0, 1.0))
        expected: Array = (1.0 - share) * self.means[series, low] + share * self.means[series, high]
        return expected

    def learn(self, when: When, values: Array) -> None:
        """Take rows of the day that lasts."""
        sums, counts = in_memory(self.sums), in_memory(self.counts)
        if isinstance(when.at, slice) or not when.several:
            sums[when.at] += values[:, 0]
            counts[when.at] += np.float32(1)
            return
        each = when.at.ravel()
        np.add.at(sums, each, values.ravel())
        np.add.at(counts, each, np.float32(1))

    def _end_day(self, places: Array) -> None:
        counts = self.counts[places]
        seen = counts > 0
        mean = np.divide(self.sums[places], counts, out=np.zeros(seen.shape), where=seen)
        before, known = self.means[places], self.is_known[places]
        moved = np.where(known, before + _DAY_WEIGHT * (mean - before), mean)
        self.means[places] = np.where(seen, moved, before)
        self.is_known[places] = known | seen
        self.days[places] += 1
        self.sums[places] = 0
        self.counts[places] = 0
        self.renew(places)
