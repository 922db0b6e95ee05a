"""Schedules and their runs in the records database, which several servers may share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, func, insert, inspect, or_, select, tuple_, update

from nagare.audit.store import Pending, append_entries
from nagare.automation.schedules.deeds import is_told, run_deed
from nagare.automation.schedules.rules import AHEAD_MS
from nagare.automation.schedules.schema import runs, schedules
from nagare.automation.tasks.store import OpenLimits, add_task
from nagare.errors import ConflictError, LimitExceededError, NotFoundError, StaleVersionError
from nagare.model.schedule import Missed, Overlap, Run, RunOutcome, Schedule
from nagare.model.task import Owner, Task
from nagare.records.engine import Records
from nagare.records.new_rows import insert_new


class ScheduleStore:
    """Reads and writes them."""

    def __init__(self, records: Records) -> None:
        """Keep the open records."""
        self._records = records

    async def load(self) -> list[Schedule]:
        """Return every schedule, by name."""
        query = select(schedules).order_by(schedules.c.name)
        rows = await self._records.read(lambda connection: connection.execute(query).all())
        return [schedule_of(row) for row in rows]

    async def find(self, name: str) -> Schedule | None:
        """Return the schedule of that name, or None."""
        query = select(schedules).where(schedules.c.name == name)
        row = await self._records.read(lambda connection: connection.execute(query).first())
        return None if row is None else schedule_of(row)

    async def save(
        self, schedule: Schedule, limit: int, *, expected: int | None = None, is_new: bool = False
    ) -> Schedule:
        """Store a new schedule, or change the one that is there: with ``expected`` only as it has that revision.

        Raises LimitExceededError; StaleVersionError; ConflictError when it must be a new one and is there.
        """
        values = _values(schedule)

        def work(connection: Connection) -> Schedule:
            known = connection.execute(select(schedules).where(schedules.c.name == schedule.name)).first()
            if is_new and known is not None:
                raise ConflictError(
                    f"cannot make schedule {schedule.name}: it is there already",
                    hint=f"nagare schedules edit {schedule.name} changes it",
                )
            _check_revision("change", schedule.name, known, expected)
            if known is None:
                if connection.execute(select(func.count()).select_from(schedules)).scalar_one() >= limit:
                    raise LimitExceededError(f"cannot make schedule {schedule.name}: there are {limit} already")
                connection.execute(insert(schedules).values(**values))
            else:
                _tell_rest(connection, known, schedule.changed_ms)
                changed = {**values, "made_ms": known.made_ms, "revision": known.revision + 1}
                connection.execute(update(schedules).where(schedules.c.name == schedule.name).values(**changed))
            return schedule_of(connection.execute(select(schedules).where(schedules.c.name == schedule.name)).one())

        return await self._records.write(work)

    async def enable(self, name: str, now_ms: int, *, enabled: bool, expected: int | None = None) -> Schedule | None:
        """Switch a schedule; what lay before is decided. None when there is none of that name. Raises StaleVersionError."""
        values = {"enabled": enabled, "seen_ms": now_ms, "changed_ms": now_ms, "revision": schedules.c.revision + 1}
        statement = update(schedules).where(schedules.c.name == name).values(**values).returning(*schedules.c)

        def work(connection: Connection) -> Row[Any] | None:
            known = connection.execute(select(schedules).where(schedules.c.name == name)).first()
            _check_revision("switch", name, known, expected)
            _tell_rest(connection, known, now_ms)
            return connection.execute(statement).first()

        row = await self._records.write(work)
        return None if row is None else schedule_of(row)

    async def remove(self, name: str, now_ms: int, *, expected: int | None = None) -> Schedule:
        """Forget a schedule and its runs; tasks that it made stay. Raises NotFoundError, StaleVersionError."""

        def work(connection: Connection) -> Schedule:
            row = connection.execute(select(schedules).where(schedules.c.name == name)).first()
            if row is None:
                raise NotFoundError(f"cannot find schedule {name[:80]!r}: there is none of that name")
            _check_revision("remove", name, row, expected)
            _tell_rest(connection, row, now_ms)
            connection.execute(delete(runs).where(runs.c.schedule == name))
            connection.execute(delete(schedules).where(schedules.c.name == name))
            return schedule_of(row)

        return await self._records.write(work)

    async def record(self, schedule: Schedule, run: Run, task: Task | None, limits: OpenLimits) -> bool:
        """Keep what became of a moment, with its task and that the audit log knows of it: all or nothing.

        False when somebody was first.
        """

        def work(connection: Connection) -> bool:
            values = {
                "schedule": run.schedule,
                "moment_ms": run.moment_ms,
                "outcome": run.outcome.value,
                "task_id": run.task_id,
                "made_ms": run.made_ms,
            }
            # Of a schedule that was changed or removed meanwhile nothing is made.
            same = and_(schedules.c.name == schedule.name, schedules.c.revision == schedule.revision)
            row = connection.execute(select(schedules).where(same)).first()
            if row is None:
                return False
            if not insert_new(connection, runs, values):
                return False
            if task is not None:
                add_task(connection, task, limits)
                _tell_run(connection, row, task, run.made_ms)
            return True

        return await self._records.write(work)

    async def seen(self, decided: Sequence[Schedule], until_ms: int) -> None:
        """Keep that every moment of those up to then was decided; what a clock that was ahead kept is lowered."""
        same = tuple_(schedules.c.name, schedules.c.revision).in_([(one.name, one.revision) for one in decided])
        is_older = or_(schedules.c.seen_ms < until_ms, schedules.c.seen_ms > until_ms + AHEAD_MS)
        statement = update(schedules).where(same, is_older).values(seen_ms=until_ms)
        await self._records.write(lambda connection: connection.execute(statement))

    async def last_runs(self) -> dict[str, Run]:
        """Return the newest run of each schedule."""
        newest = select(runs.c.schedule, func.max(runs.c.moment_ms).label("at")).group_by(runs.c.schedule).subquery()
        query = select(runs).join(newest, and_(runs.c.schedule == newest.c.schedule, runs.c.moment_ms == newest.c.at))
        rows = await self._records.read(lambda connection: connection.execute(query).all())
        return {row.schedule: run_of(row) for row in rows}

    async def runs(self, schedule: str, limit: int) -> list[Run]:
        """Return the runs of a schedule, the newest first."""
        query = select(runs).where(runs.c.schedule == schedule).order_by(runs.c.moment_ms.desc()).limit(limit)
        rows = await self._records.read(lambda connection: connection.execute(query).all())
        return [run_of(row) for row in rows]

    async def forget_runs(self, before_ms: int) -> None:
        """Forget what became of moments before then."""
        statement = delete(runs).where(runs.c.moment_ms < before_ms)
        await self._records.write(lambda connection: connection.execute(statement))


def check_revision(verb: str, schedule: Schedule, expected: int | None) -> None:
    """Raise StaleVersionError unless a schedule is as it was when it had the revision ``expected``; None fits all."""
    if expected is not None and schedule.revision != expected:
        raise _stale(verb, schedule.name, "it was changed since it was read")


def schedule_of(row: Row[Any]) -> Schedule:
    """Return the schedule of a row."""
    return Schedule(
        name=row.name,
        cron=row.cron,
        zone=row.zone,
        kind=row.kind,
        arguments=row.arguments,
        owner=Owner(row.owner_id, row.owner, row.rights),
        enabled=row.enabled,
        missed=Missed(row.missed),
        missed_limit=row.missed_limit,
        grace_seconds=row.grace_seconds,
        overlap=Overlap(row.overlap),
        text=row.text,
        made_ms=row.made_ms,
        changed_ms=row.changed_ms,
        seen_ms=row.seen_ms,
        revision=row.revision,
    )


def run_of(row: Row[Any]) -> Run:
    """Return the run of a row."""
    return Run(row.schedule, row.moment_ms, RunOutcome(row.outcome), row.task_id, row.made_ms)


def _check_revision(verb: str, name: str, row: Row[Any] | None, expected: int | None) -> None:
    # Inside the transaction that changes it: nobody comes between.
    if row is not None:
        check_revision(verb, schedule_of(row), expected)
    elif expected is not None:
        raise _stale(verb, name, "it was removed since it was read")


def _stale(verb: str, name: str, cause: str) -> StaleVersionError:
    return StaleVersionError(
        f"cannot {verb} schedule {name[:80]}: {cause}",
        hint="read it again (`nagare schedules show` tells its revision), and decide about what it is now",
    )


def _tell_run(connection: Connection, row: Row[Any], task: Task, now_ms: int) -> None:
    """Put a run on record, or count it where an entry of this hour told of one."""
    count = row.untold_runs + 1
    values: dict[str, Any] = {"untold_runs": count}
    if not is_told(row.told_ms, now_ms):
        append_entries(connection, [Pending(now_ms, run_deed(schedule_of(row), count, task))])
        values = {"untold_runs": 0, "told_ms": now_ms}
    connection.execute(update(schedules).where(schedules.c.name == row.name).values(**values))


def _tell_rest(connection: Connection, row: Row[Any] | None, now_ms: int) -> None:
    """Put on record what was only counted, while the schedule and its owner are those that made it."""
    if row is not None and row.untold_runs:
        append_entries(connection, [Pending(now_ms, run_deed(schedule_of(row), row.untold_runs))])
        connection.execute(update(schedules).where(schedules.c.name == row.name).values(untold_runs=0))


def _values(schedule: Schedule) -> dict[str, Any]:
    return {
        "name": schedule.name,
        "cron": schedule.cron,
        "zone": schedule.zone,
        "kind": schedule.kind,
        "arguments": dict(schedule.arguments),
        "owner_id": schedule.owner.id,
        "owner": schedule.owner.name,
        "rights": dict(schedule.owner.rights),
        "enabled": schedule.enabled,
        "missed": schedule.missed.value,
        "missed_limit": schedule.missed_limit,
        "grace_seconds": schedule.grace_seconds,
        "overlap": schedule.overlap.value,
        "text": schedule.text,
        "made_ms": schedule.made_ms,
        "changed_ms": schedule.changed_ms,
        "seen_ms": schedule.seen_ms,
        "revision": schedule.revision,
    }


def skip_moments(connection: Connection, until_ms: int) -> None:
    """Let schedules of a restored backup make up for nothing: their moments may have had their runs elsewhere."""
    if inspect(connection).has_table(schedules.name):
        connection.execute(update(schedules).values(seen_ms=until_ms, revision=schedules.c.revision + 1))
