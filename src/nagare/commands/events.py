"""What this room tells as events: ends that are not done, and glass that was broken."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from nagare.lib.plain_text import plain
from nagare.model.command.job import Command, Job
from nagare.model.command.states import CommandState
from nagare.model.event import Event, Severity

_SOURCE = "commands"
_TEXT_LIMIT = 1000
_SEVERITY = {
    CommandState.FAILED: Severity.WARNING,
    # It may have run, and nobody knows how far it came.
    CommandState.LOST: Severity.HIGH,
}


def end_event(job: Job, command: Command) -> Event | None:
    """Return what to tell of a command that ended, None for what needs no telling."""
    if command.state is CommandState.EXPIRED:
        # One for all of a job: hosts that are away are many at one time.
        text = f"job {job.action}: time ran out before it began on {command.host} or others"
        return _of_job(job, "command.expired", Severity.WARNING, text, command.changed_ms)
    severity = _SEVERITY.get(command.state)
    if severity is None:
        return None
    text = f"command {job.action} on {command.host} {command.state}" + (f": {command.text}" if command.text else "")
    attributes = {
        "job": job.id,
        "command": command.id,
        "action": job.action,
        "reason": command.reason,
        "requester": job.requester.name,
    }
    return Event(
        id=f"command.{command.state}/{command.id}",
        ts=command.changed_ms,
        host=command.host,
        kind=f"command.{command.state}",
        severity=severity,
        source=_SOURCE,
        text=plain(text, _TEXT_LIMIT),
        attributes=attributes,
    )


def stop_event(job: Job, now_ms: int) -> Event:
    """Return what to tell of a job that stopped before all of its hosts had their turn."""
    return _of_job(job, "command.stopped", Severity.HIGH, f"job {job.action} stopped: {job.stopped}", now_ms)


def break_glass_event(job: Job, hosts: list[str], now_ms: int) -> Event:
    """Return what to tell of a job that went without its second person."""
    named = ", ".join(hosts[:5]) + (f" and {len(hosts) - 5} more" if len(hosts) > 5 else "")
    text = f"{job.requester.name} ran {job.action} on {named} without a second person: {job.break_glass}"
    more = {"hosts": plain(" ".join(hosts), _TEXT_LIMIT), "arguments": plain(_told(job), _TEXT_LIMIT)}
    return _of_job(job, "command.break_glass", Severity.CRITICAL, text, now_ms, more)


def _told(job: Job) -> str:
    """Return the arguments as they are typed; secrets are not among them."""
    return " ".join(f"{name}={value}" for name, value in job.arguments.items())


def _of_job(
    job: Job, kind: str, severity: Severity, text: str, now_ms: int, more: Mapping[str, str] = MappingProxyType({})
) -> Event:
    attributes = {"job": job.id, "action": job.action, "requester": job.requester.name, **more}
    return Event(f"{kind}/{job.id}", now_ms, "", kind, severity, _SOURCE, plain(text, _TEXT_LIMIT), attributes)
