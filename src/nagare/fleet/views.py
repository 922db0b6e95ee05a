"""Hosts as people and other rooms see them: views and events; pure functions."""

from __future__ import annotations

from datetime import UTC, datetime

from nagare.lib.rfc3339 import format_time as format_time
from nagare.model.event import Event, Severity
from nagare.model.host import Contest, Host, HostState
from nagare.wire.hosts import HostView


def host_view(host: Host, state: HostState, maintenance: str = "", note: str = "") -> HostView:
    """Return ``host`` in ``state`` for the wire, with why it is in maintenance and the newest note on it."""
    return HostView(
        id=host.id,
        name=host.name,
        state=state.value,
        registered_at=format_time(host.registered_at),
        last_seen_at=None if host.last_seen_at is None else format_time(host.last_seen_at),
        interval_seconds=host.interval_seconds,
        version=host.version,
        labels=dict(host.labels),
        facts=dict(host.facts),
        enrolment=host.enrolment.value,
        capabilities=sorted(host.capabilities),
        conflict=_told(host.conflict),
        maintenance=maintenance,
        note=note,
    )


def _mark(maintenance: str) -> dict[str, str]:
    return {"maintenance": maintenance} if maintenance else {}


def _told(conflict: Contest | None) -> str:
    if conflict is None:
        return ""
    at = format_time(datetime.fromtimestamp(conflict.at_ms / 1000, UTC))
    return f"machine {conflict.machine_id[:12]} at {conflict.address or 'an unknown address'} asked for the name, last {at}"


def conflict_event(host: Host, conflict: Contest) -> Event:
    """Return the event of another machine that asked for a host's name; one for each such machine."""
    return Event(
        id=f"host.conflict/{host.id}/{conflict.machine_id}",
        ts=conflict.at_ms,
        host=host.name,
        kind="host.conflict",
        severity=Severity.WARNING,
        source="server",
        text=f"another machine asked for the name {host.name}: a clone, or two of one name",
        attributes={"machine_id": conflict.machine_id, "address": conflict.address},
    )


def down_event(host: Host, last_seen_ms: int, now_ms: int, maintenance: str = "") -> Event:
    """Return the event of a host that fell silent; its id follows from the host and when it was last heard of."""
    return Event(
        id=f"host.down/{host.id}/{last_seen_ms}",
        ts=now_ms,
        host=host.name,
        kind="host.down",
        severity=Severity.HIGH,
        source="server",
        text=f"host {host.name} is down: nothing heard for {max(0, now_ms - last_seen_ms) // 1000} s",
        attributes={"last_seen_ms": str(last_seen_ms), **_mark(maintenance)},
    )


def up_event(host: Host, down_ms: int, now_ms: int, maintenance: str = "") -> Event:
    """Return the event of a host that is heard of again; its id follows from the host and its fall."""
    return Event(
        id=f"host.up/{host.id}/{down_ms}",
        ts=now_ms,
        host=host.name,
        kind="host.up",
        severity=Severity.INFO,
        source="server",
        text=f"host {host.name} is up again after {max(0, now_ms - down_ms) // 1000} s",
        attributes={"down_ms": str(down_ms), **_mark(maintenance)},
    )
