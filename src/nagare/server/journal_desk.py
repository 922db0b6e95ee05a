"""Reads journals for a diagnosis as its asker: one command each, asked for and on record as any other of theirs."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from typing import Any

from nagare.audit.service import AuditTrail
from nagare.commands.asking import Asked
from nagare.commands.service import Commands
from nagare.diagnosis.journal import ACTION, Excerpt
from nagare.errors import (
    ConflictError,
    DeadlineExceededError,
    NagareError,
    NotFoundError,
    PermissionDeniedError,
    UnavailableError,
)
from nagare.model.command.job import Job
from nagare.model.deed import Deed, Outcome
from nagare.model.principal import Permission, Principal
from nagare.wire.command_jobs import CommandView, JobLine, JobRequest, Targets, asking_only
from nagare.wire.commands import ArgumentValue

# So long an agent may take; the room of diagnoses gives up a little later.
_WAIT_SECONDS = 10.0
_LINES = 200
_WHY = "a diagnosis that its asker wanted journals for"


@dataclass(frozen=True, slots=True)
class JournalDesk:
    """Asks as ``principal``; ``deed`` is what the audit log keeps of who that is and from where."""

    commands: Commands
    audit: AuditTrail
    principal: Principal
    deed: Deed
    wait_seconds: float = _WAIT_SECONDS

    async def read(self, host: str, unit: str, since_seconds: int) -> Excerpt:
        """Return the newest lines of the unit's journal on ``host``.

        Raises PermissionDeniedError, UnavailableError where the host is away or would not, DeadlineExceededError, and what a
        request for commands raises.
        """
        arguments: dict[str, ArgumentValue] = {"unit": unit, "lines": _LINES, "since": f"{since_seconds}s"}
        expires = max(self.wait_seconds, 5.0)
        request = JobRequest(ACTION, Targets([host]), arguments, why=_WHY, expires_seconds=expires)
        told: dict[str, Any] = {"action": ACTION, "arguments": arguments, "hosts": [host], "why": _WHY}
        try:
            await self._check(host, request)
            job_id = await self._begin(request, told)
        except NagareError as error:
            is_refused = isinstance(error, PermissionDeniedError)
            outcome = Outcome.REFUSED if is_refused else Outcome.FAILED
            await self.audit.record(replace(self._deed(told), outcome=outcome, detail=error.message))
            raise
        command = await self._ended(job_id)
        if command.state != "done":
            raise UnavailableError(f"the command {command.state}: {command.text or command.reason}")
        text = "" if command.stdout is None else command.stdout.text
        return Excerpt(text, f"job {job_id}")

    async def _check(self, host: str, request: JobRequest) -> None:
        """Accept a host that is there: a command that waits for it would come long after the diagnosis."""
        if not self.principal.may(Permission.COMMANDS_READ):
            raise PermissionDeniedError("cannot run command: you may not see what it would write")
        check, _ = await self.commands.check(self.principal, asking_only(request))
        if why := check.unable.get(host):
            raise UnavailableError(f"cannot run command on {host}: {why}")

    async def _begin(self, request: JobRequest, told: dict[str, Any]) -> str:
        def deed_of(job: Job, asked: Asked) -> Deed:
            return self._deed(told | {"job": job.id, "plan_sha256": asked.plan.sha256})

        return (await self.commands.request(self.principal, request, deed_of=deed_of)).id

    def _deed(self, told: dict[str, Any]) -> Deed:
        return replace(self.deed, action="commands.run", outcome=Outcome.DONE, target=ACTION, after=told)

    async def _ended(self, job_id: str) -> CommandView:
        """Return the command once it is over. Raises DeadlineExceededError; then it is cancelled."""
        try:
            async with asyncio.timeout(self.wait_seconds):
                await self._over(job_id)
        except TimeoutError as error:
            # It may have ended meanwhile.
            with suppress(ConflictError, NotFoundError):
                await self.commands.cancel(self.principal, job_id)
            raise DeadlineExceededError(f"its agent did not answer within {self.wait_seconds:g} s") from error
        return (await self.commands.get(self.principal, job_id)).commands[0]

    async def _over(self, job_id: str) -> None:
        batches = await self.commands.follow(self.principal, job_id, 0)
        async with aclosing(batches):
            async for lines in batches:
                if any(isinstance(line, JobLine) and line.is_end for line in lines):
                    return
        raise UnavailableError(f"cannot follow job {job_id}: the server is stopping")
