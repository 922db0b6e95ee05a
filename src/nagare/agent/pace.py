"""How fast the backlog may go: batches a second and bytes a second, whichever is less."""

from __future__ import annotations

from nagare.config.settings import AgentSettings
from nagare.lib.clock import Clock
from nagare.lib.token_bucket import TokenBucket

# After a pause this many seconds' worth may go at once.
_BURST_SECONDS = 1.0


class Pace:
    """Two buckets by one clock."""

    def __init__(self, settings: AgentSettings, clock: Clock) -> None:
        """Begin with full buckets."""
        self._clock = clock
        now = clock.monotonic()
        rates = (settings.backlog_batches_per_second, float(settings.backlog_bytes_per_second))
        self._batches, self._bytes = (TokenBucket(rate, max(1.0, rate * _BURST_SECONDS), now) for rate in rates)

    def wait_seconds(self) -> float:
        """Return after how long the next batch may go; zero when it may now."""
        now = self._clock.monotonic()
        return max(self._batches.wait_seconds(now), self._bytes.wait_seconds(now))

    def spend(self, size: int) -> None:
        """Count a batch of ``size`` bytes that went."""
        now = self._clock.monotonic()
        self._batches.take(1, now)
        self._bytes.take(size, now)
