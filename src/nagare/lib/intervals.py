"""A set of integers kept as disjoint intervals: what was seen of a sequence that mostly has no gaps."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator


class IntervalSet:
    """Disjoint, sorted, inclusive intervals; neighbours merge, so a gapless sequence costs two integers."""

    __slots__ = ("_ends", "_starts")

    def __init__(self, intervals: Iterable[tuple[int, int]] = ()) -> None:
        """Hold ``intervals`` of (first, last), in any order."""
        self._starts: list[int] = []
        self._ends: list[int] = []
        for first, last in intervals:
            self.add(first, last)

    def __contains__(self, value: int) -> bool:
        """Tell whether ``value`` was added."""
        index = bisect_right(self._starts, value) - 1
        return index >= 0 and value <= self._ends[index]

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Yield (first, last) in rising order."""
        return iter(zip(self._starts, self._ends, strict=True))

    def __len__(self) -> int:
        """Return the number of intervals, not of integers."""
        return len(self._starts)

    def add(self, first: int, last: int | None = None) -> None:
        """Add ``first`` through ``last`` (just ``first`` when None)."""
        last = first if last is None else last
        # Neighbours touch at distance one: [1,2] and [3,4] are one interval.
        low = bisect_right(self._ends, first - 2)
        high = bisect_right(self._starts, last + 1)
        if low < high:
            first = min(first, self._starts[low])
            last = max(last, self._ends[high - 1])
        self._starts[low:high] = [first]
        self._ends[low:high] = [last]
