"""Series remembered by the bytes in which they come, looked up for a whole request at once.

A dictionary costs an object, a hash and a walk through memory for each series. Here the bytes lie as rows of one matrix,
so that taking, hashing and comparing are a few passes over columns. The hash is a sum of products of whole words with
fixed odd numbers (multilinear hashing modulo 2**64, of which the high bits are used); it only says where to look.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nagare.interop.scratch import scratch
from nagare.interop.slots import SPARSE, Slots

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]
    Places = NDArray[np.int64]
    Words = NDArray[np.uint64]
    Flags = NDArray[np.bool_]

# Longer ones are not kept: all rows are as wide as the widest.
WIDTH_LIMIT_BYTES = 512
_WORD_BYTES = 8
# So many are looked up at once: a request of two thousand and some needs one go, and its bytes stay in the processor's cache.
_AT_ONCE = 4096
# Places of scratch: the rows that are asked for, and those that are known. What is there before is no longer needed.
_ASKED, _KNOWN = 1, 2
_FIRST_ROWS = 64
# Of a row beside its bytes: number, length, hash and slots.
_OTHER_BYTES = 4 + 8 + 8 + 2 * 4 * SPARSE
# Of this process alone: who could work them out could send names that all want one place.
_FACTORS = np.random.default_rng().integers(0, 2**63, WIDTH_LIMIT_BYTES // _WORD_BYTES, np.uint64) * 2 + 1
_LENGTH_FACTOR = np.uint64(0x9E37_79B9_7F4A_7C15)


@dataclass(frozen=True, slots=True)
class Found:
    """What was asked for and found: ``series`` where ``is_known``; the rest is what ``keep`` wants to know again.

    It holds until this thread asks anew.
    """

    series: NDArray[np.int32]
    is_known: Flags
    rows: Words
    lengths: Places
    hashes: Words

    def of(self, part: slice) -> Found:
        """Return a view of a part."""
        return Found(self.series[part], self.is_known[part], self.rows[part], self.lengths[part], self.hashes[part])


class KnownRows:
    """Numbers of series by their bytes. Where no more fit into the limit, all are forgotten and met anew.

    Numbers are never used again for another series, so nothing here can become wrong, only large.
    """

    _count: int
    _rows: Words
    _lengths: Places
    _series: NDArray[np.int32]
    _slots: Slots
    _masks: Words

    def __init__(self, limit_bytes: int) -> None:
        """Hold at most about ``limit_bytes``, half as much again while room is made."""
        self._limit = limit_bytes
        self._forget(_WORD_BYTES)

    def find(self, padded: Bytes, begins: Places, ends: Places) -> Found:
        """Look up the series whose bytes in ``padded`` are from ``begins`` to ``ends``, each at least one.

        Behind the last end ``WIDTH_LIMIT_BYTES`` more can be read.
        """
        lengths = ends - begins
        if int(lengths.max()) > self._width:
            # What is too long has no row, and no row has this length.
            lengths[lengths > WIDTH_LIMIT_BYTES] = 0
            self._widen(int(lengths.max()))
        found = Found(
            np.empty(len(begins), np.int32),
            np.empty(len(begins), np.bool_),
            scratch(_ASKED, len(begins) * self._width).view(np.uint64).reshape(len(begins), -1),
            lengths,
            np.empty(len(begins), np.uint64),
        )
        pieces = np.ndarray((len(padded) - self._width + 1,), f"V{self._width}", padded.data, strides=(1,))
        for start in range(0, len(begins), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            self._find(found.of(part), pieces[begins[part]])
        return found

    def _find(self, found: Found, pieces: NDArray[np.void]) -> None:
        self._masks.take(found.lengths, axis=0, mode="clip", out=found.rows)
        np.bitwise_and(pieces.view(np.uint64).reshape(found.rows.shape), found.rows, out=found.rows)
        np.einsum("ij,j->i", found.rows, _FACTORS[: self._rows.shape[1]], out=found.hashes)
        found.hashes[:] += found.lengths.view(np.uint64) * _LENGTH_FACTOR
        entries = self._slots.find(found.hashes)
        # What is -1 is compared with the last row.
        np.equal(self._lengths.take(entries, mode="wrap"), found.lengths, out=found.is_known)
        found.is_known[:] &= entries >= 0
        known = scratch(_KNOWN, found.rows.nbytes).view(np.uint64).reshape(found.rows.shape)
        self._rows.take(entries, axis=0, mode="wrap", out=known)
        is_equal = known == found.rows
        if not is_equal.all():
            found.is_known[:] &= is_equal.all(axis=1)
        self._series.take(entries, mode="wrap", out=found.series)

    def keep(self, found: Found, at: Places, series: NDArray[np.int32]) -> None:
        """Remember that what was asked for ``at`` these places, and was not known, is ``series``."""
        is_kept = (series >= 0) & (found.lengths[at] > 0) & ~self._slots.has(found.hashes[at])
        at, series = at[is_kept], series[is_kept]
        # One series may come twice.
        _, first = np.unique(found.hashes[at], return_index=True)
        self._add(found, at[first], series[first])

    @property
    def _width(self) -> int:
        return int(self._rows.shape[1]) * _WORD_BYTES

    def _add(self, found: Found, at: Places, series: NDArray[np.int32]) -> None:
        if (self._count + len(at)) * (self._width + _OTHER_BYTES) > self._limit:
            self._forget(self._width)
            at, series = at[:0], series[:0]
        begin, end = self._count, self._count + len(at)
        if end >= len(self._rows):
            self._grow(max(_FIRST_ROWS, end + end // 2))
        self._rows[begin:end], self._lengths[begin:end] = found.rows[at], found.lengths[at]
        self._series[begin:end] = series
        self._count = end
        self._slots.add(found.hashes[at])

    def _forget(self, width: int) -> None:
        self._count = 0
        self._rows = np.zeros((1, width // _WORD_BYTES), np.uint64)
        self._lengths = np.zeros(1, np.int64)
        self._series = np.zeros(1, np.int32)
        self._slots = Slots()
        self._masks = _masks(width)

    def _grow(self, count: int) -> None:
        for name in ("_rows", "_lengths", "_series"):
            held = getattr(self, name)
            grown = np.zeros((count, *held.shape[1:]), held.dtype)
            grown[: self._count] = held[: self._count]
            setattr(self, name, grown)

    def _widen(self, width: int) -> None:
        words = -(-max(width, self._width) // _WORD_BYTES)
        if self._count * words * _WORD_BYTES > self._limit:
            self._forget(words * _WORD_BYTES)
            return
        # Words of zeros change no hash.
        rows = np.zeros((len(self._rows), words), np.uint64)
        rows[: self._count, : self._rows.shape[1]] = self._rows[: self._count]
        self._rows, self._masks = rows, _masks(words * _WORD_BYTES)


def _masks(width: int) -> Words:
    """Return for each length up to ``width`` the row that has all bits of so many bytes."""
    is_within = np.arange(width) < np.arange(width + 1)[:, None]
    return (is_within.astype(np.uint8) * np.uint8(0xFF)).view(np.uint64)
