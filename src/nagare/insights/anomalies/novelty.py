"""Whether a surprise is news: as far as it exceeds what the series did of late, and at this time of day before.

It is the likelihood of a score under the recent scores, as in Ahmad, Lavin, Purdy and Agha, "Unsupervised real-time
anomaly detection for streaming data" (Neurocomputing 2017), taken at the extremes as in Siffer, Fouque, Termier and
Largouët, "Anomaly detection in streams with extreme value theory" (KDD 2017). That one memory adapts to noise of any
shape, and keeps a detector quiet about what it has told.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nagare.insights.anomalies.habits import Habits
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
    """The surprises that each series had."""

    def __init__(self, count: int) -> None:
        """Begin with none."""
        self.held = Greatest(count, _HELD_ROWS)
        # The same, but only of rows that were news.
        self.told = Greatest(count, _TOLD_ROWS)
        self.habits = Habits(count)

    def weigh(self, places: Places, when: tuple[Array, Array], logs: Array) -> Array:
        """Return the evidence that rows are news whose surprise has these logarithms, and remember them.

        ``when`` are the day of each series' rows and the half hour of each (``habits.days_and_bins``).
        """
        day, bins = when
        surprise = np.exp(logs).astype(np.float32)
        recent = np.maximum(self.held.before(places, surprise), _MEMORY_FLOOR)
        usual = np.maximum(self.habits.recall(places, day, bins), _MEMORY_FLOOR)
        novel = (1.0 + _SURPRISE_WEIGHT) * logs - np.log(recent)
        self.habits.remember(places, bins, surprise)
        evidence = np.minimum(novel, _HABIT_WEIGHT * (logs - np.log(usual)))
        return self._quieted(places, logs, surprise, evidence)

    def renew(self, places: Places) -> None:
        """Follow from the arrays what is kept beside them, after those were changed."""
        self.held.renew(places)
        self.told.renew(places)
        self.habits.renew(places)

    def _quieted(self, places: Places, logs: Array, surprise: Array, evidence: Array) -> Array:
        """Return ``evidence`` without what would tell the same again."""
        news = np.where(evidence >= NEWS, surprise, np.float32(0))
        greatest = np.maximum(self.told.before(places, news), np.finfo(np.float32).tiny)
        quieted: Array = np.minimum(evidence, _HABIT_WEIGHT * (logs - np.log(greatest)))
        return quieted
