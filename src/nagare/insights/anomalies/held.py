"""The last rows of many series, each in a ring: one more row of a series takes the place of its oldest, and none moves.

Rows that come in one piece are laid down in the order of time anew; both ways lead to the same, but for the last bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nagare.insights.anomalies.moving import shifted, trailing_greatest, windowed_means

Array = np.ndarray[Any, Any]


class Held:
    """The last ``width`` rows of each of ``count`` series; nought stands for one that was not yet."""

    def __init__(self, count: int, width: int, dtype: type[np.floating[Any]] = np.float64) -> None:
        """Begin with none."""
        self.rows = np.zeros((count, width), dtype=dtype)
        # Where the oldest row of each series stands, and so the next one will.
        self.oldest = np.zeros(count, dtype=np.int64)

    def means(self, places: Array, rows: Array, widths: Sequence[int]) -> list[Array]:
        """Hold ``rows``, (series, rows), and return at each the mean of the last ones: a look for each of ``widths``."""
        if rows.shape[1] > 1:
            held = self._in_order(places)
            self._lay(places, shifted(held, rows))
            return [rows if width == 1 else windowed_means(held, rows, width) for width in widths]
        if self.rows.shape[1] > 1:
            self._put(places, rows[:, 0])
        return [rows if width == 1 else self._mean(places, width)[:, None] for width in widths]

    def _mean(self, places: Array, width: int) -> Array:
        whole = self.rows.shape[1]
        if width == whole:
            mean: Array = self.rows[places].mean(axis=1)
            return mean
        newest = self.oldest[places][:, None] - np.arange(1, width + 1)
        newest[newest < 0] += whole
        newest += whole * places[:, None]
        last: Array = self.rows.ravel().take(newest).mean(axis=1)
        return last

    def _in_order(self, places: Array) -> Array:
        """Return the rows of the series at ``places``, the oldest first."""
        width = self.rows.shape[1]
        rows: Array = self.rows[places[:, None], (self.oldest[places][:, None] + np.arange(width)) % width]
        return rows

    def _put(self, places: Array, row: Array) -> Array:
        """Hold one more row of each series and return those that it takes the place of."""
        at, flat = self.oldest[places], self.rows.ravel()
        slots = self.rows.shape[1] * places + at
        gone: Array = flat.take(slots)
        flat[slots] = row
        at += 1
        at[at == self.rows.shape[1]] = 0
        self.oldest[places] = at
        return gone

    def _lay(self, places: Array, rows: Array) -> None:
        self.rows[places] = rows
        self.oldest[places] = 0


class Greatest(Held):
    """Rows that are not below nought, and the greatest that is held of each series."""

    def __init__(self, count: int, width: int) -> None:
        """Begin with none."""
        super().__init__(count, width, np.float32)
        self._greatest = np.zeros(count, dtype=np.float32)

    def before(self, places: Array, rows: Array) -> Array:
        """Hold ``rows``, (series, rows), and return the greatest of those that were held before each."""
        if rows.shape[1] > 1:
            held = self._in_order(places)
            self._lay(places, shifted(held, rows))
            self.renew(places)
            return trailing_greatest(held, rows)
        row, before = rows[:, 0], self._greatest[places]
        gone = self._put(places, row)
        self._greatest[places] = np.maximum(before, row)
        # Looked for again only where the greatest of all was the one that is gone.
        lost = np.flatnonzero((gone >= before) & (row < before))
        if len(lost):
            self.renew(places[lost])
        return before[:, None]

    def renew(self, places: Array) -> None:
        """Find the greatest anew, after the rows themselves were changed."""
        self._greatest[places] = self.rows[places].max(axis=1)
