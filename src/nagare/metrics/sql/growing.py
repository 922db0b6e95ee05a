"""A file that grows while a statement writes it: watched from the event loop, and the statement ended at its bounds.

DuckDB has no bound of its own for what it writes. A look a few times a second lets the file pass its bound by what is
written meanwhile; what is over at the end fails all the same.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable
from contextlib import suppress
from typing import TypeVar

from nagare.errors import DiskFullError, LimitExceededError, NagareError
from nagare.lib.clock import Clock
from nagare.metrics.engine import os_error
from nagare.metrics.sql.stop import Stop
from nagare.model.export import ExportTarget

T = TypeVar("T")
LOOK_SECONDS = 0.2


class GrowingFile:
    """The file of one export while it is written; ``reserve_bytes`` stay free beside it."""

    def __init__(self, target: ExportTarget, reserve_bytes: int, clock: Clock) -> None:
        """Watch the file of ``target``."""
        self._target = target
        self._reserve_bytes = reserve_bytes
        self._clock = clock
        self._size = 0
        self._fault: NagareError | None = None

    async def watched(self, work: Awaitable[T], stop: Stop) -> T:
        """Return what ``work`` returns, ended by ``stop`` at a bound. Raises LimitExceededError, DiskFullError, and what it raises."""
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(self._watch(stop))
            try:
                ended = await _ended(work)
            finally:
                watch.cancel()
        # Of what was stopped at a bound the statement tells only that it was stopped.
        if self._fault is not None:
            raise self._fault
        if isinstance(ended, NagareError):
            raise ended
        if (fault := await asyncio.to_thread(self._look)) is not None:
            raise fault
        return ended

    async def _watch(self, stop: Stop) -> None:
        told = 0
        while self._fault is None:
            await self._clock.sleep(LOOK_SECONDS)
            self._fault = await asyncio.to_thread(self._look)
            if self._size != told:
                told = self._size
                self._target.report(told)
        while True:
            # Again and again: an interrupt may fall between two statements.
            stop.stop()
            await self._clock.sleep(LOOK_SECONDS)

    def _look(self) -> NagareError | None:
        try:
            return self._find_fault()
        except OSError as error:
            # Returned as well: raised in a group of tasks it would arrive in a group of errors.
            return os_error("write", f"export {self._target.file.name}", error)

    def _find_fault(self) -> NagareError | None:
        file, limit = self._target.file, self._target.limit_bytes
        with suppress(FileNotFoundError):
            self._size = file.stat().st_size
        if self._size > limit:
            return LimitExceededError(
                f"cannot write export: it has more than {limit} bytes (tasks.export_limit_bytes)",
                hint="ask for fewer rows or columns, for one window of time after the other, or as parquet",
            )
        found = os.statvfs(file.parent)
        free = found.f_bavail * found.f_frsize
        if free < self._reserve_bytes:
            return DiskFullError(
                f"cannot write export: {free} bytes are free on {file.parent}, and {self._reserve_bytes} are left to the server"
                " (storage.free_reserve_bytes and more)",
                hint="free some space, or ask for less",
            )
        return None


async def _ended(work: Awaitable[T]) -> T | NagareError:
    try:
        return await work
    except NagareError as error:
        return error
