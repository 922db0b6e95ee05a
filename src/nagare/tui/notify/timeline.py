"""What happened in one incident, in one order: its begin, turns of its alerts, notices, tries, its end. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from nagare.lib.plain_text import plain
from nagare.lib.units import format_seconds
from nagare.tui.alerts.rows import STATES, host_of
from nagare.tui.jobs.rows import moment_ms
from nagare.tui.notify.rows import DEAD, DROPPED, cause_of, labels_text
from nagare.tui.renderables.table_cells import CellKind, ColumnSpec

if TYPE_CHECKING:
    from nagare.wire.alerts import AlertDetail
    from nagare.wire.notify import IncidentDetail, NotificationDetail

_TEXT_LIMIT = 500
TIMELINE_COLUMNS = (
    ColumnSpec("at", "at", CellKind.TEXT, 15, 0, help="when it happened"),
    ColumnSpec("state", "state", CellKind.STATE, 10, 0, help="what it came to"),
    ColumnSpec("about", "of", CellKind.TEXT, 20, 1, help="the alert or the channel that it happened to"),
    ColumnSpec("text", "what happened", CellKind.TEXT, 24, 1, grow=True, help="in one sentence"),
    ColumnSpec("who", "by", CellKind.TEXT, 10, 2, help="who did it"),
    ColumnSpec("age", "ago", CellKind.AGE, 6, 3, help="time since then"),
    ColumnSpec("order", "", CellKind.NUMBER, 1, 99, help="the newest first"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of a timeline; ``alert`` and ``notice`` are ids of what it is about, empty where it is about neither."""

    at_ms: int
    state: str
    about: str
    text: str
    who: str = ""
    alert: str = ""
    notice: str = ""
    # Where it stands among all, the oldest first: of two at one moment the later one.
    place: int = 0


def happenings_of(
    detail: IncidentDetail, alerts: Mapping[str, AlertDetail], notices: Mapping[str, NotificationDetail]
) -> dict[str, Happening]:
    """Return what happened, the oldest first, by keys that stay the same; of alerts and notifications what is known by their ids."""
    incident = detail.incident
    found = {"begin": Happening(moment_ms(incident.began_at) or 0, "info", labels_text(incident), "the incident began")}
    for held in alerts.values():
        found |= _turns(held)
    for one in detail.notifications:
        # A test, and what is not read yet, has no tries here; that it was made is known.
        reason = plain(f"notice {one.number} was made: {one.reason}", _TEXT_LIMIT)
        found[one.id] = Happening(
            moment_ms(one.made_at) or 0, "queued", plain(one.channel), reason, plain(one.receiver), notice=one.id
        )
        if one.id in notices:
            found |= _tries(notices[one.id])
    if not incident.is_open:
        ended_ms = moment_ms(incident.ended_at) or 0
        found["end"] = Happening(ended_ms, "resolved", labels_text(incident), "the incident is over")
    ordered = sorted(found.items(), key=lambda pair: pair[1].at_ms)
    return {key: replace(one, place=place) for place, (key, one) in enumerate(ordered)}


def _turns(held: AlertDetail) -> dict[str, Happening]:
    alert, found = held.alert, {}
    about = plain(f"{alert.name} {host_of(alert)}".strip(), 120)
    for place, turn in enumerate(held.turns):
        is_said = turn.before == turn.after
        text = f"said: {turn.cause}" if is_said else turn.cause or turn.after
        state = "info" if is_said else STATES.get(turn.after, "unknown")
        found[f"{alert.id}/{place}"] = Happening(
            moment_ms(turn.at) or 0, state, about, plain(text, _TEXT_LIMIT), plain(turn.actor), alert=alert.id
        )
    return found


def _tries(held: NotificationDetail) -> dict[str, Happening]:
    one, found = held.notification, {}
    about = plain(one.channel)
    for attempt in held.attempts:
        took = format_seconds(attempt.took_seconds)
        text = (
            f"try {attempt.number} failed: {cause_of(attempt.fault, one.channel)}"
            if attempt.fault
            else f"try {attempt.number} was taken, in {took}"
        )
        found[f"{one.id}/{attempt.number}"] = Happening(
            moment_ms(attempt.at) or 0,
            "failed" if attempt.fault else "sent",
            about,
            plain(text, _TEXT_LIMIT),
            notice=one.id,
        )
    if one.state in (DEAD, DROPPED):
        text = "given up: it reached nobody" if one.state == DEAD else "given up"
        done_ms = moment_ms(one.done_at) or moment_ms(one.made_at) or 0
        found[f"{one.id}/end"] = Happening(done_ms, one.state, about, text, notice=one.id)
    return found


def happening_row(one: Happening, now_ms: int, moment: str) -> dict[str, Any]:
    """Return the cells of one happening."""
    return {
        "at": moment,
        "state": one.state,
        "about": one.about,
        "text": one.text,
        "who": one.who,
        "age": float(max(0, now_ms - one.at_ms) // 1000),
        "order": -float(one.place),
    }
