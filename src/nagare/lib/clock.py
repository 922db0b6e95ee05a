"""Time as a dependency: monotonic for durations, UTC for stamps, so that tests turn the hands themselves.

The only module that reads the system's clocks (lint bans ``time.time`` and ``datetime.now`` elsewhere).
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What a service may ask of time."""

    def monotonic(self) -> float:
        """Return seconds from an arbitrary start that never goes back."""
        ...

    def now(self) -> datetime:
        """Return the aware UTC time."""
        ...

    def now_ms(self) -> int:
        """Return Unix milliseconds."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after ``seconds`` of monotonic time."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def monotonic(self) -> float:
        """Return the monotonic clock, in seconds."""
        return time.monotonic()

    def now(self) -> datetime:
        """Return the aware UTC time."""
        return datetime.now(UTC)

    def now_ms(self) -> int:
        """Return Unix milliseconds."""
        return time.time_ns() // 1_000_000

    async def sleep(self, seconds: float) -> None:
        """Sleep on the running loop."""
        await asyncio.sleep(seconds)


class ManualClock:
    """A clock that stands still until ``advance`` moves it; sleepers wake in the order of their deadlines."""

    def __init__(self, start_ms: int = 1_760_000_000_000) -> None:
        """Begin at ``start_ms`` Unix milliseconds, monotonic zero."""
        self._start_ms = start_ms
        self._elapsed = 0.0
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def monotonic(self) -> float:
        """Return the seconds advanced so far."""
        return self._elapsed

    def now(self) -> datetime:
        """Return the aware UTC time that the hands show."""
        return datetime.fromtimestamp(self.now_ms() / 1000, UTC)

    def now_ms(self) -> int:
        """Return the Unix milliseconds that the hands show."""
        return self._start_ms + round(self._elapsed * 1000)

    async def sleep(self, seconds: float) -> None:
        """Wait until ``advance`` has passed the deadline."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._elapsed + seconds, next(self._order), future))
        await future

    async def advance(self, seconds: float) -> None:
        """Move the hands, waking each sleeper at its own moment, and let the woken run."""
        target = self._elapsed + seconds
        while self._sleepers and self._sleepers[0][0] <= target:
            deadline, _, future = heapq.heappop(self._sleepers)
            self._elapsed = max(self._elapsed, deadline)
            if not future.done():
                future.set_result(None)
            await _settle()
        self._elapsed = target
        await _settle()


async def _settle() -> None:
    # A few turns of the loop let callbacks of woken tasks run; they sleep again or finish, never poll.
    for _ in range(5):
        await asyncio.sleep(0)
