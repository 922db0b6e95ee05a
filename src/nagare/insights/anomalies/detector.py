"""The detector: the state of many series side by side, and the scores of their next rows.

A row is surprising as far as it stands off the series' own mean, measured by how far rows usually stand off it, on
several widths at a time (Roberts 1959; robust against one wild row by taking the widths together). A surprise is an
anomaly only as far as it exceeds what the series did of late and what it did at this time of day before: the likelihood
of a score under the recent scores, as in Ahmad, Lavin, Purdy and Agha, "Unsupervised real-time anomaly detection for
streaming data" (Neurocomputing 2017), taken at the extremes as in Siffer, Fouque, Termier and Largouët, "Anomaly
detection in streams with extreme value theory" (KDD 2017). That one memory adapts to noise of any shape, and keeps a
detector quiet about what it has told.

One setting serves all series; nothing here knows a unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nagare.insights.anomalies.habits import Habits
from nagare.insights.anomalies.moving import exponential, gains, shifted, trailing_greatest, windowed_means
from nagare.insights.anomalies.pauses import PAUSE_SCORE, Pauses

Array = np.ndarray[Any, Any]
# Rows over which a series is looked at: a spike, a step, a slow change.
WIDTHS = (1, 12, 48)
# A mean forgets with the weight of this many rows.
_FORGETTING_ROWS = 333
# Surprises of as many rows before are what a row has to exceed.
_HELD_ROWS = 150
# A series is learned for so many rows before one can score; what surprises in the second half of them is held.
LEARNING_ROWS = 50
# Changes that are smaller than this part of the level are no news, however still the series was.
_LEVEL_PART = 1e-3
# Surprises are told apart between these.
_LEAST, _MOST = 1e-3, 1e6
# Values beyond it count as it: their sums stay finite.
_GREATEST_VALUE = 1e150
# What is remembered counts as at least this surprising: noise of a series that stood still is none.
_MEMORY_FLOOR = 0.3
# How much the surprise itself counts beside its novelty; found on half of the labelled series and generated ones.
_SURPRISE_WEIGHT = 0.5
_HABIT_WEIGHT = 3.0
# The evidence at which a score is one half, and how steeply it rises there.
_HALF_EVIDENCE = 1.0
_STEEPNESS = 4.0
_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Scored:
    """Scores from 0 to 1 of rows, where 0.5 is worth a look, and what was expected instead; (series, rows)."""

    score: Array
    expected: Array


class Detector:
    """The state of ``count`` series. What a method gets for a series and its rows must come in the order of time."""

    def __init__(self, count: int) -> None:
        """Begin with ``count`` series of which nothing is known."""
        self.count = count
        self.seen = np.zeros(count, dtype=np.int64)
        self._rows = np.zeros((count, max(WIDTHS)))
        self._level = np.zeros(count)
        self._means = np.zeros((count, len(WIDTHS)))
        self._spreads = np.zeros((count, len(WIDTHS)))
        self._held = np.zeros((count, _HELD_ROWS), dtype=np.float32)
        self._habits = Habits(count)
        self._pauses = Pauses(count)

    def arrays(self) -> dict[str, Array]:
        """Return the arrays that are the whole state, by name; a series is one place in each. They are not copies."""
        return {
            "seen": self.seen,
            "rows": self._rows,
            "level": self._level,
            "means": self._means,
            "spreads": self._spreads,
            "held": self._held,
            "past": self._habits.past,
            "today": self._habits.today,
            "day": self._habits.day,
            "last_ms": self._pauses.last_ms,
            "step_ms": self._pauses.step_ms,
            "longest_ms": self._pauses.longest_ms,
        }

    def restore(self, arrays: Mapping[str, Array]) -> None:
        """Take ``arrays`` as the state of the first series. Raises ValueError for arrays of another shape."""
        for name, array in self.arrays().items():
            kept = arrays[name]
            if kept.shape[1:] != array.shape[1:] or kept.dtype != array.dtype or len(kept) > len(array):
                raise ValueError(f"cannot restore {name}: its shape is {kept.shape}, not {array.shape}")
            array[: len(kept)] = kept

    def forget(self, places: Array) -> None:
        """Let the series at ``places`` be such of which nothing is known."""
        for array in self.arrays().values():
            array[places] = 0

    def advance(self, places: Array, ts_ms: Array, values: Array) -> Scored:
        """Score the next rows of the series at ``places`` and learn from them.

        ``ts_ms`` and ``values`` are (series, rows); the rows of one call lie in one UTC day, and values are finite.
        """
        values = np.clip(values, -_GREATEST_VALUE, _GREATEST_VALUE)
        self._meet(places, values)
        seen = self.seen[places]
        gain = gains(seen, values.shape[1], 1.0 / _FORGETTING_ROWS)
        before, self._level[places] = exponential(self._level[places], np.abs(values), gain)
        floor = _LEVEL_PART * before
        logs = np.zeros_like(values)
        expected = values
        for at, width in enumerate(WIDTHS):
            looked = values if width == 1 else windowed_means(self._rows[places], values, width)
            mean, surprise = self._surprise(at, places, looked, gain, floor)
            logs += np.log(np.maximum(surprise, _LEAST)) / len(WIDTHS)
            expected = mean if width == 1 else expected
        known = seen[:, None] + np.arange(values.shape[1])
        score = self._score(places, ts_ms, np.where(known < LEARNING_ROWS // 2, np.log(_LEAST), logs))
        score = np.maximum(score, PAUSE_SCORE * self._pauses.are_news(places, ts_ms, gain))
        self._rows[places] = shifted(self._rows[places], values)
        self.seen[places] += values.shape[1]
        return Scored(np.where(known < LEARNING_ROWS, 0.0, score), expected)

    def silent(self, now_ms: int) -> Array:
        """Return the places of the series that said nothing for so long that it is news."""
        return np.flatnonzero((self.seen >= LEARNING_ROWS) & self._pauses.is_long(now_ms - self._pauses.last_ms))

    def _meet(self, places: Array, values: Array) -> None:
        """Let a series that is new have been for ever as its first row."""
        is_new = self.seen[places] == 0
        if is_new.any():
            self._rows[places[is_new]] = values[is_new, :1]

    def _surprise(self, at: int, places: Array, looked: Array, gain: Array, floor: Array) -> tuple[Array, Array]:
        mean, self._means[places, at] = exponential(self._means[places, at], looked, gain)
        off = np.abs(looked - mean)
        spread, self._spreads[places, at] = exponential(self._spreads[places, at], off, gain)
        measure = np.maximum(spread + floor, off / _MOST)
        return mean, np.divide(off, measure, out=np.zeros_like(off), where=measure > 0)

    def _score(self, places: Array, ts_ms: Array, logs: Array) -> Array:
        """Return the scores of rows whose surprise has these logarithms, and remember them."""
        surprise = np.exp(logs).astype(np.float32)
        recent = np.maximum(trailing_greatest(self._held[places], surprise), _MEMORY_FLOOR)
        usual = np.maximum(self._habits.recall(places, ts_ms), _MEMORY_FLOOR)
        novelty = logs - np.log(recent) + _SURPRISE_WEIGHT * logs
        evidence = np.minimum(novelty, _HABIT_WEIGHT * (logs - np.log(usual)))
        self._held[places] = shifted(self._held[places], surprise)
        self._habits.remember(places, ts_ms, surprise)
        return np.round(1.0 / (1.0 + np.exp(_STEEPNESS * (_HALF_EVIDENCE - evidence))), _DIGITS)
