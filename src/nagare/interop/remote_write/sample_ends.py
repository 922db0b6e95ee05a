"""Where the samples of a request end, found by what its times have in common: the high bytes of its last one.

A few passes over the bytes instead of a dozen. Times more than half an hour apart are not found, nor the first of two
samples of zero in a row: what a request says of itself decides whether this was all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nagare.interop.scratch import scratch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nagare.interop.masked import Bytes

    Places = NDArray[np.int64]
    Words = NDArray[np.uint64]

# A sample at its longest; no lawful series with a sample is shorter.
SAMPLE_BYTES = 18
_WORD_BYTES = 8
# So many bytes from there on are laid side by side: a word of any byte of the sample is within them.
_ROW_BYTES = 24
# A sample ends with its time's tag and six bytes, all with their high bit but the last. The high three change every 35 minutes.
_TIME_MASK, _TIME = np.uint64(0xFFFF_FF80_8080_FF00), 0x80_8080_1000
# So many flags are looked at as one word.
_FLAGS = 8
_FRACTION_BITS, _EXPONENT_BIAS, _FLAG_BITS = 52, 1023, 3


@dataclass(frozen=True, slots=True)
class Tails:
    """The ``SAMPLE_BYTES`` before each end, and some behind it, as rows: read once, looked at word by word."""

    rows: NDArray[np.void]

    @staticmethod
    def of(padded: Bytes, ends: Places) -> Tails:
        """Take the rows of ``ends``, each at least ``SAMPLE_BYTES``, out of ``padded``."""
        rows = np.ndarray((len(padded) - _ROW_BYTES + 1,), f"V{_ROW_BYTES}", padded.data, strides=(1,))
        return Tails(rows[ends - SAMPLE_BYTES])

    def words(self, offset: int) -> Words:
        """Return a view of the word at ``offset`` of each row."""
        return np.ndarray((len(self.rows),), "<u8", self.rows.data, offset, (_ROW_BYTES,))


def sample_ends(padded: Bytes, length: int) -> tuple[Places, Tails] | None:
    """Return what is behind each time like that with which the body of ``length`` bytes ends, None when none is there."""
    if length < SAMPLE_BYTES:
        return None
    third, fourth, last = padded[length - 3 : length].tolist()
    if third < 0x80 or fourth < 0x80 or last >= 0x80:
        return None
    ends = _seeming_ends(padded, length, third | fourth << 8, fourth | last << 8)
    if ends[0] < SAMPLE_BYTES:
        ends = ends[ends >= SAMPLE_BYTES]
    tails = Tails.of(padded, ends)
    told = np.uint64(_TIME | third << 40 | fourth << 48 | last << 56)
    is_time = tails.words(SAMPLE_BYTES - _WORD_BYTES) & _TIME_MASK == told
    return (ends, tails) if is_time.all() else (ends[is_time], Tails(tails.rows[is_time]))


def _seeming_ends(padded: Bytes, length: int, pair: int, next_pair: int) -> Places:
    """Return what is behind each ``pair`` and one byte at an even place, and behind each ``next_pair`` at such a place.

    A time has one of the two there. That is one pass less than to look for either byte by itself.
    """
    count = -(-length // 2)
    pairs = padded[: 2 * count].view("<u2")
    size = -(-count // _FLAGS) * _FLAGS
    first, either = scratch(1, size), scratch(2, size)
    first[count:] = either[count:] = 0
    np.equal(pairs, pair, out=first[:count].view(np.bool_))
    np.equal(pairs, next_pair, out=either[:count].view(np.bool_))
    np.bitwise_or(first, either, out=either)
    flags = either.view(np.uint64)
    found = np.flatnonzero(flags != 0)
    # The highest flag of a word: its sample ends there, and what is below was a part of its value.
    highest = (flags[found].astype(np.float64).view(np.int64) >> _FRACTION_BITS) - _EXPONENT_BIAS >> _FLAG_BITS
    places = found * _FLAGS + highest
    ends: Places = 2 * places + 2 + first[places].view(np.int8)
    return ends
