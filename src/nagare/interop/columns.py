"""Samples while they are being read, one by one: for the formats whose cost is in their text, not in their columns."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import numpy as np

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
