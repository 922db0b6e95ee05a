"""Whose task comes next, where tasks of several owners wait: each gets its turn, however many one of them asked for.

A server decides for itself, of what it runs: two servers are each fair. What comes next is no promise of an order.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nagare.automation.tasks.store import Waiting


class Turns:
    """The turns of one lane."""

    def __init__(self) -> None:
        """Begin with nobody."""
        # The number of the last turn of each owner who waited when it was looked at last.
        self._last: dict[str, int] = {}
        self._count = 0

    def take(self, waiting: Collection[Waiting], running: Mapping[str, int]) -> str:
        """Return the owner whose turn it is, and count it.

        Who has fewest ``running`` comes first, then whose last turn is longest ago, then who waits longest.
        """
        self._last = {one.owner_id: self._last.get(one.owner_id, 0) for one in waiting}
        owner_id = min(
            waiting, key=lambda one: (running.get(one.owner_id, 0), self._last[one.owner_id], one.made_ms)
        ).owner_id
        self._count += 1
        self._last[owner_id] = self._count
        return owner_id
