"""Marks from events: an alert by its turn, a command, a change such as a deploy, or just something that happened. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from nagare.lib.plain_text import plain
from nagare.model.change_words import tells_of_change
from nagare.tui.alerts.rows import SEVERITY_STATES
from nagare.tui.host_facts import severity_state
from nagare.tui.renderables.chart_model import EventMark, MarkKind
from nagare.wire.events import EventView

TEXT_LIMIT = 200
# Kinds by which it is told that people were told: what they were told of has a mark of its own.
NOTICES = "notification"
# Turns of alerts that are events -> the mark's state, empty where it is that of the severity.
_TURNS: Mapping[str, str] = MappingProxyType(
    {"alert.firing": "", "alert.re-opened": "", "alert.acknowledged": "ack", "alert.resolved": "resolved"}
)
# Ends of commands that are events.
_ENDS = frozenset({"failed", "lost", "expired"})


def event_marks(events: Iterable[EventView], host: str = "") -> list[EventMark]:
    """Return marks for charts; with ``host`` of that one, and of changes that are of no host and so of all."""
    return [mark_of(event, more=0, is_of_fleet=not host) for event in events if _is_of(event, host)]


def _is_of(event: EventView, host: str) -> bool:
    if event.kind.startswith(NOTICES):
        return False
    if host in ("", event.host):
        return True
    return not event.host and tells_of_change(event.kind, event.text)


def mark_of(event: EventView, *, more: int, is_of_fleet: bool) -> EventMark:
    """Return the mark of an event. An alert has one for how bad it is, and one for its end; of the fleet the host is named."""
    state, kind, subject = severity_state(event.severity), MarkKind.EVENT, event.id
    turn, (first, _, last) = _TURNS.get(event.kind), event.kind.partition(".")
    if turn is not None:
        state = turn or SEVERITY_STATES[min(max(event.severity, 0), 3)]
        kind, subject = MarkKind.ALERT, event.attributes.get("alert", "")
    elif first == "command" and event.attributes.get("job"):
        state = last if last in _ENDS else state
        kind, subject = MarkKind.COMMAND, event.attributes["job"]
    elif tells_of_change(event.kind, event.text):
        kind = MarkKind.CHANGE
    text = plain(event.text or event.kind, TEXT_LIMIT)
    named = f"{plain(event.host, 60)}: {text}" if is_of_fleet and event.host else text
    return EventMark(event.ts, state, kind, named, event.host, subject, more)
