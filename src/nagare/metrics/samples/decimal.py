"""Values as whole numbers over a power of ten, where that says exactly the same bits.

Most measurements were decimal once: 23.7 is 237 over 10, and differences of whole numbers take a fraction of the room
of a double. Some were reckoned with since and are a few bits off: 317506 times 0.001 is not 317.506. What lacks stands
beside those. Every value is checked by computing it back; what is not the same bit by bit stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Decimals that are tried; a value with more of them has no short form worth having.
MOST_DECIMALS = 9
_POWERS = np.power(10.0, np.arange(MOST_DECIMALS + 1))
_MANTISSA_LIMIT = float(2**53)
# How far off a value may be, in units of its last decimal: of doubles that never were decimal few are so near to one.
_NEAR = float(2.0**-14)


@dataclass(frozen=True, slots=True)
class Decimals:
    """Columns of one length: value = mantissa / divisor where ``is_decimal``. ``scales``: the decimals of each run.

    Where ``has_rest`` too, ``rest`` is to be added; where it stands alone, it is the value.
    """

    mantissa: NDArray[np.int64]
    divisor: NDArray[np.float64]
    is_decimal: NDArray[np.bool_]
    scales: NDArray[np.uint8]
    rest: NDArray[np.float64]
    has_rest: NDArray[np.bool_]


def to_decimals(values: NDArray[np.float64], starts: NDArray[np.intp], guess: NDArray[np.uint8]) -> Decimals:
    """Return ``values`` as decimals; each run of them, which begins at one of ``starts``, has one divisor.

    It is the smallest power of ten, from that of ``guess`` on, that holds all decimal values of the run.
    """
    lengths = np.diff(np.append(starts, len(values)))
    with np.errstate(invalid="ignore", over="ignore"):
        scales = guess
        divisor = np.repeat(_POWERS[scales], lengths)
        whole, is_decimal = _scaled(values, divisor)
        if is_decimal.all():
            return Decimals(whole.astype(np.int64), divisor, is_decimal, scales, values, ~is_decimal)
        scales = _refined(values, is_decimal, np.repeat(np.arange(len(starts)), lengths), scales)
        divisor = np.repeat(_POWERS[scales], lengths)
        redo = np.flatnonzero(np.repeat(scales != guess, lengths))
        whole[redo], is_decimal[redo] = _scaled(values[redo], divisor[redo])
        has_rest = ~is_decimal
        rest = values.copy()
        others = np.flatnonzero(has_rest)
        lacking, is_near = _nearly(values[others], whole[others], divisor[others])
        near = others[is_near]
        rest[near], is_decimal[near] = lacking[is_near], True
        whole[~is_decimal] = 0.0
    return Decimals(whole.astype(np.int64), divisor, is_decimal, scales, rest, has_rest)


def _refined(
    values: NDArray[np.float64], is_decimal: NDArray[np.bool_], runs: NDArray[np.intp], scales: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Return the decimals that each of ``runs`` needs for those of its values that are not said yet and can be."""
    refined = scales.copy()
    rest = np.flatnonzero(~is_decimal)
    for decimals in range(MOST_DECIMALS + 1):
        whole, fits = _scaled(values[rest], _POWERS[decimals])
        fits |= _nearly(values[rest], whole, _POWERS[decimals])[1]
        found = runs[rest[fits]]
        refined[found] = np.maximum(refined[found], np.uint8(decimals))
        rest = rest[~fits]
        if not len(rest):
            break
    return refined


def _scaled(
    values: NDArray[np.float64], divisor: NDArray[np.float64] | np.float64
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the whole numbers over ``divisor``, and which of them say exactly the values."""
    # Plus zero: there is no whole number -0.
    whole: NDArray[np.float64] = np.rint(values * divisor)
    whole += 0.0
    # Compared as bits, because -0.0 equals 0.0 and is another value.
    same: NDArray[np.bool_] = (whole / divisor).view(np.int64) == values.view(np.int64)
    same &= np.abs(whole) < _MANTISSA_LIMIT
    return whole, same


def _nearly(
    values: NDArray[np.float64], whole: NDArray[np.float64], divisor: NDArray[np.float64] | np.float64
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return what ``whole`` over ``divisor`` lacks of the values, and where that is little and the sum is exact."""
    decimal = whole / divisor
    rest: NDArray[np.float64] = values - decimal
    is_near: NDArray[np.bool_] = (decimal + rest).view(np.int64) == values.view(np.int64)
    is_near &= (np.abs(rest) * divisor < _NEAR) & (np.abs(whole) < _MANTISSA_LIMIT) & (whole != 0.0)
    return rest, is_near
