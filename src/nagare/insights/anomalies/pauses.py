"""How long a series keeps silent between two rows: one that stops is news too.

A pause is news when it is many times the usual step and longer than any before, so that a series of irregular steps and
one that rests every weekend are left in peace.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nagare.insights.anomalies.moving import exponential
from nagare.insights.anomalies.places import Places

Array = np.ndarray[Any, Any]
# The score of a row that comes after a pause that is news.
PAUSE_SCORE = 0.75
# Steps that are missed before anybody wonders.
_STEPS = 30.0
# A pause is news only when it is so many times the longest before.
_LONGER = 2.0


class Pauses:
    """The last moment, the usual step and the longest pause of each series, in milliseconds."""

    def __init__(self, count: int) -> None:
        """Begin with nothing known."""
        self.last_ms = np.zeros(count, dtype=np.int64)
        self.step_ms = np.zeros(count)
        self.longest_ms = np.zeros(count)

    def are_news(self, places: Places, ts_ms: Array, gain: Array) -> Array:
        """Tell for each row, in (series, rows), whether the pause before it is news; ``gain`` is how fast a step is learned."""
        last = self.last_ms[places]
        before = np.concatenate((np.where(last == 0, ts_ms[:, 0], last)[:, None], ts_ms[:, :-1]), axis=1)
        step = (ts_ms - before).astype(float)
        usual, self.step_ms[places] = exponential(self.step_ms[places], step, gain)
        longest = _greatest_before(self.longest_ms[places], step)
        self.last_ms[places] = ts_ms[:, -1]
        are_news: Array = (step > _STEPS * usual) & (step > _LONGER * longest)
        self.longest_ms[places] = np.maximum(longest[:, -1], step[:, -1])
        return are_news

    def is_long(self, places: Array, pause_ms: Array) -> Array:
        """Tell of each of ``places`` whether a pause that still lasts is news by now."""
        is_long: Array = (pause_ms > _STEPS * self.step_ms[places]) & (pause_ms > _LONGER * self.longest_ms[places])
        return is_long


def _greatest_before(before: Array, rows: Array) -> Array:
    """Return the greatest of ``before`` and what came before each row."""
    if rows.shape[1] == 1:
        return before[:, None]
    greatest: Array = np.maximum.accumulate(np.concatenate((before[:, None], rows[:, :-1]), axis=1), axis=1)
    return greatest
