"""How far rows stand off their own mean, measured by how far they usually do: on one width, or on several together.

Roberts, "Control chart tests based on geometric moving averages" (Technometrics, 1959). Several widths see a spike, a
step and a slow change; taken together, as the mean of their logarithms, they are moved little by one wild row.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nagare.insights.anomalies.held import Held
from nagare.insights.anomalies.moving import exponential

Array = np.ndarray[Any, Any]
# Surprises are told apart between these.
LEAST, MOST = 1e-3, 1e6


class Surprises:
    """Mean and spread of each series on each width, and the rows that the widest window needs."""

    def __init__(self, count: int, widths: tuple[int, ...]) -> None:
        """Begin with ``count`` series of which nothing is known; ``widths`` are in rows and begin with 1."""
        self._widths = widths
        self.held = Held(count, max(widths))
        self.means = np.zeros((count, len(widths)))
        self.spreads = np.zeros((count, len(widths)))

    def look(self, places: Array, rows: Array, gain: Array, floor: Array) -> tuple[Array, Array, Array]:
        """Return the logarithm of how surprising each row is, and the mean and spread of single rows before it.

        ``floor`` is the least spread. All are (series, rows).
        """
        logs, before, usual = np.zeros_like(rows), rows, rows
        for at, looked in enumerate(self.held.means(places, rows, self._widths)):
            mean, self.means[places, at] = exponential(self.means[places, at], looked, gain)
            off = np.abs(looked - mean)
            spread, self.spreads[places, at] = exponential(self.spreads[places, at], off, gain)
            logs += np.log(np.clip(_ratio(off, spread + floor), LEAST, MOST)) / len(self._widths)
            if not at:
                before, usual = mean, spread
        return logs, before, usual


def _ratio(off: Array, measure: Array) -> Array:
    bounded = np.maximum(measure, off / MOST)
    return np.divide(off, bounded, out=np.zeros_like(off), where=bounded > 0)
