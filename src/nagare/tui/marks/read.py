"""Rows of the statements for marks, as marks. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from nagare.lib.plain_text import plain
from nagare.lib.units import format_seconds
from nagare.tui.marks.of_events import TEXT_LIMIT, mark_of
from nagare.tui.marks.statements import EACH_MOST
from nagare.tui.renderables.chart_model import EventMark, MarkKind
from nagare.wire.events import EventView

Rows = Sequence[Sequence[Any]]


def read_events(rows: Rows, *, is_of_fleet: bool) -> Iterator[EventMark]:
    """Yield the marks of events."""
    for id_, at_ms, host, kind, severity, text, attributes, count, place in rows:
        event = EventView(
            str(id_), int(at_ms), host or "", kind or "", int(severity or 0), "", text or "", attributes or {}
        )
        yield mark_of(event, more=_left_out(count, place), is_of_fleet=is_of_fleet)


def read_commands(rows: Rows, *, is_of_fleet: bool) -> Iterator[EventMark]:
    """Yield the marks of commands, where they began."""
    for job, at_ms, host, action, state, count, place in rows:
        text = f"{action}: {state}" if not is_of_fleet else f"{host}: {action}: {state}"
        yield EventMark(
            int(at_ms),
            str(state),
            MarkKind.COMMAND,
            plain(text, TEXT_LIMIT),
            host or "",
            job or "",
            _left_out(count, place),
        )


def read_deeds(rows: Rows) -> Iterator[EventMark]:
    """Yield the marks of what people set."""
    for _, at_ms, action, target, actor, count, place in rows:
        text = f"{actor} did {action}" + (f" to {target}" if target else "")
        yield EventMark(int(at_ms), "info", MarkKind.CHANGE, plain(text, TEXT_LIMIT), more=_left_out(count, place))


def read_gaps(rows: Rows, *, is_of_fleet: bool) -> Iterator[EventMark]:
    """Yield the marks of gaps, where they began."""
    for host, from_ms, until_ms, kind in rows:
        told = "it goes on" if until_ms is None else f"for {format_seconds((until_ms - from_ms) / 1000)}"
        text = f"no rows in time, {kind}: {told}"
        named = f"{host}: {text}" if is_of_fleet else text
        yield EventMark(int(from_ms), str(kind), MarkKind.GAP, plain(named, TEXT_LIMIT), host or "")


def _left_out(count: Any, place: Any) -> int:
    # The first of a part of the span stands for those that did not come.
    return max(0, int(count) - EACH_MOST) if int(place) == 1 else 0
