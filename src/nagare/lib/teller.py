"""Words on their way to where they are kept: in order, bounded, and tried again while the disk is full."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from itertools import islice
from typing import Generic, Protocol, TypeVar

from nagare.errors import NagareError
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters

log = logging.getLogger(__name__)
_WAITING_LIMIT = 10_000
# Above it those wait that can; what cannot wait has the other half.
_ROOM = _WAITING_LIMIT // 2
_AGAIN_SECONDS = 5.0
_AT_A_TIME = 64


class Named(Protocol):
    """What has an id by which a repeat is known."""

    @property
    def id(self) -> str:
        """The id."""
        ...


W = TypeVar("W", bound=Named)


class Teller(Generic[W]):
    """A queue by ids; when it is full the oldest are dropped and counted (``events_dropped``)."""

    def __init__(self, store: Callable[[W], Awaitable[None]], clock: Clock, counters: Counters) -> None:
        """Keep who stores them."""
        self._store = store
        self._clock = clock
        self._counters = counters
        self._waiting: OrderedDict[str, W] = OrderedDict()
        self._woken = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()

    def tell(self, word: W) -> None:
        """Have ``word`` stored; one of the same id that still waits is the same."""
        self._waiting.setdefault(word.id, word)
        if len(self._waiting) > _WAITING_LIMIT:
            self._waiting.popitem(last=False)
            self._counters.add("events_dropped")
        if len(self._waiting) >= _ROOM:
            self._has_room.clear()
        self._woken.set()

    async def room(self) -> None:
        """Return once less than half of what may wait does: for who tells much and can wait."""
        await self._has_room.wait()

    async def run(self) -> None:
        """Store what waits, until cancelled."""
        while True:
            self._woken.clear()
            if not await self.flush():
                await self._clock.sleep(_AGAIN_SECONDS)
            elif not self._waiting:
                await self._woken.wait()

    async def flush(self) -> bool:
        """Store what waits; tell whether all of it was taken."""
        while self._waiting:
            # Begun in their order, and on their way together: one write to the disk serves several.
            words = list(islice(self._waiting.items(), _AT_A_TIME))
            faults = await asyncio.gather(*(self._stored(word) for _, word in words))
            for (id_, _), fault in zip(words, faults, strict=True):
                if fault is None:
                    self._waiting.pop(id_, None)
            if len(self._waiting) < _ROOM:
                self._has_room.set()
            if (fault := next(filter(None, faults), None)) is not None:
                log.warning("event_not_stored: %s", fault.message)
                return False
        return True

    async def _stored(self, word: W) -> NagareError | None:
        try:
            await self._store(word)
        except NagareError as error:
            return error
        return None
