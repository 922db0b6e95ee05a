"""The rows of the head that a statement may want, by the numbers of their series, as arrays of their own.

To leave rows out here costs a hundredth of what it costs to join each of them with its series. What is left of all
slabs becomes one: each array that DuckDB is told of costs a statement a millisecond, and a join of its own.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Columns = tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.float64]]
# So many series are compared one by one: each takes a fifteenth of the time of a look at a flag for each row.
_FEW = 8
# No series has a negative number.
_NO_SERIES = -1


class Wanted:
    """Some series."""

    def __init__(self, numbers: NDArray[np.int32]) -> None:
        """Want the series of those ``numbers``."""
        is_few = len(numbers) <= _FEW
        self._few = numbers.tolist() if is_few else None
        # A flag by number; the last one stands for every number beyond.
        self._flags = np.zeros(1 if is_few else int(numbers.max()) + 2, np.bool_)
        if not is_few:
            self._flags[numbers] = True

    @property
    def size_bytes(self) -> int:
        """The memory that it takes."""
        return self._flags.nbytes

    def joined(self, parts: Iterable[Columns]) -> Columns:
        """Return the rows of ``parts`` that are wanted, in their order: series, times and values."""
        return joined(self._of(part) for part in parts)

    def _of(self, part: Columns) -> Columns:
        series, ts_ms, values = part
        kept = np.flatnonzero(self._are(series))
        return series[kept], ts_ms[kept], values[kept]

    def _are(self, series: NDArray[np.int32]) -> NDArray[np.bool_]:
        if self._few is None:
            return self._flags.take(series, mode="clip")
        # Each step on a long array waits for the interpreter once more, so there are as few as can be.
        found: NDArray[np.bool_] = series == (self._few[0] if self._few else _NO_SERIES)
        for number in self._few[1:]:
            found |= series == number
        return found


def joined(parts: Iterable[Columns]) -> Columns:
    """Return the rows of all ``parts`` in their order."""
    nothing = np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(0, np.float64)
    series, ts_ms, values = zip(nothing, *parts, strict=True)
    return np.concatenate(series), np.concatenate(ts_ms), np.concatenate(values)
