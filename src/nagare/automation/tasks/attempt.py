"""One attempt at a task: its lease is kept while it runs, and whatever ends it ends all of it before anybody says so.

Who cannot renew the lease in time stops by itself, before another server may take the task over: so that no task runs
twice at one time, also while the records are away.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from nagare.automation.tasks.kinds import Kind, Neighbours
from nagare.automation.tasks.rules import Ending
from nagare.automation.tasks.store import TaskStore
from nagare.automation.workers.crew import Crew
from nagare.automation.workers.worker import Worker, WorkerDiedError
from nagare.errors import NagareError, NotReadyError, StorageError, UnavailableError
from nagare.lib.clock import Clock
from nagare.model.principal import Permission, Principal
from nagare.model.task import Owner, Task, TaskReason
from nagare.wire.worker import Answer, Broken, Finished, Order

log = logging.getLogger(__name__)

TICK_SECONDS = 1.0
# Of a lease; by then who could not renew it has ended.
OWN_SHARE = 0.8
# What a renewal writes at most: a worker may tell of every block.
_PROGRESS_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Means:
    """What attempts work with."""

    store: TaskStore
    book: Neighbours
    crew: Crew
    clock: Clock
    lease_seconds: float
    memory_limit_bytes: int
    # Hears of every change of a task, also of progress that is not written yet.
    on_change: Callable[[Task], None]


class Fenced(Exception):  # noqa: N818  no error: somebody else has the task
    """The attempt is no longer this server's: nothing may be said of it."""


