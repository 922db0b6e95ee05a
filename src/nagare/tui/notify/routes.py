"""Routes, receivers, rotations, escalations and mutes as one list, in that order: who is told of what, and who is on duty. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from nagare.lib.plain_text import plain
from nagare.lib.units import format_seconds
from nagare.tui.alerts.told import SEVERITY_WORDS, SheetRow
from nagare.tui.notify.rows import severity_word
from nagare.tui.renderables.table_cells import CellKind, ColumnSpec

if TYPE_CHECKING:
    from nagare.wire.notify import ChannelView, ReceiversView, RouteView

_TEXT_LIMIT = 300
ROUTE_COLUMNS = (
    ColumnSpec("kind", "is", CellKind.TEXT, 10, 0, help="a route, a receiver, a rotation, an escalation, or a mute time"),
    ColumnSpec("name", "of what, or whom", CellKind.TEXT, 22, 0, grow=True, help="which alerts go there, below the route above; or its name"),
    ColumnSpec("to", "goes to", CellKind.TEXT, 16, 1, grow=True, help="who is told, in which order; of a receiver by which ways"),
    ColumnSpec("reaches", "reaches now", CellKind.TEXT, 16, 1, grow=True, help="who that is now: whose turn it is"),
    ColumnSpec("quiet", "mute", CellKind.TEXT, 12, 2, help="times in which it tells nobody, and whether that is so now"),
    ColumnSpec("waiting", "waiting", CellKind.NUMBER, 7, 3, help="notifications that wait for its channels"),
    ColumnSpec("group", "grouped by", CellKind.TEXT, 14, 4, help="which alerts are one incident"),
    ColumnSpec("pace", "waits", CellKind.TEXT, 20, 5, help="before the first word, between two, before the same again"),
    ColumnSpec("fallback", "else", CellKind.TEXT, 10, 7, help="who is told when that one cannot be reached"),
    ColumnSpec("order", "", CellKind.NUMBER, 1, 99, help="as the file says it"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """One row: what kind it is, whom a test of it would reach (empty for a mute), its cells, and what a sheet tells of it."""

    kind: str
    receiver: str
    name: str
    cells: Mapping[str, Any]
    told: tuple[SheetRow, ...]


@dataclass(frozen=True, slots=True)
class _Duty:
    """Whom names reach now, and which mutes hold."""

    reached: Mapping[str, str]
    held: frozenset[str]
    channels: Mapping[str, tuple[ChannelView, ...]]

    def reaches(self, name: str) -> str:
        return plain(self.reached.get(name, name), _TEXT_LIMIT)


def entries_of(found: ReceiversView) -> dict[str, Entry]:
    """Return the rows by their keys, in the order in which they are shown."""
    duty = _duty_of(found)
    rows: dict[str, Entry] = {}
    for route, depth in _walk(found.route, 0):
        rows[f"route {route.path}"] = _route(route, depth, duty)
    for receiver in found.receivers:
        rows[f"receiver {receiver.name}"] = _named(
            "receiver", receiver.name, duty, fallback=plain(receiver.fallback), told=_channels_told(receiver.channels)
        )
    for rotation in found.rotations:
        told = [SheetRow("on duty now", plain(rotation.on_call) or "nobody", "up" if rotation.on_call else "warn")]
        told.append(SheetRow("take turns", plain(", ".join(rotation.people), _TEXT_LIMIT)))
        rows[f"rotation {rotation.name}"] = _named(
            "rotation", rotation.name, duty, to=", ".join(rotation.people), told=told
        )
    for escalation in found.escalations:
        steps = [(format_seconds(step.after_seconds), step) for step in escalation.steps]
        to = " · ".join(f"{after}: {', '.join(step.to)}" for after, step in steps)
        told = [
            SheetRow(f"after {after}", plain(f"{', '.join(step.to)}, which is {', '.join(step.reaches) or 'nobody'} now", _TEXT_LIMIT))
            for after, step in steps
        ]  # fmt: skip
        rows[f"escalation {escalation.name}"] = _named("escalation", escalation.name, duty, to=to, told=told)
    for mute in found.mutes:
        text = "holds now: routes that name it tell nobody" if mute.holds else "does not hold now"
        cells = _cells("mute", plain(mute.name), to="holds now" if mute.holds else "not now")
        told = [SheetRow("now", text, "ack" if mute.holds else "up")]
        rows[f"mute {mute.name}"] = Entry("mute", "", mute.name, cells, tuple(told))
    return {
        key: replace(row, cells={**row.cells, "order": float(place)}) for place, (key, row) in enumerate(rows.items())
    }


def _walk(route: RouteView, depth: int) -> Iterable[tuple[RouteView, int]]:
    yield route, depth
    for below in route.routes:
        yield from _walk(below, depth + 1)


def _duty_of(found: ReceiversView) -> _Duty:
    reached = {one.name: one.on_call or "nobody" for one in found.rotations}
    reached |= {
        one.name: " · ".join(", ".join(step.reaches) or "nobody" for step in one.steps) for one in found.escalations
    }
    held = frozenset(one.name for one in found.mutes if one.holds)
    return _Duty(reached, held, {one.name: tuple(one.channels) for one in found.receivers})


def _route(route: RouteView, depth: int, duty: _Duty) -> Entry:
    rest = "everything else" if route.routes else "everything"
    of = plain(", ".join(route.matchers), _TEXT_LIMIT) or rest
    quiet = ", ".join(f"{plain(name)} (now)" if name in duty.held else plain(name) for name in route.mutes)
    waits = (route.group_wait_seconds, route.group_interval_seconds, route.repeat_interval_seconds)
    pace = " / ".join(map(format_seconds, waits))
    # A route that is mute reaches nobody, whoever is on duty.
    held = duty.held & set(route.mutes)
    reaches = f"nobody: mute by {plain(', '.join(sorted(held)), 100)}" if held else duty.reaches(route.receiver)
    group = plain(", ".join(route.group_by), _TEXT_LIMIT) or "all in one"
    cells = _cells(
        "route", "  " * depth + of, to=plain(route.receiver), reaches=reaches, quiet=quiet,
        group=group, pace=pace,
    )  # fmt: skip
    told = [
        SheetRow("alerts with", of), SheetRow("go to", plain(route.receiver)),
        SheetRow("which is now", reaches), SheetRow("grouped by", group),
        SheetRow("first word", f"after {format_seconds(waits[0])}"), SheetRow("what is new", f"every {format_seconds(waits[1])}"),
        SheetRow("the same", f"every {format_seconds(waits[2])}"),
        SheetRow("then", "the routes below it are looked at, too" if route.goes_on else "no further route of its level is looked at"),
    ]  # fmt: skip
    told += [SheetRow("mute in", quiet, "ack" if held else "")] if quiet else []
    told += [SheetRow("path", plain(route.path) or "root")]
    return Entry("route", route.receiver, route.path or "root", cells, tuple(told))


def _named(kind: str, name: str, duty: _Duty, *, told: Iterable[SheetRow], to: str = "", fallback: str = "") -> Entry:
    channels = duty.channels.get(name, ())
    ways = plain(", ".join(f"{one.key.removeprefix(name + '/')} ({one.kind})" for one in channels), _TEXT_LIMIT)
    cells = _cells(
        kind, plain(name), to=plain(to, _TEXT_LIMIT) or ways, reaches=duty.reaches(name) if kind != "receiver" else "",
        waiting=float(sum(one.waiting for one in channels)) if kind == "receiver" else None, fallback=fallback,
    )  # fmt: skip
    further = [SheetRow("else", f"{fallback}, when it cannot be reached")] if fallback else []
    return Entry(kind, name, name, cells, (*told, *further))


def _channels_told(channels: Iterable[ChannelView]) -> list[SheetRow]:
    rows: list[SheetRow] = []
    for one in channels:
        severity = severity_word(one.severity)
        rows += [
            SheetRow(plain(one.key, 60)), SheetRow("by", plain(one.kind)),
            SheetRow("tells from", f"{SEVERITY_WORDS[severity]} on{', and of ends' if one.tells_resolved else ', not of ends'}", severity),
            SheetRow("at most", f"{one.per_minute:g} a minute"), SheetRow("waiting", str(one.waiting), "waiting" if one.waiting else ""),
            *(SheetRow(plain(name, 40), plain(text, _TEXT_LIMIT)) for name, text in sorted(one.options.items()) if text),
        ]  # fmt: skip
    return rows or [SheetRow("channels", "none: it can be told of nothing", "warn")]


def _cells(kind: str, name: str, **more: Any) -> dict[str, Any]:
    empty = {spec.key: None if spec.is_numeric else "" for spec in ROUTE_COLUMNS}
    return {**empty, "kind": kind, "name": name, **more}


def reached_by(found: ReceiversView, name: str) -> list[str]:
    """Return the channels that a test of ``name`` is sent on: of a rotation all people's, of an escalation those of every step."""
    people = {one.name: one.people for one in found.rotations}
    steps = {one.name: [to for step in one.steps for to in step.to] for one in found.escalations}
    wanted = [to for first in steps.get(name, [name]) for to in people.get(first, [first])]
    channels = {one.name: [channel.key for channel in one.channels] for one in found.receivers}
    return list(dict.fromkeys(key for to in wanted for key in channels.get(to, [])))
