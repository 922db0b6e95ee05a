"""Schedules as they are told over HTTP. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from nagare.automation.schedules.rules import Timetable
from nagare.lib.rfc3339 import format_ms
from nagare.model.schedule import Run, Schedule
from nagare.wire.tasks import ScheduleView

_NEXT = 5


def schedule_view(
    schedule: Schedule, last: Run | None, timetable: Timetable | None, now_ms: int, fault: str = ""
) -> ScheduleView:
    """Return a schedule as callers see it, with its next moments while it is enabled and they can be told."""
    following: list[str] = []
    if timetable is not None and schedule.enabled:
        following = [_local(moment_ms, timetable) for moment_ms in timetable.after(now_ms, _NEXT)]
    return ScheduleView(
        name=schedule.name,
        cron=schedule.cron,
        zone=schedule.zone,
        kind=schedule.kind,
        arguments=dict(schedule.arguments),
        owner=schedule.owner.name,
        enabled=schedule.enabled,
        missed=schedule.missed.value,
        missed_limit=schedule.missed_limit,
        grace_seconds=schedule.grace_seconds,
        overlap=schedule.overlap.value,
        text=schedule.text,
        made_at=format_ms(schedule.made_ms),
        changed_at=format_ms(schedule.changed_ms),
        next=following,
        last_moment_at="" if last is None else format_ms(last.moment_ms),
        last_outcome="" if last is None else last.outcome.value,
        last_task="" if last is None else last.task_id,
        via_key=schedule.owner.key_id,
        fault=fault,
        revision=schedule.revision,
    )


def _local(moment_ms: int, timetable: Timetable) -> str:
    return datetime.fromtimestamp(moment_ms / 1000, UTC).astimezone(timetable.zone).isoformat()
