"""Tasks in the records database, which several servers may share.

Every change names what it changes: a state, and the attempt that it belongs to. Of two that come at one time one wins,
and the other is told. ``revision`` rises with each.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, func, inspect, or_, select, update

from nagare.automation.tasks.schema import tasks
from nagare.errors import LimitExceededError, RateLimitedError
from nagare.model.task import ENDED, Owner, Task, TaskReason, TaskState, Wanted
from nagare.records.engine import Records
from nagare.records.new_rows import insert_new

_ENDED = [state.value for state in ENDED]
# A heavy task takes seconds to minutes; sooner there is seldom room.
_OWNER_RETRY_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of an attempt: the state, why, and when the next one may begin where one follows."""

    state: TaskState
    reason: TaskReason = TaskReason.NONE
    text: str = ""
    result: dict[str, Any] | None = None
    due_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """An owner of whom tasks wait, and when the first of them was made."""

    owner_id: str
    made_ms: int


@dataclass(frozen=True, slots=True)
class OpenLimits:
    """How many tasks may not have ended: of all owners, and of one."""

    of_all: int
    of_owner: int = 10**6


class TaskStore:
    """Reads and writes them."""

    def __init__(self, records: Records) -> None:
        """Keep the open records."""
        self._records = records

    async def add(self, task: Task, limits: OpenLimits) -> tuple[Task, bool]:
        """Store a new task; return it and True, or the one that its owner made with the same key and False.

        Raises RateLimitedError when as many of its owner have not ended, LimitExceededError when as many of all.
        """
        return await self._records.write(lambda connection: add_task(connection, task, limits))

    async def find(self, task_id: str) -> Task | None:
        """Return the task of that id, or None."""
        query = select(tasks).where(tasks.c.id == task_id)
        row = await self._records.read(lambda connection: connection.execute(query).first())
        return None if row is None else task_of(row)

    async def find_prefix(self, prefix: str, limit: int) -> list[str]:
        """Return ids that begin so."""
        query = select(tasks.c.id).where(tasks.c.id.startswith(prefix, autoescape=True)).limit(limit)
        return await self._records.read(lambda connection: [row.id for row in connection.execute(query)])

    async def page(self, wanted: Wanted, limit: int, after: str = "") -> list[Task]:
        """Return tasks, the newest first, behind the one of the id ``after``; an unknown id is behind all."""

        def work(connection: Connection) -> list[Task]:
            query = select(tasks).where(*_conditions(wanted)).order_by(tasks.c.made_ms.desc(), tasks.c.id.desc())
            if after:
                row = connection.execute(select(tasks.c.made_ms).where(tasks.c.id == after)).first()
                if row is None:
                    return []
                is_older = or_(tasks.c.made_ms < row.made_ms, and_(tasks.c.made_ms == row.made_ms, tasks.c.id < after))
                query = query.where(is_older)
            return [task_of(found) for found in connection.execute(query.limit(limit))]

        return await self._records.read(work)

    async def counts(self) -> dict[str, int]:
        """Return how many tasks are in each state."""
        query = select(tasks.c.state, func.count()).group_by(tasks.c.state)
        return await self._records.read(lambda connection: {row[0]: int(row[1]) for row in connection.execute(query)})

    async def claim(self, task_id: str, runner: str, now_ms: int, lease_ms: int) -> Task | None:
        """Let ``runner`` begin the next attempt of a task that waits and is due; None when there is none to begin."""
        is_due = and_(tasks.c.id == task_id, tasks.c.state == TaskState.QUEUED.value, tasks.c.due_ms <= now_ms)
        values = {
            "state": TaskState.RUNNING.value,
            "attempt": tasks.c.attempt + 1,
            "runner": runner,
            "lease_ms": lease_ms,
            "started_ms": now_ms,
            "progress_ratio": None,
            "progress_text": "",
        }
        return await self._change(is_due, now_ms, values)

    async def waiting(self, kinds: Collection[str], now_ms: int) -> list[Waiting]:
        """Return each owner of whom tasks of ``kinds`` wait and are due, with the oldest of those."""
        oldest = func.min(tasks.c.made_ms)
        query = select(tasks.c.owner_id, oldest).where(_is_due(kinds, now_ms)).group_by(tasks.c.owner_id)
        rows = await self._records.read(lambda connection: connection.execute(query).all())
        return [Waiting(str(row[0]), int(row[1])) for row in rows]

    async def oldest(self, owner_id: str, kinds: Collection[str], now_ms: int, limit: int) -> list[str]:
        """Return the ids of tasks of ``kinds`` of an owner that wait and are due, in the order in which they were made."""
        query = (
            select(tasks.c.id)
            .where(_is_due(kinds, now_ms), tasks.c.owner_id == owner_id)
            .order_by(tasks.c.made_ms, tasks.c.id)
            .limit(limit)
        )
        return await self._records.read(lambda connection: [row.id for row in connection.execute(query)])

    async def renew(self, task: Task, lease_ms: int, now_ms: int, ratio: float | None, text: str) -> Task | None:
        """Keep the lease of a running attempt and how far it is; None when it is no longer this runner's."""
        values = {"lease_ms": lease_ms, "progress_ratio": ratio, "progress_text": text}
        return await self._change(_held(task), now_ms, values)

    async def settle(self, task: Task, verdict: Verdict, now_ms: int) -> Task | None:
        """End a running attempt; None when it is no longer this runner's."""
        return await self._change(_held(task), now_ms, _ending(verdict, now_ms))

    async def cancel(self, task: Task, by: str, now_ms: int) -> Task | None:
        """End a task that waits and began no other attempt since, or ask for the end of one that runs; None for another."""
        is_it = tasks.c.id == task.id
        waits = and_(is_it, tasks.c.state == TaskState.QUEUED.value, tasks.c.attempt == task.attempt)
        verdict = Verdict(TaskState.CANCELLED, TaskReason.CANCELLED, f"cancelled by {by}")
        ended = await self._change(waits, now_ms, {**_ending(verdict, now_ms), "cancelled_by": by})
        if ended is not None:
            return ended
        runs = and_(is_it, tasks.c.state == TaskState.RUNNING.value)
        return await self._change(runs, now_ms, {"cancelled_by": by})

    async def lapsed(self, before_ms: int, limit: int) -> list[Task]:
        """Return running tasks whose lease ended before that moment."""
        query = (
            select(tasks)
            .where(tasks.c.state == TaskState.RUNNING.value, tasks.c.lease_ms < before_ms)
            .order_by(tasks.c.lease_ms)
            .limit(limit)
        )
        return await self._tasks(query)

    async def take_lapsed(self, task: Task, verdict: Verdict, now_ms: int) -> Task | None:
        """Decide about an attempt whose runner is gone; None when somebody was first, or it lives after all."""
        is_same = and_(_held(task), tasks.c.lease_ms == task.lease_ms)
        return await self._change(is_same, now_ms, _ending(verdict, now_ms))

    async def untold(self, now_ms: int, before_ms: int, kinds: Collection[str], limit: int) -> list[Task]:
        """Return tasks that wait, are due since ``before_ms`` at least, and of which nothing was said since then."""
        query = (
            select(tasks)
            .where(
                tasks.c.state == TaskState.QUEUED.value,
                tasks.c.kind.in_(list(kinds)),
                tasks.c.due_ms <= min(now_ms, before_ms),
                tasks.c.told_ms <= before_ms,
            )
            .order_by(tasks.c.made_ms)
            .limit(limit)
        )
        return await self._tasks(query)

    async def lower_due(self, until_ms: int, due_ms: int, now_ms: int) -> int:
        """Let tasks that are said to wait until after ``until_ms`` be due at ``due_ms``; return how many."""
        which = and_(tasks.c.state == TaskState.QUEUED.value, tasks.c.due_ms > until_ms)
        if not await self._tasks(select(tasks).where(which).limit(1)):
            # Asked often and nearly never so: a read takes no turn among the writers.
            return 0
        values = {"due_ms": due_ms, "told_ms": now_ms, "changed_ms": now_ms, "revision": tasks.c.revision + 1}
        statement = update(tasks).where(which).values(**values)
        return await self._records.write(lambda connection: connection.execute(statement).rowcount)

    async def strangers(self, kinds: Collection[str], before_ms: int, limit: int) -> list[Task]:
        """Return tasks of none of ``kinds`` that wait since ``before_ms`` at least."""
        query = (
            select(tasks)
            .where(
                tasks.c.state == TaskState.QUEUED.value,
                tasks.c.kind.not_in(list(kinds)),
                tasks.c.due_ms <= before_ms,
                tasks.c.changed_ms <= before_ms,
            )
            .limit(limit)
        )
        return await self._tasks(query)

    async def end_waiting(self, task: Task, verdict: Verdict, now_ms: int) -> Task | None:
        """End a task that waits and began no other attempt since; None for another."""
        waits = and_(tasks.c.id == task.id, tasks.c.state == TaskState.QUEUED.value, tasks.c.attempt == task.attempt)
        return await self._change(waits, now_ms, _ending(verdict, now_ms))

    async def note_told(self, ids: Sequence[str], now_ms: int) -> None:
        """Keep that those tasks were said to wait."""
        statement = update(tasks).where(tasks.c.id.in_(list(ids))).values(told_ms=now_ms)
        await self._records.write(lambda connection: connection.execute(statement))

    async def forget(self, before_ms: int) -> list[str]:
        """Forget some tasks that ended before that moment; return their ids."""
        old = and_(tasks.c.state.in_(_ENDED), tasks.c.ended_ms < before_ms)

        def work(connection: Connection) -> list[str]:
            ids = [row.id for row in connection.execute(select(tasks.c.id).where(old).limit(500))]
            connection.execute(delete(tasks).where(tasks.c.id.in_(ids)))
            return ids

        return await self._records.write(work)

    async def open_of(self, schedule: str) -> int:
        """Return how many tasks of a schedule are not over."""
        query = select(func.count()).where(tasks.c.schedule == schedule, tasks.c.state.not_in(_ENDED))
        return int(await self._records.read(lambda connection: connection.execute(query).scalar_one()))

    async def _tasks(self, query: Any) -> list[Task]:
        rows = await self._records.read(lambda connection: connection.execute(query).all())
        return [task_of(row) for row in rows]

    async def _change(self, which: ColumnElement[bool], now_ms: int, values: dict[str, Any]) -> Task | None:
        statement = (
            update(tasks)
            .where(which)
            .values(**values, changed_ms=now_ms, revision=tasks.c.revision + 1)
            .returning(*tasks.c)
        )
        row = await self._records.write(lambda connection: connection.execute(statement).first())
        return None if row is None else task_of(row)


