"""What screens ask about commands: the seam between them and the client's calls, which fit it as they are."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from nagare.client.commands import Fits
    from nagare.client.following import Event
    from nagare.wire.command_jobs import ActionView, CheckView, JobRequest, JobView


class JobCalls(Protocol):
    """Every call may raise NagareError."""

    async def actions(self) -> list[ActionView]:
        """Return the actions that the server knows, by name."""
        ...

    async def check(self, request: JobRequest) -> CheckView:
        """Return what ``request`` would run, where, and who must agree."""
        ...

    async def start(self, request: JobRequest) -> JobView:
        """Make a job of ``request``."""
        ...

    async def jobs(self, fits: Fits | None = None, *, since_ms: int = 0, limit: int = 100) -> list[JobView]:
        """Return at most ``limit`` jobs that were made since then, newest first, without their commands."""
        ...

    async def job(self, job_id: str) -> JobView:
        """Return a job with its commands and the output that is kept."""
        ...

    async def approve(self, job_id: str, plan_sha256: str) -> JobView:
        """Agree to the plan of that hash as the second person."""
        ...

    async def reject(self, job_id: str, why: str) -> JobView:
        """Refuse it as the second person."""
        ...

    async def cancel(self, job_id: str) -> JobView:
        """End what runs of a job, and begin nothing more of it."""
        ...

    def follow(self, job_id: str) -> AsyncGenerator[Event, None]:
        """Yield what happens to a job until it has ended."""
        ...
