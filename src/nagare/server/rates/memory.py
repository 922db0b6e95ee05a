"""Counts in this process: right for one server, and what several fall back to."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from nagare.lib.clock import Clock
from nagare.lib.counters import Counters
from nagare.lib.sliding_window import SLOTS, SlidingWindow
from nagare.server.rates.limiter import WINDOW_SECONDS, Ask, Full


class MemoryLimiter:
    """A bounded number of windows; the one not asked for longest is forgotten. Used on the event loop alone."""

    def __init__(
        self, clock: Clock, counters: Counters, *, keys_limit: int = 20_000, window_seconds: float = WINDOW_SECONDS
    ) -> None:
        """Begin with no counts."""
        self._clock = clock
        self._keys_limit = keys_limit
        self._slot_seconds = window_seconds / SLOTS
        self._windows: OrderedDict[str, SlidingWindow] = OrderedDict()
        self.counters = counters

    def __len__(self) -> int:
        """Return how many keys are kept."""
        return len(self._windows)

    async def take(self, asks: Sequence[Ask]) -> Full | None:
        """Count one for every ask, or none for any when one is full."""
        now = self._clock.monotonic()
        slot = int(now // self._slot_seconds)
        windows = [self._window(ask.key) for ask in asks]
        full: Full | None = None
        for index, (ask, window) in enumerate(zip(asks, windows, strict=True)):
            window.move_to(slot)
            if window.total >= ask.limit:
                wait = window.frees_at * self._slot_seconds - now
                if full is None or wait > full.wait_seconds:
                    full = Full(index, wait)
        if full is None:
            for window in windows:
                window.add(slot)
        return full

    async def close(self) -> None:
        """Hold nothing."""

    def _window(self, key: str) -> SlidingWindow:
        window = self._windows.get(key)
        if window is None:
            window = self._windows[key] = SlidingWindow()
            if len(self._windows) > self._keys_limit:
                self._windows.popitem(last=False)
                self.counters.add("keys_forgotten")
        self._windows.move_to_end(key)
        return window
