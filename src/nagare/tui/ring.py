"""A short history of one value in a fixed piece of memory, oldest first."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
TimeArray = npt.NDArray[np.int64]

# 15 minutes at the default 5 s, with room for jitter.
CAPACITY = 192


class Ring:
    """The last points (Unix milliseconds, value) in rising time; a full ring drops its oldest."""

    __slots__ = ("_capacity", "_count", "_times", "_values")

    def __init__(self, capacity: int = CAPACITY) -> None:
        """Hold at most ``capacity`` points."""
        # Twice the room: points move only once in ``capacity`` appends, and readers always get one contiguous piece.
        self._capacity = capacity
        self._times: TimeArray = np.zeros(capacity * 2, dtype=np.int64)
        self._values: FloatArray = np.full(capacity * 2, np.nan)
        self._count = 0

    def __len__(self) -> int:
        """Return the number of points held."""
        return min(self._count, self._capacity)

    def append(self, ts_ms: int, value: float) -> bool:
        """Add a point; one that is not newer than the last is refused."""
        if self._count and ts_ms <= self._times[self._count - 1]:
            return False
        if self._count == self._capacity * 2:
            self._times[: self._capacity] = self._times[self._capacity :]
            self._values[: self._capacity] = self._values[self._capacity :]
            self._count = self._capacity
        self._times[self._count] = ts_ms
        self._values[self._count] = value
        self._count += 1
        return True

    def fill(self, times: TimeArray, values: FloatArray) -> None:
        """Lay older points under those held: what stands here and is newer stays."""
        own_times, own_values = self.points()
        older = times < own_times[0] if len(own_times) else np.ones(len(times), dtype=bool)
        all_times = np.concatenate([times[older], own_times])[-self._capacity :]
        all_values = np.concatenate([values[older], own_values])[-self._capacity :]
        self._count = len(all_times)
        self._times[: self._count] = all_times
        self._values[: self._count] = all_values

    def points(self) -> tuple[TimeArray, FloatArray]:
        """Return times and values, oldest first, as views that the next append may move."""
        first = max(0, self._count - self._capacity)
        return self._times[first : self._count], self._values[first : self._count]

    def since(self, start_ms: int) -> tuple[TimeArray, FloatArray]:
        """Return the points at or after ``start_ms``."""
        times, values = self.points()
        index = int(np.searchsorted(times, start_ms))
        return times[index:], values[index:]
