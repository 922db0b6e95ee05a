"""From alerts to the notice that tells of them. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nagare.model.alert.alert import Alert, AlertState
from nagare.model.notify.incident import Incident
from nagare.model.notify.notice import LINES_LIMIT, Line, Notice


@dataclass(frozen=True, slots=True)
class Parts:
    """What a notice tells of: what fires, what ended, how many left without anything being known of them any more.

    ``held_count``: how many people were told of that still fire, and are held back by now.
    ``reach``: the highest severity that those who hear of it were told of, as far as none of the alerts here tells it.
    """

    active: Sequence[Alert]
    over: Sequence[Alert]
    gone_count: int = 0
    reach: int = 0
    held_count: int = 0


def make_notice(incident: Incident, reason: str, receiver: str, parts: Parts, now_ms: int) -> Notice:
    """Return the next notice of ``incident``: what fires, the worst first, and what ended, each cut to ``LINES_LIMIT``."""
    severities = [int(alert.severity) for alert in parts.active or parts.over]
    all_severities = [int(alert.severity) for alert in (*parts.active, *parts.over)]
    return Notice(
        incident=incident.id,
        number=incident.number + 1,
        route=incident.route,
        receiver=receiver,
        reason=reason,
        at_ms=now_ms,
        labels=incident.labels,
        severity=max(severities, default=parts.reach),
        reach=max((parts.reach, *all_severities)),
        firing=_lines(parts.active),
        resolved=_lines(parts.over),
        firing_count=len(parts.active),
        resolved_count=len(parts.over) + parts.gone_count,
        held_count=parts.held_count,
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
        # JSON has no word for what is no number, and those who read it refuse it.
        value=alert.value if alert.value is not None and math.isfinite(alert.value) else None,
        owner=alert.owner if alert.state is AlertState.ACKNOWLEDGED else "",
    )
