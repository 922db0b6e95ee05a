"""Calls about tasks: which kinds there are, making, seeing, following and ending them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import TYPE_CHECKING, Any

from nagare.client.client import Client
from nagare.client.following import Cut, Following, Resumed
from nagare.errors import DeadlineExceededError
from nagare.lib.names import path_name
from nagare.wire.tasks import KindList, KindView, TaskLine, TaskList, TaskRequest, TaskView

if TYPE_CHECKING:
    from nagare.net.lines import LineStream

_TASKS = "/api/v1/tasks"
# Of one answer; more come in pages.
_PAGE = 500
# Between two pieces of a file, however large it is.
_SILENCE_SECONDS = 60.0
TaskEvent = Cut | Resumed | TaskLine


class TaskCalls:
    """The calls, through a client that is entered."""

    def __init__(self, client: Client) -> None:
        """Keep the client."""
        self._client = client

    async def kinds(self) -> list[KindView]:
        """Return the kinds that the server knows, by name."""
        return (await self._client.fetch(f"{_TASKS}/kinds", KindList)).kinds

    async def submit(self, kind: str, arguments: Mapping[str, Any], key: str = "") -> TaskView:
        """Make a task. With a ``key`` it is safe to repeat: one key is one task."""
        return await self._client.send("POST", _TASKS, TaskRequest(kind, dict(arguments), key), TaskView)

    async def tasks(self, limit: int = 100, **wanted: str) -> list[TaskView]:
        """Return at most ``limit`` tasks, newest first; ``wanted``: state (some, by commas), kind, schedule, owner, since_ms."""
        found: list[TaskView] = []
        after = ""
        while len(found) < limit:
            query = {**wanted, "limit": str(min(limit - len(found), _PAGE)), "after": after}
            page = await self._client.fetch(_TASKS, TaskList, {name: text for name, text in query.items() if text})
            found += page.tasks
            if not page.next:
                break
            after = page.next
        return found

    async def task(self, task_id: str) -> TaskView:
        """Return a task. Raises NotFoundError."""
        return await self._client.fetch(_path(task_id), TaskView)

    async def cancel(self, task_id: str) -> TaskView:
        """End a task. Raises NotFoundError, ConflictError for one that is over."""
        return await self._client.send("POST", f"{_path(task_id)}/cancel", None, TaskView)

    async def download(self, task_id: str, write: Callable[[bytes], object]) -> int:
        """Give the file that a task made to ``write``, piece by piece; return its size.

        Raises NotFoundError, PermissionDeniedError, ConnectFailedError, DeadlineExceededError, and what ``write`` raises.
        """
        stream = await self._client.open_lines(f"{_path(task_id)}/file")
        size = 0
        try:
            while piece := await _next_piece(stream, task_id):
                write(piece)
                size += len(piece)
        finally:
            await stream.close()
        return size

    def follow(self, task_id: str) -> AsyncGenerator[TaskEvent, None]:
        """Yield how a task is until it has ended, through lost connections; close it when done with it."""
        return Following(self._client, f"{_path(task_id)}/follow", TaskLine).events()


async def _next_piece(stream: LineStream, task_id: str) -> bytes:
    try:
        async with asyncio.timeout(_SILENCE_SECONDS):
            return await stream.receive_piece()
    except TimeoutError as late:
        raise DeadlineExceededError(
            f"cannot download the file of task {task_id}: nothing came for {_SILENCE_SECONDS:g} s", hint="try again"
        ) from late


def _path(task_id: str) -> str:
    return f"{_TASKS}/{path_name(task_id)}"
