"""Pairs of series and time: which of some repeat, and which stand among many that were kept."""

from __future__ import annotations

import secrets

import numpy as np
from numpy.typing import NDArray

# Of a key: series are not negative, so 31 bits hold them, and times lie within 2**32 ms of the first.
_SERIES_BITS = 31
_SPAN_MS = 1 << 32
_FIRST_SLOTS = 1 << 12
# So many are placed at once: what stands between the steps stays in the processor's second cache.
_AT_ONCE = 1 << 14
# Odd, and others in every process: nobody can choose times that all fall on one slot.
_FACTORS = tuple(np.uint64(secrets.randbits(64) | 1) for _ in range(3))

Keys = NDArray[np.int64]
Flags = NDArray[np.bool_]


def repeated(series: NDArray[np.int32], ts_ms: NDArray[np.int64]) -> Flags:
    """Tell which pairs repeat an earlier one."""
    found = np.zeros(len(series), bool)
    if not len(series):
        return found
    keys = _keys(series, ts_ms, int(ts_ms.min()))
    if (keys >= 0).all():
        keys.sort()
        if not (keys[1:] == keys[:-1]).any():
            return found
    order = np.lexsort((ts_ms, series))
    series, ts_ms = series[order], ts_ms[order]
    # lexsort is stable: the first of equals is the one that came first.
    found[order[1:]] = (series[1:] == series[:-1]) & (ts_ms[1:] == ts_ms[:-1])
    return found


class KeptPairs:
    """Which of many pairs that only become more are asked for; nothing is done for those about whom nobody asks.

    A table of hashes with linear probing: a slot has one more than the row of a pair, or zero. Half of the slots are free
    at least, so every search ends.
    """

    __slots__ = ("_count", "_slots")

    def __init__(self) -> None:
        """Begin with none."""
        self._count = 0
        self._slots = np.zeros(_FIRST_SLOTS, np.int32)

    def hold(
        self,
        series: NDArray[np.int32],
        ts_ms: NDArray[np.int64],
        kept_series: NDArray[np.int32],
        kept_ms: NDArray[np.int64],
    ) -> Flags:
        """Tell which pairs are among those kept: those of the last call and what came behind them since. One thread asks."""
        self._catch_up(kept_series, kept_ms)
        found = np.zeros(len(series), bool)
        rest, slots = np.arange(len(series)), self._home(series, ts_ms)
        while len(rest):
            rows = self._slots.take(slots)
            is_taken = np.flatnonzero(rows)
            rest, slots, rows = rest[is_taken], slots[is_taken], rows[is_taken] - 1
            is_same = (kept_series.take(rows) == series.take(rest)) & (kept_ms.take(rows) == ts_ms.take(rest))
            found[rest[is_same]] = True
            others = np.flatnonzero(~is_same)
            rest, slots = rest[others], (slots[others] + 1) & (len(self._slots) - 1)
        return found

    def _catch_up(self, series: NDArray[np.int32], ts_ms: NDArray[np.int64]) -> None:
        begin, self._count = self._count, len(series)
        if 2 * self._count > len(self._slots):
            self._slots = np.zeros(1 << (2 * self._count).bit_length(), np.int32)
            begin = 0
        for start in range(begin, self._count, _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            self._place(
                np.arange(start, min(self._count, part.stop), dtype=np.int32), self._home(series[part], ts_ms[part])
            )

    def _place(self, rows: NDArray[np.int32], slots: NDArray[np.int64]) -> None:
        while len(rows):
            free = np.flatnonzero(self._slots.take(slots) == 0)
            # Of several that want one slot the last gets it.
            self._slots[slots[free]] = rows[free] + 1
            lost = np.flatnonzero(self._slots.take(slots) != rows + 1)
            rows, slots = rows[lost], (slots[lost] + 1) & (len(self._slots) - 1)

    def _home(self, series: NDArray[np.int32], ts_ms: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the slots at which the search for pairs begins."""
        mixed = (series.astype(np.uint64) * _FACTORS[0] + ts_ms.view(np.uint64)) * _FACTORS[1]
        mixed ^= mixed >> np.uint64(32)
        mixed *= _FACTORS[2]
        return (mixed >> np.uint64(64 - (len(self._slots).bit_length() - 1))).view(np.int64)


def _keys(series: NDArray[np.int32], ts_ms: NDArray[np.int64], first_ms: int) -> Keys:
    """Return a number for each pair, by time and then by series; -1 for a time too far from ``first_ms``."""
    fits = (ts_ms >= first_ms) & (ts_ms < first_ms + _SPAN_MS)
    keys = ((ts_ms - first_ms) << _SERIES_BITS) | series
    if not fits.all():
        keys[~fits] = -1
    return keys
