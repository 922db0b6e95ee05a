"""Delays between retries: exponential, capped, with full jitter.

Method: "Exponential Backoff And Jitter", M. Brooker, AWS Architecture Blog, 2015 (the "full jitter" variant with a floor).
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field


@dataclass(slots=True)
class Backoff:
    """Yields the next delay; ``reset`` after a success. Delays lie in [floor_seconds, cap_seconds]."""

    base_seconds: float = 1.0
    cap_seconds: float = 60.0
    floor_seconds: float = 0.1
    random: random.Random = field(default_factory=random.Random)
    attempt: int = 0

    def next_seconds(self, retry_after_seconds: float | None = None) -> float:
        """Return the delay before the next try; a server's ``Retry-After`` is a lower bound that is honoured."""
        ceiling = min(self.cap_seconds, self.base_seconds * 2 ** min(self.attempt, 30))
        self.attempt += 1
        delay = max(self.floor_seconds, self.random.uniform(0, ceiling))
        if retry_after_seconds is not None:
            # Jitter on top, so that a fleet told the same delay does not return in step.
            delay = retry_after_seconds + self.random.uniform(0, min(ceiling, retry_after_seconds + 1))
        return delay

    def reset(self) -> None:
        """Start again from the base after a success."""
        self.attempt = 0
