"""The last rows of many series, each in a ring: one more row of a series takes the place of its oldest, and none moves.

Rows that come in one piece are laid down in the order of time anew; both ways lead to the same, but for the last bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nagare.insights.anomalies.moving import shifted, trailing_greatest, windowed_means
from nagare.insights.anomalies.places import Places, at_which, columns, in_memory, slots

Array = np.ndarray[Any, Any]


class Held:
    """The last ``width`` rows of each of ``count`` series; nought stands for one that was not yet."""

    def __init__(self, count: int, width: int, dtype: type[np.floating[Any]] = np.float64) -> None:
        """Begin with none."""
        self.rows = columns(count, width, dtype)
        # Where the oldest row of each series stands, and so the next one will.
        self.oldest = np.zeros(count, dtype=np.int64)
        self._flat = in_memory(self.rows)

    def _in_order(self, places: Places) -> Array:
        """Return the rows of the series at ``places``, the oldest first."""
        width = self.rows.shape[1]
        order = (self.oldest[places][:, None] + np.arange(width)) % width
        return np.take_along_axis(self.rows[places], order, axis=1)

    def _put(self, places: Places, row: Array) -> Array:
        """Hold one more row of each series and return those that it takes the place of."""
        count, width = self.rows.shape
        oldest = self.oldest[places]
        at = slots(places, oldest, count)
        gone = self._flat[at].copy() if isinstance(at, slice) else self._flat.take(at)
        self._flat[at] = row
        self.oldest[places] = _next(oldest, width)
        return gone

    def _lay(self, places: Places, rows: Array) -> None:
        self.rows[places] = rows
        self.oldest[places] = 0


class Windows(Held):
    """Rows, and their means in windows that end with the newest; the first ``widths`` is 1, a row as it is.

    Sums go along with the rows that come and those that leave. Their roundings are at most those of as many additions as the
    ring has rows, for then they are summed anew; a row that is that much greater than what follows has raised the level
    that departures are measured by still more.
    """

    def __init__(self, count: int, widths: Sequence[int]) -> None:
        """Begin with ``count`` series of noughts."""
        super().__init__(count, max(widths))
        self._widths = tuple(widths)
        # Of each width but the first.
        self._sums = np.zeros((len(widths) - 1, count))

    def means(self, places: Places, rows: Array) -> Array:
        """Hold ``rows``, (series, rows), and return at each the mean of the last ones: (widths, series, rows)."""
        found = np.empty((len(self._widths), *rows.shape))
        found[0] = rows
        if len(self._widths) == 1:
            return found
        if rows.shape[1] == 1:
            self._move(places, rows[:, 0])
            for at, width in enumerate(self._widths[1:]):
                np.divide(self._sums[at, places], width, out=found[at + 1, :, 0])
            return found
        held = self._in_order(places)
        for at, width in enumerate(self._widths[1:]):
            found[at + 1] = windowed_means(held, rows, width)
        self._lay(places, shifted(held, rows))
        self.renew(places)
        return found

    def fill(self, places: Array, rows: Array) -> None:
        """Let the series at ``places`` have had one of ``rows`` each for ever."""
        self.rows[places] = rows[:, None]
        self.renew(places)

    def renew(self, places: Places) -> None:
        """Sum anew, after the rows themselves were changed."""
        self._sum_up(places, self._in_order(places))

    def _sum_up(self, places: Places, held: Array) -> None:
        for at, width in enumerate(self._widths[1:]):
            self._sums[at, places] = held[:, -width:].sum(axis=1)

    def _move(self, places: Places, row: Array) -> None:
        count, whole = self.rows.shape
        before = self.oldest[places]
        leaving = [self._flat[slots(places, _back(before, width, whole), count)] for width in self._widths[1:]]
        for at, gone in enumerate(leaving):
            self._sums[at, places] += row - gone
        self._put(places, row)
        turned = np.flatnonzero(self.oldest[places] == 0)
        if len(turned):
            # Their rows lie in the order of time.
            turned = at_which(places, turned)
            self._sum_up(turned, self.rows[turned])


class Greatest(Held):
    """Rows that are not below nought, and the greatest that is held of each series."""

    def __init__(self, count: int, width: int) -> None:
        """Begin with none."""
        super().__init__(count, width, np.float32)
        self._greatest = np.zeros(count, dtype=np.float32)

    def before(self, places: Places, rows: Array) -> Array:
        """Hold ``rows``, (series, rows), and return the greatest of those that were held before each."""
        if rows.shape[1] > 1:
            held = self._in_order(places)
            self._lay(places, shifted(held, rows))
            self.renew(places)
            return trailing_greatest(held, rows)
        row, before = rows[:, 0], self._greatest[places].copy()
        gone = self._put(places, row)
        self._greatest[places] = np.maximum(before, row)
        # Looked for again only where the greatest of all was the one that is gone.
        lost = np.flatnonzero((gone >= before) & (row < before))
        if len(lost):
            self.renew(at_which(places, lost))
        return before[:, None]

    def renew(self, places: Places) -> None:
        """Find the greatest anew, after the rows themselves were changed."""
        self._greatest[places] = self.rows[places].max(axis=1)


def _next(oldest: Array, width: int) -> Array:
    after = oldest + 1
    after[after == width] = 0
    return after


def _back(oldest: Array, rows: int, width: int) -> Array:
    """Return where the row stands that came so many ``rows`` before the next one."""
    back = oldest - rows
    back[back < 0] += width
    return back
