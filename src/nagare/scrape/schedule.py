"""When a target is read: at a fixed rate on a grid that does not drift, each target at its own place in the interval."""

from __future__ import annotations

import math
from dataclasses import dataclass

from nagare.lib.clock import Clock

# A scrape that begins so near to its place on the grid is stamped with that place: equal steps between the stamps of a
# series take far less room than steps that differ by a millisecond.
_TOLERANCE_RATIO = 0.01


@dataclass(frozen=True, slots=True)
class Tick:
    """A scrape that is due: its stamp, and how many before it were never made because the last one took too long."""

    ts_ms: int
    missed: int


class Schedule:
    """The ticks of one target, on the clock's monotonic time."""

    def __init__(self, interval_seconds: float, offset_ratio: float, clock: Clock) -> None:
        """Begin with the next place on the grid of wall-clock time."""
        self._clock = clock
        self._interval = interval_seconds
        offset = offset_ratio * interval_seconds
        now = clock.now_ms() / 1000
        self._first = clock.monotonic() + (offset - now) % interval_seconds
        self._first_ms = clock.now_ms() + (self._first - clock.monotonic()) * 1000
        self._number = -1

    async def next(self) -> Tick:
        """Wait for the next tick and return it; ticks that have passed meanwhile are counted as missed."""
        passed = math.ceil((self._clock.monotonic() - self._first) / self._interval)
        due = max(self._number + 1, passed)
        # Before the first tick nothing can be missed.
        missed = due - self._number - 1 if self._number >= 0 else 0
        self._number = due
        wait = self._first + due * self._interval - self._clock.monotonic()
        if wait > 0:
            await self._clock.sleep(wait)
        return Tick(self._stamp(), missed)

    def _stamp(self) -> int:
        planned, now = self._first_ms + self._number * self._interval * 1000, self._clock.now_ms()
        if abs(now - planned) <= self._interval * 1000 * _TOLERANCE_RATIO:
            return round(planned)
        # The machine was busy, or somebody set its clock: the truth, and the grid starts anew from it.
        self._first_ms += now - planned
        return now
