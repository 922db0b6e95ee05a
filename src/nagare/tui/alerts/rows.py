"""Alerts, groups of them, silences and rules as rows of lists. Texts are foreign: labels, summaries and reasons are made plain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from nagare.lib.plain_text import plain
from nagare.model.alert.alert import ACTIVE, AlertState
from nagare.model.event import Severity
from nagare.tui.jobs.rows import moment_ms
from nagare.tui.renderables.table_cells import CellKind, ColumnSpec
from nagare.tui.widgets.alert_strip import StripEntry

if TYPE_CHECKING:
    from nagare.wire.alerts import AlertView, RuleView, SilenceView

_TEXT_LIMIT = 300
# The palette's states for severities, and for how far an alert has come.
SEVERITY_STATES = ("info", "warn", "high", "crit")
_S = AlertState
STATES: Mapping[str, str] = MappingProxyType(
    {
        _S.PENDING: "pending", _S.FIRING: "firing", _S.ACKNOWLEDGED: "ack", _S.RESOLVED: "resolved",
        _S.REOPENED: "again", _S.CLOSED: "closed",
    }
)  # fmt: skip
# Word -> (glyph, letter where only ASCII may be drawn).
_FLAG_GLYPHS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "silenced": ("⊘", "m"), "inhibited": ("⊖", "h"), "maintenance": ("⊙", "w"), "stale": ("◌", "~"), "flapping": ("≈", "%"),
    }
)  # fmt: skip
_SILENCE_GLYPHS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {"open": ("●", "+"), "waiting": ("◔", "q"), "over": ("○", "-")}
)
_HEALTH_STATES: Mapping[str, str] = MappingProxyType(
    {"ok": "up", "no-data": "unknown", "failing": "failed", "waiting": "queued"}
)

ALERT_COLUMNS = (
    ColumnSpec("severity", "severity", CellKind.STATE, 8, 0, help="how bad it is"),
    ColumnSpec("name", "alert", CellKind.TEXT, 16, 0, grow=True, help="its name"),
    ColumnSpec("host", "host", CellKind.TEXT, 12, 1, help="where it is"),
    ColumnSpec("age", "since", CellKind.AGE, 6, 1, help="time since it fired, or since it ended"),
    ColumnSpec("state", "state", CellKind.STATE, 10, 2, help="how far it has come"),
    ColumnSpec("summary", "what is wrong", CellKind.TEXT, 20, 3, grow=True, help="in one sentence"),
    ColumnSpec("flags", "but", CellKind.TEXT, 13, 4, grow=True, help="what keeps people from being told of it, or makes it doubtful"),
    ColumnSpec("owner", "owner", CellKind.TEXT, 9, 5, help="who has it in hand"),
    ColumnSpec("rule", "rule", CellKind.TEXT, 16, 8, help="the rule that judged it, or who sent it"),
    ColumnSpec("id", "id", CellKind.TEXT, 9, 9, help="the id that the command line takes"),
    ColumnSpec("order", "", CellKind.NUMBER, 1, 99, help="what people are told of first, then the worst, then the newest"),
)  # fmt: skip
SILENCE_COLUMNS = (
    ColumnSpec("state", "is", CellKind.TEXT, 9, 0, help="whether it holds now"),
    ColumnSpec("matchers", "of", CellKind.TEXT, 24, 0, grow=True, help="the alerts that it is about"),
    ColumnSpec("left", "ends in", CellKind.SECONDS, 8, 1, help="time until it ends"),
    ColumnSpec("matches", "now", CellKind.NUMBER, 4, 1, help="how many alerts it keeps quiet now"),
    ColumnSpec("reason", "why", CellKind.TEXT, 18, 2, grow=True, help="why nobody need be told"),
    ColumnSpec("owner", "owner", CellKind.TEXT, 10, 3, help="who made it"),
    ColumnSpec("idle", "or unused", CellKind.SECONDS, 9, 4, help="it ends when nothing matched for so long"),
    ColumnSpec("age", "made", CellKind.AGE, 6, 5, help="time since it was made"),
    ColumnSpec("ended", "ended by", CellKind.TEXT, 14, 6, help="who or what ended it before its time"),
    ColumnSpec("id", "id", CellKind.TEXT, 9, 9, help="the id that the command line takes"),
    ColumnSpec("order", "", CellKind.NUMBER, 1, 99, help="what holds first, then what ends first"),
)  # fmt: skip
RULE_COLUMNS = (
    ColumnSpec("state", "health", CellKind.STATE, 9, 0, help="whether it can be judged"),
    ColumnSpec("name", "rule", CellKind.TEXT, 18, 0, grow=True, help="its name"),
    ColumnSpec("severity", "severity", CellKind.STATE, 8, 1, help="how bad its alerts are"),
    ColumnSpec("firing", "firing", CellKind.NUMBER, 6, 1, help="alerts of it that are active"),
    ColumnSpec("pending", "pending", CellKind.NUMBER, 7, 3, help="alerts of it whose condition does not hold for long enough yet"),
    ColumnSpec("fault", "why it cannot", CellKind.TEXT, 16, 2, grow=True, help="why it could not be judged"),
    ColumnSpec("every", "every", CellKind.SECONDS, 6, 4, help="how often it is judged"),
    ColumnSpec("age", "judged", CellKind.AGE, 6, 5, help="time since it was judged"),
    ColumnSpec("delay", "late by", CellKind.SECONDS, 7, 6, help="how late it was judged"),
    ColumnSpec("took", "took", CellKind.SECONDS, 6, 7, help="how long its statement ran"),
    ColumnSpec("group", "group", CellKind.TEXT, 10, 8, help="the group it belongs to"),
    ColumnSpec("text", "what for", CellKind.TEXT, 16, 9, grow=True, help="what it is for"),
    ColumnSpec("origin", "from", CellKind.TEXT, 14, 10, help="the file that has it, and whether it is shipped; or api"),
    ColumnSpec("order", "", CellKind.NUMBER, 1, 99, help="what cannot be judged first, then what fires, then by severity"),
)  # fmt: skip
# Larger than any number of milliseconds, so that a rank outweighs an age.
_RANK = 1e14


class GroupBy(StrEnum):
    """What alerts are folded by."""

    NONE = ""
    NAME = "name"
    HOST = "host"
    SEVERITY = "severity"


@dataclass(frozen=True, slots=True)
class Group:
    """Alerts that are one row, and what they have in common."""

    by: GroupBy
    value: str
    alerts: tuple[AlertView, ...]


def host_of(alert: AlertView) -> str:
    """Return the host that an alert is about, empty when it is about none."""
    return alert.labels.get("host", "")


def severity_of(alert: AlertView) -> str:
    """Return the palette's state for how bad it is."""
    return SEVERITY_STATES[min(max(alert.severity, 0), 3)]


