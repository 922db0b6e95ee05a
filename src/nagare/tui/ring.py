"""A short history of one value in a bounded piece of memory, oldest first."""

from __future__ import annotations

from array import array
from bisect import bisect_left

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
TimeArray = npt.NDArray[np.int64]

# 15 minutes at the default 5 s, with room for jitter.
CAPACITY = 192
# Points move only once in so many appends; a fleet has thousands of rings, so little more than is read is held.
_SPARE = 32


class Ring:
    """The last points (Unix milliseconds, value) in rising time; a full ring drops its oldest. Readers get copies."""

    __slots__ = ("_capacity", "_times", "_values")

    def __init__(self, capacity: int = CAPACITY) -> None:
        """Hold at most ``capacity`` points."""
        self._capacity = capacity
        # Not numpy: a point comes alone, and writing one is what a thousand hosts do all the time.
        self._times = array("q")
        self._values = array("d")

    def __len__(self) -> int:
        """Return the number of points held."""
        return min(len(self._times), self._capacity)

    def append(self, ts_ms: int, value: float) -> bool:
        """Add a point; one that is not newer than the last is refused."""
        times = self._times
        if times and ts_ms <= times[-1]:
            return False
        times.append(ts_ms)
        self._values.append(value)
        if len(times) >= self._capacity + _SPARE:
            self._trim()
        return True

    def _trim(self) -> None:
        del self._times[: -self._capacity]
        del self._values[: -self._capacity]

    def fill(self, times: TimeArray, values: FloatArray) -> None:
        """Lay older points under those held: what stands here and is newer stays."""
        own_times, own_values = self.points()
        older = times < own_times[0] if len(own_times) else np.ones(len(times), dtype=bool)
        all_times = np.concatenate([times[older], own_times])[-self._capacity :]
        all_values = np.concatenate([values[older], own_values])[-self._capacity :]
        self._times = array("q", all_times.astype(np.int64).tobytes())
        self._values = array("d", all_values.astype(np.float64).tobytes())

    def points(self) -> tuple[TimeArray, FloatArray]:
        """Return times and values, oldest first."""
        return self._from(max(0, len(self._times) - self._capacity))

    def since(self, start_ms: int) -> tuple[TimeArray, FloatArray]:
        """Return the points at or after ``start_ms``."""
        first = max(0, len(self._times) - self._capacity)
        return self._from(bisect_left(self._times, start_ms, lo=first))

    def newest(self) -> tuple[int, float] | None:
        """Return the last point, None without one."""
        return (self._times[-1], self._values[-1]) if self._times else None

    def before(self) -> float | None:
        """Return the value before the last one, None without one."""
        return self._values[-2] if len(self) > 1 else None

    def mean_of(self, span_ms: int) -> float:
        """Return the mean of the known values of the last ``span_ms``; NaN when they are fewer than three, or of less than two thirds of it."""
        if len(self._times) < 3:
            return np.nan
        start_ms = self._times[-1] - span_ms
        first = bisect_left(self._times, start_ms)
        if len(self._times) - first < 3 or self._times[first] > start_ms + span_ms // 3:
            return np.nan
        known = [value for value in self._values[first:] if value == value]
        return sum(known) / len(known) if known else np.nan

    def _from(self, first: int) -> tuple[TimeArray, FloatArray]:
        # A slice of an array is a copy, so that none keeps the ring from growing.
        return np.frombuffer(self._times[first:], dtype=np.int64), np.frombuffer(self._values[first:], dtype=np.float64)
