"""What sheets tell of a notification, and the one line that tells of an incident. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from typing import TYPE_CHECKING

from nagare.lib.plain_text import plain
from nagare.lib.units import format_seconds
from nagare.tui.alerts.rows import STATES
from nagare.tui.alerts.told import SEVERITY_WORDS, SheetRow
from nagare.tui.jobs.rows import moment_ms
from nagare.tui.notify.rows import (
    WAITING,
    cause_of,
    incident_state,
    labels_text,
    seconds_since,
    seconds_until,
    severity_word,
)
from nagare.tui.renderables.time_axis import format_moment

if TYPE_CHECKING:
    from nagare.wire.notify import (
        AttemptView,
        IncidentView,
        NotificationDetail,
        NotificationLine,
        NotificationView,
    )

_TEXT_LIMIT = 2000
# Of one alert; its incident shows all.
_TOLD_MOST = 20


def notice_rows(detail: NotificationDetail, now_ms: int, zone: tzinfo | None) -> tuple[SheetRow, ...]:
    """Return everything about a notification: how it stands, what it tells, and every try."""
    one = detail.notification
    rows = [SheetRow("state", _standing(one, now_ms), one.state)]
    rows += [SheetRow("fault", plain(one.fault, _TEXT_LIMIT), "failed")] if one.fault else []
    severity = severity_word(one.severity)
    rows += [
        SheetRow("channel", plain(f"{one.channel} ({one.kind})")), SheetRow("for", plain(one.receiver)),
        SheetRow("because", plain(f"{one.reason}; notice {one.number} of its incident")),
        SheetRow("severity", SEVERITY_WORDS[severity], severity),
        SheetRow("made", _moment(one.made_at, now_ms, zone)),
    ]  # fmt: skip
    rows += [SheetRow("done", _moment(one.done_at, now_ms, zone))] if one.done_at else []
    rows += [SheetRow("incident", plain(one.incident)), SheetRow("id", plain(one.id))]
    rows += [SheetRow("What it tells"), *_lines(one, [*detail.firing, *detail.resolved])]
    rows += [SheetRow("Tries"), *(try_row(one, now_ms, zone) for one in detail.attempts)]
    return tuple(rows if detail.attempts else [*rows, SheetRow("", "none yet")])


def told_rows(notices: Sequence[NotificationView], now_ms: int, zone: tzinfo | None) -> tuple[SheetRow, ...]:
    """Return how people were told of an alert: a line a notification, the newest first; one line where nobody was yet."""
    shown = sorted(notices, key=lambda one: one.made_at, reverse=True)[:_TOLD_MOST]
    rows = [
        SheetRow(
            _moment(one.made_at, now_ms, zone),
            plain(f"{one.channel}, {one.reason}: {_standing(one, now_ms)}", _TEXT_LIMIT)
            + (f": {cause_of(one.fault, one.channel)}" if one.fault else ""),
            one.state,
        )
        for one in shown
    ]
    more = len(notices) - len(shown)
    rows += [SheetRow("", f"and {more} before; i shows all")] if more > 0 else []
    return (SheetRow("How people were told"), *(rows or [SheetRow("", "nobody was told of it yet; W says why")]))


def _standing(one: NotificationView, now_ms: int) -> str:
    tries = "no try yet" if not one.tries else "1 try" if one.tries == 1 else f"{one.tries} tries"
    match one.state:
        case "waiting":
            left = seconds_until(one.due_at, now_ms)
            return f"waiting, {tries}" + (f", the next in {format_seconds(left)}" if left else "")
        case "dead":
            return f"dead: it reached nobody, {tries}"
        case state:
            return f"{plain(state, 20)}, {tries}"


def _lines(one: NotificationView, lines: Sequence[NotificationLine]) -> list[SheetRow]:
    rows = [
        SheetRow(plain(line.name, 40), plain(f"{line.host}: {line.summary}".strip(": "), _TEXT_LIMIT) or plain(line.state), STATES.get(line.state, "unknown"))
        for line in lines
    ]  # fmt: skip
    more = one.firing + one.resolved - len(lines)
    return rows + ([SheetRow("", f"and {more} more")] if more > 0 else [])


def try_row(attempt: AttemptView, now_ms: int, zone: tzinfo | None) -> SheetRow:
    """Return the line of one try."""
    took = format_seconds(attempt.took_seconds)
    if attempt.fault:
        text = f"try {attempt.number} failed after {took}: {plain(attempt.fault, _TEXT_LIMIT)}"
        return SheetRow(_moment(attempt.at, now_ms, zone), text, "failed")
    return SheetRow(_moment(attempt.at, now_ms, zone), f"try {attempt.number}: taken in {took}", "sent")


def _moment(text: str, now_ms: int, zone: tzinfo | None) -> str:
    at_ms = moment_ms(text)
    return "" if at_ms is None else format_moment(at_ms, now_ms, zone)


def incident_facts(incident: IncidentView, now_ms: int) -> tuple[tuple[str, str], tuple[tuple[str, str], ...]]:
    """Return (state, words about it) and (label, text) of what matters about an incident, the most important first."""
    state = incident_state(incident)
    age = seconds_since(incident.ended_at or incident.began_at, now_ms)
    told = [
        ("", labels_text(incident)),
        ("ended" if incident.ended_at else "for", _span(age, ago=bool(incident.ended_at))),
    ]
    nobody = seconds_since(incident.waiting_at, now_ms)
    told += [("nobody has it in hand for", _span(nobody))] if nobody is not None else []
    tells = seconds_until(incident.tells_at, now_ms) if incident.is_open else None
    told += [("tells what is new in", _span(tells))] if tells is not None else []
    told += [("told to", plain(", ".join(incident.told_to), 200) or "nobody yet"), ("notices", str(incident.notices))]
    told += [("escalated", f"{incident.step} steps")] if incident.step > 1 else []
    told += [("route", plain(incident.route) or "root")]
    return (state, f" {incident.firing} firing"), tuple(told)


def _span(seconds: float | None, *, ago: bool = False) -> str:
    return "" if seconds is None else format_seconds(seconds) + (" ago" if ago else "")


def stands_still(one: NotificationView) -> bool:
    """Tell whether nothing becomes of a notification by itself."""
    return one.state != WAITING