def add_task(connection: Connection, task: Task, limits: OpenLimits) -> tuple[Task, bool]:
    """Store a task inside the caller's transaction; see ``TaskStore.add``."""
    same_key = and_(tasks.c.owner_id == task.owner.id, tasks.c.key == task.key)
    if task.key is not None and (known := connection.execute(select(tasks).where(same_key)).first()) is not None:
        return task_of(known), False
    is_open = tasks.c.state.not_in(_ENDED)
    of_owner = and_(is_open, tasks.c.owner_id == task.owner.id)
    if connection.execute(select(func.count()).where(of_owner)).scalar_one() >= limits.of_owner:
        raise RateLimitedError(
            f"cannot make task {task.kind}: {limits.of_owner} of {task.owner.name} have not ended (tasks.owner_open_limit)",
            retry_after_seconds=_OWNER_RETRY_SECONDS,
            hint="wait until some have ended, or cancel some that are not needed",
        )
    if connection.execute(select(func.count()).where(is_open)).scalar_one() >= limits.of_all:
        raise LimitExceededError(
            f"cannot make task {task.kind}: {limits.of_all} have not ended (tasks.open_limit)",
            hint="cancel some that are not needed",
        )
    if not insert_new(connection, tasks, task_values(task)):
        # Another server was first with the same key, since it was looked for.
        return task_of(connection.execute(select(tasks).where(same_key)).one()), False
    return task, True


