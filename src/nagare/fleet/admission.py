"""How many machines may register at one time: each costs several writes to the records, and an agent waits ten seconds.

Those that find no place are told when to come again, each another time, so that a fleet that came at once does not come
at once again.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from nagare.errors import OverloadedError

# They are written one after another, each several times: 20 ms on a quiet disk, 200 on a busy one.
_PLACES = 16
_RETURN_SECONDS = (1.0, 8.0)


@dataclass(slots=True)
class Admission:
    """The places of one server; used on the event loop alone."""

    places: int = _PLACES
    taken: int = 0
    random: random.Random = field(default_factory=random.Random)

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Hold a place for the time of the block. Raises OverloadedError when all are taken."""
        if self.taken >= self.places:
            raise OverloadedError(
                f"cannot register host now: {self.taken} others are being registered",
                hint="agents try again by themselves after the time in Retry-After",
                retry_after_seconds=self.random.uniform(*_RETURN_SECONDS),
            )
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1
