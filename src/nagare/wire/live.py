"""Frames of ``/ws/dashboard`` and ``/ws/monitoring``: JSON objects tagged by ``op``.

A connection subscribes to tables of hosts and receives each host's newest rows, batch by batch. A reader that is
slower than the samples gets the latest of each (host, table) and is told how many it missed: latest wins.
"""

from __future__ import annotations

import msgspec

from nagare.wire.batch import Cell
from nagare.wire.events import EventView
from nagare.wire.hosts import HostView
from nagare.wire.problem import Problem


class Subscribe(msgspec.Struct, frozen=True, tag="subscribe", tag_field="op"):
    """Ask for ``tables`` of ``hosts``; ["*"] means all. The same ``id`` again replaces the subscription.

    With ``series`` their values come too, many hosts in one frame (``Digests``): what a list of hosts follows.
    """

    id: str
    tables: tuple[str, ...] = ("*",)
    hosts: tuple[str, ...] = ("*",)
    series: tuple[str, ...] = ()


class Unsubscribe(msgspec.Struct, frozen=True, tag="unsubscribe", tag_field="op"):
    """End the subscription of that ``id``."""

    id: str


class Authenticate(msgspec.Struct, frozen=True, tag="authenticate", tag_field="op"):
    """The first frame of a connection that could not send a header; ``ticket`` is single-use and lives 30 s."""

    ticket: str


class Hello(msgspec.Struct, frozen=True, tag="hello", tag_field="op"):
    """The first frame from the server; ``now`` is its clock in Unix milliseconds."""

    version: str
    now: int


class Subscribed(msgspec.Struct, frozen=True, tag="subscribed", tag_field="op"):
    """The subscription holds from here on."""

    id: str


class Rows(msgspec.Struct, frozen=True, tag="rows", tag_field="op"):
    """New rows of one host; ``missed`` counts the frames that latest-wins dropped since the last one."""

    host: str
    tables: dict[str, dict[str, list[Cell]]]
    missed: int = 0


class Digests(msgspec.Struct, frozen=True, tag="digests", tag_field="op"):
    """What lists show of hosts that reported, a column each; of a host that reported more than once the latest.

    ``ts`` are Unix milliseconds by the host's clock, ``ages`` the milliseconds since the server heard it. ``values`` are by
    series, null where not known. ``reasons`` are what deserves a look, by host where there is anything: level and words.
    """

    hosts: list[str]
    ts: list[int]
    ages: list[int]
    values: dict[str, list[float | None]]
    reasons: dict[str, list[tuple[str, str]]] = {}
    missed: int = 0


class EventFrame(msgspec.Struct, frozen=True, tag="event", tag_field="op"):
    """An event that was just stored."""

    event: EventView


class HostFrame(msgspec.Struct, frozen=True, tag="host", tag_field="op"):
    """A host was registered, changed its state or was removed (``removed``)."""

    host: HostView
    removed: bool = False


class MessageFrame(msgspec.Struct, frozen=True, tag="message", tag_field="op"):
    """Words of a person to everybody who watches, to be shown for so long; ``at`` is Unix milliseconds."""

    text: str
    sender: str
    at: int
    lasts_seconds: float = 30.0


class ErrorFrame(msgspec.Struct, frozen=True, tag="error", tag_field="op"):
    """What was wrong with a frame; the connection goes on unless it closes too."""

    problem: Problem


ClientFrame = Subscribe | Unsubscribe | Authenticate
ServerFrame = Hello | Subscribed | Rows | Digests | EventFrame | HostFrame | MessageFrame | ErrorFrame
