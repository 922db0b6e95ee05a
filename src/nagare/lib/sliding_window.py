"""Counts what happened in a window that slides in steps, never too few: a few small numbers, however much happened.

Time is cut into slots. What happened in a slot counts until the window has passed since the slot's end, so over any
span as long as the window no more than a limit gets through; after quiet a whole limit does.
"""

from __future__ import annotations

# Slots of a window: what is counted is held up to a twelfth of the window too long.
SLOTS = 12


class SlidingWindow:
    """The counts of one key. Slots are numbers that the caller takes from a clock that never goes back."""

    __slots__ = ("_counts", "total")

    def __init__(self) -> None:
        """Begin with nothing."""
        # Slot, count, slot, count, in order: flat, for there may be many windows.
        self._counts: list[int] = []
        self.total = 0

    def move_to(self, slot: int) -> None:
        """Forget what has left the window that ends in ``slot``."""
        while self._counts and self._counts[0] < slot - SLOTS:
            self.total -= self._counts[1]
            del self._counts[:2]

    def add(self, slot: int) -> None:
        """Count one in ``slot``."""
        if self._counts and self._counts[-2] == slot:
            self._counts[-1] += 1
        else:
            self._counts += (slot, 1)
        self.total += 1

    @property
    def frees_at(self) -> int:
        """The slot in which the oldest count has left; counts there must be."""
        return self._counts[0] + SLOTS + 1