def is_held(alert: AlertView) -> bool:
    """Tell whether something keeps people from being told of it."""
    return bool(alert.silenced_by or alert.inhibited_by or alert.maintenance)


def needs_somebody(alert: AlertView) -> bool:
    """Tell whether it is true, people are told of it, and nobody has it in hand."""
    return alert.state in (AlertState.FIRING, AlertState.REOPENED) and not is_held(alert)


def is_bad(alert: AlertView) -> bool:
    """Tell whether it is worth a ring."""
    return alert.severity >= Severity.HIGH


def summary_of(alert: AlertView) -> str:
    """Return in one sentence what is wrong."""
    return plain(alert.annotations.get("summary") or alert.annotations.get("description") or "", _TEXT_LIMIT)


def flags_of(alert: AlertView) -> list[str]:
    """Return the words of what is remarkable about it."""
    told = {
        "silenced": bool(alert.silenced_by), "inhibited": bool(alert.inhibited_by), "maintenance": bool(alert.maintenance),
        "stale": alert.is_stale, "flapping": alert.is_flapping,
    }  # fmt: skip
    return [word for word, holds in told.items() if holds]


def _with_glyph(word: str, glyphs: Mapping[str, tuple[str, str]], *, ascii_only: bool) -> str:
    return f"{glyphs[word][ascii_only]} {word}" if word in glyphs else plain(word)


def fired_ms(alert: AlertView) -> int | None:
    """Return when it fired last, or when its condition was first seen to hold."""
    return moment_ms(alert.fired_at or alert.starts_at)


def by_need(alert: AlertView) -> float:
    """Return its place: what people are told of first, then the worst, then the newest."""
    rank = (10 if is_held(alert) else 0) + 3 - min(max(alert.severity, 0), 3)
    return rank * _RANK - (fired_ms(alert) or 0)


def worst_of(alerts: Iterable[AlertView], host: str) -> AlertView | None:
    """Return the alert of ``host`` that fires and comes first in the list, None when none fires."""
    firing = (AlertState.FIRING, AlertState.REOPENED)
    return min((one for one in alerts if host_of(one) == host and one.state in firing), key=by_need, default=None)


def alert_entries(alerts: Iterable[AlertView]) -> list[StripEntry]:
    """Return the alerts that need somebody as entries of the overview's strip, the worst first, then the newest."""
    needed = sorted(filter(needs_somebody, alerts), key=by_need)
    return [
        StripEntry(severity_of(one), plain(f"{one.name} {host_of(one)}".strip(), 60), summary_of(one)[:120], one.id)
        for one in needed
    ]


