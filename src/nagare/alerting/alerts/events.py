"""What turns of alerts are told as, for charts and for who watches events. Pure."""

from __future__ import annotations

from nagare.lib.plain_text import plain
from nagare.model.alert.alert import Alert, AlertState, Transition
from nagare.model.event import Event, Severity

_TEXT_LIMIT = 1000
_TOLD = frozenset({AlertState.FIRING, AlertState.REOPENED, AlertState.ACKNOWLEDGED, AlertState.RESOLVED})


def turn_event(alert: Alert, seq: int, turn: Transition) -> Event | None:
    """Return what to tell of a turn, None for what is nobody's news: one that is pending, or history."""
    if turn.after not in _TOLD or turn.before is turn.after:
        return None
    name = alert.labels.get("alertname", alert.rule)
    summary = alert.annotations.get("summary", "")
    is_bad = turn.after in (AlertState.FIRING, AlertState.REOPENED)
    return Event(
        # With the moment: records that were restored from a backup count their turns anew.
        id=f"alert.{alert.id}/{seq}.{turn.at_ms}",
        ts=turn.at_ms,
        host=alert.labels.get("host", ""),
        kind=f"alert.{turn.after.value}",
        severity=alert.severity if is_bad else Severity.INFO,
        source="alerting",
        text=plain(f"{name} {turn.after.value}: {summary or turn.cause}", _TEXT_LIMIT),
        attributes={
            "alert": alert.id,
            "rule": alert.rule,
            "actor": plain(turn.actor, 253),
            "cause": plain(turn.cause, 500),
        },
    )
