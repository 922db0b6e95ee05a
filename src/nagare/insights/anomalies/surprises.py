"""How far rows stand off their own mean, measured by how far they usually do: on one width, or on several together.

Roberts, "Control chart tests based on geometric moving averages" (Technometrics, 1959). Several widths see a spike, a
step and a slow change; taken together, as the mean of their logarithms, they are moved little by one wild row.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nagare.insights.anomalies.held import Windows
from nagare.insights.anomalies.moving import exponential
from nagare.insights.anomalies.places import Places, columns, give, taken

Array = np.ndarray[Any, Any]
# Surprises are told apart between these.
LEAST, MOST = 1e-3, 1e6
# Less is nought.
_TINY = 1e-300


class Surprises:
    """Mean and spread of each series on each width, and the rows that the widest window needs."""

    def __init__(self, count: int, widths: tuple[int, ...]) -> None:
        """Begin with ``count`` series of which nothing is known; ``widths`` are in rows and begin with 1."""
        self.held = Windows(count, widths)
        self.means = columns(count, len(widths))
        self.spreads = columns(count, len(widths))

    def look(self, places: Places, rows: Array, gain: Array, floor: Array) -> tuple[Array, Array, Array]:
        """Return the logarithm of how surprising each row is, and the mean and spread of single rows before it.

        ``floor`` is the least spread. All are (series, rows).
        """
        means, spreads = self.means.T, self.spreads.T
        looked = self.held.means(places, rows)
        mean, moved = exponential(taken(means, places), looked, gain)
        give(means, places, moved)
        off = looked - mean
        np.abs(off, out=off)
        spread, moved = exponential(taken(spreads, places), off, gain)
        give(spreads, places, moved)
        ratio = _ratio(off, spread + floor)
        # One logarithm of all widths: their product is far from the ends of a float.
        return np.log(ratio.prod(axis=0)) / len(ratio), mean[0], spread[0]


def _ratio(off: Array, measure: Array) -> Array:
    """Return ``off`` in ``measure``, from ``LEAST`` to ``MOST``; where that is nought one of both."""
    ratio = off / MOST
    np.maximum(ratio, measure, out=ratio)
    np.maximum(ratio, _TINY, out=ratio)
    np.divide(off, ratio, out=ratio)
    return np.clip(ratio, LEAST, MOST, out=ratio)
