"""Tasks and schedules over HTTP. Times are RFC 3339, empty where there is none yet."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

Words = Annotated[str, msgspec.Meta(max_length=128)]
Key = Annotated[str, msgspec.Meta(max_length=200)]


class TaskRequest(msgspec.Struct, frozen=True):
    """``POST /api/v1/tasks``. With a ``key`` of one's own it is safe to repeat: the same key gives the same task."""

    kind: Words
    arguments: dict[str, Any] = {}
    key: Key = ""


class TaskView(msgspec.Struct, frozen=True):
    """A task. ``state`` is queued, running, done, failed, cancelled or lost; ``reason`` and ``text`` say why.

    ``due_at`` is when its next attempt may begin, ``progress_ratio`` is from 0 to 1, null where nobody can tell.
    ``download`` is where a file that it made is to be had, empty where there is none. ``via_key`` is the id of the personal
    key with which it was asked for, empty without one: the task is not begun any more once that key has ended.
    """

    id: str
    kind: str
    arguments: dict[str, Any]
    owner: str
    state: str
    reason: str
    text: str
    attempt: int
    made_at: str
    due_at: str
    started_at: str
    ended_at: str
    progress_ratio: float | None
    progress_text: str
    result: dict[str, Any] | None
    cancelled_by: str
    schedule: str
    moment_at: str
    runner: str = ""
    download: str = ""
    via_key: str = ""


class TaskList(msgspec.Struct, frozen=True):
    """``GET /api/v1/tasks``: newest first; ``next`` goes on, empty at the end."""

    tasks: list[TaskView]
    next: str = ""


class TaskLine(msgspec.Struct, frozen=True):
    """A line of ``/api/v1/tasks/{id}/follow``: how the task is now; ``seq`` rises with every change.

    The last one says ``is_end``. One that says nothing new is a sign of life.
    """

    seq: int
    is_end: bool
    task: TaskView


class KindView(msgspec.Struct, frozen=True):
    """A kind of task: what it does, what its arguments are, whether the caller may ask for it."""

    name: str
    text: str
    arguments: dict[str, Any]
    attempts: int
    deadline_seconds: float
    is_repeatable: bool
    may_run: bool


class KindList(msgspec.Struct, frozen=True):
    """``GET /api/v1/tasks/kinds``: by name."""

    kinds: list[KindView]


class ScheduleRequest(msgspec.Struct, frozen=True):
    """``PUT /api/v1/schedules/{name}``: the whole of it.

    ``cron`` has five fields or is @hourly, @daily, @weekly, @monthly, @yearly. ``missed`` says what becomes of moments
    at which no server was up: skip, run-once, or run-all (of the newest ``missed_limit``). What is late by no more than
    ``grace_seconds`` counts as in time. ``overlap``: skip a moment while an earlier run is not over, or queue it.
    With the ``revision`` that was read nothing is saved over what somebody else changed since then; with ``is_new``
    nothing over what is there.
    """

    cron: Words
    kind: Words
    arguments: dict[str, Any] = {}
    zone: Words = "UTC"
    enabled: bool = True
    missed: Words = "skip"
    missed_limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 24
    grace_seconds: Annotated[float, msgspec.Meta(ge=0, le=86400)] = 60.0
    overlap: Words = "skip"
    text: Annotated[str, msgspec.Meta(max_length=1000)] = ""
    revision: int | None = None
    is_new: bool = False


class SchedulePatch(msgspec.Struct, frozen=True):
    """``PATCH /api/v1/schedules/{name}``: enable or disable it, with a ``revision`` only as it was read."""

    enabled: bool
    revision: int | None = None


class ScheduleView(msgspec.Struct, frozen=True):
    """A schedule; ``next`` has its next moments in its own zone, ``last`` how its last run is.

    ``via_key`` is the id of the personal key that saved it, empty without one: its tasks fail once that key has ended.
    ``fault`` says why it makes nothing now: its zone is not known here, or too many tasks are open. Empty where all is well.
    ``revision`` is another one after every change: who gives it back changes what was read, or nothing.
    """

    name: str
    cron: str
    zone: str
    kind: str
    arguments: dict[str, Any]
    owner: str
    enabled: bool
    missed: str
    missed_limit: int
    grace_seconds: float
    overlap: str
    text: str
    made_at: str
    changed_at: str
    next: list[str]
    last_moment_at: str = ""
    last_outcome: str = ""
    last_task: str = ""
    via_key: str = ""
    fault: str = ""
    revision: int = 0


class ScheduleList(msgspec.Struct, frozen=True):
    """``GET /api/v1/schedules``: by name."""

    schedules: list[ScheduleView]


class VerifyArguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of the kind ``verify``: none."""


class BackupArguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of the kind ``backup``: how many of its files stay."""

    keep: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 7


class QueryArguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of the kind ``query``: one SELECT, its parameters, and what to make of it: csv, ndjson or parquet."""

    sql: Annotated[str, msgspec.Meta(min_length=1, max_length=100_000)]
    params: list[Any] | dict[str, Any] | None = None
    format: Words = "csv"
    since_ms: int | None = None
    until_ms: int | None = None


class CommandArguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of the kind ``command``: a job as ``POST /api/v1/commands`` takes it, without secrets and without breaking glass.

    ``confirm`` is the plan's hash of a check, for an action whose risk asks for a confirmation.
    """

    action: Words
    targets: dict[str, Any]
    arguments: dict[str, Any] = {}
    batches: dict[str, Any] = {}
    confirm: Annotated[str, msgspec.Meta(max_length=64)] = ""
    expires_seconds: Annotated[float, msgspec.Meta(ge=5, le=7 * 86400)] = 3600.0
    why: Annotated[str, msgspec.Meta(max_length=1000)] = ""
