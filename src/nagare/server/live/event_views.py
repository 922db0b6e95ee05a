"""Events for the wire; pure."""

from __future__ import annotations

from nagare.model.event import Event
from nagare.wire.events import EventView


def event_view(event: Event) -> EventView:
    """Return ``event`` for the wire."""
    return EventView(
        id=event.id,
        ts=event.ts,
        host=event.host,
        kind=event.kind,
        severity=int(event.severity),
        source=event.source,
        text=event.text,
        attributes=dict(event.attributes),
    )
