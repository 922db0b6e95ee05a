"""How a ranking is written: a document for programs, tables for people."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nagare.cli.console.diagnostics import note
from nagare.cli.console.invocation import Invocation, OutputFormat
from nagare.cli.console.output import Rows, write_document, write_rows
from nagare.lib.plain_text import plain
from nagare.lib.rfc3339 import format_ms

if TYPE_CHECKING:
    from nagare.insights.ranking.events import NearEvent
    from nagare.insights.ranking.values import ComponentChange, MetricChange, Ranking

# Metrics and components that a table names beside a component.
_NAMED = 3
_COMPONENTS = ("rank", "component", "score", "onset", "metrics", "explains", "explained_by")
_METRICS = ("rank", "metric", "component", "score", "direction", "before", "after", "deviations", "onset")
_EVENTS = ("time", "kind", "host", "score", "text")
_FLAT = ("what", "rank", "name", "component", "score", "direction", "before", "after", "deviations", "onset")


def write_ranking(invocation: Invocation, ranking: Ranking, top: int, events: Sequence[NearEvent] = ()) -> None:
    """Write the first ``top`` components and metrics; ``events`` are those near the onset."""
    match invocation.format:
        case OutputFormat.JSON:
            write_document(document_of(ranking, top, events))
        case OutputFormat.TABLE:
            _write_tables(invocation, ranking, top, events)
        case _:
            write_rows(invocation, Rows(_FLAT, _flat(ranking, top)))


def document_of(ranking: Ranking, top: int, events: Sequence[NearEvent] = ()) -> dict[str, Any]:
    """Return the document that docs/reference/insights.md describes."""
    return {
        "onset": format_ms(ranking.onset_ms),
        "onset_ms": ranking.onset_ms,
        "series": ranking.series,
        "components": [_component(place, one) for place, one in enumerate(ranking.components[:top], 1)],
        "metrics": [_metric(place, one) for place, one in enumerate(ranking.metrics[:top], 1)],
        "events": [_event(one) for one in events],
    }


def _component(place: int, one: ComponentChange) -> dict[str, Any]:
    return {
        "rank": place,
        "name": one.name,
        "score": one.score,
        "onset": _time(one.onset_ms),
        "metrics": list(one.metrics),
        "explains": list(one.explains),
        "explained_by": one.explained_by or None,
    }


def _metric(place: int, one: MetricChange) -> dict[str, Any]:
    return {
        "rank": place,
        "name": one.name,
        "component": one.component or None,
        "measure": one.metric,
        "kind": one.kind.value,
        "score": one.score,
        "direction": one.direction,
        "deviations": one.effect,
        "before": one.before,
        "after": one.after,
        "onset": _time(one.onset_ms),
    }


def _event(one: NearEvent) -> dict[str, Any]:
    return {
        "time": format_ms(one.happening.ts),
        "kind": one.happening.kind,
        "host": one.happening.about or None,
        "score": one.score,
        "seconds_before": one.before_ms / 1000,
        "text": one.happening.text,
    }


def _time(time_ms: int | None) -> str | None:
    return None if time_ms is None else format_ms(time_ms)


def _write_tables(invocation: Invocation, ranking: Ranking, top: int, events: Sequence[NearEvent]) -> None:
    components = [
        (place, one.name, one.score, _time(one.onset_ms), _some(one.metrics), _some(one.explains), one.explained_by)
        for place, one in enumerate(ranking.components[:top], 1)
    ]
    metrics = [
        (
            place,
            one.name,
            one.component,
            one.score,
            one.direction,
            one.before,
            one.after,
            one.effect,
            _time(one.onset_ms),
        )
        for place, one in enumerate(ranking.metrics[:top], 1)
    ]
    if components:
        write_rows(invocation, Rows(_COMPONENTS, components, ("", "", "", "TIMESTAMP", "", "", "")))
        sys.stdout.write("\n")
    write_rows(invocation, Rows(_METRICS, metrics, ("", "", "", "", "", "DOUBLE", "DOUBLE", "DOUBLE", "TIMESTAMP")))
    if events:
        sys.stdout.write("\n")
        rows = [
            (format_ms(one.happening.ts), one.happening.kind, one.happening.about, one.score, one.happening.text)
            for one in events
        ]
        write_rows(invocation, Rows(_EVENTS, rows, ("TIMESTAMP", "", "", "", "")))
    if not invocation.is_quiet:
        note(f"nagare: {ranking.series} series compared, the incident began at {format_ms(ranking.onset_ms)}")
        if not components and ranking.metrics:
            note(f"nagare: no name says whose it is, as in {plain(ranking.metrics[0].name)}; try --component-pattern")


def _some(names: Sequence[str]) -> str:
    more = f" +{len(names) - _NAMED}" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _flat(ranking: Ranking, top: int) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = [
        ("component", place, one.name, one.name, one.score, None, None, None, None, _time(one.onset_ms))
        for place, one in enumerate(ranking.components[:top], 1)
    ]
    for place, one in enumerate(ranking.metrics[:top], 1):
        figures = (one.direction, one.before, one.after, one.effect, _time(one.onset_ms))
        rows.append(("metric", place, one.name, one.component, one.score, *figures))
    return rows
