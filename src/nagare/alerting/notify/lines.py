"""From alerts to the notice that tells of them. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from nagare.model.alert.alert import Alert, AlertState
from nagare.model.notify.incident import Incident
from nagare.model.notify.notice import LINES_LIMIT, Line, Notice


def make_notice(
    incident: Incident, reason: str, receiver: str, active: Sequence[Alert], over: Sequence[Alert], now_ms: int
) -> Notice:
    """Return the next notice of ``incident``: what fires, the worst first, and what ended, each cut to ``LINES_LIMIT``."""
    worst = max((int(alert.severity) for alert in active or over), default=0)
    return Notice(
        incident=incident.id,
        number=incident.number + 1,
        route=incident.route,
        receiver=receiver,
        reason=reason,
        at_ms=now_ms,
        labels=incident.labels,
        severity=worst,
        firing=_lines(active),
        resolved=_lines(over),
        firing_count=len(active),
        resolved_count=len(over),
    )


def _lines(alerts: Sequence[Alert]) -> tuple[Line, ...]:
    ordered = sorted(alerts, key=lambda alert: (-int(alert.severity), alert.labels.get("host", ""), alert.id))
    return tuple(_line(alert) for alert in ordered[:LINES_LIMIT])


def _line(alert: Alert) -> Line:
    return Line(
        id=alert.id,
        name=alert.labels.get("alertname", alert.rule),
        host=alert.labels.get("host", ""),
        severity=int(alert.severity),
        state=alert.state.value,
        summary=alert.annotations.get("summary", ""),
        labels=alert.labels,
        annotations=alert.annotations,
        fingerprint=alert.fingerprint,
        starts_ms=alert.starts_ms if alert.fired_ms is None else alert.fired_ms,
        ended_ms=alert.ended_ms if alert.state in (AlertState.RESOLVED, AlertState.CLOSED) else None,
        value=alert.value,
        owner=alert.owner if alert.state is AlertState.ACKNOWLEDGED else "",
    )
