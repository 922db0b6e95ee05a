"""Alerts as they are told over HTTP, with what keeps people from being told of them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nagare.alerting.alerts.lifecycle import FLAPS, is_flapping
from nagare.lib.rfc3339 import format_ms
from nagare.model.alert.alert import Alert, AlertState, Transition
from nagare.model.alert.inhibition import Inhibition
from nagare.model.alert.silence import Silence
from nagare.wire.alerts import AlertView, TurnView, WhyStep, WhyView

# Whether a caller sees what concerns a host; what is of no host is for who sees all.
Sees = Callable[[str], bool]
# Stands for the id of what holds an alert back where the caller must not know of it.
HIDDEN = "hidden"


def sees_all(_host: str) -> bool:
    """Return what is true of a caller that no group of hosts limits."""
    return True


@dataclass(frozen=True, slots=True)
class Held:
    """What keeps people from being told of an alert now."""

    silences: Sequence[Silence] = ()
    inhibited: Sequence[tuple[Inhibition, Alert]] = ()
    maintenance: str = ""
    sees: Sees = sees_all

    def silenced_by(self) -> list[str]:
        """Return the ids of silences, as far as the caller may know them: a silence is of no host."""
        ids = [silence.id for silence in self.silences]
        return ids if not ids or self.sees("") else [HIDDEN]

    def inhibited_by(self) -> list[str]:
        """Return the ids of other alerts, as far as the caller may know them."""
        seen = (other.id if self.is_seen(other) else HIDDEN for _, other in self.inhibited)
        return list(dict.fromkeys(seen))

    def is_seen(self, alert: Alert) -> bool:
        """Tell whether the caller sees another alert."""
        return self.sees(alert.labels.get("host", ""))


def alert_view(alert: Alert, held: Held, now_ms: int) -> AlertView:
    """Return an alert as callers see it."""
    return AlertView(
        id=alert.id,
        name=alert.labels.get("alertname", alert.rule),
        source=alert.source,
        rule=alert.rule,
        state=alert.state.value,
        severity=int(alert.severity),
        labels=dict(alert.labels),
        annotations=dict(alert.annotations),
        value=alert.value,
        starts_at=format_ms(alert.starts_ms),
        fired_at=_moment(alert.fired_ms),
        ended_at=_moment(alert.ended_ms),
        changed_at=format_ms(alert.changed_ms),
        owner=alert.owner,
        silenced_by=held.silenced_by(),
        inhibited_by=held.inhibited_by(),
        maintenance=held.maintenance,
        is_stale=alert.is_stale,
        is_flapping=is_flapping(alert, now_ms),
    )


def turn_view(turn: Transition) -> TurnView:
    """Return a turn as callers see it."""
    before = "" if turn.before is None else turn.before.value
    return TurnView(format_ms(turn.at_ms), before, turn.after.value, turn.actor, turn.cause, dict(turn.attributes))


def why_view(alert: Alert, held: Held, now_ms: int, rule_text: str, for_seconds: float) -> WhyView:
    """Return, step by step, why people are told of an alert, or are not."""
    steps = [
        _condition(alert, rule_text, for_seconds, now_ms),
        _state(alert),
        _silence(held),
        _inhibition(held),
        WhyStep("maintenance", not held.maintenance, _maintenance(held)),
    ]
    if is_flapping(alert, now_ms):
        steps.append(WhyStep("flapping", passes=True, text=f"it came {FLAPS} times or more within an hour"))
    return WhyView(alert_view(alert, held, now_ms), all(step.passes for step in steps), steps)


def _condition(alert: Alert, rule_text: str, for_seconds: float, now_ms: int) -> WhyStep:
    value = "" if alert.value is None else f"; its value is {alert.value:g}"
    asked = f"{rule_text}{value}" if rule_text else f"{alert.source} says so{value}"
    if alert.state is AlertState.PENDING:
        since = max(0.0, (now_ms - alert.starts_ms) / 1000)
        return WhyStep("condition", passes=False, text=f"{asked}; it holds since {since:.0f} s of {for_seconds:g} s")
    if alert.is_stale:
        return WhyStep("condition", passes=True, text=f"{asked}; nobody could look lately, so it stays as it was")
    return WhyStep("condition", passes=alert.is_active, text=asked)


def _state(alert: Alert) -> WhyStep:
    match alert.state:
        case AlertState.ACKNOWLEDGED:
            return WhyStep("state", passes=False, text=f"{alert.owner or 'somebody'} has it in hand")
        case AlertState.RESOLVED | AlertState.CLOSED:
            return WhyStep("state", passes=False, text=f"it is {alert.state.value} since {_moment(alert.ended_ms)}")
        case AlertState.PENDING:
            return WhyStep("state", passes=False, text="it is pending: nobody is told before it fires")
        case _:
            return WhyStep("state", passes=True, text=f"it is {alert.state.value} since {_moment(alert.fired_ms)}")


def _silence(held: Held) -> WhyStep:
    if not held.silences:
        return WhyStep("silence", passes=True, text="no silence matches")
    if not held.sees(""):
        return WhyStep("silence", passes=False, text="silenced by a silence")
    told = "; ".join(
        f"{one.id[:8]} of {one.owner} until {format_ms(one.until_ms)} ({', '.join(map(str, one.matchers))}): {one.reason}"
        for one in held.silences
    )
    return WhyStep("silence", passes=False, text=f"silenced by {told}")


def _inhibition(held: Held) -> WhyStep:
    if not held.inhibited:
        return WhyStep("inhibition", passes=True, text="no other alert holds it back")
    told = dict.fromkeys(
        f"{other.labels.get('alertname', other.rule)} ({other.id[:8]}) by {rule.name}, same {', '.join(rule.equal)}"
        if held.is_seen(other)
        else "another alert"
        for rule, other in held.inhibited
    )
    return WhyStep("inhibition", passes=False, text=f"held back by {'; '.join(told)}")


def _maintenance(held: Held) -> str:
    return f"its host is in maintenance: {held.maintenance}" if held.maintenance else "its host is not in maintenance"


def _moment(time_ms: int | None) -> str:
    return "" if time_ms is None else format_ms(time_ms)
