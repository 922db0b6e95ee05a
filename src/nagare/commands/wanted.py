"""Which jobs a list shows, as the records are asked for them."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, exists, not_

from nagare.commands.schema import commands, jobs
from nagare.model.command.job import JobsWanted
from nagare.model.command.states import ENDED, CommandState


def conditions_of(wanted: JobsWanted) -> list[ColumnElement[bool]]:
    """Return what holds for the jobs that are wanted."""
    clauses: list[ColumnElement[bool]] = []
    if wanted.since_ms is not None:
        clauses.append(jobs.c.made_ms >= wanted.since_ms)
    if wanted.action:
        clauses.append(jobs.c.action == wanted.action)
    if wanted.by:
        clauses.append(jobs.c.requester == wanted.by)
    if wanted.host:
        clauses.append(_has(commands.c.host == wanted.host))
    if wanted.state:
        clauses += _in_state(wanted.state)
    return clauses


def _in_state(state: str) -> list[ColumnElement[bool]]:
    """Return what ``rules.state_of`` says, in SQL."""
    ended = [one.value for one in ENDED]
    is_open = _has(commands.c.state.not_in(ended))
    is_bad = _has(and_(commands.c.state.in_(ended), commands.c.state != CommandState.DONE.value))
    match state:
        case "done":
            return [not_(is_open), not_(is_bad)]
        case "ended":
            return [not_(is_open), is_bad]
        case "pending":
            return [is_open, jobs.c.approval == ""]
        case _:
            return [is_open, jobs.c.approval != ""]


def _has(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(commands.c.job_id == jobs.c.id, condition)
