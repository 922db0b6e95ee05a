"""How many requests that bring samples are worked on at one time: what is over it is told at once to come again.

The event loop works them off one after another, so their number is how long anybody else waits for it. A fleet that comes
back all at once would keep a person waiting for seconds, and its own requests until they are given up and sent again.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from nagare.errors import OverloadedError
from nagare.lib.counters import Counters

# Whole seconds, as the header has them; each sender another number, and senders add some chance of their own.
_RETURN_SECONDS = (1, 4)


@dataclass(slots=True)
class Crowd:
    """The places of one server; used on the event loop alone."""

    places: int
    taken: int = 0
    # Those that are worked off at once, since the loop last looked after all others.
    turn: int = 0
    random: random.Random = field(default_factory=random.Random)
    # Counts "intake_refused".
    counters: Counters = field(default_factory=Counters)

    @property
    def is_full(self) -> bool:
        """Whether who comes now has to come again."""
        return self.taken + self.turn >= self.places

    def note_turn(self, loop: asyncio.AbstractEventLoop) -> None:
        """Count a request that is worked off at once; the next turn of ``loop`` has all places again."""
        if not self.turn:
            loop.call_soon(self._end_turn)
        self.turn += 1

    def _end_turn(self) -> None:
        self.turn = 0

    def refuse(self) -> int:
        """Count somebody who has to come again, and return after how many seconds."""
        self.counters.add("intake_refused")
        return self.random.randint(*_RETURN_SECONDS)

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Hold a place for the time of the block. Raises OverloadedError when all are taken."""
        if self.is_full:
            raise OverloadedError(
                f"cannot take in more now: {self.taken + self.turn} requests are being worked on",
                hint="agents try again by themselves after the time in Retry-After; see server.intake_limit",
                retry_after_seconds=self.refuse(),
            )
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1
