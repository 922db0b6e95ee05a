"""A table of hashes for numpy: which row has each of many hashes, all of them looked up at once and none of them twice.

Hashes that want one slot are told apart when rows are added, not when they are looked for: each group of hashes with the
same high bits has a factor with which all of them find slots of their own (hash and displace). So a search has no loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Places = NDArray[np.int64]
    Words = NDArray[np.uint64]

# Slots of the table for each row, at least; each is four bytes. With fewer a group soon has no factor left that serves.
SPARSE = 4
# Where some group has none, the table is doubled, up to so many slots a row: only hashes made to be alike need more.
_SPARSEST = 32
_FIRST_BITS = 10
# Slots for each group.
_GROUP_BITS = 3
# Factors that are tried. Nearly all groups are placed by the first few.
_FACTORS = np.random.default_rng(0x736C).integers(0, 2**63, 64, np.uint64) * 2 + 1


class Slots:
    """Rows by their hash, numbered as they are added."""

    __slots__ = ("_count", "_factors", "_hashes", "_slots")

    def __init__(self) -> None:
        """Begin with no row."""
        self._count = 0
        # Of no row too, where -1 leads.
        self._hashes = np.zeros(1, np.uint64)
        self._empty(_FIRST_BITS)

    def find(self, hashes: Words) -> Places:
        """Return the only row that may have each of ``hashes``, -1 for none. Whether it has is for the caller to see."""
        return self._slots.take(self._places(hashes)) - np.int64(1)

    def has(self, hashes: Words) -> NDArray[np.bool_]:
        """Tell which of ``hashes`` a row has."""
        rows = self.find(hashes)
        found: NDArray[np.bool_] = (rows >= 0) & (self._hashes.take(rows, mode="wrap") == hashes)
        return found

    def add(self, hashes: Words) -> None:
        """Add rows of these ``hashes``, each another one and none of them there.

        All are found from now on, unless so many are alike in their high bits that no table of bounded size tells them apart.
        """
        begin, self._count = self._count, self._count + len(hashes)
        if self._count >= len(self._hashes):
            grown = np.zeros(self._count + self._count // 2 + 1, np.uint64)
            grown[:begin] = self._hashes[:begin]
            self._hashes = grown
        self._hashes[begin : self._count] = hashes
        rows = np.arange(begin, self._count)
        if self._count * SPARSE > len(self._slots):
            self._empty((self._count * SPARSE).bit_length())
            rows = np.arange(self._count)
        # A group that grows is placed anew as a whole.
        groups = np.zeros(len(self._factors), np.bool_)
        groups[self._groups(self._hashes[rows])] = True
        rows = np.flatnonzero(groups[self._groups(self._hashes[: self._count])])
        self._remove(rows)
        while not self._place(rows) and len(self._slots) <= self._count * _SPARSEST:
            self._empty(len(self._slots).bit_length())
            rows = np.arange(self._count)

    def _empty(self, bits: int) -> None:
        # One more than the row, zero for none.
        self._slots = np.zeros(1 << bits, np.int32)
        self._factors = np.full(1 << (bits - _GROUP_BITS), _FACTORS[0], np.uint64)

    def _groups(self, hashes: Words) -> Places:
        return (hashes >> np.uint64(64 - (len(self._factors).bit_length() - 1))).view(np.int64)

    def _places(self, hashes: Words) -> Places:
        mixed = hashes * self._factors.take(self._groups(hashes))
        return (mixed >> np.uint64(64 - (len(self._slots).bit_length() - 1))).view(np.int64)

    def _remove(self, rows: Places) -> None:
        places = self._places(self._hashes[rows])
        self._slots[places[self._slots[places] == rows + 1]] = 0

    def _place(self, rows: Places) -> bool:
        """Give ``rows``, which have no place and are whole groups, one each; tell whether all of them have one now."""
        for factor in _FACTORS:
            groups = self._groups(self._hashes[rows])
            self._factors[groups] = factor
            places = self._places(self._hashes[rows])
            free = self._slots[places] == 0
            self._slots[places[free]] = rows[free] + 1
            has_place = self._slots[places] == rows + 1
            # One without a place sends its whole group on.
            failed = np.zeros(len(self._factors), np.bool_)
            failed[groups[~has_place]] = True
            is_sent_on = failed[groups]
            self._slots[places[is_sent_on & has_place]] = 0
            rows = rows[is_sent_on]
            if not len(rows):
                return True
        return False
