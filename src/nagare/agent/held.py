"""Batches that the disk does not take, in memory: the newest few of them, until the server or the disk has them.

A full disk is what somebody needs to see, so it must not keep the agent from sending. Owned by the event loop.
"""

from __future__ import annotations

from collections import deque

from nagare.agent.batches import Packed

# Five minutes at the shipped interval, some megabytes.
HELD_LIMIT = 60


class Held:
    """At most ``HELD_LIMIT`` batches, the oldest first."""

    def __init__(self) -> None:
        """Begin with none."""
        self._batches: deque[Packed] = deque()

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._batches)

    def put(self, packed: Packed) -> Packed | None:
        """Add a batch; return the oldest one where there is no room for both."""
        self._batches.append(packed)
        return self._batches.popleft() if len(self._batches) > HELD_LIMIT else None

    @property
    def newest(self) -> Packed:
        """The one to send first."""
        return self._batches[-1]

    @property
    def oldest(self) -> Packed:
        """The one to put on disk first."""
        return self._batches[0]

    def remove(self, packed: Packed) -> None:
        """Take out a batch that somebody else has now; one that had to go meanwhile is out already."""
        # By identity: to compare bodies would cost more than to look at each.
        self._batches = deque(one for one in self._batches if one is not packed)
