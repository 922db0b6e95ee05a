"""Tasks and kinds as they are told over HTTP. Pure."""

from __future__ import annotations

from typing import Any

from nagare.automation.tasks.kinds import Kind
from nagare.lib.rfc3339 import format_ms
from nagare.model.principal import Principal
from nagare.model.task import Task
from nagare.wire.schema import schema_of
from nagare.wire.tasks import KindView, TaskView


def task_view(task: Task) -> TaskView:
    """Return a task as callers see it."""
    result = None if task.result is None else dict(task.result)
    return TaskView(
        id=task.id,
        kind=task.kind,
        arguments=dict(task.arguments),
        owner=task.owner.name,
        state=task.state.value,
        reason=task.reason.value,
        text=task.text,
        attempt=task.attempt,
        made_at=format_ms(task.made_ms),
        due_at=format_ms(task.due_ms),
        started_at=_moment(task.started_ms),
        ended_at=_moment(task.ended_ms),
        progress_ratio=task.progress_ratio,
        progress_text=task.progress_text,
        result=result,
        cancelled_by=task.cancelled_by,
        schedule=task.schedule,
        moment_at=_moment(task.moment_ms),
        runner=task.runner,
        download=f"/api/v1/tasks/{task.id}/file" if result and result.get("file") else "",
        via_key=task.owner.key_id,
    )


def kind_view(kind: Kind, principal: Principal) -> KindView:
    """Return a kind, and whether ``principal`` may ask for it."""
    schema: dict[str, Any] = schema_of(kind.arguments)
    return KindView(
        name=kind.name,
        text=kind.text,
        arguments=schema,
        attempts=kind.attempts,
        deadline_seconds=kind.deadline_seconds,
        is_repeatable=kind.is_repeatable,
        may_run=all(principal.may(permission) for permission in kind.permissions),
    )


def _moment(at_ms: int | None) -> str:
    return "" if at_ms is None else format_ms(at_ms)
