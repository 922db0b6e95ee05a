"""Waits for a ring or for the clock, whichever comes first; the clock is the injected one, so tests turn its hands."""

from __future__ import annotations

import asyncio

from nagare.lib.clock import Clock


class Alarm:
    """Rung once or never; used on the event loop alone."""

    def __init__(self, clock: Clock) -> None:
        """Prepare; it can ring before anybody waits."""
        self._clock = clock
        self._rung = asyncio.Event()
        self._is_over = asyncio.Event()

    def ring(self) -> None:
        """End the wait, now or when it begins."""
        self._rung.set()
        self._is_over.set()

    async def wait(self, seconds: float) -> bool:
        """Return True when it rang, False when ``seconds`` passed first."""
        if not self._rung.is_set() and seconds > 0:
            async with asyncio.TaskGroup() as tasks:
                timer = tasks.create_task(self._end_after(seconds))
                await self._is_over.wait()
                timer.cancel()
        return self._rung.is_set()

    async def _end_after(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._is_over.set()
