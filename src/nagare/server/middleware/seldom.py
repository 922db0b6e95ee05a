"""Says what keeps happening now and then, not every time: a full disk must not be filled with lines about it."""

from __future__ import annotations

from nagare.lib.clock import Clock

_SECONDS = 10.0


class Seldom:
    """Counts what is not said. Keys are few: codes of errors."""

    def __init__(self, clock: Clock) -> None:
        """Keep the clock."""
        self._clock = clock
        self._said_at: dict[str, float] = {}
        self._unsaid: dict[str, int] = {}

    def ask(self, key: str) -> int | None:
        """Return how often ``key`` was not said since it was last said, or None when it is too early again."""
        now = self._clock.monotonic()
        said_at = self._said_at.get(key)
        if said_at is not None and now - said_at < _SECONDS:
            self._unsaid[key] = self._unsaid.get(key, 0) + 1
            return None
        self._said_at[key] = now
        return self._unsaid.pop(key, 0)
