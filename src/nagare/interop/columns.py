"""Samples while they are being read, one by one: for the formats whose cost is in their text, not in their columns."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from nagare.model.samples import STALE_BITS, MetricMetadata, Samples

# The value that says "this series ended here"; read from its bits, because arithmetic would make it a plain NaN.
STALE: float = struct.unpack("<d", struct.pack("<Q", STALE_BITS))[0]


@dataclass(slots=True)
class SampleRows:
    """Three lists that grow together and become ``Samples``."""

    series: list[int] = field(default_factory=list)
    ts_ms: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def add(self, series: int, ts_ms: int, value: float) -> None:
        """Take one sample."""
        self.series.append(series)
        self.ts_ms.append(ts_ms)
        self.values.append(value)

    def cut_back(self, count: int) -> None:
        """Keep the first ``count`` samples only."""
        del self.series[count:], self.ts_ms[count:], self.values[count:]

    def samples(self) -> Samples:
        """Return what was added, as columns."""
        return Samples(
            np.array(self.series, dtype=np.int32),
            np.array(self.ts_ms, dtype=np.int64),
            np.array(self.values, dtype=np.float64),
        )


@dataclass(frozen=True, slots=True)
class Parsed:
    """What one document says: its samples, and what it tells about their metrics."""

    samples: Samples
    metadata: tuple[MetricMetadata, ...] = ()


def stale_marks(series: ArrayLike, ts_ms: int) -> Samples:
    """Return for each of ``series`` the mark that it ended at ``ts_ms``."""
    numbers = np.asarray(series, dtype=np.int32)
    # Written as integers: a signalling NaN that passes through a floating-point register may lose its bits.
    values = np.full(len(numbers), STALE_BITS, dtype=np.uint64).view(np.float64)
    return Samples(numbers, np.full(len(numbers), ts_ms, dtype=np.int64), values)


def joined(parts: Iterable[Samples]) -> Samples:
    """Return the samples of all ``parts``, at least one, in their order; every bit of the values stays."""
    kept = tuple(parts)
    return Samples(
        np.concatenate([part.series for part in kept]),
        np.concatenate([part.ts_ms for part in kept]),
        np.concatenate([part.values for part in kept]),
    )
