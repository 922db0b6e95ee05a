"""Tasks and schedules of a seeded fleet, as a server tells of them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from nagare.client.tasks import TaskEvent
from nagare.errors import NagareError
from nagare.lib.rfc3339 import format_ms
from nagare.wire.tasks import KindView, ScheduleRequest, ScheduleView, TaskLine, TaskView
from tests.tui.jobs import MADE_MS


def task_of(name: str, state: str = "running", **more: Any) -> TaskView:
    """Return a task that began a minute ago."""
    ended = format_ms(MADE_MS - 5000) if state in ("done", "failed", "cancelled", "lost") else ""
    values: dict[str, Any] = {
        "id": f"{name}-0000-0000", "kind": "backup", "arguments": {}, "owner": "ada", "state": state, "reason": "", "text": "",
        "attempt": 1, "made_at": format_ms(MADE_MS - 60_000), "due_at": "", "started_at": format_ms(MADE_MS - 59_000),
        "ended_at": ended, "progress_ratio": None, "progress_text": "", "result": None, "cancelled_by": "", "schedule": "",
        "moment_at": "", "runner": "worker-1",
    }  # fmt: skip
    return TaskView(**{**values, **more})


def schedule_of(name: str, next_ms: int = MADE_MS + 3_600_000, **more: Any) -> ScheduleView:
    """Return a schedule whose next moment is in an hour."""
    values: dict[str, Any] = {
        "name": name, "cron": "0 3 * * *", "zone": "Europe/Berlin", "kind": "backup", "arguments": {}, "owner": "ada",
        "enabled": True, "missed": "skip", "missed_limit": 24, "grace_seconds": 60.0, "overlap": "skip", "text": "",
        "made_at": format_ms(MADE_MS), "changed_at": format_ms(MADE_MS), "next": [format_ms(next_ms)],
        "last_moment_at": format_ms(MADE_MS - 7_200_000), "last_outcome": "made",
    }  # fmt: skip
    return ScheduleView(**{**values, **more})


def _kind(name: str, text: str, needed: tuple[str, ...] = (), *names: str, may_run: bool = True) -> KindView:
    properties = {one: {"type": "string"} for one in (*needed, *names)}
    schema = {"type": "object", "properties": properties, "required": list(needed), "additionalProperties": False}
    arguments = {"$ref": "#/$defs/Arguments", "$defs": {"Arguments": schema}}
    return KindView(name, text, arguments, 3, 3600.0, is_repeatable=True, may_run=may_run)


KINDS = (
    _kind("backup", "keeps the newest backups", (), "keep"), _kind("command", "runs an action on hosts", ("action", "targets"), "why"),
    _kind("query", "exports a SELECT", ("sql",), "format", may_run=False), _kind("verify", "reads every byte that is kept"),
)  # fmt: skip


@dataclass
class FleetTasks:
    """The far end's answers about tasks."""

    held: dict[str, TaskView] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    fails: NagareError | None = None

    def put(self, *tasks: TaskView) -> None:
        """Hold ``tasks``."""
        self.held.update({task.id: task for task in tasks})

    async def tasks(self, limit: int = 100, **wanted: str) -> list[TaskView]:
        """Return those since then, newest first."""
        self.asked.append(f"tasks {sorted(wanted)}")
        if self.fails is not None:
            raise self.fails
        since = format_ms(int(wanted.get("since_ms", "0")))
        newest = sorted(self.held.values(), key=lambda task: task.made_at, reverse=True)
        return [task for task in newest if task.made_at >= since][:limit]

    async def kinds(self) -> list[KindView]:
        """Return the kinds."""
        self.asked.append("kinds")
        if self.fails is not None:
            raise self.fails
        return list(KINDS)

    async def submit(self, kind: str, arguments: Mapping[str, Any], key: str = "") -> TaskView:
        """Take one, which is done at once."""
        self.asked.append(f"submit {kind} {sorted(arguments)}{key}")
        task = task_of("made", "done", kind=kind, arguments=dict(arguments), result={"rows": 21, "bytes": 4})
        self.put(task)
        return task

    async def follow(self, task_id: str) -> AsyncGenerator[TaskEvent, None]:
        """Yield how it is."""
        yield TaskLine(1, is_end=True, task=self.held[task_id])

    async def download(self, task_id: str, write: Callable[[bytes], object]) -> int:
        """Give what it made."""
        self.asked.append(f"download {task_id[:4]}")
        write(b"PAR1")
        return 4

    async def cancel(self, task_id: str) -> TaskView:
        """End one."""
        self.asked.append(f"cancel {task_id[:4]}")
        ended = msgspec.structs.replace(self.held[task_id], state="cancelled", reason="cancelled", cancelled_by="bob")
        self.put(ended)
        return ended


@dataclass
class FleetSchedules:
    """The far end's answers about schedules."""

    held: dict[str, ScheduleView] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    revisions: list[int | None] = field(default_factory=list)
    requests: list[ScheduleRequest] = field(default_factory=list)
    refuses: NagareError | None = None

    def put(self, *schedules: ScheduleView) -> None:
        """Hold ``schedules``."""
        self.held.update({schedule.name: schedule for schedule in schedules})

    async def schedules(self) -> list[ScheduleView]:
        """Return all."""
        self.asked.append("schedules")
        return list(self.held.values())

    async def save(self, name: str, request: ScheduleRequest) -> ScheduleView:
        """Make one."""
        self.asked.append(f"save {name}")
        if self.refuses is not None:
            raise self.refuses
        self.requests.append(request)
        made = schedule_of(
            name, cron=request.cron, zone=request.zone, kind=request.kind, arguments=request.arguments, owner="bob",
            enabled=request.enabled, missed=request.missed, overlap=request.overlap, text=request.text, last_moment_at="", last_outcome="",
        )  # fmt: skip
        self.put(made)
        return made

    async def enable(self, name: str, *, enabled: bool, revision: int | None = None) -> ScheduleView:
        """Switch one."""
        self.revisions.append(revision)
        self.asked.append(f"enable {name} {enabled}")
        switched = msgspec.structs.replace(self.held[name], enabled=enabled)
        self.put(switched)
        return switched

    async def run(self, name: str, revision: int | None = None) -> TaskView:
        """Make its task."""
        self.revisions.append(revision)
        self.asked.append(f"run {name}")
        return task_of(name, "queued", schedule=name)
