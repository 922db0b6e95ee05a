"""Events over HTTP: a person's or a program's note in, the list out."""

from __future__ import annotations

import msgspec


class EventRequest(msgspec.Struct, frozen=True):
    """An event to store. ``id`` makes a repeat harmless; the server chooses one, and the time, when absent."""

    text: str
    kind: str = "note"
    severity: int = 0
    host: str = ""
    id: str | None = None
    ts: int | None = None
    attributes: dict[str, str] = {}


class EventView(msgspec.Struct, frozen=True):
    """A stored event; ``ts`` is Unix milliseconds."""

    id: str
    ts: int
    host: str
    kind: str
    severity: int
    source: str
    text: str
    attributes: dict[str, str]


class EventList(msgspec.Struct, frozen=True):
    """Events, newest first."""

    events: list[EventView]


class EventIds(msgspec.Struct, frozen=True):
    """The ids of the events that were sent, in their order; an id known before is among them."""

    ids: list[str]
