"""Commands as they stood at a moment: those that became what they are later go back to how far they had come. Pure.

When a command was agreed to or sent is not kept: one that had not begun is told as waiting for its host.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from nagare.client.jobs.results import is_ended
from nagare.model.command.states import CommandState
from nagare.wire.command_jobs import JobView
from nagare.wire.replaced import replaced


@dataclass(frozen=True, slots=True)
class Later:
    """A command whose state is newer than the moment; times are Unix milliseconds of its host's clock."""

    job: str
    state: str
    started_ms: int | None
    ended_ms: int | None


def jobs_at(at_ms: int, jobs: Iterable[JobView], later: Iterable[Later]) -> list[JobView]:
    """Return ``jobs`` as they stood at ``at_ms``."""
    by_job: dict[str, list[Later]] = {}
    for one in later:
        by_job.setdefault(one.job, []).append(one)
    return [_job_at(at_ms, job, by_job[job.id]) if job.id in by_job else job for job in jobs]


def _job_at(at_ms: int, job: JobView, later: Iterable[Later]) -> JobView:
    counts = dict(job.counts)
    for one in later:
        counts[one.state] = max(0, counts.get(one.state, 0) - 1)
        state = _state_at(at_ms, one)
        counts[state] = counts.get(state, 0) + 1
    counts = {state: count for state, count in counts.items() if count}
    is_open = any(not is_ended(state) for state in counts)
    return replaced(job, counts=counts, state="running" if is_open else job.state, stopped="")


def _state_at(at_ms: int, one: Later) -> str:
    has_begun = one.started_ms is not None and one.started_ms <= at_ms
    return CommandState.STARTED if has_begun else CommandState.QUEUED
