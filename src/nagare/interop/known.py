"""Series remembered by the bytes in which they come, within a bound of memory."""

from __future__ import annotations

from collections.abc import Callable

from nagare.model.samples import SeriesId

# What a dictionary entry costs beside the bytes of its key.
_ENTRY_BYTES = 110


class KnownSeries:
    """Two generations of look-ups: what was not asked for while one generation filled is forgotten with the next.

    Numbers are never used again for another series, so nothing here can become wrong, only large.
    """

    __slots__ = ("_limit", "_old", "_young", "_young_bytes")

    def __init__(self, limit_bytes: int) -> None:
        """Hold at most ``limit_bytes``, both generations together."""
        self._limit = limit_bytes // 2
        self._young: dict[bytes, SeriesId] = {}
        self._old: dict[bytes, SeriesId] = {}
        self._young_bytes = 0

    @property
    def getter(self) -> Callable[[bytes], SeriesId | None]:
        """The quick look-up, of the young generation alone; ask anew after each ``keep``."""
        return self._young.get

    def find(self, key: bytes) -> SeriesId | None:
        """Return the number remembered for ``key``, or None."""
        found = self._young.get(key)
        if found is None and (found := self._old.get(key)) is not None:
            self.keep(key, found)
        return found

    def keep(self, key: bytes, series: SeriesId) -> None:
        """Remember ``series``; only for numbers from 0 up, because a refusal may end."""
        if series < 0:
            return
        if self._young_bytes > self._limit:
            self._old, self._young, self._young_bytes = self._young, {}, 0
        self._young[key] = series
        self._young_bytes += len(key) + _ENTRY_BYTES
