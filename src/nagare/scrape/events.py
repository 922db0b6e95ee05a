"""What is told when a target goes down or comes back. Pure."""

from __future__ import annotations

import uuid

from nagare.model.event import Event, Severity
from nagare.scrape.targets import Target


def went_down(target: Target, cause: str, ts_ms: int) -> Event:
    """Return the event of a target that cannot be scraped any more."""
    return _event(target, "target.down", Severity.WARNING, f"target {target.url} is down: {cause}", ts_ms)


def came_up(target: Target, ts_ms: int) -> Event:
    """Return the event of a target that answers again."""
    return _event(target, "target.up", Severity.INFO, f"target {target.url} is up again", ts_ms)


def _event(target: Target, kind: str, severity: Severity, text: str, ts_ms: int) -> Event:
    return Event(
        id=uuid.uuid4().hex,
        ts=ts_ms,
        host=target.host,
        kind=kind,
        severity=severity,
        source="scrape",
        text=text,
        attributes={"job": target.labels["job"], "instance": target.instance, "url": target.url},
    )
