"""Incidents, notifications and heartbeats as rows of lists. Texts are foreign: labels, names and faults are made plain."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from nagare.lib.plain_text import plain
from nagare.tui.alerts.rows import SEVERITY_STATES
from nagare.tui.jobs.rows import moment_ms
from nagare.tui.renderables.table_cells import CellKind, ColumnSpec

if TYPE_CHECKING:
    from nagare.wire.heartbeats import HeartbeatView
    from nagare.wire.notify import IncidentView, NotificationView

_TEXT_LIMIT = 300
# Larger than any number of milliseconds, so that a rank outweighs an age.
_RANK = 1e14
WAITING, SENT, DEAD, DROPPED = "waiting", "sent", "dead", "dropped"
# What may be sent again, and what may be given up.
MAY_RETRY, MAY_DROP = frozenset({DEAD, DROPPED}), frozenset({WAITING, DEAD})

INCIDENT_COLUMNS = (
    ColumnSpec("state", "state", CellKind.STATE, 10, 0, help="firing while nobody has it in hand, open while somebody has or nobody is needed"),
    ColumnSpec("labels", "incident", CellKind.TEXT, 20, 0, grow=True, help="what its alerts have in common"),
    ColumnSpec("firing", "firing", CellKind.NUMBER, 6, 1, help="alerts that people were told of, and not of their end"),
    ColumnSpec("age", "since", CellKind.AGE, 6, 1, help="time since it began, or since it ended"),
    ColumnSpec("nobody", "nobody for", CellKind.SECONDS, 10, 2, warn=0.0, help="for how long nobody has it in hand"),
    ColumnSpec("told", "told to", CellKind.TEXT, 12, 2, grow=True, help="who was told of it"),
    ColumnSpec("notices", "notices", CellKind.NUMBER, 7, 3, help="how often people were told"),
    ColumnSpec("tells", "tells in", CellKind.SECONDS, 8, 4, help="time until people are told what is new"),
    ColumnSpec("step", "step", CellKind.NUMBER, 4, 5, help="how many steps of the escalation were told since nobody has it in hand"),
    ColumnSpec("resolved", "over", CellKind.NUMBER, 5, 6, help="alerts of it that are over"),
    ColumnSpec("route", "route", CellKind.TEXT, 12, 7, help="by which route"),
    ColumnSpec("id", "id", CellKind.TEXT, 9, 9, help="the id that the command line takes"),
    ColumnSpec("order", "", CellKind.NUMBER, 1, 99, help="what nobody has in hand first, then what is open, then the newest"),
)  # fmt: skip
NOTICE_COLUMNS = (
    ColumnSpec("state", "state", CellKind.STATE, 9, 0, help="waiting, sent, dead (nobody took it), or dropped (given up)"),
    ColumnSpec("channel", "channel", CellKind.TEXT, 14, 0, grow=True, help="whom it goes to, and by which way"),
    ColumnSpec("alerts", "alerts", CellKind.TEXT, 14, 1, grow=True, help="what it tells of"),
    ColumnSpec("age", "made", CellKind.AGE, 6, 2, help="time since it was made"),
    ColumnSpec("fault", "why it failed", CellKind.TEXT, 20, 1, grow=True, help="why the last try came to nothing"),
    ColumnSpec("tries", "tries", CellKind.NUMBER, 5, 2, help="how often it was tried"),
    ColumnSpec("next", "next in", CellKind.SECONDS, 8, 3, help="time until the next try"),
    ColumnSpec("reason", "because", CellKind.TEXT, 16, 4, grow=True, help="why people are told"),
    ColumnSpec("severity", "severity", CellKind.STATE, 8, 7, help="the worst of what it tells"),
    ColumnSpec("number", "notice", CellKind.NUMBER, 6, 6, help="which notice of its incident it is"),
    ColumnSpec("kind", "kind", CellKind.TEXT, 9, 7, help="what kind of channel"),
    ColumnSpec("receiver", "for", CellKind.TEXT, 10, 8, help="whom it is for: another one than the channel's where it goes to a fallback"),
    ColumnSpec("incident", "incident", CellKind.TEXT, 9, 9, help="the incident that it tells of"),
    ColumnSpec("id", "id", CellKind.TEXT, 12, 9, help="the id that the command line takes"),
    ColumnSpec("order", "", CellKind.NUMBER, 1, 99, help="what is dead first, then what waits, then the newest"),
)  # fmt: skip
HEARTBEAT_COLUMNS = (
    ColumnSpec("state", "state", CellKind.STATE, 10, 0, help="whether a sign of life came in time"),
    ColumnSpec("name", "heartbeat", CellKind.TEXT, 16, 0, grow=True, help="its name"),
    ColumnSpec("age", "seen", CellKind.AGE, 6, 1, help="time since the last sign of life"),
    ColumnSpec("due", "due in", CellKind.SECONDS, 7, 1, help="time until the next one is due"),
    ColumnSpec("late", "late by", CellKind.SECONDS, 7, 2, warn=0.0, help="how long it has been due"),
    ColumnSpec("said", "said", CellKind.TEXT, 16, 2, grow=True, help="what it said last"),
    ColumnSpec("severity", "severity", CellKind.STATE, 8, 3, help="how bad it is when it is missing"),
    ColumnSpec("every", "every", CellKind.SECONDS, 6, 3, help="how often it is owed"),
    ColumnSpec("grace", "grace", CellKind.SECONDS, 6, 4, help="how late it may be"),
    ColumnSpec("took", "took", CellKind.SECONDS, 6, 5, help="how long the work took, as it said"),
    ColumnSpec("sender", "sent by", CellKind.TEXT, 10, 6, help="who sent the last one"),
    ColumnSpec("text", "what for", CellKind.TEXT, 16, 7, grow=True, help="what it is for"),
    ColumnSpec("order", "", CellKind.NUMBER, 1, 99, help="what is missing or failed first, then what is late, then by name"),
)  # fmt: skip


def labels_text(incident: IncidentView) -> str:
    """Return what an incident's alerts have in common, in one line."""
    return plain(", ".join(f"{name}={text}" for name, text in incident.labels.items()), _TEXT_LIMIT) or "all alerts"


