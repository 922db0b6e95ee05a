"""What is told of notifications that reached nobody. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from nagare.lib.plain_text import plain
from nagare.model.event import Event, Severity
from nagare.model.notify.notice import Delivery

KIND = "notification.dead"
_TEXT_LIMIT = 1000


def dead_event(delivery: Delivery) -> Event:
    """Return what to tell of a delivery that was given up."""
    return Event(
        id=f"notification.{delivery.id}/{delivery.tries}",
        ts=_moment(delivery),
        host="",
        kind=KIND,
        severity=Severity.HIGH,
        source="alerting",
        text=plain(f"notification to {delivery.channel} was given up: {delivery.fault}", _TEXT_LIMIT),
        attributes={
            "delivery": delivery.id,
            "incident": delivery.notice.incident,
            "channel": delivery.channel,
            "tries": str(delivery.tries),
        },
    )


def refused_event(deliveries: Sequence[Delivery]) -> Event:
    """Return what to tell of deliveries for which there was no room: one event for all, for there may be thousands."""
    first = deliveries[0]
    return Event(
        id=f"notification.{first.id}/0",
        ts=_moment(first),
        host="",
        kind=KIND,
        severity=Severity.HIGH,
        source="alerting",
        text=plain(f"{len(deliveries)} notifications were given up: {first.fault}", _TEXT_LIMIT),
        attributes={"delivery": first.id, "incident": first.notice.incident, "count": str(len(deliveries))},
    )


def _moment(delivery: Delivery) -> int:
    return delivery.made_ms if delivery.done_ms is None else delivery.done_ms
