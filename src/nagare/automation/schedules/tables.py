"""What SQL may see of schedules: the table ``schedules``."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

from nagare.model.columns import Cell, Columns, RecordTable
from nagare.model.schedule import Schedule
from nagare.model.tables import Column, ColumnKind, ColumnType, Table

_TEXT, _INTEGER, _ATTRIBUTE = ColumnType.TEXT, ColumnType.INTEGER, ColumnKind.ATTRIBUTE
SCHEDULES = Table(
    "schedules",
    "The schedules, for who has `schedules.read`; `ts` is when one was changed, `host` is null.",
    (
        Column("ts", _INTEGER, _ATTRIBUTE, "when it was changed last"),
        Column("host", _TEXT, _ATTRIBUTE, "of no host: null"),
        Column("name", _TEXT, ColumnKind.KEY, "name of the schedule"),
        Column("cron", _TEXT, _ATTRIBUTE, "its moments, as a cron expression"),
        Column("zone", _TEXT, _ATTRIBUTE, "zone of that expression"),
        Column("kind", _TEXT, _ATTRIBUTE, "kind of its tasks"),
        Column("arguments", _TEXT, _ATTRIBUTE, "their arguments, as JSON"),
        Column("owner", _TEXT, _ATTRIBUTE, "on whose behalf they run"),
        Column("enabled", ColumnType.BOOLEAN, _ATTRIBUTE, "whether it makes tasks"),
        Column("missed", _TEXT, _ATTRIBUTE, "what becomes of missed moments: skip, run-once, run-all"),
        Column("overlap", _TEXT, _ATTRIBUTE, "what becomes of a moment while an earlier run is not over: skip, queue"),
        Column("next_ms", _INTEGER, _ATTRIBUTE, "Unix milliseconds of its next moment; null where there is none"),
    ),
)


def schedules_table(newest: Callable[[], Awaitable[list[tuple[Schedule, int | None]]]]) -> RecordTable:
    """Return the table over ``newest``."""

    async def fetch() -> Columns:
        columns: dict[str, list[Cell]] = {column.name: [] for column in SCHEDULES.columns}
        for schedule, next_ms in await newest():
            for cells, cell in zip(columns.values(), _row(schedule, next_ms), strict=True):
                cells.append(cell)
        return columns

    return RecordTable(SCHEDULES, fetch)


def _row(schedule: Schedule, next_ms: int | None) -> tuple[Cell, ...]:
    return (
        schedule.changed_ms,
        None,
        schedule.name,
        schedule.cron,
        schedule.zone,
        schedule.kind,
        json.dumps(schedule.arguments),
        schedule.owner.name,
        schedule.enabled,
        schedule.missed.value,
        schedule.overlap.value,
        next_ms if schedule.enabled else None,
    )
