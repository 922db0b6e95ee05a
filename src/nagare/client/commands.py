"""Calls about commands: what may be run, jobs and who agreed to them, and following one as it goes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from nagare.client.client import Client
from nagare.client.following import Event, Following
from nagare.lib.invariant import invariant
from nagare.lib.names import path_name
from nagare.lib.rfc3339 import format_ms
from nagare.model.command.job import EVERY_JOB, JobsWanted
from nagare.wire.command_jobs import (
    ActionList,
    ActionView,
    Approve,
    CheckView,
    FollowLine,
    JobList,
    JobRequest,
    JobView,
    Reject,
)

Fits = Callable[[JobView], Awaitable[bool]]
_JOBS = "/api/v1/commands"
_FOLLOW_LINE: Any = FollowLine
# Of one answer; more jobs come in pages.
_PAGE = 200


class Commands:
    """The calls, through a client that is entered."""

    def __init__(self, client: Client) -> None:
        """Keep the client."""
        self._client = client

    async def actions(self) -> list[ActionView]:
        """Return the actions that the server knows, by name."""
        return (await self._client.fetch("/api/v1/actions", ActionList)).actions

    async def check(self, request: JobRequest) -> CheckView:
        """Return what ``request`` would run, where, and who must agree; nothing is stored."""
        invariant(request.check, "what is only checked must say so, or it would run")
        return await self._client.send("POST", _JOBS, request, CheckView)

    async def start(self, request: JobRequest) -> JobView:
        """Make a job of ``request``. It is not safe to repeat: what became of one without an answer, the list tells."""
        invariant(not request.check, "a check makes no job")
        return await self._client.send("POST", _JOBS, request, JobView)

    async def jobs(
        self,
        fits: Fits | None = None,
        *,
        wanted: JobsWanted = EVERY_JOB,
        since_ms: int = 0,
        limit: int = 100,
        with_history: bool = False,
    ) -> list[JobView]:
        """Return at most ``limit`` jobs that are wanted, fit and were made since then, newest first, without their commands.

        ``with_history``: also those that left the records. What is wanted the server looks for; whether one fits is asked here, page by page, until there are enough.
        """
        # Times of one form are in the order of their texts. A server that knows no `since_ms` tells of older ones, too.
        oldest = format_ms(since_ms) if since_ms else ""
        asked = _asked(wanted, since_ms) | ({"history": "true"} if with_history else {})
        found: list[JobView] = []
        after = ""
        while len(found) < limit:
            size = _PAGE if fits else min(limit - len(found), _PAGE)
            page = await self._client.fetch(_JOBS, JobList, {**asked, "limit": str(size), **_begin(after)})
            for job in page.jobs:
                if job.made_at < oldest:
                    return found[:limit]
                if fits is None or await fits(job):
                    found.append(job)
            # A page may be empty, and others follow, where the caller may not see all jobs.
            if not page.next or page.next == after:
                break
            after = page.next
        return found[:limit]

    async def job(self, job_id: str) -> JobView:
        """Return a job with its commands and the output that is kept. Raises NotFoundError."""
        return await self._client.fetch(_path(job_id), JobView)

    async def approve(self, job_id: str, plan_sha256: str) -> JobView:
        """Agree to the plan of that hash as the second person. Raises NotFoundError, ConflictError."""
        return await self._client.send("POST", f"{_path(job_id)}/approve", Approve(plan_sha256), JobView)

    async def reject(self, job_id: str, why: str) -> JobView:
        """Refuse it as the second person. Raises NotFoundError, ConflictError."""
        return await self._client.send("POST", f"{_path(job_id)}/reject", Reject(why), JobView)

    async def cancel(self, job_id: str) -> JobView:
        """End what runs of a job, and begin nothing more of it. Raises NotFoundError, ConflictError."""
        return await self._client.send("POST", f"{_path(job_id)}/cancel", None, JobView)

    def follow(self, job_id: str) -> AsyncGenerator[Event, None]:
        """Yield what happens to a job until it has ended, through lost connections; close it when done with it."""
        return Following[FollowLine](self._client, f"{_path(job_id)}/follow", _FOLLOW_LINE).events()


def _path(job_id: str) -> str:
    return f"{_JOBS}/{path_name(job_id)}"


def _asked(wanted: JobsWanted, since_ms: int) -> dict[str, str]:
    """Return what is wanted as the query of a URL has it."""
    texts = {"state": wanted.state, "host": wanted.host, "action": wanted.action, "by": wanted.by}
    since_ms = max(since_ms, wanted.since_ms or 0)
    return {name: text for name, text in (texts | {"since_ms": str(since_ms) if since_ms else ""}).items() if text}


def _begin(after: str) -> dict[str, str]:
    return {"after": after} if after else {}
