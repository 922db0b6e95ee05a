"""What becomes of an attempt that ended, however it did. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nagare.automation.tasks.kinds import Kind
from nagare.automation.tasks.store import Verdict
from nagare.lib.backoff import Backoff
from nagare.lib.plain_text import plain
from nagare.model.task import Task, TaskReason, TaskState

TEXT_LIMIT = 1000
_BASE_SECONDS = 2.0
# Between two attempts. What is said to wait longer was said by a clock that was wrong.
GREATEST_DELAY_SECONDS = 300.0
# Who ran it is gone, and nobody can say how far it came.
_DIED = frozenset({TaskReason.WORKER_DIED, TaskReason.SERVER_DIED, TaskReason.SERVER_STOPPED})


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt ended: well with a result, or for a reason; ``may_retry`` where another one may go better."""

    reason: TaskReason = TaskReason.NONE
    text: str = ""
    result: dict[str, Any] | None = None
    may_retry: bool = False


def decide(kind: Kind | None, task: Task, ending: Ending, now_ms: int, backoff: Backoff | None = None) -> Verdict:
    """Return what becomes of ``task`` after the attempt that it names ended so.

    Who asked for its end gets it, unless it was over first. What died in the middle is tried again only where running it
    twice does no harm; where it may not be, nobody knows how far it came, and it is lost.
    """
    text = plain(ending.text, TEXT_LIMIT)
    if ending.reason is TaskReason.NONE:
        return Verdict(TaskState.DONE, result=ending.result)
    may_retry = ending.may_retry or ending.reason in _DIED
    if ending.reason is TaskReason.CANCELLED or (task.cancelled_by and may_retry):
        return Verdict(TaskState.CANCELLED, TaskReason.CANCELLED, f"cancelled by {task.cancelled_by or 'its owner'}")
    if ending.reason in _DIED and not (kind is not None and kind.is_repeatable):
        return Verdict(TaskState.LOST, ending.reason, text)
    # A server that was told to stop says nothing about the task.
    is_charged = ending.reason is not TaskReason.SERVER_STOPPED
    if kind is None or not may_retry or (is_charged and task.attempt >= kind.attempts):
        return Verdict(TaskState.FAILED, ending.reason, text, ending.result)
    delay = 0.0 if ending.reason in _DIED and task.attempt <= 1 else _delay(task.attempt, backoff)
    return Verdict(TaskState.QUEUED, ending.reason, text, due_ms=now_ms + round(delay * 1000))


def _delay(attempt: int, backoff: Backoff | None) -> float:
    chosen = backoff or Backoff(base_seconds=_BASE_SECONDS, cap_seconds=GREATEST_DELAY_SECONDS)
    chosen.attempt = max(0, attempt - 1)
    return chosen.next_seconds()
