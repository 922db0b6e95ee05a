"""Tasks and schedules as rows of lists. Texts are foreign: arguments, reasons and names are made plain."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from nagare.lib.plain_text import plain
from nagare.model.task import ENDED, TaskState
from nagare.tui.jobs.rows import moment_ms
from nagare.tui.renderables.table_cells import CellKind, ColumnSpec

if TYPE_CHECKING:
    from nagare.wire.tasks import ScheduleView, TaskView

_TEXT_LIMIT = 300

TASK_COLUMNS = (
    ColumnSpec("state", "state", CellKind.STATE, 11, 0, help="how far it has come"),
    ColumnSpec("kind", "task", CellKind.TEXT, 14, 0, grow=True, help="what kind of work"),
    ColumnSpec("progress", "done", CellKind.RATIO, 6, 1, gradient=True, help="its progress, as far as anybody can tell"),
    ColumnSpec("age", "age", CellKind.AGE, 6, 1, help="time since it was asked for"),
    ColumnSpec("told", "what it does, or why it ended", CellKind.TEXT, 20, 2, grow=True, help="its own words, or why it ended as it did"),
    ColumnSpec("owner", "owner", CellKind.TEXT, 10, 3, help="on whose behalf"),
    ColumnSpec("took", "took", CellKind.SECONDS, 7, 4, help="time from its start to its end, or until now"),
    ColumnSpec("attempt", "try", CellKind.NUMBER, 3, 5, help="which attempt"),
    ColumnSpec("schedule", "schedule", CellKind.TEXT, 12, 6, help="the schedule that made it"),
    ColumnSpec("with", "with", CellKind.TEXT, 16, 7, grow=True, help="its arguments"),
    ColumnSpec("runner", "worker", CellKind.TEXT, 12, 8, help="who runs it"),
    ColumnSpec("id", "id", CellKind.TEXT, 9, 9, help="the id that the command line takes"),
    ColumnSpec("order", "", CellKind.NUMBER, 1, 99, help="what is open first, then the newest"),
)  # fmt: skip
SCHEDULE_COLUMNS = (
    ColumnSpec("state", "is", CellKind.STATE, 7, 0, help="whether it is on, and can make its tasks"),
    ColumnSpec("name", "schedule", CellKind.TEXT, 16, 0, grow=True, help="its name"),
    ColumnSpec("next", "next in", CellKind.SECONDS, 8, 1, help="time until its next moment"),
    ColumnSpec("cron", "when", CellKind.TEXT, 16, 1, help="its moments, in its own zone"),
    ColumnSpec("kind", "task", CellKind.TEXT, 14, 2, help="what kind of work it makes"),
    ColumnSpec("last", "last", CellKind.AGE, 6, 3, help="time since its last moment"),
    ColumnSpec("outcome", "became", CellKind.TEXT, 12, 3, help="what became of its last moment"),
    ColumnSpec("zone", "zone", CellKind.TEXT, 14, 4, help="the zone of its moments"),
    ColumnSpec("owner", "owner", CellKind.TEXT, 10, 5, help="on whose behalf its tasks run"),
    ColumnSpec("missed", "missed", CellKind.TEXT, 8, 6, help="what becomes of moments at which no server was up"),
    ColumnSpec("overlap", "overlap", CellKind.TEXT, 8, 7, help="what becomes of a moment while the last task still runs"),
    ColumnSpec("text", "what for", CellKind.TEXT, 16, 8, grow=True, help="what it is for"),
    ColumnSpec("order", "", CellKind.NUMBER, 1, 99, help="what cannot run first, then the next one, what is off last"),
)  # fmt: skip
_FIRST = 1e15


def is_open(task: TaskView) -> bool:
    """Tell whether a task still waits or runs."""
    return task.state not in ENDED


def task_row(task: TaskView, now_ms: int) -> dict[str, Any]:
    """Return the cells of one task."""
    made_ms = moment_ms(task.made_at) or now_ms
    started_ms = moment_ms(task.started_at)
    ended_ms = moment_ms(task.ended_at) or now_ms
    return {
        "state": "started" if task.state == TaskState.RUNNING else plain(task.state),
        "kind": plain(task.kind),
        "progress": 1.0 if task.state == TaskState.DONE else task.progress_ratio,
        "age": max(0.0, (now_ms - made_ms) // 1000),
        "told": _told(task),
        "owner": plain(task.owner),
        "took": None if started_ms is None else max(0, ended_ms - started_ms) / 1000,
        "attempt": float(task.attempt),
        "schedule": plain(task.schedule),
        "with": as_text(task.arguments),
        "runner": plain(task.runner),
        "id": plain(task.id),
        "order": -made_ms - (_FIRST if is_open(task) else 0.0),
    }


def _told(task: TaskView) -> str:
    if is_open(task) and task.progress_text:
        return plain(task.progress_text, _TEXT_LIMIT)
    ended_by = f" by {task.cancelled_by}" if task.cancelled_by else ""
    return plain(": ".join(filter(None, (f"{task.reason}{ended_by}", task.text))), _TEXT_LIMIT)


def as_text(document: Any) -> str:
    """Return a document in one line, empty for an empty one."""
    return plain(json.dumps(document, ensure_ascii=False, sort_keys=True), _TEXT_LIMIT) if document else ""


def schedule_row(schedule: ScheduleView, now_ms: int) -> dict[str, Any]:
    """Return the cells of one schedule."""
    next_ms = moment_ms(next(iter(schedule.next), ""))
    last_ms = moment_ms(schedule.last_moment_at)
    waits = None if next_ms is None or not schedule.enabled else max(0.0, (next_ms - now_ms) / 1000)
    return {
        "state": _schedule_state(schedule),
        "name": plain(schedule.name),
        "next": waits,
        "cron": plain(schedule.cron),
        "kind": plain(schedule.kind),
        "last": None if last_ms is None else max(0.0, (now_ms - last_ms) // 1000),
        "outcome": plain(schedule.last_outcome),
        "zone": plain(schedule.zone),
        "owner": plain(schedule.owner),
        "missed": plain(schedule.missed),
        "overlap": plain(schedule.overlap),
        "text": plain(schedule.text, _TEXT_LIMIT),
        "order": _schedule_order(schedule, waits, next_ms),
    }


def _schedule_state(schedule: ScheduleView) -> str:
    if not schedule.enabled:
        return "off"
    return "fault" if schedule.fault else "on"


def _schedule_order(schedule: ScheduleView, waits: float | None, next_ms: int | None) -> float:
    if schedule.enabled and schedule.fault:
        return -_FIRST
    return _FIRST if waits is None else float(next_ms or 0)
