"""Incidents, deliveries and notices as rows of the records database, and back. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row

from nagare.alerting.notify.brief import Brief, Waiting
from nagare.model.notify.incident import Incident
from nagare.model.notify.notice import Attempt, Delivery, DeliveryState, Line, Notice


def group_key(incident: Incident) -> str:
    """Return the digest of the group of an incident."""
    return hashlib.sha256(json.dumps(incident.key).encode()).hexdigest()


def incident_values(incident: Incident) -> dict[str, Any]:
    """Return the row of an incident."""
    return {
        "id": incident.id,
        "group_key": group_key(incident),
        "is_open": incident.ended_ms is None,
        "route": incident.route,
        "labels": dict(incident.labels),
        "began_ms": incident.began_ms,
        "look_ms": incident.look_ms,
        "told": _told_values(incident),
        "told_ms": incident.told_ms,
        "number": incident.number,
        "waiting_ms": incident.waiting_ms,
        "step": incident.step,
        "told_to": list(incident.told_to),
        "ended_ms": incident.ended_ms,
        "severity": incident.severity,
        "revision": incident.revision,
    }


def incident_of(row: Row[Any]) -> Incident:
    """Return the incident of a row."""
    return Incident(
        id=row.id,
        route=row.route,
        labels=row.labels,
        began_ms=row.began_ms,
        look_ms=row.look_ms,
        told={one: word if isinstance(word, str) else word[0] for one, word in row.told.items()},
        severities={one: word[1] for one, word in row.told.items() if not isinstance(word, str)},
        told_ms=row.told_ms,
        number=row.number,
        waiting_ms=row.waiting_ms,
        step=row.step,
        told_to=tuple(row.told_to),
        ended_ms=row.ended_ms,
        severity=row.severity,
        revision=row.revision,
    )


def delivery_values(delivery: Delivery) -> dict[str, Any]:
    """Return the row of a delivery."""
    brief = Brief.of(delivery)
    return {
        "id": brief.id,
        "incident": brief.incident,
        "number": brief.number,
        "channel": brief.channel,
        "kind": brief.kind,
        "receiver": brief.receiver,
        "reason": brief.reason,
        "severity": brief.severity,
        "labels": dict(brief.labels),
        "alertnames": list(brief.alertnames),
        "hosts": list(brief.hosts),
        "firing": brief.firing,
        "resolved": brief.resolved,
        "made_ms": delivery.made_ms,
        "notice": _notice_values(delivery.notice),
        **fate_values(delivery),
    }


def fate_values(delivery: Delivery) -> dict[str, Any]:
    """Return what of the row of a delivery changes with a try."""
    return {
        "state": delivery.state.value,
        "due_ms": delivery.due_ms,
        "until_ms": delivery.until_ms,
        "done_ms": delivery.done_ms,
        "tries": delivery.tries,
        "ref": delivery.ref,
        "fault": delivery.fault,
    }


def delivery_of(row: Row[Any]) -> Delivery:
    """Return the delivery of a row."""
    return Delivery(
        id=row.id,
        channel=row.channel,
        kind=row.kind,
        notice=_notice_of(row.notice),
        state=DeliveryState(row.state),
        made_ms=row.made_ms,
        due_ms=row.due_ms,
        tries=row.tries,
        done_ms=row.done_ms,
        ref=row.ref,
        fault=row.fault,
        until_ms=row.until_ms,
    )


def brief_of(row: Row[Any]) -> Brief:
    """Return what a list says of the delivery of a row, which may lack the notice."""
    return Brief(
        id=row.id,
        incident=row.incident,
        number=row.number,
        channel=row.channel,
        kind=row.kind,
        receiver=row.receiver,
        reason=row.reason,
        severity=row.severity,
        state=row.state,
        labels=row.labels,
        alertnames=tuple(row.alertnames),
        hosts=tuple(row.hosts),
        firing=row.firing,
        resolved=row.resolved,
        made_ms=row.made_ms,
        due_ms=row.due_ms,
        done_ms=row.done_ms,
        tries=row.tries,
        fault=row.fault,
    )


def waiting_of(row: Row[Any]) -> Waiting:
    """Return what a queue knows of the delivery of a row."""
    return Waiting(row.id, row.incident, row.number, row.channel, row.made_ms, row.due_ms)


def attempt_values(attempt: Attempt) -> dict[str, Any]:
    """Return the row of an attempt."""
    return {
        "delivery_id": attempt.delivery,
        "number": attempt.number,
        "at_ms": attempt.at_ms,
        "took_ms": attempt.took_ms,
        "fault": attempt.fault,
        "attributes": dict(attempt.attributes),
    }


def attempt_of(row: Row[Any]) -> Attempt:
    """Return the attempt of a row."""
    return Attempt(row.delivery_id, row.number, row.at_ms, row.took_ms, row.fault, row.attributes)


def _told_values(incident: Incident) -> dict[str, Any]:
    """Return what people were told of each alert: a word, with the severity beside it where that is known."""
    severities = incident.severities
    return {one: [word, severities[one]] if one in severities else word for one, word in incident.told.items()}


def _notice_values(notice: Notice) -> dict[str, Any]:
    return {
        "incident": notice.incident,
        "number": notice.number,
        "route": notice.route,
        "receiver": notice.receiver,
        "reason": str(notice.reason),
        "at_ms": notice.at_ms,
        "labels": dict(notice.labels),
        "severity": notice.severity,
        "firing": [_line_values(line) for line in notice.firing],
        "resolved": [_line_values(line) for line in notice.resolved],
        "firing_count": notice.firing_count,
        "resolved_count": notice.resolved_count,
        "reach": notice.reach,
        "held_count": notice.held_count,
    }


def _notice_of(values: Mapping[str, Any]) -> Notice:
    lines = {side: tuple(Line(**line) for line in values[side]) for side in ("firing", "resolved")}
    return Notice(**{**values, **lines})


def _line_values(line: Line) -> dict[str, Any]:
    values = {name: getattr(line, name) for name in Line.__slots__}
    return {**values, "labels": dict(line.labels), "annotations": dict(line.annotations)}
