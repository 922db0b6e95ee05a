"""What tasks see of users, commands and metrics, each with the rights of their owner."""

from __future__ import annotations

import math
from collections import Counter
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import cached_property

from nagare.audit.service import AuditTrail
from nagare.automation.tasks.kinds import Report
from nagare.automation.tasks.rights import LOCAL_OWNER, principal_for
from nagare.automation.workers.surroundings import installation_of
from nagare.commands.service import Commands
from nagare.config.settings import Settings
from nagare.errors import ConflictError, InputError, NagareError, NotFoundError, NotReadyError
from nagare.identity.service import Identity
from nagare.lib.clock import Clock
from nagare.model.deed import Deed, Outcome
from nagare.model.event import Event
from nagare.model.export import ExportTarget
from nagare.model.principal import ADMIN_PERMISSIONS, Permission, Principal, Rights
from nagare.model.task import Owner, Task
from nagare.server.command_book import CommandBook
from nagare.wire.codec import decode, encode
from nagare.wire.command_jobs import JobLine, JobRequest, JobView, StateLine
from nagare.wire.sql import SqlReply, SqlRequest
from nagare.wire.tasks import CommandArguments
from nagare.wire.worker import Broken, Finished, Installation

_ENDS_JOBS = frozenset({Permission.COMMANDS_READ, Permission.COMMANDS_RUN})
# A job of many hosts that write much has many lines a second.
_TOLD_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Rooms:
    """What tasks have to do with."""

    identity: Identity
    audit: AuditTrail
    commands: Commands
    book: CommandBook


class TaskBook:
    """The neighbours of the room of tasks."""

    def __init__(self, settings: Settings, rooms: Rooms, clock: Clock) -> None:
        """Keep them."""
        self._settings = settings
        self._identity = rooms.identity
        self._commands = rooms.commands
        self._book = rooms.book
        self._audit = rooms.audit
        self._clock = clock

    @cached_property
    def installation(self) -> Installation:
        """What a worker is told."""
        return installation_of(self._settings)

    async def find_principal(self, owner: Owner) -> Principal | None:
        """Return who acts for ``owner`` now; what was asked for with a key ends with it."""
        if owner.key_id and not await self._identity.api_keys.is_live(owner.key_id):
            return None
        if owner.id == LOCAL_OWNER:
            return principal_for(owner, Rights(ADMIN_PERMISSIONS, {}))
        try:
            account = await self._identity.users.get_id(owner.id)
        except NotFoundError:
            return None
        return None if account.user.disabled_ms is not None else principal_for(owner, account.rights)

    async def event_happened(self, event: Event) -> None:
        """Store an event. Raises StorageError."""
        await self._book.event_happened(event)

    async def export(self, principal: Principal, request: SqlRequest, target: ExportTarget) -> SqlReply:
        """Write what that caller sees of the answer to a file; the reply's one row is the number of rows."""
        return await self._book.export(principal, request, target)

    async def check_command(self, principal: Principal, arguments: CommandArguments) -> None:
        """Raise what asking for that job now would raise; that no host is there now does not speak against later."""
        view, _ = await self._commands.check(principal, _job_request(arguments, check=True))
        if view.risk == "self-confirm" and arguments.confirm != view.plan_sha256:
            raise InputError(
                "cannot make task command: it needs to be confirmed",
                hint=f"read what would run with `nagare run --check`, and give its plan as confirm: {view.plan_sha256}",
                errors=[{"pointer": "#/arguments/confirm", "detail": "missing, or of another plan"}],
            )

    async def run_command(
        self, principal: Principal, task: Task, arguments: CommandArguments, report: Report
    ) -> Finished | Broken:
        """Make the job of ``task``, or find the one that an earlier attempt made, and wait for its end."""
        try:
            job = await self._commands.get(principal, task.id)
        except NotFoundError:
            job = await self._begin(principal, task, arguments)
        report(0.0, f"job {job.id} is {job.state}")
        lines, states, told = await self._commands.follow(principal, job.id, 0), dict[str, str](), -math.inf
        async with aclosing(lines):
            async for batch in lines:
                for line in batch:
                    if isinstance(line, JobLine) and line.is_end:
                        return _outcome(job.id, line)
                    if isinstance(line, StateLine):
                        states[line.command.id] = line.command.state
                if self._clock.monotonic() - told >= _TOLD_SECONDS:
                    told = self._clock.monotonic()
                    report(*_progress(job, Counter(states.values())))
        raise NotReadyError(f"cannot follow job {job.id}: the server is stopping")

    async def cancel_command(self, task: Task) -> None:
        """End the job of ``task``, if there is one that is open, whatever its owner may by now."""
        by = Principal(task.owner.id, task.cancelled_by or f"task {task.id}", _ENDS_JOBS)
        try:
            await self._commands.cancel(by, task.id)
        except (NotFoundError, ConflictError):
            return

    async def _begin(self, principal: Principal, task: Task, arguments: CommandArguments) -> JobView:
        deed = Deed(
            "commands.run",
            Outcome.UNKNOWN,
            principal.name,
            principal.id,
            "task",
            target=arguments.action,
            request_id=task.id,
            after={"task": task.id, "schedule": task.schedule, "arguments": arguments.arguments},
        )
        begun = await self._audit.begin(deed)
        try:
            view = await self._commands.request(principal, _job_request(arguments, check=False), task.id)
        except NagareError as error:
            await self._audit.record(_ended(deed, Outcome.REFUSED, error.message), begun)
            raise
        await self._audit.record(_ended(deed, Outcome.DONE, f"job {view.id}"), begun)
        return view


def _ended(deed: Deed, outcome: Outcome, detail: str) -> Deed:
    return replace(deed, outcome=outcome, detail=detail)


def _job_request(arguments: CommandArguments, *, check: bool) -> JobRequest:
    values = {
        "action": arguments.action,
        "arguments": arguments.arguments,
        "targets": arguments.targets,
        "batches": arguments.batches,
        "expires_seconds": arguments.expires_seconds,
        "why": arguments.why,
        "check": check,
    }
    if not check:
        values["confirm"] = arguments.confirm
    return decode(encode(values), JobRequest)


def _progress(job: JobView, counts: Counter[str]) -> tuple[float | None, str]:
    total = sum(job.counts.values())
    over = sum(counts[state] for state in ("done", "failed", "expired", "lost", "cancelled"))
    told = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
    return (over / total if total else None), f"job {job.id}: {told}"


def _outcome(job_id: str, line: JobLine) -> Finished | Broken:
    result = {"job": job_id, "state": line.state, "counts": line.counts}
    bad = sum(count for state, count in line.counts.items() if state != "done")
    if not bad:
        return Finished(result)
    total = sum(line.counts.values())
    told = ", ".join(f"{count} {state}" for state, count in sorted(line.counts.items()) if state != "done")
    return Broken(f"{bad} of {total} commands did not end as done: {told}", result=result)
