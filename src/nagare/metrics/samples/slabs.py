"""Samples that are in no block yet: columns that only ever grow at their end, so that readers need neither copy nor lock.

A slab is allocated at its full size, which costs nothing until rows fill it. A reader takes the count first and then
looks at the rows below it; these never change again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nagare.metrics.samples.pairs import KeptPairs
from nagare.model.samples import Samples

# The first slab of a generation is small, each next one larger, so that a quiet installation holds little.
FIRST_ROWS = 1 << 15
MOST_ROWS = 1 << 20
# Bytes of a sample in the three columns.
SAMPLE_BYTES = 20


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one slab at one moment, in the order they came; views, valid for as long as they are held."""

    series: NDArray[np.int32]
    ts_ms: NDArray[np.int64]
    values: NDArray[np.float64]
    min_ms: int
    max_ms: int
    # Whether any value may be no number: a stale marker among them.
    has_nan: bool

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.series)


class Slab:
    """Columns of a fixed capacity; one thread adds."""

    __slots__ = ("_has_nan", "_max_ms", "_min_ms", "_pairs", "_series", "_ts_ms", "_values", "capacity", "count")

    def __init__(self, capacity: int) -> None:
        """Reserve room for ``capacity`` rows."""
        self.capacity = capacity
        self.count = 0
        self._series = np.empty(capacity, np.int32)
        self._ts_ms = np.empty(capacity, np.int64)
        self._values = np.empty(capacity, np.float64)
        self._min_ms = self._max_ms = 0
        self._has_nan = False
        self._pairs = KeptPairs()

    def add(self, samples: Samples) -> None:
        """Add ``samples``, for which there is room."""
        start, end = self.count, self.count + len(samples)
        self._series[start:end] = samples.series
        self._ts_ms[start:end] = samples.ts_ms
        self._values[start:end] = samples.values
        low, high = int(samples.ts_ms.min()), int(samples.ts_ms.max())
        self._min_ms = min(low, self._min_ms) if start else low
        self._max_ms = max(high, self._max_ms) if start else high
        if not self._has_nan:
            self._has_nan = bool(np.isnan(samples.values).any())
        # Last: what lies below the count is whole for every reader.
        self.count = end

    def has_between(self, low_ms: int, high_ms: int) -> bool:
        """Tell whether a row may be from ``low_ms`` to ``high_ms``."""
        return self.count > 0 and self._min_ms <= high_ms and self._max_ms >= low_ms

    def holds(self, samples: Samples) -> NDArray[np.bool_]:
        """Tell which of ``samples`` repeat a row. For the thread that adds."""
        count = self.count
        return self._pairs.hold(samples.series, samples.ts_ms, self._series[:count], self._ts_ms[:count])

    def rows(self) -> Rows:
        """Return the rows of this moment."""
        count = self.count
        return Rows(
            self._series[:count],
            self._ts_ms[:count],
            self._values[:count],
            self._min_ms,
            self._max_ms,
            self._has_nan,
        )


class SampleHead:
    """The samples of one generation."""

    def __init__(self) -> None:
        """Begin empty."""
        self._slabs: tuple[Slab, ...] = ()
        self.count = 0

    @property
    def size_bytes(self) -> int:
        """Bytes of the rows."""
        return self.count * SAMPLE_BYTES

    def add(self, samples: Samples) -> None:
        """Add ``samples``, durable and none of them known. One thread adds."""
        start = 0
        while start < len(samples):
            slab = self._slabs[-1] if self._slabs else None
            if slab is None or slab.count == slab.capacity:
                slab = Slab(min(MOST_ROWS, slab.capacity * 2 if slab else FIRST_ROWS))
                self._slabs = (*self._slabs, slab)
            end = min(len(samples), start + slab.capacity - slab.count)
            slab.add(Samples(samples.series[start:end], samples.ts_ms[start:end], samples.values[start:end]))
            start = end
        self.count += len(samples)

    def take_over(self, other: SampleHead) -> None:
        """Have the rows of ``other`` too, which takes no more."""
        self._slabs = (*other._slabs, *self._slabs)
        self.count += other.count

    @property
    def slabs(self) -> tuple[Slab, ...]:
        """What the rows lie in."""
        return self._slabs

    def rows(self) -> Iterator[Rows]:
        """Yield the rows of each slab that has any."""
        for slab in self._slabs:
            if slab.count:
                yield slab.rows()
