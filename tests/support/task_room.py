"""The room of tasks over real records, a real bus and real workers, without a server around it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nagare.automation.tasks.kinds import Kind
from nagare.automation.tasks.rights import principal_for
from nagare.automation.tasks.service import Ground, Tasks
from nagare.bus.protocol import Bus
from nagare.config.settings import TaskSettings
from nagare.errors import NagareError
from nagare.lib.clock import Clock, SystemClock
from nagare.model.event import Event
from nagare.model.principal import ADMIN_PERMISSIONS, Principal, PrincipalKind, Rights
from nagare.model.task import ENDED, Owner, Task
from nagare.records.engine import Records
from nagare.wire.sql import SqlColumn, SqlReply
from nagare.wire.tasks import TaskRequest
from nagare.wire.worker import Installation
from tests.support.task_kinds import KINDS

LOCAL = Principal("t1", "local", ADMIN_PERMISSIONS, kind=PrincipalKind.LOCAL)
PATIENCE_SECONDS = 60.0


def _set_event() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@dataclass
class Book:
    """The neighbours: everybody is the owner of this machine, unless ``gone`` says so."""

    folder: Path
    events: list[Event] = field(default_factory=list)
    rights: Rights = field(default_factory=lambda: Rights(ADMIN_PERMISSIONS, {}))
    is_gone: bool = False
    reply: SqlReply = field(
        default_factory=lambda: SqlReply([SqlColumn("n", "INTEGER")], [[2]], truncated=False, tier="raw", elapsed_ms=0)
    )
    export_fault: NagareError | None = None
    # Unset, an export waits before it writes.
    may_export: asyncio.Event = field(default_factory=_set_event)

    @property
    def installation(self) -> Installation:
        return Installation(str(self.folder), export_limit_bytes=2**20, export_seconds=3600.0)

    async def find_principal(self, owner: Owner) -> Principal | None:
        return None if self.is_gone else principal_for(owner, self.rights)

    async def event_happened(self, event: Event) -> None:
        self.events.append(event)

    async def export(self, principal: Any, request: Any, target: Any) -> SqlReply:
        if self.export_fault is not None:
            raise self.export_fault
        target.report(4)
        await self.may_export.wait()
        await asyncio.to_thread(target.file.write_bytes, b"1\n2\n")
        return self.reply

    async def check_command(self, principal: Any, arguments: Any) -> None:
        raise AssertionError("no commands here")

    async def run_command(self, principal: Any, task: Any, arguments: Any, report: Any) -> Any:
        raise AssertionError("no commands here")

    async def cancel_command(self, task: Any) -> None:
        raise AssertionError("no commands here")


@dataclass
class Room:
    """A running room."""

    tasks: Tasks
    book: Book

    async def submit(self, kind: str = "again", key: str = "", **arguments: Any) -> Task:
        """Make a task of the owner of this machine."""
        return await self.tasks.submit(LOCAL, TaskRequest(kind, arguments, key))

    async def ended(self, task: Task) -> Task:
        """Return a task when it has ended."""
        return await self.until(task, lambda found: found.state in ENDED)

    async def until(self, task: Task, holds: Callable[[Task], bool]) -> Task:
        """Return a task when ``holds`` of it."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        lines = await self.tasks.follow(LOCAL, task.id)
        async for _ in lines:
            found = await self.tasks.get(task.id)
            if holds(found):
                await lines.aclose()
                return found
            assert time.monotonic() < deadline, found
        found = await self.tasks.get(task.id)
        assert holds(found), found
        return found


@asynccontextmanager
async def room(
    records: Records,
    bus: Bus,
    folder: Path,
    *,
    kinds: tuple[Kind, ...] = KINDS,
    clock: Clock | None = None,
    is_alone: bool = True,
    **settings: Any,
) -> AsyncIterator[Room]:
    """Give a room that runs."""
    book = Book(folder)
    ground = Ground(records, bus, clock or SystemClock(), lambda _: None, is_alone)
    made = Tasks(ground, TaskSettings(**{"lease_seconds": 3.0, **settings}), book, kinds)
    async with made as tasks, asyncio.TaskGroup() as group:
        running = group.create_task(tasks.run())
        yield Room(tasks, book)
        running.cancel()
