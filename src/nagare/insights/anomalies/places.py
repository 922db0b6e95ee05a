"""Where series stand, said so that numpy can go straight through: places that follow on one another are a slice.

What is kept of a series in several columns lies column by column in memory, so that the same column of neighbours is one
piece of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
# Places in ascending order without a gap, or any other ones; each series once.
Places = Array | slice


def run_of(places: Array) -> Places:
    """Return ``places`` as a slice where each is the one before and one."""
    count = len(places)
    if count and places[-1] - places[0] == count - 1 and (places[1:] > places[:-1]).all():
        return slice(int(places[0]), int(places[-1]) + 1)
    return places


def at_which(places: Places, which: Array) -> Array:
    """Return those of ``places`` that a mask or numbers among them choose."""
    if not isinstance(places, slice):
        return places[which]
    chosen: Array = (np.flatnonzero(which) if which.dtype == np.bool_ else which) + places.start
    return chosen


def numbers(places: Places) -> Array:
    """Return ``places`` one by one."""
    return np.arange(places.start, places.stop) if isinstance(places, slice) else places


def columns(*shape: int, dtype: type[np.generic] = np.float64) -> Array:
    """Return noughts, (…, series, columns), that lie column by column."""
    *ways, count, width = shape
    return np.zeros((*ways, width, count), dtype=dtype).swapaxes(-1, -2)


def in_memory(array: Array) -> Array:
    """Return the values of ``columns`` one behind the other, as ``slots`` counts them; no copy."""
    return array.swapaxes(-1, -2).reshape(*array.shape[:-2], -1)


def slots(places: Places, column: Array, count: int) -> Places:
    """Return where the ``column`` of each of ``places`` stands ``in_memory``, of ``count`` series."""
    if not isinstance(places, slice):
        several: Array = places + count * column
        return several
    if (column == column[0]).all():
        begin = count * int(column[0])
        return slice(begin + places.start, begin + places.stop)
    apart: Array = numbers(places) + count * column
    return apart


def taken(array: Array, places: Places) -> Array:
    """Return what is kept at ``places`` (or ``slots``) in an array, (…, series): a view of it where that can be."""
    return array[..., places] if isinstance(places, slice) else array.take(places, axis=-1)


def give(array: Array, places: Places, values: Array) -> None:
    """Keep ``values`` at ``places`` (or ``slots``) in an array, (ways, series)."""
    if isinstance(places, slice):
        array[:, places] = values
        return
    # One row after the other takes numpy a third of the time that it takes for all.
    for row, new in zip(array, values, strict=True):
        row[places] = new
