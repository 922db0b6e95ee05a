"""What screens ask about tasks and schedules: the seam between them and the client's calls, which fit it as they are."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from nagare.client.tasks import TaskEvent
    from nagare.wire.tasks import KindView, ScheduleRequest, ScheduleView, TaskView


class TaskSeam(Protocol):
    """Every call may raise NagareError."""

    async def tasks(self, limit: int = 100, **wanted: str) -> list[TaskView]:
        """Return at most ``limit`` tasks, newest first."""
        ...

    async def kinds(self) -> list[KindView]:
        """Return the kinds that the server knows, by name."""
        ...

    async def cancel(self, task_id: str) -> TaskView:
        """End a task."""
        ...

    async def submit(self, kind: str, arguments: Mapping[str, Any], key: str = "") -> TaskView:
        """Make a task."""
        ...

    def follow(self, task_id: str) -> AsyncGenerator[TaskEvent, None]:
        """Yield how a task is until it has ended."""
        ...

    async def download(self, task_id: str, write: Callable[[bytes], object]) -> int:
        """Give the file that a task made to ``write``, piece by piece; return its size."""
        ...


class ScheduleSeam(Protocol):
    """Every call may raise NagareError."""

    async def schedules(self) -> list[ScheduleView]:
        """Return every schedule, by name."""
        ...

    async def save(self, name: str, request: ScheduleRequest) -> ScheduleView:
        """Make a schedule, or change all of one."""
        ...

    async def enable(self, name: str, *, enabled: bool, revision: int | None = None) -> ScheduleView:
        """Switch it on or off, as it was read."""
        ...

    async def run(self, name: str, revision: int | None = None) -> TaskView:
        """Make its task now, as it was read."""
        ...
