"""The workers of this server: begun when there is something to do, few at one time, ended when they idle."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self

from nagare.automation.workers.worker import Worker
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters

_LOOK_SECONDS = 5.0
# After so many a process is a fresh one: what libraries keep for themselves goes with it.
_ORDERS_LIMIT = 100


class Crew:
    """Gives each order a process. ``async with`` ends them all; ``run`` ends those that idle."""

    def __init__(self, clock: Clock, idle_seconds: float, counters: Counters, memory_limit_bytes: int) -> None:
        """Begin with none; each may have so much memory."""
        self._clock = clock
        self._idle_seconds = idle_seconds
        self._counters = counters
        self._memory_limit_bytes = memory_limit_bytes
        self._idle: list[tuple[float, Worker]] = []
        self._busy: set[Worker] = set()

    async def __aenter__(self) -> Self:
        """Enter; nothing is started."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End every process."""
        for worker in [*self._busy, *(worker for _, worker in self._idle)]:
            await worker.end()
        self._idle.clear()

    def __len__(self) -> int:
        """Return how many processes there are."""
        return len(self._idle) + len(self._busy)

    def pids(self) -> list[int]:
        """Return their processes."""
        return [worker.pid for worker in [*self._busy, *(worker for _, worker in self._idle)]]

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[Worker]:
        """Give a process for one order; it is ended unless the order went to its end. Raises UnavailableError."""
        worker = await self._take()
        self._busy.add(worker)
        try:
            yield worker
        except BaseException:
            self._busy.discard(worker)
            self._counters.add("workers_ended")
            await worker.end()
            raise
        self._busy.discard(worker)
        if worker.is_alive and worker.orders < _ORDERS_LIMIT:
            self._idle.append((self._clock.monotonic(), worker))
        else:
            await worker.end()

    async def run(self) -> None:
        """End processes that have had nothing to do for a while, until cancelled."""
        while True:
            await self._clock.sleep(_LOOK_SECONDS)
            since = self._clock.monotonic() - self._idle_seconds
            old = [worker for at, worker in self._idle if at <= since or not worker.is_alive]
            self._idle = [(at, worker) for at, worker in self._idle if worker not in old]
            for worker in old:
                await worker.end()

    async def _take(self) -> Worker:
        while self._idle:
            _, worker = self._idle.pop()
            if worker.is_alive:
                return worker
            await worker.end()
        self._counters.add("workers_started")
        return await Worker.start(self._memory_limit_bytes)
