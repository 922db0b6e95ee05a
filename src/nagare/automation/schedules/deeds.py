"""What the audit log says of runs that schedules made. Pure.

A schedule acts without anybody's hand, and may do so every minute for years, while entries stay for ever: so the first run
of an hour has an entry of its own, and those that follow within the hour are counted by the next one.
"""

from __future__ import annotations

from typing import Any

from nagare.lib.rfc3339 import format_ms
from nagare.model.deed import Deed, Outcome
from nagare.model.schedule import Schedule
from nagare.model.task import Task

# As the route has it by which people ask for tasks.
ACTION = "tasks.submit"
ACTOR_KIND = "schedule"
TOLD_MS = 3_600_000


def is_told(told_ms: int | None, now_ms: int) -> bool:
    """Tell whether a run of this hour has an entry; one of a clock that was ahead does not count."""
    return told_ms is not None and 0 <= now_ms - told_ms < TOLD_MS


def run_deed(schedule: Schedule, count: int, task: Task | None = None) -> Deed:
    """Return the deed of ``count`` runs, of which ``task`` is the newest; None where it came earlier."""
    after: dict[str, Any] = {"schedule": schedule.name, "revision": schedule.revision, "kind": schedule.kind}
    if schedule.owner.key_id:
        after["via_key"] = schedule.owner.key_id
    if task is not None:
        moment_at = "" if task.moment_ms is None else format_ms(task.moment_ms)
        after |= {"task": task.id, "moment": moment_at}
    return Deed(
        ACTION,
        Outcome.DONE,
        schedule.owner.name,
        schedule.owner.id,
        ACTOR_KIND,
        target=schedule.kind,
        request_id="" if task is None else task.id,
        detail=f"by schedule {schedule.name}",
        after=after,
        count=count,
    )
