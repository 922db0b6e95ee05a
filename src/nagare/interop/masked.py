"""Bodies that equal an earlier one but for their numbers, told by one masked comparison, and their numbers read in place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nagare.interop.known_rows import WIDTH_LIMIT_BYTES
from nagare.interop.scratch import scratch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]

# What looks up rows of known series reads so far behind the last one.
_PADDING = WIDTH_LIMIT_BYTES + 32
# A body is tried in full only if it agrees here: another order of series shows within the first few.
_PROBE_BYTES = 1024
# Up to here a copy of the masked body costs less than the care that avoids it.
_SMALL_BYTES = 32 * 1024


def pad(body: bytes) -> Bytes:
    """Return ``body`` as an array in which some bytes more can be read beyond its end; this thread's next call ends it."""
    padded = padded_room(len(body))
    padded[: len(body)] = np.frombuffer(body, dtype=np.uint8)
    return padded


def padded_room(length: int) -> Bytes:
    """Return room for a body of ``length`` bytes and zeros behind it; this thread's next call hands it out again."""
    padded = scratch(0, length + _PADDING)
    padded[length:] = 0
    return padded


def words_of(padded: Bytes) -> NDArray[np.uint64]:
    """Return the eight bytes from each place on as one number: overlapping and unaligned on purpose."""
    return np.ndarray((len(padded) - 7,), dtype="<u8", buffer=padded.data, strides=(1,))


@dataclass(frozen=True, slots=True)
class Masked:
    """``masked`` is a padded body with ``mask`` laid over it, under which only the bits of its numbers are zero.

    Both are whole words, which may end in the padding. ``text`` is ``masked`` as bytes when it is small.
    """

    mask: NDArray[np.uint64]
    masked: NDArray[np.uint64]
    text: bytes | None

    @staticmethod
    def of(padded: Bytes, mask: Bytes) -> Masked:
        """Return ``padded`` under a ``mask``, whose whole words cover the body and what of its padding is compared."""
        size = len(mask) // 8 * 8
        masked = (padded[:size] & mask[:size]).view(np.uint64)
        return Masked(mask[:size].view(np.uint64), masked, masked.tobytes() if size <= _SMALL_BYTES else None)

    @property
    def cost(self) -> int:
        """The bytes that it holds, about."""
        return 2 * self.mask.nbytes + (0 if self.text is None else len(self.text))

    def fits(self, padded: Bytes) -> bool:
        """Tell whether ``padded``, of the same length, differs in its numbers alone."""
        found = padded[: self.mask.nbytes].view(np.uint64)
        if self.text is not None:
            # Comparing bytes costs less than one more call of numpy, and a request has few microseconds.
            return (found & self.mask).tobytes() == self.text
        probe = slice(0, _PROBE_BYTES // 8)
        if not bool(((found[probe] & self.mask[probe]) == self.masked[probe]).all()):
            return False
        held = scratch(1, self.mask.nbytes).view(np.uint64)
        np.bitwise_and(found, self.mask, out=held)
        return bool((held == self.masked).all())
