"""What a sheet tells of an alert: what it is, what happened to it, and why people are told of it or are not. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo
from typing import TYPE_CHECKING

from nagare.lib.plain_text import plain
from nagare.lib.units import format_seconds
from nagare.tui.alerts.rows import SEVERITY_STATES, STATES, fired_ms, flags_of, origin_text, severity_of
from nagare.tui.jobs.rows import moment_ms
from nagare.tui.renderables.time_axis import format_moment

if TYPE_CHECKING:
    from nagare.wire.alerts import AlertDetail, AlertView, RuleView, TurnView, WhyView

_TEXT_LIMIT = 2000
# Said elsewhere on the sheet.
_TOLD_ABOVE = ("summary", "guide")


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One line of a sheet: a heading where it has no text; ``state`` gives it a glyph, which words beside it repeat."""

    label: str
    text: str = ""
    state: str = ""


def alert_rows(detail: AlertDetail, rule: RuleView | None, now_ms: int, zone: tzinfo | None) -> tuple[SheetRow, ...]:
    """Return everything about an alert."""
    alert = detail.alert
    rows = [*_standing(alert, now_ms, zone), *_guide(alert, rule)]
    rows += [SheetRow("Labels"), *(_pair(name, text) for name, text in sorted(alert.labels.items()))]
    further = [(name, text) for name, text in sorted(alert.annotations.items()) if name not in _TOLD_ABOVE]
    rows += [SheetRow("Annotations"), *(_pair(name, text) for name, text in further)] if further else []
    rows += [SheetRow("What happened to it"), *(_turn(turn, now_ms, zone) for turn in detail.turns)]
    return tuple(rows)


def _pair(name: str, text: str) -> SheetRow:
    return SheetRow(plain(name, 40), plain(text, _TEXT_LIMIT) or "(empty)")


def _standing(alert: AlertView, now_ms: int, zone: tzinfo | None) -> list[SheetRow]:
    state, severity = STATES.get(alert.state, "unknown"), SEVERITY_STATES[min(max(alert.severity, 0), 3)]
    rows = [SheetRow("", plain(alert.annotations.get("summary", ""), _TEXT_LIMIT) or plain(alert.name))]
    rows += [SheetRow("severity", SEVERITY_WORDS[severity], severity), SheetRow("state", plain(alert.state), state)]
    at_ms = fired_ms(alert)
    if at_ms is not None:
        ago = format_seconds(max(0, now_ms - at_ms) // 1000)
        rows.append(SheetRow("fired", f"{format_moment(at_ms, now_ms, zone)}, {ago} ago"))
    ended_ms = moment_ms(alert.ended_at)
    rows += [SheetRow("ended", format_moment(ended_ms, now_ms, zone))] if ended_ms is not None else []
    rows += [SheetRow("value", f"{alert.value:g}")] if alert.value is not None else []
    rows += [SheetRow("owner", plain(alert.owner))] if alert.owner else []
    flags = flags_of(alert)
    rows += [SheetRow("but", ", ".join(flags), "ack")] if flags else []
    return rows


SEVERITY_WORDS = {"crit": "critical", "high": "high", "warn": "warning", "info": "info"}


def _guide(alert: AlertView, rule: RuleView | None) -> list[SheetRow]:
    guide = alert.annotations.get("guide", "") or (rule.guide if rule is not None else "")
    judged = f"{rule.name}: {rule.text}" if rule is not None and rule.text else alert.rule
    # What another system sent has no rule here.
    rows = [SheetRow("rule", plain(judged)) if judged else SheetRow("sent by", plain(alert.source))]
    return rows + ([SheetRow("guide", plain(guide, _TEXT_LIMIT))] if guide else [])


def _turn(turn: TurnView, now_ms: int, zone: tzinfo | None) -> SheetRow:
    at_ms = moment_ms(turn.at)
    moment = "" if at_ms is None else format_moment(at_ms, now_ms, zone)
    if turn.before == turn.after:
        return SheetRow(moment, plain(f"{turn.actor} said: {turn.cause}", _TEXT_LIMIT), "info")
    by = f" by {turn.actor}" if turn.actor else ""
    cause = f": {turn.cause}" if turn.cause else ""
    return SheetRow(moment, plain(f"{turn.after}{by}{cause}", _TEXT_LIMIT), STATES.get(turn.after, "unknown"))


def rule_rows(rule: RuleView) -> tuple[SheetRow, ...]:
    """Return everything about a rule that its row does not say."""
    rows = [SheetRow("", plain(rule.text or rule.name, _TEXT_LIMIT))]
    rows += [SheetRow("cannot", plain(rule.fault, _TEXT_LIMIT), "failed")] if rule.fault else []
    rows += [
        SheetRow("fires when", plain(f"value {rule.fires}" if rule.fires else "the answer has a row")),
        SheetRow("for", format_seconds(rule.for_seconds)),
        SheetRow("is over when", plain(f"value {rule.resolves}" if rule.resolves else "it fires no more")),
        SheetRow("goes on for", format_seconds(rule.keep_firing_seconds)), SheetRow("without data", plain(rule.no_data) or "-"),
        SheetRow("asks every", format_seconds(rule.every_seconds)), SheetRow("over the last", format_seconds(rule.window_seconds)),
        SheetRow("asks", plain(" ".join(rule.sql.split()), _TEXT_LIMIT)),
    ]  # fmt: skip
    rows += [_pair(name, text) for name, text in sorted({**rule.annotations, **rule.labels}.items())]
    rows += [SheetRow("guide", plain(rule.guide, _TEXT_LIMIT))] if rule.guide else []
    rows.append(SheetRow("comes from", origin_text(rule)))
    return (
        *rows,
        *([SheetRow("changed", plain(f"{rule.changed_at} by {rule.changed_by}"))] if rule.changed_at else []),
    )


def why_rows(why: WhyView) -> tuple[SheetRow, ...]:
    """Return the steps of an explanation; a step that stops says so in a word."""
    outcome = "people are told of it" if why.is_told else "nobody is told of it"
    steps = [
        SheetRow(plain(step.step, 20), f"{'passes' if step.passes else 'stops'}: {plain(step.text, _TEXT_LIMIT)}",
                 "up" if step.passes else "crit")
        for step in why.steps
    ]  # fmt: skip
    return (SheetRow("", f"{plain(why.alert.name)}: {outcome}", severity_of(why.alert)), *steps)
