"""The one place that starts asyncio tasks: every task has an owner, a name and a policy for its death.

Lint bans ``asyncio.create_task`` elsewhere. One of the three places where ``except Exception`` may stand.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from types import TracebackType
from typing import Any, Self

from nagare.lib.backoff import Backoff
from nagare.lib.clock import Clock, SystemClock
from nagare.lib.counters import Counters

log = logging.getLogger(__name__)

Job = Callable[[], Awaitable[None]]


class TaskSupervisor:
    """Owns named tasks: restarts those that fail, with backoff, and ends them all on exit.

    ``async with TaskSupervisor() as tasks: tasks.supervise("flush", service.run)``. Leaving the block cancels every
    task and waits at most ``stop_seconds``; a task that does not end by then is named in the log.
    """

    def __init__(self, *, clock: Clock | None = None, stop_seconds: float = 10.0) -> None:
        """Prepare; nothing runs before ``async with``."""
        self._clock = clock or SystemClock()
        self._stop_seconds = stop_seconds
        self._tasks: set[asyncio.Task[None]] = set()
        self.counters = Counters()

    async def __aenter__(self) -> Self:
        """Enter the owner's scope."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cancel all and wait for them, bounded."""
        await self.stop()

    def supervise(self, name: str, job: Job, *, backoff: Backoff | None = None) -> asyncio.Task[None]:
        """Run ``job`` until cancelled; when it raises or returns it is restarted with backoff and counted."""
        return self._spawn(self._keep_running(name, job, backoff or Backoff()), name)

    def start(self, name: str, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run ``coroutine`` once; an error is logged and counted, never lost."""
        return self._spawn(self._run_once(name, coroutine), name, coroutine)

    async def stop(self) -> None:
        """Cancel every task and wait at most ``stop_seconds``."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._stop_seconds
        # Again while a task that ends starts another one.
        while pending := {task for task in self._tasks if not task.done()}:
            for task in pending:
                task.cancel()
            _, late = await asyncio.wait(pending, timeout=max(0.0, deadline - loop.time()))
            if late:
                for task in late:
                    log.error("task_did_not_stop name=%s after_seconds=%s", task.get_name(), self._stop_seconds)
                return

    def _spawn(
        self, coroutine: Coroutine[Any, Any, None], name: str, inner: Coroutine[Any, Any, None] | None = None
    ) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(coroutine, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard if inner is None else partial(self._ended, inner))
        return task

    def _ended(self, coroutine: Coroutine[Any, Any, None], task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        # Cancelled before its first step, the coroutine would never be awaited; closing a finished one does nothing.
        coroutine.close()

    async def _keep_running(self, name: str, job: Job, backoff: Backoff) -> None:
        while True:
            started = self._clock.monotonic()
            try:
                await job()
            except asyncio.CancelledError:
                if _is_cancelled():
                    raise
                # Something below the job was cancelled, not the job: a fault like any other.
                log.exception("task_failed name=%s", name)
            except Exception:
                log.exception("task_failed name=%s", name)
            # A run that lasted is a success: the next fault starts from the base delay again.
            if self._clock.monotonic() - started > backoff.cap_seconds:
                backoff.reset()
            self.counters.add(f"restarts.{name}")
            await self._clock.sleep(backoff.next_seconds())

    async def _run_once(self, name: str, coroutine: Coroutine[Any, Any, None]) -> None:
        try:
            await coroutine
        except asyncio.CancelledError:
            raise
        except Exception:
            self.counters.add(f"failures.{name}")
            log.exception("task_failed name=%s", name)


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
