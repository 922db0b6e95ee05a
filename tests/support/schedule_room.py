"""The room of schedules over real records and a real bus; its tasks wait, for nobody runs them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from nagare.automation.schedules.service import Schedules
from nagare.automation.tasks.service import Ground, Tasks
from nagare.bus.embedded.bus import EmbeddedBus
from nagare.config.settings import RecordsSettings, TaskSettings
from nagare.lib.clock import ManualClock
from nagare.records.engine import Records
from nagare.wire.tasks import ScheduleRequest
from tests.support.task_kinds import KINDS
from tests.support.task_room import Book

# 2025-10-09 08:53:20 UTC
START_MS = 1_760_000_000_000
MINUTE_MS = 60_000


@asynccontextmanager
async def schedule_server(
    folder: Path,
    number: int,
    database: RecordsSettings,
    clock: ManualClock,
    open_limit: int = 10_000,
    book: Book | None = None,
    *,
    is_alone: bool = True,
) -> AsyncIterator[tuple[Schedules, Tasks]]:
    """Give the rooms of one server."""
    neighbours = book or Book(folder)
    async with (
        Records(folder / "records.db", database) as records,
        EmbeddedBus(folder / f"bus{number}.db", clock) as bus,
        Tasks(Ground(records, bus, clock, lambda _: None, is_alone), TaskSettings(), neighbours, KINDS) as tasks,
    ):
        settings = TaskSettings(open_limit=open_limit)
        yield Schedules(records, tasks, clock, settings, neighbours.event_happened), tasks


def schedule_request(**more: Any) -> ScheduleRequest:
    """Return a schedule of every minute, but for ``more``."""
    return ScheduleRequest(**{"cron": "* * * * *", "kind": "again", **more})
