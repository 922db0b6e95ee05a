"""From metrics to components: how much of each deviates, since when, and what another component explains of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nagare.insights.ranking.graph import DependencyGraph
from nagare.insights.ranking.names import MetricKind
from nagare.insights.ranking.values import ComponentChange, MetricChange

# The worst metric counts in full, each further one by that share of the one before: ten symptoms are no ten causes.
_NEXT_SHARE = 0.5
_MOST_METRICS = 4
# A component below that evidence is nothing that wants an explanation.
_NOTABLE = 0.8
# How much less a component counts for each characteristic time that it began after the first.
_LATE = 1.2
_UNCLEAR = 2.0
# Load comes from outside and from callers; what one does with it comes from oneself.
_KIND_WEIGHT = {MetricKind.RESOURCE: 1.0, MetricKind.SYMPTOM: 0.9, MetricKind.TRAFFIC: 0.6}
# How much of what travels is taken off a component whose dependency deviates, and how much explaining others adds.
_EXPLAINED = 0.8
_EXPLAINS = 0.6


@dataclass(frozen=True, slots=True)
class _Evidence:
    """One component's: what travels to callers, what travels to callees, what stays, and the whole."""

    name: str
    symptom: float
    traffic: float
    total: float
    onset_ms: int | None
    metrics: tuple[str, ...]


def rank_components(
    metrics: Sequence[MetricChange], first_ms: int, late_ms: float, graph: DependencyGraph | None
) -> list[ComponentChange]:
    """Return the components of ``metrics``, likeliest cause first; ``late_ms`` is the time in which trouble travels."""
    groups: dict[str, list[MetricChange]] = {}
    for metric in metrics:
        if metric.component:
            groups.setdefault(metric.component, []).append(metric)
    evidence = {name: _gather(name, group, first_ms, late_ms) for name, group in groups.items()}
    changes = _with_graph(evidence, graph, late_ms) if graph else [_plain(one, one.total) for one in evidence.values()]
    most = max((change.score for change in changes), default=0.0)
    scaled = [_scaled(change, most) for change in changes]
    return sorted(scaled, key=lambda change: (-change.score, change.onset_ms or math.inf, change.name))


def weight_of(metric: MetricChange, first_ms: int, late_ms: float) -> float:
    """Return how much ``metric`` says about its component being the cause."""
    size = math.log1p(abs(metric.effect)) * _KIND_WEIGHT[metric.kind]
    return size * earliness(metric.onset_ms, first_ms, late_ms)


def earliness(onset_ms: int | None, first_ms: int, late_ms: float) -> float:
    """Return 1 for what began first, less the later; what has no clear begin counts as one that is rather late.

    What began before the others is no cause of theirs either, but one that was odd already.
    """
    late = _UNCLEAR if onset_ms is None else abs(onset_ms - first_ms) / late_ms
    return 1.0 / (1.0 + _LATE * late)


def _gather(name: str, group: list[MetricChange], first_ms: int, late_ms: float) -> _Evidence:
    weighed = sorted(((weight_of(one, first_ms, late_ms), one) for one in group), key=lambda pair: -pair[0])
    parts = dict.fromkeys(MetricKind, 0.0)
    for place, (weight, one) in enumerate(weighed[:_MOST_METRICS]):
        parts[one.kind] += weight * _NEXT_SHARE**place
    known = [one.onset_ms for weight, one in weighed if one.onset_ms is not None and weight >= weighed[0][0] / 2]
    return _Evidence(
        name,
        parts[MetricKind.SYMPTOM],
        parts[MetricKind.TRAFFIC],
        sum(parts.values()),
        min(known, default=None),
        tuple(one.name for _, one in weighed),
    )


def _with_graph(evidence: Mapping[str, _Evidence], graph: DependencyGraph, late_ms: float) -> list[ComponentChange]:
    callees = {name: graph.distances(name) for name in evidence}
    back = graph.reversed()
    callers = {name: back.distances(name) for name in evidence}
    whole = sum(one.total for one in evidence.values()) or 1.0
    return [_judged(one, evidence, callees[one.name], callers[one.name], late_ms, whole) for one in evidence.values()]


def _judged(
    own: _Evidence,
    evidence: Mapping[str, _Evidence],
    callees: Mapping[str, int],
    callers: Mapping[str, int],
    late_ms: float,
    whole: float,
) -> ComponentChange:
    below = [evidence[name] for name in callees if name in evidence]
    above = [evidence[name] for name in callers if name in evidence]
    causes = [one for one in below if _not_later(one, own, late_ms) and one.total > 0]
    by_callee = max((min(one.total / own.total, 1.0) for one in causes), default=0.0) if own.total else 0.0
    by_caller = max(
        (min(one.traffic / own.traffic, 1.0) for one in above if own.traffic and _not_later(one, own, late_ms)),
        default=0.0,
    )
    left = own.total - _EXPLAINED * (by_callee * own.symptom + by_caller * own.traffic)
    effects = [one for one in above if one.total >= _NOTABLE and _not_later(own, one, late_ms)]
    covered = sum(one.symptom / callers[one.name] ** 0.5 for one in effects) / whole
    culprit = max(causes, key=lambda one: one.total).name if by_callee * own.symptom > own.total / 4 else ""
    explained = tuple(sorted((one.name for one in effects), key=lambda name: (callers[name], name)))
    return _plain(own, left * (1 + _EXPLAINS * covered), explained, culprit)


def _not_later(one: _Evidence, other: _Evidence, late_ms: float) -> bool:
    if one.onset_ms is None or other.onset_ms is None:
        return True
    return one.onset_ms <= other.onset_ms + late_ms / 2


def _plain(one: _Evidence, score: float, explains: tuple[str, ...] = (), explained_by: str = "") -> ComponentChange:
    return ComponentChange(one.name, score, one.onset_ms, one.metrics, explains, explained_by)


def _scaled(change: ComponentChange, most: float) -> ComponentChange:
    # A ranking says how components stand to each other, and how sure it is by how far the worst one deviates at all.
    share = change.score / most * (1 - math.exp(-most / 2)) if most > 0 else 0.0
    return ComponentChange(
        change.name, round(share, 4), change.onset_ms, change.metrics, change.explains, change.explained_by
    )
