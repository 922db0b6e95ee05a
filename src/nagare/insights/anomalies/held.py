"""The last rows of many series, each in a ring: one more row of a series takes the place of its oldest, and none moves.

Rows that come in one piece are laid down in the order of time anew; both ways lead to the same, but for the last bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nagare.insights.anomalies.moving import shifted, trailing_greatest, windowed_means
from nagare.insights.anomalies.places import Places, at_which, columns, give, in_memory, slots, taken

Array = np.ndarray[Any, Any]


class Held:
    """The last ``width`` rows of each of ``count`` series in so many ways; nought stands for one that was not yet."""

    def __init__(self, count: int, width: int, ways: int = 1, dtype: type[np.floating[Any]] = np.float64) -> None:
        """Begin with none."""
        # In (ways, series, rows).
        self.rows = columns(ways, count, width, dtype=dtype)
        # Where the oldest row of each series stands, and so the next one will; in every way the same.
        self.oldest = np.zeros(count, dtype=np.int64)
        self._flat = in_memory(self.rows)

    def _in_order(self, places: Places) -> Array:
        """Return the rows of the series at ``places``, the oldest first."""
        width = self.rows.shape[-1]
        order = (self.oldest[places][:, None] + np.arange(width)) % width
        return np.take_along_axis(self.rows[:, places], order[None], axis=-1)

    def _put(self, places: Places, oldest: Array, row: Array) -> Array:
        """Let ``row``, (ways, series), take the place of the ``oldest`` ones, and return those; ``_turn`` makes it the newest."""
        at = slots(places, oldest, len(self.oldest))
        gone = taken(self._flat, at).copy()
        give(self._flat, at, row)
        return gone

    def _turn(self, places: Places, oldest: Array) -> Array:
        after = oldest + 1
        after[after == self.rows.shape[-1]] = 0
        self.oldest[places] = after
        return after

    def _lay(self, places: Places, rows: Array) -> None:
        self.rows[:, places] = rows
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
        # Of each width but the first.
        self._windows = [(width, np.zeros(count)) for width in widths[1:]]

    def means(self, places: Places, rows: Array) -> Array:
        """Hold ``rows``, (series, rows), and return at each the mean of the last ones: (widths, series, rows)."""
        found = np.empty((1 + len(self._windows), *rows.shape))
        found[0] = rows
        if not self._windows:
            return found
        if rows.shape[1] == 1:
            self._move(places, rows[:, 0])
            for at, (width, sums) in enumerate(self._windows, start=1):
                found[at, :, 0] = sums[places] / width
            return found
        held = self._in_order(places)
        for at, (width, _) in enumerate(self._windows, start=1):
            found[at] = windowed_means(held[0], rows, width)
        self._lay(places, shifted(held, rows[None]))
        self.renew(places)
        return found

    def fill(self, places: Array, rows: Array) -> None:
        """Let the series at ``places`` have had one of ``rows`` each for ever."""
        self.rows[0, places] = rows[:, None]
        self.renew(places)

    def renew(self, places: Places) -> None:
        """Sum anew, after the rows themselves were changed."""
        self._sum_up(places, self._in_order(places)[0])

    def _sum_up(self, places: Places, held: Array) -> None:
        for width, sums in self._windows:
            sums[places] = held[:, -width:].sum(axis=1)

    def _move(self, places: Places, row: Array) -> None:
        oldest = self.oldest[places]
        for width, sums in self._windows:
            sums[places] += row - self._flat[0][self._leaving(places, oldest, width)]
        self._put(places, oldest, row[None])
        turned = np.flatnonzero(self._turn(places, oldest) == 0)
        if len(turned):
            # Their rows lie in the order of time.
            again = at_which(places, turned)
            self._sum_up(again, self.rows[0, again])

    def _leaving(self, places: Places, oldest: Array, width: int) -> Places:
        """Return where the row of each series stands that leaves the window as another one comes."""
        whole = self.rows.shape[-1]
        if width == whole:
            return slots(places, oldest, len(self.oldest))
        column = oldest - width
        column[column < 0] += whole
        return slots(places, column, len(self.oldest))


class Greatest(Held):
    """Rows that are not below nought, and the greatest that is held of each series in each way."""

    def __init__(self, count: int, width: int, ways: int) -> None:
        """Begin with none."""
        super().__init__(count, width, ways, np.float32)
        self._greatest = np.zeros((ways, count), dtype=np.float32)

    def before(self, places: Places, rows: Array) -> Array:
        """Hold ``rows``, (ways, series, rows), and return the greatest of those that were held before each."""
        before = taken(self._greatest, places).copy()
        if rows.shape[-1] > 1:
            return self._before_each(places, rows)
        oldest = self.oldest[places]
        self._hold(places, oldest, rows[..., 0], before)
        self._turn(places, oldest)
        return before[..., None]

    def before_rare(self, places: Places, rows: Array) -> Array:
        """Do as ``before`` with rows that are nought but for a few: nought in the place of nought changes nothing."""
        before, row = taken(self._greatest, places).copy(), rows[..., 0]
        if rows.shape[-1] > 1:
            return self._before_each(places, rows)
        oldest = self.oldest[places]
        some = np.flatnonzero(((before > 0) | (row > 0)).any(axis=0))
        if len(some):
            self._hold(at_which(places, some), oldest[some], row[:, some], before[:, some])
        self._turn(places, oldest)
        return before[..., None]

    def renew(self, places: Places) -> None:
        """Find the greatest anew, after the rows themselves were changed."""
        self._greatest[:, places] = self.rows[:, places].max(axis=-1)

    def _before_each(self, places: Places, rows: Array) -> Array:
        held = self._in_order(places)
        self._lay(places, shifted(held, rows))
        self.renew(places)
        return trailing_greatest(held, rows)

    def _hold(self, places: Places, oldest: Array, row: Array, before: Array) -> None:
        gone = self._put(places, oldest, row)
        give(self._greatest, places, np.maximum(before, row))
        # Looked for again only where the greatest of all was the one that is gone.
        ways, lost = np.nonzero((gone >= before) & (row < before))
        if len(lost):
            again = at_which(places, lost)
            self._greatest[ways, again] = self.rows[ways, again].max(axis=-1)
