"""What a ranking says: metrics and components, what each did, and when."""

from __future__ import annotations

from dataclasses import dataclass

from nagare.insights.ranking.names import MetricKind


@dataclass(frozen=True, slots=True)
class MetricChange:
    """One series that changed; ``score`` is 0 to 1, ``effect`` in deviations of the usual, negative downwards.

    ``before`` is its median in the baseline, ``after`` what the incident shows at the side it went to, ``onset_ms`` Unix
    milliseconds, None where the change has no clear begin. ``direction`` is up, down, silent or new.
    """

    name: str
    component: str
    metric: str
    kind: MetricKind
    score: float
    effect: float
    direction: str
    before: float | None
    after: float | None
    onset_ms: int | None


@dataclass(frozen=True, slots=True)
class ComponentChange:
    """One component: ``score`` 0 to 1, its worst metrics by name, and which other components it would explain.

    ``explained_by`` names what it depends on and what would explain it, "" where nothing does or no graph is known.
    """

    name: str
    score: float
    onset_ms: int | None
    metrics: tuple[str, ...]
    explains: tuple[str, ...] = ()
    explained_by: str = ""


@dataclass(frozen=True, slots=True)
class Ranking:
    """Both lists with the worst first, the moment from which on the incident is counted, and how many series were compared."""

    onset_ms: int
    series: int
    metrics: tuple[MetricChange, ...]
    components: tuple[ComponentChange, ...]
