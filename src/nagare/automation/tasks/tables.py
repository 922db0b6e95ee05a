"""What SQL may see of tasks: the table ``tasks``."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

from nagare.model.columns import Cell, Columns, RecordTable
from nagare.model.tables import Column, ColumnKind, ColumnType, Table
from nagare.model.task import Task

# What one statement reads.
TASKS_LIMIT = 50_000
_TEXT, _INTEGER, _ATTRIBUTE = ColumnType.TEXT, ColumnType.INTEGER, ColumnKind.ATTRIBUTE
TASKS = Table(
    "tasks",
    f"The newest {TASKS_LIMIT} tasks, for who has `tasks.read`; `host` is null.",
    (
        Column("ts", _INTEGER, _ATTRIBUTE, "when it was asked for"),
        Column("host", _TEXT, _ATTRIBUTE, "of no host: null"),
        Column("id", _TEXT, ColumnKind.KEY, "id of the task"),
        Column("kind", _TEXT, _ATTRIBUTE, "what it does"),
        Column("arguments", _TEXT, _ATTRIBUTE, "its arguments, as JSON"),
        Column("owner", _TEXT, _ATTRIBUTE, "on whose behalf"),
        Column("schedule", _TEXT, _ATTRIBUTE, "the schedule that made it, empty for none"),
        Column("state", _TEXT, _ATTRIBUTE, "queued, running, done, failed, cancelled, lost"),
        Column("reason", _TEXT, _ATTRIBUTE, "why it, or its last attempt, ended as it did; empty for what went well"),
        Column("text", _TEXT, _ATTRIBUTE, "the same in words"),
        Column("attempt", _INTEGER, _ATTRIBUTE, "attempts that began"),
        Column("started_ms", _INTEGER, _ATTRIBUTE, "Unix milliseconds when the last attempt began; null before"),
        Column("ended_ms", _INTEGER, _ATTRIBUTE, "Unix milliseconds when it ended; null before"),
        Column("progress_ratio", ColumnType.FLOAT, ColumnKind.GAUGE, "how far it is; null where nobody can tell"),
        Column("result", _TEXT, _ATTRIBUTE, "its result as JSON; null without one"),
    ),
)


def tasks_table(newest: Callable[[int], Awaitable[list[Task]]]) -> RecordTable:
    """Return the table over ``newest``."""

    async def fetch() -> Columns:
        columns: dict[str, list[Cell]] = {column.name: [] for column in TASKS.columns}
        for task in await newest(TASKS_LIMIT):
            for cells, cell in zip(columns.values(), _row(task), strict=True):
                cells.append(cell)
        return columns

    return RecordTable(TASKS, fetch)


def _row(task: Task) -> tuple[Cell, ...]:
    return (
        task.made_ms,
        None,
        task.id,
        task.kind,
        json.dumps(task.arguments),
        task.owner.name,
        task.schedule,
        task.state.value,
        task.reason.value,
        task.text,
        task.attempt,
        task.started_ms,
        task.ended_ms,
        task.progress_ratio,
        None if task.result is None else json.dumps(task.result),
    )
