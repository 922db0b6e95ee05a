"""Ranks what changed: the door to this room for the command line and for diagnosis.

Three steps: how far each series left what it usually shows, when it began to, and which component all that points to. The onset
that a caller knows is taken for a hint: people and alerts notice minutes later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from nagare.errors import InputError
from nagare.insights.changes.cusum import onsets
from nagare.insights.changes.onset import likely_onsets
from nagare.insights.matrix import Floats, SeriesMatrix, Times
from nagare.insights.ranking.components import rank_components, weight_of
from nagare.insights.ranking.deviation import Deviations, Integers, measure, shown
from nagare.insights.ranking.graph import DependencyGraph
from nagare.insights.ranking.load import without_load
from nagare.insights.ranking.names import SeriesName, parse_names
from nagare.insights.ranking.values import MetricChange, Ranking

# How far an onset that somebody names may be off, in milliseconds.
SLACK_MS = 300_000
_FOUND_SLACK_MS, _FOUND_SLACK_STEPS = 60_000, 8
# Of the time before a named onset that much is baseline in any case.
_BASELINE_SHARE = 0.6
# Trouble travels from one component to the next in about that time, or in that many steps where samples are rarer.
_LATE_MS = 30_000.0
_LATE_STEPS = 3.0
# Fewer points on either side say nothing.
_FEWEST_POINTS = 3
# Deviations from which on a series tells when the incident began, and beyond which it tells no more.
_TELLING = 4.0
_NEARLY = 0.6
_MOST = 50.0
# What deviates in so few points that it has no begin counts no more than that.
_UNSURE = 8.0
# So many times the characteristic time counts as "soon after". The first series counts as the begin that is followed by nearly as many,
# as soon, as any: a stray that happens to stand before the others is not.
_SOON = 3.0
_DENSE = 0.6


@dataclass(frozen=True, slots=True)
class Question:
    """How to rank: ``pattern`` says where components stand in names, ``graph`` who depends on whom.

    ``known`` holds the names that a caller has apart already; ``pattern`` is for the others.
    """

    pattern: str = ""
    graph: DependencyGraph | None = None
    slack_ms: int = SLACK_MS
    known: Mapping[str, SeriesName] = field(default_factory=dict)

    def names_of(self, matrix: SeriesMatrix) -> tuple[SeriesName, ...]:
        """Return the names of the series, apart. Raises InputError for a pattern that none fits."""
        if not self.known:
            return parse_names(matrix.names, self.pattern)
        unknown = [name for name in matrix.names if name not in self.known]
        parsed = {one.name: one for one in parse_names(unknown, self.pattern)}
        return tuple(self.known.get(name) or parsed[name] for name in matrix.names)


def rank_changes(matrix: SeriesMatrix, onset_ms: int | None = None, question: Question | None = None) -> Ranking:
    """Return what changed at ``onset_ms`` (± the slack), or at the onset that is found where none is given.

    Raises InputError when nothing stands out and no onset is given, or when one side of it has too few points.
    """
    question = question or Question()
    # Names are looked at more than once.
    question = replace(question, known={one.name: one for one in question.names_of(matrix)})
    slack_ms = question.slack_ms
    hint = onset_ms
    if hint is None:
        hint = _likeliest(matrix, question)
        # What was found is nearer to the truth than what people notice.
        slack_ms = min(slack_ms, max(_FOUND_SLACK_MS, round(_FOUND_SLACK_STEPS * matrix.step_ms)))
    if hint is None:
        raise InputError(
            "cannot find an onset: nothing in this time changes more than it usually does",
            hint="say it with --onset, or take a time that begins before the incident",
        )
    split = _split_ms(matrix.times_ms, hint, slack_ms)
    baseline, incident = matrix.between(None, split), matrix.between(split, None)
    return compare(baseline, incident, question, _around(incident.times_ms, hint, slack_ms))


def compare(
    baseline: SeriesMatrix, incident: SeriesMatrix, question: Question | None = None, onset_ms: int | None = None
) -> Ranking:
    """Return what is other in ``incident`` than in ``baseline``; series are told by their names.

    The incident may begin some time into its window: the onset is found there, ``onset_ms`` is where to expect it at the
    latest. Raises InputError when one of both has too few points or they share no series.
    """
    question = question or Question()
    for which, side in (("before", baseline), ("of", incident)):
        if len(side.times_ms) < _FEWEST_POINTS:
            raise InputError(
                f"cannot rank changes: {len(side.times_ms)} points in the time {which} the incident are too few"
            )
    baseline, incident = _shared(baseline, incident)
    times_ms = incident.times_ms
    names = question.names_of(incident)
    kinds = _kinds(names)
    told = baseline, incident
    baseline, incident = _unloaded(baseline, incident)
    late_ms = _late_ms(incident)
    rough = measure(baseline.values, incident.values, kinds)
    onset = _common_onset(rough, _began(rough, incident.values), times_ms, onset_ms, late_ms)
    # Usual time at the begin of the window would dilute what the incident shows.
    first = 0 if onset is None else min(int(np.searchsorted(times_ms, onset)), len(times_ms) - _FEWEST_POINTS)
    found = measure(baseline.values, incident.values[:, first:], kinds)
    began = _began(found, incident.values)
    found = replace(found, effect=np.where(began < 0, np.clip(found.effect, -_UNSURE, _UNSURE), found.effect))
    onset = _common_onset(found, began, times_ms, onset_ms, late_ms) or int(times_ms[first])
    changes = _changes(names, shown(found, told[0].values, told[1].values[:, first:]), began, times_ms)
    weighed = sorted(
        ((weight_of(one, onset, late_ms), one) for one in changes), key=lambda pair: (-pair[0], pair[1].name)
    )
    most = weighed[0][0] if weighed else 0.0
    metrics = tuple(_scored(one, weight, most) for weight, one in weighed)
    components = tuple(rank_components(metrics, onset, late_ms, question.graph))
    return Ranking(onset, len(names), metrics, components)


def _likeliest(matrix: SeriesMatrix, question: Question) -> int | None:
    """Return the time at which most began to be other than before; several may look alike to a window that slides."""
    # What the load does is no change. How series follow it is told by the earlier half, wherever the incident is.
    matrix = replace(matrix, values=without_load(matrix.values, len(matrix.times_ms) // 2))
    times_ms = likely_onsets(matrix)
    if len(times_ms) < 2:
        return times_ms[0] if times_ms else None
    kinds = _kinds(question.names_of(matrix))
    return max(times_ms, key=lambda time_ms: _beginning(matrix, time_ms, kinds))


def _beginning(matrix: SeriesMatrix, time_ms: int, kinds: Integers) -> float:
    # Too late, and the incident is in the baseline; too early, and what deviates begins to only later.
    baseline, incident = matrix.between(None, time_ms), matrix.between(time_ms, None)
    if min(len(baseline.times_ms), len(incident.times_ms)) < _FEWEST_POINTS:
        return 0.0
    found = measure(baseline.values, incident.values, kinds)
    began = _began(found, incident.values)
    begins = (began >= 0) & (incident.times_ms[began] <= time_ms + _SOON * _late_ms(matrix))
    return float(np.log1p(np.minimum(np.abs(found.effect[begins]), _MOST)).sum())


def _late_ms(matrix: SeriesMatrix) -> float:
    return max(_LATE_MS, _LATE_STEPS * matrix.step_ms)


def _split_ms(times_ms: Times, hint: int, slack_ms: int) -> int:
    # The minutes before a named onset belong to neither side for sure; they are looked at with the incident, unless too little
    # of the time before would be left to know the usual by.
    before = times_ms[times_ms < hint]
    if not len(before):
        return hint
    least = int(before[0] + (hint - before[0]) * _BASELINE_SHARE)
    return max(hint - slack_ms, least)


def _around(times_ms: Times, hint: int, slack_ms: int) -> int | None:
    return min(hint + slack_ms, int(times_ms[-1])) if len(times_ms) else None


def _unloaded(baseline: SeriesMatrix, incident: SeriesMatrix) -> tuple[SeriesMatrix, SeriesMatrix]:
    usual = len(baseline.times_ms)
    left = without_load(np.concatenate((baseline.values, incident.values), axis=1), usual)
    return replace(baseline, values=left[:, :usual]), replace(incident, values=left[:, usual:])


def _shared(baseline: SeriesMatrix, incident: SeriesMatrix) -> tuple[SeriesMatrix, SeriesMatrix]:
    if baseline.names == incident.names:
        return baseline, incident
    place = {name: index for index, name in enumerate(baseline.names)}
    if not place.keys() & set(incident.names):
        raise InputError("cannot rank changes: baseline and incident have no series in common")
    names = tuple(dict.fromkeys(baseline.names + incident.names))
    return _on_names(baseline, names), _on_names(incident, names)


def _on_names(matrix: SeriesMatrix, names: tuple[str, ...]) -> SeriesMatrix:
    place = {name: index for index, name in enumerate(matrix.names)}
    values = np.full((len(names), len(matrix.times_ms)), np.nan)
    there = [index for index, name in enumerate(names) if name in place]
    values[there] = matrix.values[[place[names[index]] for index in there]]
    return SeriesMatrix(names, matrix.times_ms, values)


def _kinds(names: tuple[SeriesName, ...]) -> Integers:
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(one.metric, len(numbers)) for one in names], dtype=np.int64)


def _began(found: Deviations, values: Floats) -> Integers:
    direction = np.where(found.effect >= 0, 1.0, -1.0)
    began = onsets(values, found.edge, found.scale, direction)
    width = values.shape[1]
    is_known = ~np.isnan(values)
    fell_silent = np.minimum(width - np.argmax(is_known[:, ::-1], axis=1), width - 1)
    # Nobody knows when one fell silent that the whole incident lacks.
    began = np.where(found.is_silent, np.where(is_known.any(axis=1), fell_silent, -1), began)
    return np.where(found.is_new & is_known.any(axis=1), np.argmax(is_known, axis=1), began)


def _common_onset(
    found: Deviations, began: Integers, times_ms: Times, latest_ms: int | None, late_ms: float
) -> int | None:
    """Return the time at which those that deviate began to, most of them; None when none tells.

    Not the first of all: one series in a hundred leaves its usual whenever it likes. The time is the begin of the densest stretch.
    """
    began_ms = times_ms[began]
    telling = began >= 0 if latest_ms is None else (began >= 0) & (began_ms <= latest_ms)
    if not telling.any():
        return None
    # In an incident that hardly shows, what shows most has to tell.
    telling &= np.abs(found.effect) >= min(_TELLING, _NEARLY * float(np.abs(found.effect[telling]).max()))
    order = np.argsort(began_ms[telling], kind="stable")
    at = began_ms[telling][order]
    weight = np.log1p(np.minimum(np.abs(found.effect[telling][order]), _MOST))
    fades = np.exp(-np.diff(at) / late_ms)
    # Of each, with those that follow it: the nearer they do, the more they count.
    followed = weight.copy()
    for place in range(len(at) - 2, -1, -1):
        followed[place] += followed[place + 1] * fades[place]
    return int(at[np.argmax(followed >= _DENSE * followed.max())])


def _changes(
    names: tuple[SeriesName, ...],
    found: Deviations,
    began: np.ndarray[tuple[int, ...], np.dtype[np.int64]],
    times_ms: Times,
) -> list[MetricChange]:
    return [
        MetricChange(
            one.name,
            one.component,
            one.metric,
            one.kind,
            0.0,
            round(float(found.effect[row]), 3),
            _direction(found, row),
            _figure(found.before[row]),
            _figure(found.after[row]),
            int(times_ms[began[row]]) if began[row] >= 0 else None,
        )
        for row, one in enumerate(names)
    ]


def _direction(found: Deviations, row: int) -> str:
    if found.is_silent[row]:
        return "silent"
    if found.is_new[row]:
        return "new"
    return "up" if found.effect[row] > 0 else "down" if found.effect[row] < 0 else "same"


def _figure(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _scored(change: MetricChange, weight: float, most: float) -> MetricChange:
    share = weight / most * (1 - np.exp(-most)) if most > 0 else 0.0
    return MetricChange(
        change.name,
        change.component,
        change.metric,
        change.kind,
        round(float(share), 4),
        change.effect,
        change.direction,
        change.before,
        change.after,
        change.onset_ms,
    )