def alert_row(alert: AlertView, now_ms: int, *, ascii_only: bool) -> dict[str, Any]:
    """Return the cells of one alert."""
    is_over = alert.state not in ACTIVE
    since = moment_ms(alert.ended_at) if is_over and alert.ended_at else fired_ms(alert)
    return {
        "severity": severity_of(alert),
        "state": STATES.get(alert.state, "unknown"),
        "name": plain(alert.name),
        "host": plain(host_of(alert)),
        "age": None if since is None else max(0.0, (now_ms - since) // 1000),
        "summary": summary_of(alert),
        "flags": ", ".join(_with_glyph(word, _FLAG_GLYPHS, ascii_only=ascii_only) for word in flags_of(alert)),
        "owner": plain(alert.owner),
        "rule": plain(alert.rule or alert.source),
        "id": plain(alert.id),
        "order": -float(moment_ms(alert.changed_at) or 0) if is_over else by_need(alert),
    }


def fold(alerts: Iterable[AlertView], by: GroupBy) -> dict[str, Group]:
    """Return groups by their keys; a group has one alert or more."""
    found: dict[str, list[AlertView]] = {}
    for alert in alerts:
        found.setdefault(group_value(alert, by), []).append(alert)
    return {f"{by}={value}": Group(by, value, tuple(sorted(held, key=by_need))) for value, held in found.items()}


def group_value(alert: AlertView, by: GroupBy) -> str:
    """Return what it has in common with its group."""
    return {GroupBy.NAME: alert.name, GroupBy.HOST: host_of(alert)}.get(by, severity_of(alert))


def group_row(group: Group, now_ms: int, *, ascii_only: bool) -> dict[str, Any]:
    """Return the cells of a group: of its worst alert, with what differs counted."""
    row = alert_row(group.alerts[0], now_ms, ascii_only=ascii_only)
    names, hosts = {alert.name for alert in group.alerts}, {host_of(alert) for alert in group.alerts} - {""}
    flags = sum(1 for alert in group.alerts if is_held(alert))
    owners = {alert.owner for alert in group.alerts} - {""}
    return row | {
        "severity": min((severity_of(alert) for alert in group.alerts), key=lambda state: -SEVERITY_STATES.index(state)),
        "name": row["name"] if len(names) == 1 else f"{len(names)} names",
        "host": row["host"] if len(hosts) == 1 else f"{len(hosts)} hosts" if hosts else "",
        "summary": f"{_count(len(group.alerts))}: {plain(', '.join(sorted(names)), _TEXT_LIMIT)}",
        "flags": f"{flags} held back" if flags else "",
        "owner": plain(", ".join(sorted(owners))),
        "id": "",
    }  # fmt: skip


def _count(number: int) -> str:
    return "1 alert" if number == 1 else f"{number} alerts"


def silence_row(silence: SilenceView, now_ms: int, *, ascii_only: bool) -> dict[str, Any]:
    """Return the cells of one silence."""
    until, made = moment_ms(silence.until_at) or 0, moment_ms(silence.made_at) or now_ms
    rank = {"open": 0, "waiting": 1}.get(silence.state, 2)
    return {
        "state": _with_glyph(silence.state, _SILENCE_GLYPHS, ascii_only=ascii_only),
        "matchers": plain(", ".join(silence.matchers), _TEXT_LIMIT),
        "left": None if rank == 2 else max(0.0, (until - now_ms) / 1000),
        "matches": float(silence.matches),
        "reason": plain(silence.reason, _TEXT_LIMIT),
        "owner": plain(silence.owner),
        "idle": silence.idle_seconds,
        "age": max(0.0, (now_ms - made) // 1000),
        "ended": plain(": ".join(filter(None, (silence.ended_by, silence.cause))), _TEXT_LIMIT),
        "id": plain(silence.id),
        "order": rank * _RANK + (-until if rank == 2 else until),
    }


def rule_row(rule: RuleView, now_ms: int) -> dict[str, Any]:
    """Return the cells of one rule."""
    judged = moment_ms(rule.judged_at)
    rank = (0 if rule.health == "failing" else 1 if rule.firing else 2) * 10 + 3 - min(max(rule.severity, 0), 3)
    return {
        "state": _HEALTH_STATES.get(rule.health, "unknown"),
        "name": plain(rule.name),
        "severity": SEVERITY_STATES[min(max(rule.severity, 0), 3)],
        "firing": float(rule.firing),
        "pending": float(rule.pending),
        "fault": plain(rule.fault, _TEXT_LIMIT),
        "every": rule.every_seconds,
        "age": None if judged is None else max(0.0, (now_ms - judged) // 1000),
        "delay": rule.delay_seconds,
        "took": rule.took_seconds,
        "group": plain(rule.group),
        "text": plain(rule.text, _TEXT_LIMIT),
        "origin": origin_text(rule),
        "order": float(rank),
    }


def origin_text(rule: RuleView) -> str:
    """Return where a rule comes from, in words."""
    shipped = ", shipped" if rule.origin_kind == "shipped" else ""
    return f"{plain(rule.origin) or '-'}{shipped}"
