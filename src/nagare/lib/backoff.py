"""Delays between retries: exponential, capped, with full jitter.

Method: "Exponential Backoff And Jitter", M. Brooker, AWS Architecture Blog, 2015 (the "full jitter" variant with a floor).
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field

# A server that is told wrong, or is hostile, must not silence a fleet for days: an hour is longer than any drain.
RETRY_AFTER_LIMIT_SECONDS = 3600.0


@dataclass(slots=True)
class Backoff:
    """Yields the next delay; ``reset`` after a success. Delays lie in [floor_seconds, cap_seconds]."""

    base_seconds: float = 1.0
    cap_seconds: float = 60.0
    floor_seconds: float = 0.1
    random: random.Random = field(default_factory=random.Random)
    attempt: int = 0

    def next_seconds(self, retry_after_seconds: float | None = None) -> float:
        """Return the delay before the next try; a server's ``Retry-After`` is a lower bound, honoured up to an hour."""
        ceiling = min(self.cap_seconds, self.base_seconds * 2 ** min(self.attempt, 30))
        self.attempt += 1
        delay = max(self.floor_seconds, self.random.uniform(0, ceiling))
        if retry_after_seconds is None or not math.isfinite(retry_after_seconds) or retry_after_seconds < 0:
            return delay
        told = min(retry_after_seconds, RETRY_AFTER_LIMIT_SECONDS)
        # Jitter on top, so that a fleet told the same delay does not return in step.
        return max(self.floor_seconds, told + self.random.uniform(0, min(ceiling, told + 1)))

    def reset(self) -> None:
        """Start again from the base after a success."""
        self.attempt = 0
