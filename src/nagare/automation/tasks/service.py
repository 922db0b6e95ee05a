"""Tasks: asking for them, seeing them, ending them. What runs them stands in ``runner``."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from nagare.automation.tasks.attempt import Means
from nagare.automation.tasks.following import Follower, Followers
from nagare.automation.tasks.kinds import SHIPPED, Kind, Kinds, Neighbours
from nagare.automation.tasks.rights import may_see_what, owner_of
from nagare.automation.tasks.runner import Lane, Runner
from nagare.automation.tasks.store import OpenLimits, TaskStore
from nagare.automation.tasks.views import kind_view, task_view
from nagare.automation.upkeep.exports import prune
from nagare.automation.upkeep.leftovers import remove_leftovers
from nagare.automation.workers.crew import Crew
from nagare.bus.protocol import Bus, Consumer
from nagare.config.places import Places
from nagare.config.settings import TaskSettings
from nagare.errors import ConflictError, LimitExceededError, NagareError, NotFoundError, PermissionDeniedError
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters
from nagare.lib.plain_text import plain
from nagare.model.principal import Principal
from nagare.model.task import ENDED, Owner, Task, TaskState, Wanted
from nagare.records.engine import Records
from nagare.wire.tasks import KindView, TaskLine, TaskList, TaskRequest

log = logging.getLogger(__name__)

_ALIVE_SECONDS = 15.0
# Of a task that another server may run.
_LOOK_SECONDS = 2.0
_TIDY_SECONDS = 3600.0
_STATES = frozenset(state.value for state in TaskState)


@dataclass(frozen=True, slots=True)
class Ground:
    """What the room stands on. ``is_alone``: no other server has these records, so what is said to run elsewhere does not."""

    records: Records
    bus: Bus
    clock: Clock
    watch: Callable[[Consumer], None]
    is_alone: bool = True


class Tasks:
    """The room. ``async with`` takes up what was left; ``run`` runs tasks until cancelled."""

    def __init__(self, ground: Ground, settings: TaskSettings, book: Neighbours, kinds: tuple[Kind, ...] = ()) -> None:
        """Keep the neighbours; nothing is read yet."""
        self._ground = ground
        self._settings = settings
        self._book = book
        self._limits = OpenLimits(settings.open_limit, settings.owner_open_limit)
        self._clock = ground.clock
        self.kinds = Kinds(kinds or tuple(SHIPPED.values()))
        self.counters = Counters()
        self.store = TaskStore(ground.records)
        self._followers = Followers()
        self.crew = Crew(ground.clock, settings.idle_seconds, self.counters, settings.memory_limit_bytes)
        means = Means(
            self.store, book, self.crew, ground.clock, settings.lease_seconds, settings.memory_limit_bytes,
            self._followers.changed,
        )  # fmt: skip
        name = f"server-{uuid.uuid4().hex}"
        self.runner = Runner(name, means, self.kinds, ground.bus, self.counters, is_alone=ground.is_alone)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Open the consumers and decide about what a server that is gone left running. Raises UnavailableError, StorageError."""
        open_limit = self._settings.open_limit
        lanes = [
            Lane("task-workers", self.kinds.in_workers(), self._settings.workers, open_limit),
            Lane("task-exports", self.kinds.single(), min(1, self._settings.workers), open_limit),
            Lane("task-server", self.kinds.light(), self._settings.waiting_limit, open_limit),
        ]
        await self.runner.open([lane for lane in lanes if lane.kinds], self._settings.lease_seconds, self._ground.watch)
        await self.runner.take_over(is_alone=self._ground.is_alone)
        await self._stack.enter_async_context(self.crew)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End followers and workers; everything else is written already."""
        self.end_connections()
        await self._stack.aclose()

    async def run(self) -> None:
        """Run tasks, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.runner.run(), name="tasks.runner")
            tasks.create_task(self.crew.run(), name="tasks.crew")
            tasks.create_task(self._tidy(), name="tasks.tidy")

    async def counts(self) -> dict[str, int]:
        """Return how many tasks are in each state."""
        return {**dict.fromkeys(sorted(_STATES), 0), **await self.store.counts()}

    def describe_kinds(self, principal: Principal) -> list[KindView]:
        """Return every kind, by name."""
        return [kind_view(kind, principal) for kind in self.kinds]

    async def submit(self, principal: Principal, request: TaskRequest) -> Task:
        """Make a task, or return the one that was made with the same key.

        Raises InputError, NotFoundError, PermissionDeniedError, ConflictError, RateLimitedError, LimitExceededError.
        """
        owner = owner_of(principal)
        await self.check(principal, request.kind, request)
        task = self.make(owner, request)
        try:
            kept, is_new = await self.store.add(task, self._limits)
        except LimitExceededError:
            self.counters.add("tasks_refused")
            raise
        if not is_new and (kept.kind, dict(kept.arguments)) != (task.kind, dict(task.arguments)):
            raise ConflictError(
                f"cannot make task {request.kind}: task {kept.id} has the key {plain(request.key, 40)!r}, and is another one",
                hint="use another key",
            )
        if is_new:
            await self.begin(kept)
        return kept

    async def check(self, principal: Principal, kind_name: str, request: TaskRequest) -> None:
        """Raise what speaks against such a task of ``principal`` now."""
        kind = self.kinds.get(kind_name)
        lacking = [permission.value for permission in kind.permissions if not principal.may(permission)]
        if lacking:
            raise PermissionDeniedError(f"cannot make task {kind.name}: you lack the permission {lacking[0]}")
        arguments = kind.read(request.arguments)
        if kind.check is not None:
            await kind.check(self._book, principal, arguments)

    def make(self, owner: Owner, request: TaskRequest, schedule: str = "", moment_ms: int | None = None) -> Task:
        """Return a new task, which is not kept yet."""
        now_ms = self._clock.now_ms()
        return Task(
            id=uuid.uuid4().hex,
            kind=request.kind,
            arguments=request.arguments,
            owner=owner,
            key=request.key or None,
            made_ms=now_ms,
            due_ms=now_ms,
            changed_ms=now_ms,
            schedule=schedule,
            moment_ms=moment_ms,
        )

    async def begin(self, task: Task) -> None:
        """Say that a task which is kept waits."""
        log.info("task_made id=%s kind=%s owner=%s schedule=%s", task.id, task.kind, task.owner.name, task.schedule)
        await self.runner.announce([task])

    async def get(self, task_id: str) -> Task:
        """Return the task of that id, with the newest word of its progress. Raises NotFoundError."""
        task = await self.store.find(task_id)
        if task is None:
            raise NotFoundError(
                f"cannot find task {plain(task_id, 40)!r}: there is none", hint="nagare tasks list lists them"
            )
        running = self.runner.find(task_id)
        return task if running is None or task.state is not TaskState.RUNNING else running.task

    async def find_file(self, principal: Principal, task_id: str) -> tuple[Path, str]:
        """Return the file that a task made, and a name for it.

        It holds what its owner saw, so nobody else gets it, nor a key of its owner's that may see less.
        Raises NotFoundError, PermissionDeniedError.
        """
        task = await self.get(task_id)
        name = str((task.result or {}).get("file", ""))
        kind = self.kinds.find(task.kind)
        if not may_see_what(task.owner, principal, () if kind is None else kind.permissions):
            raise PermissionDeniedError(
                f"cannot fetch the file of task {task_id}: it is {task.owner.name}'s alone",
                hint="a key gets it when it may see all that the task could",
            )
        file = Places(Path(self._book.installation.data)).exports / name
        if not name or not await asyncio.to_thread(file.is_file):
            raise NotFoundError(
                f"cannot find the file of task {task_id}: " + ("it is gone" if name else "it made none"),
                hint="ask for it again: exports are kept for tasks.export_seconds",
            )
        return file, f"{task.kind}-{name}"

    async def tasks(self, wanted: Wanted, limit: int, after: str) -> TaskList:
        """Return tasks, the newest first."""
        found = await self.store.page(wanted, limit + 1, after)
        more = found[limit - 1].id if len(found) > limit else ""
        return TaskList([task_view(task) for task in found[:limit]], more)

    async def newest(self, limit: int) -> list[Task]:
        """Return the tasks that were asked for last, the newest first."""
        return await self.store.page(Wanted(), limit)

    async def cancel(self, principal: Principal, task_id: str) -> Task:
        """End a task: at once where it waits, soon where it runs. Raises NotFoundError, ConflictError."""
        cancelled = None
        while cancelled is None:
            task = await self.get(task_id)
            if task.state in ENDED:
                raise ConflictError(f"cannot cancel task {task_id}: it is {task.state}", hint="look at the task again")
            await self._stop_waiting(replace(task, cancelled_by=principal.name))
            # None: since then another attempt began, or the task is over.
            cancelled = await self.store.cancel(task, principal.name, self._clock.now_ms())
        if (running := self.runner.find(task_id)) is not None and cancelled.state not in ENDED:
            running.cancel(principal.name)
        if cancelled.state in ENDED:
            self.counters.add(f"tasks_{cancelled.state}")
        self._followers.changed(cancelled)
        return cancelled

    async def _stop_waiting(self, task: Task) -> None:
        """End what an earlier attempt began and left; who runs a task does it himself."""
        kind = self.kinds.find(task.kind)
        if task.state is TaskState.QUEUED and task.attempt and kind is not None and kind.stop is not None:
            await kind.stop(self._book, task)

    async def follow(self, principal: Principal, task_id: str) -> AsyncGenerator[TaskLine, None]:
        """Return what yields how a task is, until it has ended. Raises NotFoundError."""
        return self._lines(principal, await self.get(task_id))

    def count_followers(self) -> int:
        """Return how many follow a task now."""
        return len(self._followers)

    def end_principals(self, ids: set[str]) -> None:
        """End what callers follow whose credentials were revoked."""
        for follower in self._followers:
            if follower.principal_id in ids:
                follower.end("credentials were revoked")

    def end_connections(self) -> None:
        """End every follower: the server stops."""
        for follower in self._followers:
            follower.end("server is stopping")

    async def _lines(self, principal: Principal, task: Task) -> AsyncGenerator[TaskLine, None]:
        with self._followers.follow(task.id, principal.id) as follower:
            told, heard = None, self._clock.monotonic()
            task = await self.get(task.id)
            while not follower.ending:
                if task != told or self._clock.monotonic() - heard >= _ALIVE_SECONDS:
                    told, heard = task, self._clock.monotonic()
                    is_end = task.state in ENDED
                    yield TaskLine(task.revision, is_end, task_view(task))
                    if is_end:
                        return
                task = await self._newest(follower, task)

    async def _newest(self, follower: Follower, task: Task) -> Task:
        if await follower.wait(_LOOK_SECONDS) and follower.newest is not None:
            return follower.newest
        found = await self.store.find(task.id)
        # The records know less of a progress that is told here and not written yet.
        return task if found is None or found.revision <= task.revision else found

    async def _tidy(self) -> None:
        """Forget tasks that ended long ago, until cancelled."""
        while True:
            before_ms = self._clock.now_ms() - round(self._settings.kept_seconds * 1000)
            try:
                while await self.store.forget(before_ms):
                    pass
                await asyncio.to_thread(self._tidy_files)
            except (NagareError, OSError) as error:
                log.warning("tasks_not_tidied: %s", error)
            await self._clock.sleep(_TIDY_SECONDS)

    def _tidy_files(self) -> None:
        settings, data, now_ms = self._settings, Path(self._book.installation.data), self._clock.now_ms()
        prune(Places(data).exports, settings.export_seconds, settings.export_limit_bytes, now_ms)
        if removed := remove_leftovers(data, settings.backup_directory, now_ms):
            log.info("leftovers_removed files=%s", ",".join(removed))
