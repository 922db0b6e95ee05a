"""The one thread that owns ``bus.db``: it does all that waits in one transaction, synchronises once, and then answers.

Group commit: publishers, fetches and acks that arrive while a commit runs share the next one. The thread owns the database
and all that is known of it in memory, so nothing needs a lock but the queue.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from nagare.bus.embedded.alone import AloneLock
from nagare.bus.embedded.core import Core
from nagare.bus.embedded.database import Database
from nagare.bus.embedded.faults import as_fault, translated
from nagare.bus.embedded.state import Row
from nagare.errors import NagareError, NotReadyError, OverloadedError, StorageError

log = logging.getLogger(__name__)

T = TypeVar("T")

# What may wait for the disk: messages (an ack or a fetch counts as one), and their bytes. Beyond it, OverloadedError.
QUEUE_LIMIT = 100_000
QUEUE_LIMIT_BYTES = 64 * 2**20
# Of one group: keeps a commit to a fraction of a second.
_GROUP_COST = 20_000
_GROUP_BYTES = 16 * 2**20


@dataclass(slots=True)
class _Job:
    work: Callable[[Core], Any]
    future: asyncio.Future[Any]
    cost: int
    size: int
    outcome: Any = None
    fault: BaseException | None = None


# Told on the event loop after each commit: consumers that may have something, and messages for those who look on.
Told = Callable[[set[int], list[Row]], None]


class Writer:
    """The thread and its queue; ``submit`` on the event loop that opened it."""

    def __init__(self, path: Path, make_core: Callable[[Database], Core], told: Told) -> None:
        """Prepare; ``open`` starts the thread."""
        self._path = path
        self._database = Database(path)
        self.core = make_core(self._database)
        self._told = told
        self._alone = AloneLock(path)
        self._thread = threading.Thread(target=self._run, name="nagare-bus", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._opened: asyncio.Future[None] | None = None
        self._closed: asyncio.Future[None] | None = None
        # Jobs that go to the thread together before the loop looks at its sockets again; of the loop's thread alone.
        self._handed: list[_Job] = []
        self._cost = self._size = 0
        # Guards _jobs and _stopping.
        self._wake = threading.Condition()
        self._jobs: deque[_Job] = deque()
        self._stopping = True
        # What is known in memory may be wrong: a group failed, and the database could not be read either.
        self._is_stale = False

    async def open(self) -> None:
        """Open the database on the thread. Raises LockedError, StorageError."""
        self._loop = asyncio.get_running_loop()
        self._opened, closed = self._loop.create_future(), self._loop.create_future()
        with translated(f"open bus {self._path}"):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._alone.take()
        self._stopping, self._closed = False, closed
        self._thread.start()
        try:
            await self._opened
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Finish what was handed in, and close."""
        self._hand_over()
        with self._wake:
            self._stopping = True
            self._wake.notify()
        if self._closed is not None:
            # To its end even if the caller is cancelled: the lock must not be given away before the file is closed.
            await asyncio.shield(self._closed)

    async def submit(self, work: Callable[[Core], T], *, cost: int = 1, size: int = 0) -> T:
        """Return what ``work`` returns, once its group is on the disk. Raises what it raises, StorageError, OverloadedError.

        It runs to its end even if the caller is cancelled meanwhile. ``cost`` in messages and ``size`` in bytes count
        against the bounds of the queue.
        """
        loop = self._loop
        if self._stopping or loop is None:
            raise NotReadyError("cannot use the bus: it is not open")
        if self._cost and (self._cost + cost > QUEUE_LIMIT or self._size + size > QUEUE_LIMIT_BYTES):
            self.core.counters.add("jobs_refused")
            raise OverloadedError(
                f"cannot use the bus: {self._cost} messages wait for the disk already", retry_after_seconds=1.0
            )
        self._cost += cost
        self._size += size
        job = _Job(work, loop.create_future(), cost, size)
        self._handed.append(job)
        if len(self._handed) == 1:
            # Woken for each of them, the thread would fight the loop for the interpreter over every one.
            loop.call_soon(self._hand_over)
        result: T = await job.future
        return result

    def _hand_over(self) -> None:
        handed, self._handed = self._handed, []
        if handed:
            with self._wake:
                self._jobs.extend(handed)
                self._wake.notify()

    def _run(self) -> None:
        try:
            with translated(f"open bus {self._path}"):
                self._database.open()
                self.core.load()
        except NagareError as error:
            self._tell(_set_fault, self._opened, error)
        else:
            self._tell(_set_result, self._opened)
            self._serve()
        finally:
            self._database.close()
            self._alone.release()
            self._tell(_set_result, self._closed)

    def _serve(self) -> None:
        try:
            while group := self._next_group():
                self._commit(group)
                self._tell(self._answer, group, *self.core.take_told())
        finally:
            # However the thread ends, nobody waits for it for ever.
            with self._wake:
                self._stopping = True
                left = list(self._jobs)
            for job in left:
                job.fault = NotReadyError("cannot use the bus: it is closed")
            self._tell(self._answer, left, set(), [])

    def _next_group(self) -> list[_Job]:
        group, cost, size = [], 0, 0
        with self._wake:
            while not self._jobs and not self._stopping:
                self._wake.wait()
            while self._jobs and cost < _GROUP_COST and size < _GROUP_BYTES:
                job = self._jobs.popleft()
                group.append(job)
                cost += job.cost
                size += job.size
        return group

    def _commit(self, group: list[_Job]) -> None:
        try:
            if self._is_stale:
                self.core.load()
                self._is_stale = False
            self._database.begin()
            for job in group:
                try:
                    job.outcome = job.work(self.core)
                except NagareError as error:
                    # A verb raises before it changes anything, so the others go on.
                    job.fault = error
            self.core.flush()
            self._database.commit()
        except sqlite3.Error as error:
            self._give_up(group, as_fault(error, "write bus"))
        except Exception as error:
            log.exception("bus_group_failed")
            self._give_up(group, StorageError(f"cannot write bus: {type(error).__name__}"))

    def _give_up(self, group: list[_Job], fault: NagareError) -> None:
        # Nobody was told anything of the group, so the state before it is the truth.
        for job in group:
            job.fault = fault
        self.core.counters.add("groups_failed")
        self._is_stale = True
        try:
            self._database.roll_back()
            self.core.load()
            self._is_stale = False
        except sqlite3.Error as error:
            log.warning("bus_not_readable: %s", error)

    def _tell(self, function: Callable[..., None], *arguments: Any) -> None:
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:
            # The loop was closed without closing the bus: nobody waits any more.
            log.warning("bus_loop_gone")

    def _answer(self, group: list[_Job], woken: set[int], shown: list[Row]) -> None:
        for job in group:
            self._cost -= job.cost
            self._size -= job.size
            if job.future.done():
                continue
            if job.fault is not None:
                job.future.set_exception(job.fault)
            else:
                job.future.set_result(job.outcome)
        self._told(woken, shown)


def _set_fault(future: asyncio.Future[None], fault: BaseException) -> None:
    if not future.done():
        future.set_exception(fault)


def _set_result(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
