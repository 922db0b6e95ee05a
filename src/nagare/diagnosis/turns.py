"""Turns of those who ask in one way: so many at one time, so many more that wait. One way never fills up another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from nagare.errors import OverloadedError
from nagare.lib.counters import Counters


class Turns:
    """Counts who is inside, at work or waiting."""

    def __init__(self, most: int, waiting_limit: int, counters: Counters) -> None:
        """Let ``most`` work at one time and ``waiting_limit`` be inside; ``counters`` tell of those that were refused."""
        self._turns = asyncio.Semaphore(most)
        self._limit = waiting_limit
        self._inside = 0
        self._counters = counters

    @asynccontextmanager
    async def taken(self, *, is_patient: bool = False) -> AsyncIterator[None]:
        """Enter when it is one's turn. Raises OverloadedError where too many wait, unless ``is_patient``."""
        if self._inside >= self._limit and not is_patient:
            self._counters.add("refused")
            raise OverloadedError("cannot diagnose: too many diagnoses wait already", hint="ask again in a few seconds")
        self._inside += 1
        try:
            async with self._turns:
                yield
        finally:
            self._inside -= 1
