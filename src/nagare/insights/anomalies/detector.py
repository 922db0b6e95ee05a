"""The detector: the state of many series side by side, and the scores of their next rows.

A row is looked at in two ways. How far it stands off the slow mean of its series, or off what the time of day lets
expect where that tells more; and how far it stands off the few rows before it, which finds a jump on a swell. What
surprises in one way is weighed against what did so before (``novelty``), and the stronger evidence makes the score.

One setting serves all series; nothing here knows a unit. The numbers below were chosen on labelled series and on
generated ones; ``benches/nab_bench.py`` tells how they do there and on series that had no part in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nagare.insights.anomalies.habits import when_of
from nagare.insights.anomalies.moving import exponential, gains
from nagare.insights.anomalies.novelty import NEWS, Novelty
from nagare.insights.anomalies.pauses import PAUSE_SCORE, Pauses
from nagare.insights.anomalies.places import Places, at_which, run_of
from nagare.insights.anomalies.seasons import Seasons
from nagare.insights.anomalies.surprises import LEAST, Surprises

Array = np.ndarray[Any, Any]
# Rows over which a series is looked at: a spike, a step, a slow change.
_WIDTHS = (1, 12, 48)
# What a mean forgets with each row; the quick one follows a swell.
_FORGETTING, _QUICK_FORGETTING = 0.003, 0.2
# A series is learned for so many rows before one can score; what surprises in the second half of them is held.
LEARNING_ROWS = 50
# Changes that are smaller than this part of the level are no news, however still the series was. A counter stands high,
# and its rate is seen in its jumps alone.
_LEVEL_PART, _JUMP_LEVEL_PART = 1e-3, 1e-5
# Values beyond it count as it: their sums stay finite, also where a quick mean weighs a whole piece of them.
_GREATEST_VALUE = 1e60
# A season counts once rows stand off it so much less than off their mean, for so many rows.
_SEASON_SKILL, _SEASON_ROWS = 0.5, 144
# A jump has to be more surprising than a departure from the level, by this much of its logarithm: noise jumps all the time.
_JUMP_HANDICAP = 1.0
# How steeply a score rises where the evidence makes a row news; there it is one half.
_STEEPNESS = 4.0
_DIGITS = 6
# How the names of arrays end that tell where rings begin.
_OLDEST = "_oldest"
# The two ways, by the names of what is kept of their surprises.
_WAYS = ("departures", "jumps")


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
        self._seen = np.zeros(count, dtype=np.int64)
        self._level = np.zeros(count)
        self._off_mean = Surprises(count, _WIDTHS)
        self._off_season = Surprises(count, _WIDTHS)
        self._season_seen = np.zeros(count, dtype=np.int64)
        self._season_error = np.zeros(count)
        self._seasons = Seasons(count)
        self._quick = np.zeros(count)
        self._jumps = Surprises(count, (1,))
        self._news = Novelty(count, len(_WAYS))
        self._pauses = Pauses(count)

    def arrays(self) -> dict[str, Array]:
        """Return the arrays that are the whole state, by name; a series is one place in each. They are not copies."""
        own: dict[str, Array] = {"seen": self._seen, "level": self._level, "quick": self._quick}
        own |= {"season_seen": self._season_seen, "season_error": self._season_error}
        for name, part in (("mean", self._off_mean), ("season", self._off_season), ("jump", self._jumps)):
            own |= {f"{name}_rows": part.held.rows[0], f"{name}_means": part.means, f"{name}_spreads": part.spreads}
            own[f"{name}{_OLDEST}"] = part.held.oldest
        news, habits = self._news, self._news.habits
        for way, name in enumerate(_WAYS):
            # Where rings begin, and the day, is one array by two names: both ways have the same rows.
            own |= {f"{name}_held": news.held.rows[way], f"{name}_held{_OLDEST}": news.held.oldest}
            own |= {f"{name}_told": news.told.rows[way], f"{name}_told{_OLDEST}": news.told.oldest}
            own |= {f"{name}_past": habits.past[way], f"{name}_today": habits.today[way], f"{name}_day": habits.day}
        seasons, pauses = self._seasons, self._pauses
        own |= {"day_means": seasons.means, "day_known": seasons.is_known, "day_sums": seasons.sums}
        own |= {"day_counts": seasons.counts, "day": seasons.day, "days": seasons.days}
        own |= {"last_ms": pauses.last_ms, "step_ms": pauses.step_ms, "longest_ms": pauses.longest_ms}
        return own

    @property
    def last_ms(self) -> Array:
        """The moment of the last row of each series, Unix milliseconds; 0 before the first."""
        return self._pauses.last_ms

    @property
    def means(self) -> Array:
        """The mean of each series."""
        means: Array = self._off_mean.means[:, 0]
        return means

    def restore(self, arrays: Mapping[str, Array]) -> None:
        """Take ``arrays`` as the state of the first series. Raises ValueError for arrays of another shape.

        Raises KeyError where one is missing, unless that tells only where rings begin: rows that lie in the order of time
        begin at nought.
        """
        for name, array in self.arrays().items():
            kept = arrays.get(name) if name.endswith(_OLDEST) else arrays[name]
            if kept is None:
                continue
            if kept.shape[1:] != array.shape[1:] or kept.dtype != array.dtype or len(kept) > len(array):
                raise ValueError(f"cannot restore {name}: its shape is {kept.shape}, not {array.shape}")
            array[: len(kept)] = kept
        self._renew(np.arange(self.count))

    def forget(self, places: Array) -> None:
        """Let the series at ``places`` be such of which nothing is known."""
        for array in self.arrays().values():
            array[places] = 0
        self._renew(places)

    def _renew(self, places: Array) -> None:
        """Follow from the arrays what is kept beside them."""
        self._news.renew(places)
        for part in (self._off_mean, self._off_season):
            part.held.renew(places)
        self._seasons.renew(places)

    @property
    def step_ms(self) -> Array:
        """The usual time between two rows of each series, milliseconds."""
        return self._pauses.step_ms

    def silent(self, places: Array, pause_ms: Array) -> Array:
        """Return those of ``places`` whose series said nothing for so long, milliseconds, that it is news."""
        silent: Array = places[(self._seen[places] >= LEARNING_ROWS) & self._pauses.is_long(places, pause_ms)]
        return silent

    def advance(self, places: Array, ts_ms: Array, values: Array) -> Scored:
        """Score the next rows of the series at ``places`` and learn from them.

        ``ts_ms`` and ``values`` are (series, rows); the rows of one call lie in one UTC day, and values are finite.
        """
        return self._advance(run_of(places), ts_ms, values)

    def _advance(self, places: Places, ts_ms: Array, values: Array) -> Scored:
        values = np.clip(values, -_GREATEST_VALUE, _GREATEST_VALUE)
        # A copy, as it may be a view of what moves on.
        seen, count = self._seen[places].copy(), values.shape[1]
        self._meet(places, seen, values)
        gain = gains(seen, count, _FORGETTING)
        level, self._level[places] = exponential(self._level[places], np.abs(values), gain)
        floor = _LEVEL_PART * level
        when = when_of(places, ts_ms, self.count)
        has_season = self._seasons.begin(places, when.day)
        departures, expected = self._departures(places, ts_ms, values, (gain, floor, has_season))
        self._seasons.learn(when, values)
        jumps = self._jump(places, values, gain, _JUMP_LEVEL_PART * level)
        known = seen[:, None] + np.arange(count)
        logs = np.stack((departures, jumps))
        logs[:, known < LEARNING_ROWS // 2] = np.log(LEAST)
        evidence = self._news.weigh(places, when, logs).max(axis=0)
        score = np.round(1.0 / (1.0 + np.exp(_STEEPNESS * (NEWS - evidence))), _DIGITS)
        # What is no number makes no score.
        score = np.fmax(score, PAUSE_SCORE * self._pauses.are_news(places, ts_ms, gain))
        self._seen[places] = seen + count
        return Scored(np.where(known < LEARNING_ROWS, 0.0, score), expected)

    def _meet(self, places: Places, seen: Array, values: Array) -> None:
        """Let a series that is new have been for ever as its first row."""
        is_new = seen == 0
        if is_new.any():
            first, new = values[is_new, 0], at_which(places, is_new)
            self._off_mean.held.fill(new, first)
            self._quick[new] = first

    def _departures(
        self, places: Places, ts_ms: Array, values: Array, known: tuple[Array, Array, Array]
    ) -> tuple[Array, Array]:
        """Return how surprising rows are beside their mean or their season, and what was expected.

        ``known`` are the gain and the floor of each row, and which series have a season.
        """
        gain, floor, has_season = known
        logs, expected, spread = self._off_mean.look(places, values, gain, floor)
        if has_season.any():
            at = np.flatnonzero(has_season)
            chosen, season_logs, usual = self._beside_season(
                at_which(places, at), ts_ms[at], values[at], floor[at], spread[at]
            )
            logs[at] = np.where(chosen, season_logs, logs[at])
            expected = expected.copy()
            expected[at] = np.where(chosen, usual, expected[at])
        return logs, expected

    def _beside_season(
        self, places: Array, ts_ms: Array, values: Array, floor: Array, spread: Array
    ) -> tuple[Array, Array, Array]:
        """Return where the season tells more than the mean, how surprising rows are beside it, and what it lets expect."""
        usual = self._seasons.expect(places, ts_ms)
        off, seen = values - usual, self._season_seen[places]
        gain = gains(seen, values.shape[1], _FORGETTING)
        logs, mean, _ = self._off_season.look(places, off, gain, floor)
        error, self._season_error[places] = exponential(self._season_error[places], np.abs(off), gain)
        is_old = seen[:, None] + np.arange(values.shape[1]) > _SEASON_ROWS
        self._season_seen[places] += values.shape[1]
        return is_old & (error < _SEASON_SKILL * spread), logs, usual + mean

    def _jump(self, places: Places, values: Array, gain: Array, floor: Array) -> Array:
        """Return how surprising rows are beside the few before them."""
        # Of the gains the quicker one is never less.
        quick_gain = np.maximum(gain, _QUICK_FORGETTING)
        quick, self._quick[places] = exponential(self._quick[places], values, quick_gain)
        logs, _, _ = self._jumps.look(places, values - quick, gain, floor)
        return logs - _JUMP_HANDICAP
