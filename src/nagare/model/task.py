"""A task: work that a server does on somebody's behalf; its states, and which may follow which. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any


class TaskState(StrEnum):
    """How far a task has come. Each is true: what is called queued runs nowhere."""

    # Waits for its turn, or for the moment of its next attempt.
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    # It ended badly, or was ended by a limit: the reason says which.
    FAILED = "failed"
    CANCELLED = "cancelled"
    # Who ran it died meanwhile, nobody can say how far it came, and it must not be run twice.
    LOST = "lost"


class TaskReason(StrEnum):
    """Why a task ended as it did, or why its last attempt did; empty for what went well."""

    NONE = ""
    ERROR = "error"
    DEADLINE = "deadline"
    MEMORY = "memory"
    WORKER_DIED = "worker-died"
    SERVER_DIED = "server-died"
    SERVER_STOPPED = "server-stopped"
    NOT_ALLOWED = "not-allowed"
    CANCELLED = "cancelled"
    RESTORED = "restored"
    UNKNOWN_KIND = "unknown-kind"


_S = TaskState
NEXT: Mapping[TaskState, frozenset[TaskState]] = MappingProxyType(
    {
        # Failed while it waited: nobody knows its kind.
        _S.QUEUED: frozenset({_S.RUNNING, _S.FAILED, _S.CANCELLED, _S.LOST}),
        # Queued again: another attempt follows.
        _S.RUNNING: frozenset({_S.QUEUED, _S.DONE, _S.FAILED, _S.CANCELLED, _S.LOST}),
        _S.DONE: frozenset(),
        _S.FAILED: frozenset(),
        _S.CANCELLED: frozenset(),
        _S.LOST: frozenset(),
    }
)
ENDED = frozenset(state for state, following in NEXT.items() if not following)


@dataclass(frozen=True, slots=True)
class Owner:
    """On whose behalf: the id of a user (``local``: the owner of the machine), the name, and what may be used of its rights.

    ``rights`` are those with which it was asked for, and with which key; at run time only what the user still has of them
    holds, and nothing once that key has ended.
    """

    id: str
    name: str
    rights: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key_id(self) -> str:
        """The id of the personal key with which it was asked for, empty where it was none."""
        return str(self.rights.get("key", ""))


@dataclass(frozen=True, slots=True)
class Task:
    """One task as it is kept. Times are Unix milliseconds.

    ``attempt`` counts those that began, from one, and is the fencing token: who reports under an older one is refused.
    ``runner`` is the server that runs it, until ``lease_ms`` unless it says so again. ``schedule`` and ``moment_ms`` name
    the run of a schedule that made it.
    """

    id: str
    kind: str
    arguments: Mapping[str, Any]
    owner: Owner
    made_ms: int
    due_ms: int
    changed_ms: int
    key: str | None = None
    state: TaskState = TaskState.QUEUED
    reason: TaskReason = TaskReason.NONE
    text: str = ""
    attempt: int = 0
    revision: int = 0
    started_ms: int | None = None
    ended_ms: int | None = None
    progress_ratio: float | None = None
    progress_text: str = ""
    result: Mapping[str, Any] | None = None
    runner: str = ""
    lease_ms: int | None = None
    cancelled_by: str = ""
    schedule: str = ""
    moment_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which tasks a list has; empty means any."""

    states: tuple[str, ...] = ()
    kind: str = ""
    schedule: str = ""
    owner: str = ""
    since_ms: int = 0
