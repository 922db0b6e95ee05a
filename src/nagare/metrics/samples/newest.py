"""The newest sample of every series, by number: what dedup asks first, and the whole answer of ``samples_last``.

The log's writer changes it; queries copy it under the lock that keeps time and value together.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nagare.model.samples import Samples

# Before every time that a sample can have.
NEVER_MS = np.iinfo(np.int64).min
_FIRST_CAPACITY = 1024


@dataclass(frozen=True, slots=True)
class NewestRows:
    """Number, time and value of series that have any."""

    series: NDArray[np.int32]
    ts_ms: NDArray[np.int64]
    values: NDArray[np.float64]


class Newest:
    """Columns by series number."""

    def __init__(self) -> None:
        """Begin with no series."""
        # Guards both columns against a reader between them.
        self._lock = threading.Lock()
        self.ts_ms = np.full(_FIRST_CAPACITY, NEVER_MS, np.int64)
        self._values = np.zeros(_FIRST_CAPACITY, np.float64)
        # Scratch of ``are_newer``: the last row of each series, of whatever group wrote there.
        self._rows = np.zeros(_FIRST_CAPACITY, np.int32)

    def reserve(self, count: int) -> None:
        """Have room for the numbers below ``count``."""
        held = len(self.ts_ms)
        if count <= held:
            return
        more = max(count, 2 * held) - held
        with self._lock:
            self.ts_ms = np.concatenate((self.ts_ms, np.full(more, NEVER_MS, np.int64)))
            self._values = np.concatenate((self._values, np.zeros(more, np.float64)))
            self._rows = np.zeros(len(self.ts_ms), np.int32)

    def are_newer(self, samples: Samples) -> bool:
        """Tell whether ``samples`` are newer than what is held, each of another series. For the writer's thread."""
        series = samples.series.astype(np.intp)
        if not (samples.ts_ms > self.ts_ms.take(series)).all():
            return False
        rows = np.arange(len(series), dtype=np.int32)
        self._rows[series] = rows
        return bool((self._rows.take(series) == rows).all())

    def note(self, samples: Samples, *, is_newer: bool) -> None:
        """Take note of ``samples``; ``is_newer`` says that all are newer than what is held, each of another series."""
        with self._lock:
            if not is_newer:
                samples = self._newer(samples)
            self.ts_ms[samples.series] = samples.ts_ms
            self._values[samples.series] = samples.values

    def put(self, rows: NewestRows) -> None:
        """Take over rows of the catalog."""
        if len(rows.series):
            self.reserve(int(rows.series.max()) + 1)
            self.note(Samples(rows.series, rows.ts_ms, rows.values), is_newer=False)

    def forget_before(self, oldest_ms: int) -> list[int]:
        """Forget the series whose newest sample is older; return their numbers."""
        with self._lock:
            gone = np.flatnonzero((self.ts_ms < oldest_ms) & (self.ts_ms != NEVER_MS))
            self.ts_ms[gone] = NEVER_MS
        return gone.tolist()

    def rows(self) -> NewestRows:
        """Return a copy of this moment."""
        with self._lock:
            known = np.flatnonzero(self.ts_ms != NEVER_MS)
            return NewestRows(known.astype(np.int32), self.ts_ms[known], self._values[known])

    def _newer(self, samples: Samples) -> Samples:
        """Return the newest of ``samples`` for each series for which it is newer than what is held."""
        late = samples.ts_ms > self.ts_ms[samples.series]
        series, ts_ms = samples.series[late], samples.ts_ms[late]
        # Held times are lower, so they may be raised to what ends as theirs.
        np.maximum.at(self.ts_ms, series, ts_ms)
        is_newest = ts_ms == self.ts_ms[series]
        return Samples(series[is_newest], ts_ms[is_newest], samples.values[late][is_newest])
