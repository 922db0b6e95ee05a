"""All that SQL may see of this room."""

from __future__ import annotations

from nagare.automation.schedules.service import Schedules
from nagare.automation.schedules.tables import schedules_table
from nagare.automation.tasks.service import Tasks
from nagare.automation.tasks.tables import tasks_table
from nagare.model.columns import RecordTable


def automation_tables(tasks: Tasks, schedules: Schedules) -> tuple[RecordTable, ...]:
    """Return the tables ``tasks`` and ``schedules``."""
    return (tasks_table(tasks.newest), schedules_table(schedules.newest))
