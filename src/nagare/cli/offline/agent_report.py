"""What is true of the agent of this installation: from the lock that it holds, the file in which it tells, and its spool.

An agent that runs tells of itself, and how old that is stands beside it. Where none runs, or one that says nothing any more,
what waits is read from the disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from nagare.agent.executor.policy import load_policy
from nagare.agent.spool_survey import survey_spool
from nagare.client.owner import find_owner
from nagare.config.places import Places
from nagare.config.settings import Settings
from nagare.errors import CommandRefusedError, NagareError, NotFoundError
from nagare.lib.units import format_bytes, format_seconds
from nagare.model.command.result import Reason
from nagare.wire.agent_status import AGENT_STATUS_VERSION, AgentStatus, QueueStatus
from nagare.wire.codec import decode

# Missed writings after which nobody believes the file any more, and what a busy machine may add.
_MISSED, _GRACE_SECONDS = 3, 5.0
# Above it the agent thins what it keeps.
_NEARLY_FULL = 0.9


class AgentState(StrEnum):
    """Whether it lives: silent is one that holds its spool and does not say how it does."""

    RUNNING = "running"
    SILENT = "silent"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class AgentReport:
    """How the agent does. ``faults`` are what is bad of it, ``notes`` what was lost or is worth knowing.

    ``told`` is what it said last, ``age_seconds`` ago; None when it never said anything. ``queue`` is as told while that is
    fresh, else as the disk has it.
    """

    state: AgentState
    pid: int | None
    told: AgentStatus | None
    age_seconds: float | None
    queue: QueueStatus
    is_from_disk: bool
    policy: str
    policy_state: str
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_agent(settings: Settings, now_ms: int) -> AgentReport:
    """Return the report. Raises NotFoundError where never an agent ran, StorageError, OSError for files of another user."""
    places = Places(settings.data)
    try:
        next(places.spool.iterdir(), None)
        places.agent_lock.open("rb").close()
    except (FileNotFoundError, NotADirectoryError):
        raise NotFoundError(
            f"cannot find agent of {settings.data}: none ever ran there",
            hint="start one with nagare agent, or name its directory with --data",
        ) from None
    owner = find_owner(places.agent_lock)
    told = _told(places)
    age_seconds = None if told is None else (now_ms - told.at_ms) / 1000
    state = _state(owner, told, age_seconds)
    is_from_disk = state is not AgentState.RUNNING or told is None
    queue = _survey(settings, now_ms) if told is None or is_from_disk else told.queue
    policy = told.commands.policy if told is not None else str(settings.commands.policy)
    report = AgentReport(state, owner, told, age_seconds, queue, is_from_disk, policy, _policy_state(settings, policy))
    report.faults.extend(_faults(report))
    report.notes.extend(_notes(report))
    return report


def _told(places: Places) -> AgentStatus | None:
    try:
        told = decode(places.agent_status.read_bytes(), AgentStatus)
    except (FileNotFoundError, NagareError):
        return None
    return told if told.v == AGENT_STATUS_VERSION else None


def _state(owner: int | None, told: AgentStatus | None, age_seconds: float | None) -> AgentState:
    if owner is None:
        return AgentState.STOPPED
    # What an agent before this one left says nothing of it; nor does a file from the future.
    if told is None or age_seconds is None or owner not in (told.pid, 0):
        return AgentState.SILENT
    limit = _MISSED * told.every_seconds + _GRACE_SECONDS
    return AgentState.RUNNING if -limit <= age_seconds <= limit else AgentState.SILENT


def _survey(settings: Settings, now_ms: int) -> QueueStatus:
    found = survey_spool(Places(settings.data).spool)
    oldest = max(0.0, (now_ms - found.oldest_ms) / 1000) if found.oldest_ms else None
    return QueueStatus(
        found.batches, found.size_bytes, settings.agent.spool_limit_bytes, oldest if found.batches else 0.0
    )


def _policy_state(settings: Settings, path: str) -> str:
    try:
        policy = load_policy(type(settings.commands.policy)(path))
    except CommandRefusedError as error:
        return "none: no command runs" if error.reason == Reason.NO_POLICY else error.message
    except OSError as error:
        return f"not readable for this user: {(error.strerror or 'refused').lower()}"
    shell = "free-form programs too" if policy.allow_shell else "no free-form programs"
    return f"{len(policy.allow)} rules allow, {len(policy.deny)} deny; {shell}"


def count_batches(count: int) -> str:
    """Return ``count`` batches in words."""
    return "1 batch" if count == 1 else f"{count} batches"


def _faults(report: AgentReport) -> Iterator[str]:
    told, queue = report.told, report.queue
    waits = f"{count_batches(queue.batches)} waiting" if queue.batches else "nothing waits"
    match report.state:
        case AgentState.STOPPED:
            how = "" if told is None or told.ended_ms is not None else "; the last one did not end by itself"
            yield f"no agent runs{how}; {waits}"
        case AgentState.SILENT:
            is_its_own = told is not None and report.pid in (told.pid, 0)
            since = f" for {format_seconds(report.age_seconds)}" if is_its_own else " since it was started"
            yield f"the agent runs and said nothing{since}; {waits} on disk"
        case AgentState.RUNNING:
            if told is not None and told.connection == "down":
                yield f"the server takes nothing; {waits}; last error: {told.last_error or 'none'}"
    if queue.limit_bytes and queue.bytes >= _NEARLY_FULL * queue.limit_bytes:
        yield f"the queue is nearly full, {format_bytes(queue.bytes)} of {format_bytes(queue.limit_bytes)}: old is thinned"


def _notes(report: AgentReport) -> Iterator[str]:
    told = report.told
    if told is None:
        return
    lost = {
        "dropped": told.since_start.dropped,
        "damaged": told.since_start.damaged,
        "thinned": told.since_start.thinned,
    }
    if any(lost.values()):
        words = ", ".join(f"{count} {word}" for word, count in lost.items() if count)
        yield f"batches since its start: {words}"
    if report.state is AgentState.RUNNING and told.connection == "trying":
        yield "the server was not reached yet"
