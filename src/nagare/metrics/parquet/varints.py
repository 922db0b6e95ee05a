"""Varints of many numbers at once: rows of bytes of which a mask says what counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_SEVEN = np.uint64(7)
_MOST_BYTES = 10


def varints(numbers: NDArray[np.uint64]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return a row of bytes for each of ``numbers``, and which of them belong to it."""
    largest = int(numbers.max()) if len(numbers) else 0
    columns = min(_MOST_BYTES, max(1, -(-largest.bit_length() // 7)))
    made = np.empty((len(numbers), columns), np.uint8)
    counts = np.empty((len(numbers), columns), bool)
    rest = numbers.copy()
    for column in range(columns):
        # The low seven bits; the eighth says that more follow.
        made[:, column] = (rest & np.uint64(0x7F)).astype(np.uint8)
        counts[:, column] = rest > 0 if column else True
        rest >>= _SEVEN
        made[:, column] |= (rest > 0).astype(np.uint8) << 7
    return made, counts


def zigzags(numbers: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return signed numbers as unsigned ones, those near zero of either sign as small ones."""
    folded: NDArray[np.int64] = (numbers << 1) ^ (numbers >> 63)
    return folded.view(np.uint64)