class Attempt:
    """One attempt; ``run`` once. ``keep_delivery`` tells the bus that somebody is at it."""

    def __init__(self, means: Means, task: Task, kind: Kind, keep_delivery: Callable[[], Any], claimed: float) -> None:
        """Prepare for ``task``, whose lease began at ``claimed`` by the monotonic clock, before it was asked for."""
        self._means = means
        self.task = task
        self._kind = kind
        self._keep_delivery = keep_delivery
        self._worker: Worker | None = None
        self._stop: Ending | None = None
        self._is_fenced = False
        self._principal: Principal | None = None
        # Why its owner may not have it done any more.
        self._refusal = ""
        self._saved = (task.progress_ratio, task.progress_text)
        self._renewed, self._began = claimed, means.clock.monotonic()

    async def run(self) -> Ending:
        """Return how it ended, when nothing of it runs any more. Raises Fenced; cancelled, all of it has ended, too."""
        if self.task.cancelled_by:
            # An earlier one could not end what goes on.
            return Ending(TaskReason.CANCELLED)
        async with asyncio.TaskGroup() as group:
            body = group.create_task(self._body())
            keeper = group.create_task(self._keep(body))
            try:
                await asyncio.wait({body})
            finally:
                keeper.cancel()
        if self._is_fenced:
            raise Fenced
        if body.cancelled():
            assert self._stop is not None
            return self._stop
        # What was done before its end was asked for is done.
        return body.result()

    def cancel(self, by: str) -> None:
        """Ask for its end now, not at the next renewal."""
        self.task = replace(self.task, cancelled_by=by)

    async def _body(self) -> Ending:
        try:
            return await self._work()
        except WorkerDiedError as error:
            return Ending(TaskReason.WORKER_DIED, error.how)
        except NagareError as error:
            return self._ending_of(error)
        except Exception as error:
            # One kind's bug is that task's failure: what else runs here goes on.
            log.exception("task_failed id=%s kind=%s", self.task.id, self.task.kind)
            return Ending(TaskReason.ERROR, f"a bug of ours: {type(error).__name__}; the server's log has the rest")

    async def _work(self) -> Ending:
        await self._look_at_owner()
        if self._principal is None or self._refusal:
            return Ending(TaskReason.NOT_ALLOWED, self._refusal)
        frame = await (self._in_server(self._principal) if self._kind.serve is not None else self._in_worker())
        if isinstance(frame, Finished):
            return Ending(result=frame.result)
        if frame.is_memory:
            return Ending(TaskReason.MEMORY, frame.text)
        return Ending(TaskReason.ERROR, frame.text, may_retry=frame.may_retry, result=frame.result)

    async def _look_at_owner(self) -> None:
        """Keep who acts for the owner now, and what speaks against it."""
        owner = self.task.owner
        principal = self._principal = await self._means.book.find_principal(owner)
        needed = (Permission.TASKS_WRITE, *self._kind.permissions)
        lacking = [] if principal is None else [each.value for each in needed if not principal.may(each)]
        if principal is None:
            self._refusal = _why_nobody(owner)
        elif lacking:
            self._refusal = f"{owner.name} lacks the permission {lacking[0]}"

    def _ending_of(self, error: NagareError) -> Ending:
        if isinstance(error, NotReadyError):
            return Ending(TaskReason.SERVER_STOPPED, error.message)
        # What the server only waits for goes on while its disk is full.
        passing = (UnavailableError,) if self._kind.serve is None else (UnavailableError, StorageError)
        return Ending(TaskReason.ERROR, error.message, may_retry=isinstance(error, passing))

    async def _in_server(self, principal: Principal) -> Finished | Broken:
        assert self._kind.serve is not None
        arguments = self._kind.read(self.task.arguments)
        return await self._kind.serve(self._means.book, principal, self.task, arguments, self._report)

    async def _in_worker(self) -> Finished | Broken:
        order = Order(
            self.task.id, self.task.made_ms, self._held_until(), self._kind.entry, dict(self.task.arguments),
            self._means.book.installation,
        )  # fmt: skip

        async with self._means.crew.worker() as worker:
            self._worker = worker
            return await worker.do(order, self._report, self._answer)

    async def _answer(self, name: str, value: dict[str, Any]) -> Answer:
        # With what its owner may now: that may be less than when the attempt began.
        call = self._kind.calls.get(name)
        if call is None:
            return Answer(fault=f"cannot call {name}: the kind {self._kind.name} may not")
        if self._principal is None:
            return Answer(fault=f"cannot call {name}: {self._refusal}")
        try:
            return Answer(await call(self._means.book, self._principal, self.task, value))
        except NagareError as error:
            return Answer(
                fault=error.message, hint=error.hint, code=error.code, may_retry=isinstance(error, UnavailableError)
            )

    def _report(self, ratio: float | None, text: str) -> None:
        self.task = replace(self.task, progress_ratio=ratio, progress_text=text[:200])
        self._means.on_change(self.task)

    async def _keep(self, body: asyncio.Task[Ending]) -> None:
        """Renew the lease, and end ``body`` when it is over, when its end was asked for, or when it takes too much."""
        clock, lease_seconds = self._means.clock, self._means.lease_seconds
        while not body.done():
            await clock.sleep(min(TICK_SECONDS, lease_seconds / 6, max(0.0, self._left_seconds())))
            now = clock.monotonic()
            is_due = now - self._renewed >= lease_seconds / 3
            told = (self.task.progress_ratio, self.task.progress_text)
            is_told = told == self._saved or now - self._renewed < _PROGRESS_SECONDS
            if (is_due or not is_told) and self._left_seconds() > 0:
                await self._renew(told)
                await self._watch_owner()
            if self._left_seconds() <= 0:
                # Nobody said that it is still ours, and soon another server may begin.
                self._is_fenced = True
            self._stop = self._why_stop(now)
            if self._is_fenced or self._stop is not None:
                body.cancel()
                return

    def _held_until(self) -> float:
        """Return until when it is certainly ours, by the monotonic clock: some of the lease is for ending what runs."""
        return self._renewed + self._means.lease_seconds * OWN_SHARE

    def _left_seconds(self) -> float:
        return self._held_until() - self._means.clock.monotonic()

    async def _renew(self, told: tuple[float | None, str]) -> None:
        began, lease_seconds = self._means.clock.monotonic(), self._means.lease_seconds
        now_ms = self._means.clock.now_ms()
        try:
            # One that hangs must not outlast what it would renew.
            async with asyncio.timeout(min(lease_seconds / 3, self._left_seconds())):
                kept = await self._means.store.renew(self.task, now_ms + round(lease_seconds * 1000), now_ms, *told)
                if kept is None:
                    self._is_fenced = True
                    return
                self._renewed, self._saved = began, told
                self.task = replace(
                    self.task, revision=kept.revision, cancelled_by=kept.cancelled_by, lease_ms=kept.lease_ms
                )
                if self._worker is not None:
                    self._worker.keep(self._held_until())
                await self._keep_delivery()
        except (NagareError, TimeoutError) as error:
            log.warning("task_lease_not_renewed id=%s: %s", self.task.id, error)

    async def _watch_owner(self) -> None:
        """Look whether the owner may still have it done; who cannot tell lets it go on."""
        try:
            # A look that hangs must not outlast the lease.
            async with asyncio.timeout(max(0.0, min(self._means.lease_seconds / 3, self._left_seconds()))):
                await self._look_at_owner()
        except (NagareError, TimeoutError) as error:
            log.warning("task_owner_not_looked_at id=%s: %s", self.task.id, error)

    def _why_stop(self, now: float) -> Ending | None:
        if self.task.cancelled_by:
            return Ending(TaskReason.CANCELLED)
        if self._refusal:
            return Ending(TaskReason.NOT_ALLOWED, f"it was ended while it ran: {self._refusal}")
        if now - self._began >= self._kind.deadline_seconds:
            return Ending(TaskReason.DEADLINE, f"it took longer than {self._kind.deadline_seconds:g} s")
        limit = self._means.memory_limit_bytes
        if self._worker is not None and (held := self._worker.memory_bytes()) > limit:
            return Ending(
                TaskReason.MEMORY,
                f"it ran out of memory (limit {limit} bytes, tasks.memory_limit_bytes): it held {held}",
            )
        return None


def _why_nobody(owner: Owner) -> str:
    also = f", or the key {owner.key_id} with which it was asked for has ended" if owner.key_id else ""
    return f"user {owner.name} is gone, or may not come in{also}"
