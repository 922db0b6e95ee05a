"""Queries from the event loop: at most a few run, a few more wait, each ends by its deadline or with its caller."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from nagare.config.settings import QuerySettings
from nagare.errors import OverloadedError
from nagare.metrics.sql.messages import deadline_error

T = TypeVar("T")
# DuckDB looks for an interrupt between chunks of work; it is asked again, because one may fall between two statements.
_INTERRUPT_SECONDS = 0.05
# How long a stopped query may take to notice before its caller is answered without it.
_GRACE_SECONDS = 1.0


class QueryPool:
    """Named threads and a bounded queue before them."""

    def __init__(self, settings: QuerySettings) -> None:
        """Prepare the threads; they start with the first query."""
        self._settings = settings
        self._executor = ThreadPoolExecutor(settings.concurrency, thread_name_prefix="nagare-query")
        # Queries inside, running or waiting; a thread that DuckDB still holds counts until it returns.
        self._inside = 0

    async def run(self, work: Callable[[], T], stop: Callable[[], None]) -> T:
        """Return what ``work`` returns on a thread. Raises OverloadedError, DeadlineExceededError, and what it raises.

        ``stop`` ends the work early; it is called at the deadline and when the caller goes away.
        """
        limit = self._settings.concurrency + self._settings.queue_limit
        if self._inside >= limit:
            raise OverloadedError(f"cannot run query: {limit} run or wait already", retry_after_seconds=1)
        loop = asyncio.get_running_loop()
        self._inside += 1
        try:
            future = loop.run_in_executor(self._executor, work)
        except BaseException:
            self._inside -= 1
            raise
        future.add_done_callback(self._left)
        try:
            done, _ = await asyncio.wait({future}, timeout=self._settings.deadline_seconds)
            if not done:
                done = await _end(future, stop)
        except asyncio.CancelledError:
            _keep_stopping(loop, future, stop)
            raise
        if not done:
            _keep_stopping(loop, future, stop)
            raise deadline_error()
        return future.result()

    def close(self) -> None:
        """Take no more queries; threads end when their queries do."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _left(self, future: asyncio.Future[T]) -> None:
        self._inside -= 1
        if not future.cancelled():
            # Looked at here, so that an answer nobody waits for any more is no warning.
            future.exception()


async def _end(future: asyncio.Future[T], stop: Callable[[], None]) -> set[asyncio.Future[T]]:
    done: set[asyncio.Future[T]] = set()
    for _ in range(round(_GRACE_SECONDS / _INTERRUPT_SECONDS)):
        stop()
        done, _ = await asyncio.wait({future}, timeout=_INTERRUPT_SECONDS)
        if done:
            break
    return done


def _keep_stopping(loop: asyncio.AbstractEventLoop, future: asyncio.Future[T], stop: Callable[[], None]) -> None:
    if future.done():
        return
    stop()
    loop.call_later(_INTERRUPT_SECONDS, _keep_stopping, loop, future, stop)
