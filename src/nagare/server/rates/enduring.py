"""Goes on in memory while Redis is away: limits hold for each server alone then, and nobody is refused for want of them."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from nagare.errors import UnavailableError
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters
from nagare.server.rates.limiter import Ask, Full, Limiter

log = logging.getLogger(__name__)

# While it is away one request in so many seconds tries again, and waits for its deadline.
_AGAIN_SECONDS = 5.0


class EnduringLimiter:
    """Asks ``shared``, or ``memory`` while that cannot be reached. ``fault`` says why it cannot; empty when it can."""

    def __init__(self, shared: Limiter, memory: Limiter, clock: Clock, counters: Counters) -> None:
        """Begin with ``shared``."""
        self._shared = shared
        self._memory = memory
        self._clock = clock
        self._again_at = 0.0
        self.counters = counters
        self.fault = ""

    async def take(self, asks: Sequence[Ask]) -> Full | None:
        """Count one for every ask, or none for any when one is full; never fails."""
        if self.fault:
            if self._clock.monotonic() < self._again_at:
                return await self._memory.take(asks)
            self._again_at = self._clock.monotonic() + _AGAIN_SECONDS
        try:
            full = await self._shared.take(asks)
        except UnavailableError as error:
            self._away(error)
            return await self._memory.take(asks)
        if self.fault:
            self.fault = ""
            log.info("limits_shared_again")
        return full

    async def close(self) -> None:
        """Let go of both."""
        await self._shared.close()
        await self._memory.close()

    def _away(self, error: UnavailableError) -> None:
        self.counters.add("redis_failures")
        if not self.fault:
            log.warning("limits_in_memory_alone: %s; each server counts for itself until it is back", error.message)
            self._again_at = self._clock.monotonic() + _AGAIN_SECONDS
        self.fault = error.message