def incident_state(incident: IncidentView) -> str:
    """Return the palette's state: nobody has it in hand, it is open otherwise, or over."""
    if not incident.is_open:
        return "resolved"
    return "firing" if incident.waiting_at else "open"


def seconds_until(moment: str, now_ms: int) -> float | None:
    """Return the time until a moment, none for one that is gone; None where there is no moment."""
    at_ms = moment_ms(moment)
    return None if at_ms is None else max(0.0, (at_ms - now_ms) / 1000)


def seconds_since(moment: str, now_ms: int) -> float | None:
    """Return the time since a moment, in whole seconds; None where there is no moment."""
    at_ms = moment_ms(moment)
    return None if at_ms is None else float(max(0, (now_ms - at_ms) // 1000))


def incident_row(incident: IncidentView, now_ms: int) -> dict[str, Any]:
    """Return the cells of one incident."""
    state = incident_state(incident)
    began_ms = moment_ms(incident.began_at if incident.is_open else incident.ended_at) or 0
    rank = {"firing": 0, "open": 1}.get(state, 2)
    return {
        "state": state,
        "labels": labels_text(incident),
        "firing": float(incident.firing),
        "age": seconds_since(incident.ended_at or incident.began_at, now_ms),
        "nobody": seconds_since(incident.waiting_at, now_ms),
        "told": plain(", ".join(incident.told_to), _TEXT_LIMIT),
        "notices": float(incident.notices),
        "tells": seconds_until(incident.tells_at, now_ms) if incident.is_open else None,
        "step": float(incident.step),
        "resolved": float(incident.resolved),
        "route": plain(incident.route) or "root",
        "id": plain(incident.id),
        "order": rank * _RANK - began_ms,
    }


def alerts_text(one: NotificationView) -> str:
    """Return what a notification tells of: names, and how many fire or are over."""
    counts = [f"{count} {word}" for count, word in ((one.firing, "firing"), (one.resolved, "over")) if count]
    return plain(f"{', '.join(one.alertnames)} ({', '.join(counts) or 'nothing fires'})", _TEXT_LIMIT)


def cause_of(fault: str, channel: str) -> str:
    """Return why a try came to nothing, without the words that the channel beside it says already."""
    begin = f"cannot send to {channel}"
    rest = fault.removeprefix(begin).removeprefix(":") if fault.startswith((f"{begin}:", f"{begin} at ")) else fault
    return plain(rest.strip(), _TEXT_LIMIT)


def notice_row(one: NotificationView, now_ms: int) -> dict[str, Any]:
    """Return the cells of one notification."""
    made_ms = moment_ms(one.made_at) or 0
    rank = {DEAD: 0, WAITING: 1}.get(one.state, 2)
    return {
        "state": plain(one.state, 20),
        "channel": plain(one.channel),
        "alerts": alerts_text(one),
        "age": seconds_since(one.made_at, now_ms),
        "fault": cause_of(one.fault, one.channel),
        "tries": float(one.tries),
        "next": seconds_until(one.due_at, now_ms) if one.state == WAITING else None,
        "reason": plain(one.reason),
        "severity": severity_word(one.severity),
        "number": float(one.number),
        "kind": plain(one.kind),
        "receiver": plain(one.receiver),
        "incident": plain(one.incident),
        "id": plain(one.id),
        "order": rank * _RANK - made_ms,
    }


def severity_word(severity: int) -> str:
    """Return the palette's state for how bad it is."""
    return SEVERITY_STATES[min(max(severity, 0), 3)]


def heartbeat_row(beat: HeartbeatView, now_ms: int, place: int) -> dict[str, Any]:
    """Return the cells of one heartbeat; ``place`` is where it stands by name."""
    rank = {"missing": 0, "failed": 0, "late": 1}.get(beat.state, 2)
    return {
        "state": plain(beat.state, 20),
        "name": plain(beat.name),
        "age": seconds_since(beat.seen_at, now_ms),
        "due": seconds_until(beat.due_at, now_ms) if not beat.late_seconds else None,
        "late": beat.late_seconds or None,
        "said": plain(beat.said, _TEXT_LIMIT),
        "severity": severity_word(beat.severity),
        "every": beat.every_seconds,
        "grace": beat.grace_seconds,
        "took": beat.took_seconds,
        "sender": plain(beat.sender),
        "text": plain(beat.text, _TEXT_LIMIT),
        "order": rank * _RANK + place,
    }


def newest_first(*lists: Iterable[NotificationView]) -> dict[str, NotificationView]:
    """Return notifications of several answers by their ids, each once."""
    found = {one.id: one for held in lists for one in held}
    return dict(sorted(found.items(), key=lambda pair: pair[1].made_at, reverse=True))
