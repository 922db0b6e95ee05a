"""A token bucket that may go into debt: what was asked for is known only after it came, so the next one pays for it.

Over any time it lets through ``rate`` a second, and ``burst`` more after a pause. Something larger than ``burst`` passes
too, once, and is paid off before the next: what could never pass would be sent again for ever.
"""

from __future__ import annotations

# A whole token, as well as floats can tell.
_ONE = 1 - 1e-6


class TokenBucket:
    """Counts tokens by a clock that the caller reads: seconds that never go back."""

    __slots__ = ("_at", "_burst", "_rate", "_tokens")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        """Begin full."""
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._at = now

    def wait_seconds(self, now: float) -> float:
        """Return after how long something may pass; zero when it may now."""
        self._fill(now)
        return 0.0 if self._tokens >= _ONE else (1 - self._tokens) / self._rate

    def take(self, count: float, now: float) -> None:
        """Take ``count`` tokens, whether they are there or not."""
        self._fill(now)
        self._tokens -= count

    def _fill(self, now: float) -> None:
        self._tokens = min(self._burst, self._tokens + max(0.0, now - self._at) * self._rate)
        self._at = max(now, self._at)
