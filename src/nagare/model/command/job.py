"""A job of commands and its commands as the server keeps them: what was asked, who agreed, and how far each host is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nagare.model.command.action import Risk
from nagare.model.command.approval import Approval
from nagare.model.command.parameters import Value
from nagare.model.command.result import CommandResult
from nagare.model.command.states import CommandState


@dataclass(frozen=True, slots=True)
class Pace:
    """How a job goes through its hosts: the first ``canary`` before all others, so many at one time, until too many failed.

    ``stop_after`` counts commands that did not end as done; zero never stops. A canary that fails always stops.
    """

    canary: int = 0
    concurrency: int = 20
    stop_after: int = 1


@dataclass(frozen=True, slots=True)
class Person:
    """Who asked or agreed: ``id`` tells people apart, ``name`` is for people."""

    id: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """One request. Times are Unix milliseconds; ``approval`` is None for as long as nobody agreed who must."""

    id: str
    action: str
    action_sha256: str
    plan_sha256: str
    arguments: Mapping[str, Value]
    # Names alone: the values stand nowhere.
    secrets: tuple[str, ...]
    argvs: tuple[tuple[str, ...], ...]
    risk: Risk
    timeout_seconds: int
    requester: Person
    pace: Pace
    made_ms: int
    expires_seconds: float
    expires_ms: int
    approval: Approval | None = None
    approver: Person = field(default_factory=Person)
    why: str = ""
    break_glass: str = ""
    # Why it ended before all hosts had their turn.
    stopped: str = ""
    # Who wants what runs of it ended, empty while nobody does.
    cancelled_by: str = ""


@dataclass(frozen=True, slots=True)
class Command:
    """A job on one host. ``position`` is its place in the job's order; ``revision`` rises with every change."""

    id: str
    job_id: str
    position: int
    host_id: str
    host: str
    state: CommandState
    changed_ms: int
    revision: int = 0
    # The signed text, empty before it was signed; and what it says of time.
    envelope: str = ""
    deadline_ms: int | None = None
    # When the host said that it began, by the server's clock.
    heard_start_ms: int | None = None
    # Why it ended as it did, where no result says it.
    reason: str = ""
    text: str = ""
    # Without its streams, which are kept apart.
    result: CommandResult | None = None


# How a job is called as a whole; `done` is every command, `ended` is all, and not all well.
JOB_STATES = ("pending", "running", "done", "ended")


@dataclass(frozen=True, slots=True)
class JobsWanted:
    """Which jobs a list shows: in one of JOB_STATES, with a command on a host, of an action, asked for by a person, since then.

    What is empty asks for nothing.
    """

    state: str = ""
    host: str = ""
    action: str = ""
    by: str = ""
    since_ms: int | None = None


EVERY_JOB = JobsWanted()
