"""Whether a surprise is news: as far as it exceeds what the series did of late, and at this time of day before.

It is the likelihood of a score under the recent scores, as in Ahmad, Lavin, Purdy and Agha, "Unsupervised real-time
anomaly detection for streaming data" (Neurocomputing 2017), taken at the extremes as in Siffer, Fouque, Termier and
Largouët, "Anomaly detection in streams with extreme value theory" (KDD 2017). That one memory adapts to noise of any
shape, and keeps a detector quiet about what it has told.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nagare.insights.anomalies.habits import Habits, When
from nagare.insights.anomalies.held import Greatest
from nagare.insights.anomalies.places import Places

Array = np.ndarray[Any, Any]
# Surprises of as many rows before are what a row has to exceed.
_HELD_ROWS = 150
# What is remembered counts as at least this surprising: noise of a series that stood still is none.
_MEMORY_FLOOR = 0.3
# How much the surprise itself counts beside its novelty, and how strictly a habit is held against it.
_SURPRISE_WEIGHT = 0.5
_HABIT_WEIGHT = 3.0
# The evidence that makes a row news. For as many rows after it, a row has to exceed what was told as it has a habit.
NEWS, _TOLD_ROWS = 1.0, 48


class Novelty:
    """The surprises that each series had, in each of so many ways to look at it."""

    def __init__(self, count: int, ways: int) -> None:
        """Begin with none."""
        self.held = Greatest(count, _HELD_ROWS, ways)
        # The same, but only of rows that were news.
        self.told = Greatest(count, _TOLD_ROWS, ways)
        self.habits = Habits(count, ways)

    def weigh(self, places: Places, when: When, logs: Array) -> Array:
        """Return the evidence that rows are news whose surprise has these logarithms, (ways, series, rows), and remember them."""
        surprise = np.exp(logs).astype(np.float32)
        recent = np.maximum(self.held.before(places, surprise), _MEMORY_FLOOR)
        usual = np.maximum(self.habits.recall(places, when), _MEMORY_FLOOR)
        self.habits.remember(when, surprise)
        evidence = (1.0 + _SURPRISE_WEIGHT) * logs
        evidence -= np.log(recent)
        exceeded = logs - np.log(usual)
        exceeded *= _HABIT_WEIGHT
        np.minimum(evidence, exceeded, out=evidence)
        return self._quieted(places, logs, surprise, evidence)

    def renew(self, places: Places) -> None:
        """Follow from the arrays what is kept beside them, after those were changed."""
        self.held.renew(places)
        self.told.renew(places)
        self.habits.renew(places)

    def _quieted(self, places: Places, logs: Array, surprise: Array, evidence: Array) -> Array:
        """Return ``evidence`` without what would tell the same again."""
        news = np.where(evidence >= NEWS, surprise, np.float32(0))
        greatest = self.told.before_rare(places, news)
        told = np.flatnonzero(greatest.any(axis=(0, 2)))
        if len(told):
            exceeded = np.log(np.maximum(greatest[:, told], np.finfo(np.float32).tiny))
            evidence[:, told] = np.minimum(evidence[:, told], _HABIT_WEIGHT * (logs[:, told] - exceeded))
        return evidence
