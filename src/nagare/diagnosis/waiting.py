"""Critical alerts that wait for their diagnosis: each once, bounded, the oldest left out when too many come."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from nagare.lib.counters import Counters


class Waiting:
    """A queue of ids. Who puts never waits; who gets waits until there is one."""

    def __init__(self, limit: int, counters: Counters) -> None:
        """Hold ``limit`` at the most; ``counters`` tell of those that were left out."""
        self._limit = limit
        self._counters = counters
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._is_any = asyncio.Event()

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._ids)

    def put(self, id_: str) -> None:
        """Add an id; one that waits already keeps its place."""
        self._ids.setdefault(id_)
        if len(self._ids) > self._limit:
            self._ids.popitem(last=False)
            self._counters.add("automatic_left_out")
        self._is_any.set()

    async def get(self) -> str:
        """Return the id that waits longest, when there is one."""
        while not self._ids:
            self._is_any.clear()
            await self._is_any.wait()
        id_, _ = self._ids.popitem(last=False)
        return id_