def lose_unended(connection: Connection, now_ms: int) -> int:
    """Let tasks of a restored backup be true: what waited or ran when it was made may have been done since. Return how many."""
    if not inspect(connection).has_table(tasks.name):
        # Of a backup that an earlier version made.
        return 0
    verdict = Verdict(TaskState.LOST, TaskReason.RESTORED, "it waited or ran when the backup was made")
    values = {**_ending(verdict, now_ms), "changed_ms": now_ms, "revision": tasks.c.revision + 1}
    return connection.execute(update(tasks).where(tasks.c.state.not_in(_ENDED)).values(**values)).rowcount


def task_values(task: Task) -> dict[str, Any]:
    """Return the columns of a task."""
    return {
        "id": task.id,
        "kind": task.kind,
        "arguments": dict(task.arguments),
        "owner_id": task.owner.id,
        "owner": task.owner.name,
        "rights": dict(task.owner.rights),
        "key": task.key,
        "state": task.state.value,
        "reason": task.reason.value,
        "text": task.text,
        "attempt": task.attempt,
        "revision": task.revision,
        "made_ms": task.made_ms,
        "due_ms": task.due_ms,
        "told_ms": task.made_ms,
        "changed_ms": task.changed_ms,
        "started_ms": task.started_ms,
        "ended_ms": task.ended_ms,
        "progress_ratio": task.progress_ratio,
        "progress_text": task.progress_text,
        "result": None if task.result is None else dict(task.result),
        "runner": task.runner,
        "lease_ms": task.lease_ms,
        "cancelled_by": task.cancelled_by,
        "schedule": task.schedule,
        "moment_ms": task.moment_ms,
    }


