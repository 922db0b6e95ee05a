"""Plain counters that a service keeps and an edge exposes; no dependency, no lock (one thread owns each set)."""

from __future__ import annotations

from collections.abc import Iterator


class Counters:
    """Named monotonic counts of one owner; reading an unknown name gives zero."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        """Begin with no counts."""
        self._counts: dict[str, float] = {}

    def add(self, name: str, amount: float = 1) -> None:
        """Add ``amount`` (never negative) to ``name``."""
        self._counts[name] = self._counts.get(name, 0) + amount

    def get(self, name: str) -> float:
        """Return the count so far."""
        return self._counts.get(name, 0)

    def __iter__(self) -> Iterator[tuple[str, float]]:
        """Yield (name, count) in name order."""
        return iter(sorted(self._counts.items()))
