"""Values as whole numbers over a power of ten, where that says exactly the same bits.

Most measurements were decimal once: 23.7 is 237 over 10, and differences of whole numbers take a fraction of the room
of a double. Every value is checked by computing it back; what is not the same bit by bit stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Decimals that are tried; a value with more of them has no short form worth having.
MOST_DECIMALS = 9
_MANTISSA_LIMIT = float(2**53)


@dataclass(frozen=True, slots=True)
class Decimals:
    """Columns of one length: value = mantissa / divisor where ``is_decimal``."""

    mantissa: NDArray[np.int64]
    divisor: NDArray[np.float64]
    is_decimal: NDArray[np.bool_]


def to_decimals(values: NDArray[np.float64], starts: NDArray[np.intp]) -> Decimals:
    """Return ``values`` as decimals; each run of them, which begins at one of ``starts``, has one divisor.

    It is the smallest power of ten that holds all decimal values of the run.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        decimals = _decimals(values)
        known = np.where(decimals <= MOST_DECIMALS, decimals, 0)
        of_run = np.maximum.reduceat(known, starts) if len(starts) else known
        powers = np.power(10.0, np.arange(MOST_DECIMALS + 1))
        divisor = np.repeat(powers[of_run], np.diff(np.append(starts, len(values))))
        whole = np.rint(values * divisor) + 0.0
        is_decimal = _says_the_same(whole, divisor, values)
        mantissa = np.where(is_decimal, whole, 0.0).astype(np.int64)
    return Decimals(mantissa, divisor, is_decimal)


def _decimals(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return the fewest decimals that say each value, more than MOST_DECIMALS where none do."""
    found = np.full(len(values), MOST_DECIMALS + 1, np.uint8)
    rest = np.arange(len(values))
    for decimals in range(MOST_DECIMALS + 1):
        power = 10.0**decimals
        left = values[rest]
        fits = _says_the_same(np.rint(left * power) + 0.0, power, left)
        found[rest[fits]] = decimals
        rest = rest[~fits]
        if not len(rest):
            break
    return found


def _says_the_same(
    whole: NDArray[np.float64], divisor: float | NDArray[np.float64], values: NDArray[np.float64]
) -> NDArray[np.bool_]:
    # Compared as bits, because -0.0 equals 0.0 and is another value.
    same: NDArray[np.bool_] = (whole / divisor).view(np.int64) == values.view(np.int64)
    same &= np.abs(whole) < _MANTISSA_LIMIT
    return same
