"""Work that must not stop half-way because its client hung up."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from nagare.lib.tasks import TaskSupervisor


class Finisher:
    """Runs coroutines as tasks of a supervisor, so that a cancelled caller leaves them running to their end."""

    def __init__(self, tasks: TaskSupervisor) -> None:
        """Keep the owner of the tasks."""
        self._tasks = tasks

    def start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run ``coroutine`` to its end; nobody waits for it here."""
        self._tasks.start("request", coroutine)

    async def finish(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Return what ``coroutine`` returns or raise what it raises; if the caller is cancelled it runs on."""
        result: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._tasks.start("request", _settle(coroutine, result))
        try:
            return await asyncio.shield(result)
        except asyncio.CancelledError:
            # Nobody will ask for the outcome any more; its error would be reported as never retrieved.
            result.add_done_callback(_retrieve)
            raise


async def _settle(coroutine: Coroutine[Any, Any, Any], result: asyncio.Future[Any]) -> None:
    try:
        value = await coroutine
    except asyncio.CancelledError:
        result.cancel()
        raise
    except Exception as error:  # noqa: BLE001  carried to the caller, whose middleware is the one that handles it
        if not result.cancelled():
            result.set_exception(error)
    else:
        if not result.cancelled():
            result.set_result(value)


def _retrieve(result: asyncio.Future[Any]) -> None:
    if not result.cancelled():
        result.exception()
