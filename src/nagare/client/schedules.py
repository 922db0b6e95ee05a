"""Calls about schedules: seeing, making, switching, running and removing them."""

from __future__ import annotations

from nagare.client.client import Client
from nagare.lib.names import path_name
from nagare.wire.tasks import ScheduleList, SchedulePatch, ScheduleRequest, ScheduleView, TaskView

_SCHEDULES = "/api/v1/schedules"


class ScheduleCalls:
    """The calls, through a client that is entered."""

    def __init__(self, client: Client) -> None:
        """Keep the client."""
        self._client = client

    async def schedules(self) -> list[ScheduleView]:
        """Return every schedule, by name."""
        return (await self._client.fetch(_SCHEDULES, ScheduleList)).schedules

    async def schedule(self, name: str) -> ScheduleView:
        """Return a schedule. Raises NotFoundError."""
        return await self._client.fetch(_path(name), ScheduleView)

    async def save(self, name: str, request: ScheduleRequest) -> ScheduleView:
        """Make a schedule, or change all of one; its tasks are the caller's then. Raises StaleVersionError."""
        return await self._client.send("PUT", _path(name), request, ScheduleView)

    async def enable(self, name: str, *, enabled: bool, revision: int | None = None) -> ScheduleView:
        """Switch it on or off. Raises NotFoundError, StaleVersionError where it has another ``revision``."""
        return await self._client.send("PATCH", _path(name), SchedulePatch(enabled, revision), ScheduleView)

    async def remove(self, name: str, revision: int | None = None) -> None:
        """Forget it; tasks that it made stay. Raises NotFoundError, StaleVersionError where it has another ``revision``."""
        await self._client.send("DELETE", f"{_path(name)}{_asked(revision)}", None, None)

    async def run(self, name: str, revision: int | None = None) -> TaskView:
        """Make its task now, and return it. Raises NotFoundError, StaleVersionError where it has another ``revision``."""
        return await self._client.send("POST", f"{_path(name)}/run{_asked(revision)}", None, TaskView)


def _asked(revision: int | None) -> str:
    return "" if revision is None else f"?revision={revision}"


def _path(name: str) -> str:
    return f"{_SCHEDULES}/{path_name(name)}"
