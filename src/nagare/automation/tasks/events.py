"""What this room tells as events: tasks that ended badly."""

from __future__ import annotations

from nagare.lib.plain_text import plain
from nagare.model.event import Event, Severity
from nagare.model.task import Task, TaskState

_TEXT_LIMIT = 1000
_SEVERITY = {
    TaskState.FAILED: Severity.WARNING,
    # It may have been half done, and nobody knows.
    TaskState.LOST: Severity.HIGH,
}


def end_event(task: Task, now_ms: int) -> Event | None:
    """Return what to tell of a task that ended, None for what needs no telling."""
    severity = _SEVERITY.get(task.state)
    if severity is None:
        return None
    whose = f"schedule {task.schedule}" if task.schedule else task.owner.name
    text = f"task {task.kind} of {whose} {task.state}: {task.text or task.reason}"
    attributes = {
        "task": task.id,
        "task_kind": task.kind,
        "reason": task.reason.value,
        "owner": task.owner.name,
        "schedule": task.schedule,
    }
    kind = f"task.{task.state}"
    return Event(f"{kind}/{task.id}", now_ms, "", kind, severity, "tasks", plain(text, _TEXT_LIMIT), attributes)
