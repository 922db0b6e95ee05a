"""Jobs of a seeded fleet, as a server tells of them: made, followed, agreed to and cancelled as the test says."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from nagare.client.commands import Fits
from nagare.client.following import Event
from nagare.errors import ConflictError, NagareError, NotFoundError, PermissionDeniedError
from nagare.lib.rfc3339 import format_ms
from nagare.wire.auth import Me
from nagare.wire.command_jobs import (
    ActionView,
    Batches,
    CheckView,
    CommandView,
    JobLine,
    JobRequest,
    JobView,
    OutputLine,
    ParameterView,
    StateLine,
    StreamView,
)

# The moment that the fleet's clock shows.
MADE_MS = 1_760_000_000_000
SHA = "5a" * 32
_DONE = ("done", "failed", "expired", "lost", "cancelled")
ACTIONS = [
    ActionView("disk.usage", 1, "Show how full the file systems are", "none", "commands", needs_root=False, sha256=SHA,
               parameters=[ParameterView("inodes", "flag", "count inodes instead of bytes", is_optional=True)],
               timeout_seconds=10, may_run=True),
    ActionView("service.restart", 1, "Restart a systemd unit", "self-confirm", "commands", needs_root=True, sha256=SHA,
               parameters=[ParameterView("unit", "unit", "unit to restart")], timeout_seconds=120, may_run=True),
    ActionView("shell.run", 1, "Run a shell script", "second-person", "commands.shell", needs_root=False, sha256=SHA,
               parameters=[ParameterView("script", "string", "what to run")], timeout_seconds=600, may_run=False),
    ActionView("site.deploy", 2, "Deploy the site", "second-person", "commands", needs_root=False, sha256=SHA,
               parameters=[
                   ParameterView("version", "string", "what to deploy", pattern="[0-9.]+", longest=20),
                   ParameterView("only", "string", "parts of it", is_optional=True, is_list=True),
                   ParameterView("workers", "integer", "how many at one time", is_optional=True, default=4, low=1, high=64),
                   ParameterView("mode", "choice", "how", choices=["rolling", "blue"]),
                   ParameterView("force", "flag", "over changes", is_optional=True),
                   ParameterView("token", "secret", "of the registry", is_optional=True),
               ], timeout_seconds=600, may_run=True, is_own=True),
]  # fmt: skip


def command_of(host: str, state: str = "done", *, out: str = "", err: str = "", **more: Any) -> CommandView:
    """Return a command; one that is done ran for two seconds."""
    if state in ("done", "failed") and "reason" not in more:
        more = {"reason": "exit", "exit_code": 0 if state == "done" else 3, **more}
    if more.get("exit_code") is not None:
        times = {"started_at": format_ms(MADE_MS - 60_000), "ended_at": format_ms(MADE_MS - 58_000)}
        more = {**times, "confinement": "bubblewrap", "cpu_seconds": 0.02, "max_rss_bytes": 12_582_912, **more}
    streams = {"stdout": StreamView(out, len(out)), "stderr": StreamView(err, len(err))} if state in _DONE else {}
    return CommandView(f"c-{host}", host, state, format_ms(MADE_MS - 58_000), **{**streams, **more})


def job_of(job_id: str, commands: list[CommandView], **more: Any) -> JobView:
    """Return a job of ``commands``; ``age_seconds`` old."""
    states = {command.state for command in commands}
    state = "pending" if states == {"pending"} else "running" if states - set(_DONE) else "ended"
    age = more.pop("age_seconds", 60)
    values: dict[str, Any] = {
        "id": hashlib.md5(job_id.encode(), usedforsecurity=False).hexdigest(), "action": "disk.usage", "arguments": {},
        "action_sha256": SHA, "plan_sha256": "b7" * 32, "risk": "none", "approval": "none", "requester": "ada",
        "approver": "", "why": "", "state": "done" if states == {"done"} else state,
        "made_at": format_ms(MADE_MS - age * 1000), "expires_at": format_ms(MADE_MS + 240_000), "batches": Batches(),
        "counts": dict(Counter(command.state for command in commands)), "argvs": [["df", "-h"]], "commands": commands,
    }  # fmt: skip
    return JobView(**{**values, **more})


@dataclass
class FleetJobs:
    """The far end's answers about commands."""

    held: dict[str, JobView] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    requests: list[JobRequest] = field(default_factory=list)
    fails: NagareError | None = None
    unable: dict[str, str] = field(default_factory=dict)
    hosts: tuple[str, ...] = ()
    caller: Me = field(
        default_factory=lambda: Me(
            "bob",
            "user",
            [
                "metrics.read",
                "commands.read",
                "commands.run",
                "shells.open",
                "diagnose.read",
                "diagnose.run",
                "commands.approve",
                "tasks.read",
                "tasks.write",
                "schedules.write",
                "alerts.read",
                "notify.write",
                "alerts.write",
                "silences.write",
                "rules.write",
            ],
        )
    )
    # What followers get, by job; each put stands for one line of the wire.
    lines: asyncio.Queue[Event] = field(default_factory=asyncio.Queue)
    followers: int = 0

    def put(self, *jobs: JobView) -> None:
        """Hold ``jobs``."""
        self.held.update({job.id: job for job in jobs})

    def _check(self, what: str) -> None:
        self.asked.append(what)
        if self.fails is not None:
            raise self.fails

    async def actions(self) -> list[ActionView]:
        """Return what may run."""
        self._check("actions")
        return ACTIONS

    async def check(self, request: JobRequest) -> CheckView:
        """Return what it would run."""
        self._check("check")
        self.requests.append(request)
        action = next(action for action in ACTIONS if action.name == request.action)
        hosts = [host for host in self.hosts if request.targets.all or host in request.targets.hosts]
        words = [action.name.replace(".", "-"), *(f"{name}={value}" for name, value in request.arguments.items())]
        return CheckView(action.name, SHA, "b7" * 32, action.risk, action.risk, [words], hosts, self.unable)

    async def start(self, request: JobRequest) -> JobView:
        """Make a job of it that waits for its hosts, or for a person."""
        self._check("start")
        self.requests.append(request)
        action = next(action for action in ACTIONS if action.name == request.action)
        if action.risk == "self-confirm" and request.confirm != "b7" * 32:
            raise ConflictError("cannot run: it was not confirmed")
        state = "pending" if action.risk == "second-person" else "queued"
        job = job_of(
            f"made {len(self.held)}", [command_of(host, state) for host in request.targets.hosts], action=action.name,
            arguments=request.arguments, risk=action.risk, requester=self.caller.name, why=request.why, age_seconds=0,
        )  # fmt: skip
        self.put(job)
        return job

    async def jobs(self, fits: Fits | None = None, *, since_ms: int = 0, limit: int = 100) -> list[JobView]:
        """Return those since then, newest first, without their commands."""
        self._check("jobs")
        if "commands.read" not in self.caller.permissions:
            raise PermissionDeniedError("cannot list commands: your role does not allow it")
        newest = sorted(self.held.values(), key=lambda job: job.made_at, reverse=True)
        recent = [job for job in newest if job.made_at >= format_ms(since_ms)]
        found = [job for job in recent if fits is None or await fits(job)]
        return [msgspec.structs.replace(job, commands=[]) for job in found[:limit]]

    async def job(self, job_id: str) -> JobView:
        """Return one."""
        self._check(f"job {job_id[:4]}")
        if job_id not in self.held:
            raise NotFoundError("cannot find job: there is no such one", hint="`nagare commands list` lists them")
        return self.held[job_id]

    async def approve(self, job_id: str, plan_sha256: str) -> JobView:
        """Let it go on."""
        self._check(f"approve {plan_sha256[:4]}")
        return self._move(job_id, "pending", "queued", approver=self.caller.name, approval="second-person")

    async def reject(self, job_id: str, why: str) -> JobView:
        """Refuse it."""
        self._check(f"reject {why}")
        return self._move(job_id, "pending", "cancelled", stopped=f"rejected: {why}")

    async def cancel(self, job_id: str) -> JobView:
        """End it."""
        self._check("cancel")
        return self._move(job_id, "", "cancelled")

    def _move(self, job_id: str, state: str, following: str, **more: Any) -> JobView:
        job = self.held[job_id]
        commands = [
            command_of(command.host, following) if command.state == state or not state else command
            for command in job.commands
        ]
        if state and not any(command.state == state for command in job.commands):
            raise ConflictError("cannot decide: somebody was first")
        counts = dict(Counter(command.state for command in commands))
        now = "ended" if following == "cancelled" else "running"
        moved = msgspec.structs.replace(job, commands=commands, counts=counts, state=now, **more)
        self.put(moved)
        for command in commands:
            self.lines.put_nowait(StateLine(1, command))
        if following == "cancelled":
            self.lines.put_nowait(JobLine(1, is_end=True, state="ended"))
        return moved

    async def follow(self, job_id: str) -> AsyncGenerator[Event, None]:
        """Yield what the test put, until the end."""
        self._check(f"follow {job_id[:4]}")
        self.followers += 1
        try:
            while True:
                event = await self.lines.get()
                yield event
                if isinstance(event, JobLine) and event.is_end:
                    return
        finally:
            self.followers -= 1

    def write(self, host: str, text: str, stream: str = "stdout") -> None:
        """Have a host write something."""
        self.lines.put_nowait(OutputLine(1, host, stream, 0, text))

    def stand(self, command: CommandView) -> None:
        """Have a command stand somewhere else."""
        self.lines.put_nowait(StateLine(1, msgspec.structs.replace(command, stdout=None, stderr=None)))

    def end(self, job: JobView) -> None:
        """Have a job end as given."""
        self.put(job)
        self.lines.put_nowait(JobLine(1, is_end=True, state=job.state))