def task_of(row: Row[Any]) -> Task:
    """Return the task of a row."""
    return Task(
        id=row.id,
        kind=row.kind,
        arguments=row.arguments,
        owner=Owner(row.owner_id, row.owner, row.rights),
        key=row.key,
        state=TaskState(row.state),
        reason=TaskReason(row.reason),
        text=row.text,
        attempt=row.attempt,
        revision=row.revision,
        made_ms=row.made_ms,
        due_ms=row.due_ms,
        changed_ms=row.changed_ms,
        started_ms=row.started_ms,
        ended_ms=row.ended_ms,
        progress_ratio=row.progress_ratio,
        progress_text=row.progress_text,
        result=row.result,
        runner=row.runner,
        lease_ms=row.lease_ms,
        cancelled_by=row.cancelled_by,
        schedule=row.schedule,
        moment_ms=row.moment_ms,
    )


def _is_due(kinds: Collection[str], now_ms: int) -> ColumnElement[bool]:
    return and_(tasks.c.state == TaskState.QUEUED.value, tasks.c.kind.in_(list(kinds)), tasks.c.due_ms <= now_ms)


def _held(task: Task) -> ColumnElement[bool]:
    """Of this attempt alone: the fence against whoever comes back after it was given away."""
    return and_(
        tasks.c.id == task.id,
        tasks.c.state == TaskState.RUNNING.value,
        tasks.c.attempt == task.attempt,
        tasks.c.runner == task.runner,
    )


def _ending(verdict: Verdict, now_ms: int) -> dict[str, Any]:
    values: dict[str, Any] = {
        "state": verdict.state.value,
        "reason": verdict.reason.value,
        "text": verdict.text,
        "lease_ms": None,
    }
    if verdict.state in ENDED:
        values |= {"ended_ms": now_ms, "result": verdict.result}
        if verdict.state is TaskState.DONE:
            values["progress_ratio"] = 1.0
    else:
        values["due_ms"] = verdict.due_ms or now_ms
    return values


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.states:
        found.append(tasks.c.state.in_(wanted.states))
    if wanted.since_ms:
        found.append(tasks.c.made_ms >= wanted.since_ms)
    for column, text in (
        (tasks.c.kind, wanted.kind),
        (tasks.c.schedule, wanted.schedule),
        (tasks.c.owner, wanted.owner),
    ):
        if text:
            found.append(column == text)
    return found
