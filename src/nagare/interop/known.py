"""Series remembered by the bytes in which they come, within a bound of memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from nagare.model.samples import SeriesId

# What a dictionary entry costs beside the bytes of its key.
_ENTRY_BYTES = 110
T = TypeVar("T")


class Known(Generic[T]):
    """Two generations of look-ups: what was not asked for while one generation filled is forgotten with the next.

    For values that cannot become wrong: numbers are never used again for another series.
    """

    __slots__ = ("_limit", "_old", "_old_bytes", "_young", "_young_bytes")

    def __init__(self, limit_bytes: int) -> None:
        """Hold at most ``limit_bytes``, both generations together."""
        self._limit = limit_bytes // 2
        self._young: dict[bytes, T] = {}
        self._old: dict[bytes, T] = {}
        self._young_bytes = self._old_bytes = 0

    @property
    def held_bytes(self) -> int:
        """The bytes that it holds, about."""
        return self._young_bytes + self._old_bytes

    @property
    def getter(self) -> Callable[[bytes], T | None]:
        """The quick look-up, of the young generation alone; ask anew after each ``put``."""
        return self._young.get

    def find(self, key: bytes) -> T | None:
        """Return what is remembered for ``key``, or None."""
        found = self._young.get(key)
        if found is None and (found := self._old.get(key)) is not None:
            self.put(key, found)
        return found

    def put(self, key: bytes, value: T, value_bytes: int = 0) -> None:
        """Remember ``value``, which takes ``value_bytes`` beside its place in a dictionary."""
        size = len(key) + _ENTRY_BYTES + value_bytes
        if self._young_bytes + size > self._limit:
            self._old, self._old_bytes = self._young, self._young_bytes
            self._young, self._young_bytes = {}, 0
        self._young[key] = value
        self._young_bytes += size


class KnownSeries(Known[SeriesId]):
    """The numbers of series."""

    __slots__ = ()

    def keep(self, key: bytes, series: SeriesId) -> None:
        """Remember ``series``; only for numbers from 0 up, because a refusal may end."""
        if series >= 0:
            self.put(key, series)
