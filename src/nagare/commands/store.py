"""Jobs and commands in the records database.

Every change of a state names the state that it changes (compare and swap): of two that come at one time one wins, and the
other is told. ``revision`` rises with each, so that nobody takes an older row for a newer one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    delete,
    func,
    insert,
    inspect,
    not_,
    or_,
    select,
    update,
)

from nagare.audit.store import Pending, append_entries
from nagare.commands.heads import Heads, heads_of
from nagare.commands.rows import command_of, command_values, encode_streams, job_of, job_values, result_text, streams_of
from nagare.commands.schema import commands, jobs, moved_jobs, outputs
from nagare.commands.wanted import conditions_of
from nagare.errors import ConflictError
from nagare.model.command.approval import Approval
from nagare.model.command.job import EVERY_JOB, Command, Job, JobsWanted, Person
from nagare.model.command.result import CommandResult, StreamKept
from nagare.model.command.states import ENDED, CommandState, is_final
from nagare.records.engine import Records
from nagare.records.new_rows import insert_new

Streams = tuple[StreamKept, StreamKept]
# Bound parameters of one statement are limited.
_MANY = 500
# Made once: to put one together takes longer than to run it.
_ADD_JOB, _ADD_COMMANDS = insert(jobs), insert(commands)
_SWAP = update(commands).where(
    commands.c.id == bindparam("was_id"),
    commands.c.state == bindparam("was_state"),
    commands.c.revision == bindparam("was_revision"),
)
_CHANGE_OUTPUT = update(outputs).where(outputs.c.command_id == bindparam("of_id"))


@dataclass(frozen=True, slots=True)
class Kept:
    """A job with its commands, by their positions."""

    job: Job
    commands: list[Command]


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a job stands in a list: of two the greater one is the newer."""

    made_ms: int
    job_id: str


@dataclass(frozen=True, slots=True)
class Ending:
    """What waiting commands of a job become, and why."""

    state: CommandState
    reason: str
    text: str


class CommandStore:
    """Reads and writes them."""

    def __init__(self, records: Records) -> None:
        """Keep the open records."""
        self._records = records

    async def add(self, kept: Kept, entry: Pending | None = None) -> None:
        """Store a new job with its commands, and what the audit log keeps of it: all or none."""

        def work(connection: Connection) -> None:
            connection.execute(_ADD_JOB, job_values(kept.job))
            rows = [command_values(command) for command in kept.commands]
            for start in range(0, len(rows), _MANY):
                connection.execute(_ADD_COMMANDS, rows[start : start + _MANY])
            if entry is not None:
                append_entries(connection, [entry])

        await self._records.write(work)

    async def load_open(self) -> list[Kept]:
        """Return the jobs that have a command which has not ended, the oldest first."""

        def work(connection: Connection) -> list[Kept]:
            ended = [state.value for state in ENDED]
            ids = select(commands.c.job_id).where(commands.c.state.not_in(ended)).distinct()
            rows = connection.execute(select(jobs).where(jobs.c.id.in_(ids)).order_by(jobs.c.made_ms, jobs.c.id)).all()
            return [Kept(job_of(row), _commands_of(connection, row.id)) for row in rows]

        return await self._records.read(work)

    async def find(self, job_id: str) -> Kept | None:
        """Return the job of that id, or None."""

        def work(connection: Connection) -> Kept | None:
            row = connection.execute(select(jobs).where(jobs.c.id == job_id)).first()
            return None if row is None else Kept(job_of(row), _commands_of(connection, job_id))

        return await self._records.read(work)

    async def find_command(self, command_id: str) -> Command | None:
        """Return the command of that id, or None."""
        query = select(commands).where(commands.c.id == command_id)
        row = await self._records.read(lambda connection: connection.execute(query).first())
        return None if row is None else command_of(row)

    async def was_sent_any(self, host_id: str, since_ms: int) -> bool:
        """Tell whether any command went out to a host that changed since then."""
        waiting = [CommandState.PENDING.value, CommandState.APPROVED.value, CommandState.QUEUED.value]
        query = select(commands.c.id).where(
            commands.c.host_id == host_id,
            commands.c.envelope != "",
            commands.c.state.not_in(waiting),
            commands.c.changed_ms >= since_ms,
        )
        return await self._records.read(lambda connection: connection.execute(query.limit(1)).first() is not None)

    async def move(self, command: Command, state: CommandState, **changes: Any) -> Command | None:
        """Return ``command`` in ``state`` with ``changes``, or None when it is no longer as it is given here."""
        moved = replace(command, state=state, revision=command.revision + 1, **changes)
        return moved if await self._records.write(lambda connection: _swap(connection, command, moved)) else None

    async def end(self, command: Command, state: CommandState, result: CommandResult, now_ms: int) -> Command | None:
        """Like ``move``, with a result; its streams are kept beside it."""
        streams = (result.stdout, result.stderr)
        bare = replace(result, stdout=StreamKept(), stderr=StreamKept())
        moved = replace(
            command,
            state=state,
            revision=command.revision + 1,
            changed_ms=now_ms,
            result=bare,
            reason=result.reason.value,
            text=result.text,
        )

        def work(connection: Connection) -> bool:
            if not _swap(connection, command, moved):
                return False
            values = {"streams": encode_streams(streams)}
            # Only one that was called lost has some already.
            if not insert_new(connection, outputs, {"command_id": command.id, **values}):
                connection.execute(_CHANGE_OUTPUT, {"of_id": command.id, **values})
            return True

        return moved if await self._records.write(work) else None

    async def settle(
        self, job_id: str, states: Collection[CommandState], ending: Ending, now_ms: int, **changes: str
    ) -> Kept:
        """End every command of a job that is in one of ``states``, with ``changes`` to the job itself; return all of it."""
        values = {"state": ending.state.value, "reason": ending.reason, "text": ending.text, "changed_ms": now_ms}

        def work(connection: Connection) -> Kept:
            which = and_(commands.c.job_id == job_id, commands.c.state.in_([state.value for state in states]))
            connection.execute(update(commands).where(which).values(revision=commands.c.revision + 1, **values))
            if changes:
                connection.execute(update(jobs).where(jobs.c.id == job_id).values(**changes))
            return _kept(connection, job_id)

        return await self._records.write(work)

    async def approve(self, job: Job, approver: Person, expires_ms: int, now_ms: int) -> Kept:
        """Let a job go on that waits for a second person. Raises ConflictError when it does not wait any more."""
        approved = {
            "approval": Approval.SECOND_PERSON.value,
            "approver_id": approver.id,
            "approver": approver.name,
            "expires_ms": expires_ms,
        }

        def work(connection: Connection) -> Kept:
            is_open = and_(jobs.c.id == job.id, jobs.c.approval == "", jobs.c.stopped == "", jobs.c.cancelled_by == "")
            first = connection.execute(update(jobs).where(is_open).values(**approved)).rowcount
            waits = and_(commands.c.job_id == job.id, commands.c.state == CommandState.PENDING.value)
            values = {"state": CommandState.APPROVED.value, "changed_ms": now_ms}
            moved = connection.execute(
                update(commands).where(waits).values(revision=commands.c.revision + 1, **values)
            ).rowcount
            if not first or not moved:
                # Raised inside the transaction: neither of the two changes is kept.
                raise ConflictError(
                    f"cannot approve job {job.id}: it does not wait for it any more", hint="look at the job again"
                )
            return _kept(connection, job.id)

        return await self._records.write(work)

    async def find_place(self, job_id: str) -> Place | None:
        """Return where a job stands, wherever it is kept; None when there is none of that id."""
        kept = select(jobs.c.made_ms).where(jobs.c.id == job_id)
        query = kept.union_all(select(moved_jobs.c.made_ms).where(moved_jobs.c.job_id == job_id)).limit(1)
        made_ms = await self._records.read(lambda connection: connection.execute(query).scalar())
        return None if made_ms is None else Place(made_ms, job_id)

    async def page(self, limit: int, begin: Place | None = None, wanted: JobsWanted = EVERY_JOB) -> list[Job]:
        """Return jobs that are wanted, the newest first, behind that place (None: from the newest on)."""
        query = select(jobs).where(*conditions_of(wanted), *_behind(jobs.c.made_ms, jobs.c.id, begin))
        query = query.order_by(jobs.c.made_ms.desc(), jobs.c.id.desc()).limit(limit)
        rows = await self._records.read(lambda connection: connection.execute(query).all())
        return [job_of(row) for row in rows]

    async def find_moved_places(self, limit: int, begin: Place | None, since_ms: int | None) -> list[Place]:
        """Return where jobs stand that are in blocks by now, the newest first, behind that place and made since then."""
        made_ms, job_id = moved_jobs.c.made_ms, moved_jobs.c.job_id
        query = select(made_ms, job_id).where(*_behind(made_ms, job_id, begin))
        if since_ms is not None:
            query = query.where(made_ms >= since_ms)
        query = query.order_by(made_ms.desc(), job_id.desc()).limit(limit)
        rows = await self._records.read(lambda connection: connection.execute(query).all())
        return [Place(row.made_ms, row.job_id) for row in rows]

    async def states(self, job_ids: Sequence[str], hosts: Collection[str] | None) -> Mapping[str, dict[str, int]]:
        """Return by job how many commands are in each state, of those on ``hosts`` alone (None: of all)."""
        columns = (commands.c.job_id, commands.c.state, commands.c.host)
        of_jobs = commands.c.job_id.in_(job_ids)

        def work(connection: Connection) -> dict[str, dict[str, int]]:
            found: dict[str, dict[str, int]] = {job_id: {} for job_id in job_ids}
            if hosts is None:
                counted = select(commands.c.job_id, commands.c.state, func.count().label("count")).where(of_jobs)
                for row in connection.execute(counted.group_by(commands.c.job_id, commands.c.state)):
                    # ``count`` is a method of every row.
                    found[row.job_id][row.state] = int(row[2])
                return found
            for row in connection.execute(select(*columns).where(of_jobs)):
                if row.host in hosts:
                    found[row.job_id][row.state] = found[row.job_id].get(row.state, 0) + 1
            return found

        return await self._records.read(work)

    async def load_streams(self, job_id: str) -> dict[str, Streams]:
        """Return the kept output of a job's commands by their ids."""
        ids = select(commands.c.id).where(commands.c.job_id == job_id)
        query = select(outputs).where(outputs.c.command_id.in_(ids))
        rows = await self._records.read(lambda connection: connection.execute(query).all())
        return {row.command_id: streams_of(row.streams) for row in rows}

    async def newest(self, limit: int) -> list[tuple[Job, Command]]:
        """Return the commands that were asked for last, the newest first."""
        return await self._records.read(lambda connection: read_newest(connection, limit))

    async def load_heads(self, command_ids: Sequence[str]) -> dict[str, Heads | None]:
        """Return the begin of what each of a few commands wrote, by their ids, None of who wrote nothing; who is gone is left out."""
        return await self._records.read(lambda connection: read_heads(connection, command_ids))

    async def find_crowd_ms(self, count: int) -> int:
        """Return when the ``count``-th newest command was asked for, zero when there are not so many."""
        query = (
            select(jobs.c.made_ms)
            .join(commands, jobs.c.id == commands.c.job_id)
            .order_by(jobs.c.made_ms.desc())
            .offset(count)
            .limit(1)
        )
        found = await self._records.read(lambda connection: connection.execute(query).scalar())
        return found or 0

    async def find_aged(self, before_ms: int, lost_before_ms: int, limit: int) -> list[str]:
        """Return jobs whose commands have all ended before that moment, lost ones before the other; the oldest first."""
        final = [state.value for state in ENDED if is_final(state)]
        is_aged = or_(
            and_(commands.c.state.in_(final), commands.c.changed_ms < before_ms),
            and_(commands.c.state == CommandState.LOST.value, commands.c.changed_ms < lost_before_ms),
        )
        others = select(commands.c.id).where(commands.c.job_id == jobs.c.id, not_(is_aged)).exists()
        query = select(jobs.c.id).where(jobs.c.made_ms < before_ms, not_(others)).order_by(jobs.c.made_ms).limit(limit)
        return list(await self._records.read(lambda connection: connection.execute(query).scalars().all()))

    async def forget_moved(self, moved: Sequence[Kept]) -> int:
        """Remove jobs that are in blocks, and keep where they are; return how many. One that changed since stays whole."""

        def work(connection: Connection) -> int:
            return sum(_forget(connection, kept) for kept in moved)

        return await self._records.write(work)

    async def forget_dropped(self, before_ms: int) -> None:
        """Forget where jobs are that moved and were made before that moment: blocks have none of them any more."""
        query = delete(moved_jobs).where(moved_jobs.c.made_ms < before_ms)
        await self._records.write(lambda connection: connection.execute(query))

    async def find_moved(self, job_id: str) -> int | None:
        """Return when a job was made that is in blocks by now, None when there is none of that id."""
        query = select(moved_jobs.c.made_ms).where(moved_jobs.c.job_id == job_id)
        return await self._records.read(lambda connection: connection.execute(query).scalar())


def has_commands(connection: Connection) -> bool:
    """Tell whether records have commands at all: those of an early version do not."""
    return inspect(connection).has_table(commands.name)


def read_newest(connection: Connection, limit: int) -> list[tuple[Job, Command]]:
    """Return the commands that were asked for last, the newest first."""
    query = (
        select(commands)
        .join(jobs, jobs.c.id == commands.c.job_id)
        .order_by(jobs.c.made_ms.desc(), jobs.c.id, commands.c.position)
        .limit(limit)
    )
    found = [command_of(row) for row in connection.execute(query)]
    known = {job.id: job for job in _jobs(connection, {command.job_id for command in found})}
    return [(known[command.job_id], command) for command in found if command.job_id in known]


def read_heads(connection: Connection, command_ids: Sequence[str]) -> dict[str, Heads | None]:
    """Return the begin of what each of a few commands wrote, None of who wrote nothing."""
    # In one statement: of a command that moved since, nothing else tells that it wrote something.
    query = select(commands.c.id, outputs.c.streams).outerjoin(outputs, outputs.c.command_id == commands.c.id)
    rows = connection.execute(query.where(commands.c.id.in_(command_ids)))
    return {row.id: None if row.streams is None else heads_of(streams_of(row.streams)) for row in rows}


def _forget(connection: Connection, kept: Kept) -> bool:
    of_job = commands.c.job_id == kept.job.id
    now = {row.id: row.revision for row in connection.execute(select(commands.c.id, commands.c.revision).where(of_job))}
    if now != {command.id: command.revision for command in kept.commands}:
        # A host that was away came back meanwhile: what is in blocks is an earlier revision, and replaced in time.
        return False
    ids = select(commands.c.id).where(of_job)
    connection.execute(delete(outputs).where(outputs.c.command_id.in_(ids)))
    connection.execute(delete(commands).where(of_job))
    connection.execute(delete(jobs).where(jobs.c.id == kept.job.id))
    connection.execute(delete(moved_jobs).where(moved_jobs.c.job_id == kept.job.id))
    connection.execute(insert(moved_jobs).values(job_id=kept.job.id, made_ms=kept.job.made_ms))
    return True


def _jobs(connection: Connection, ids: Iterable[str]) -> list[Job]:
    wanted = sorted(ids)
    return [
        job_of(row)
        for start in range(0, len(wanted), _MANY)
        for row in connection.execute(select(jobs).where(jobs.c.id.in_(wanted[start : start + _MANY])))
    ]


def _behind(made_ms: ColumnElement[int], job_id: ColumnElement[str], begin: Place | None) -> list[ColumnElement[bool]]:
    if begin is None:
        return []
    return [or_(made_ms < begin.made_ms, and_(made_ms == begin.made_ms, job_id < begin.job_id))]


def _commands_of(connection: Connection, job_id: str) -> list[Command]:
    query = select(commands).where(commands.c.job_id == job_id).order_by(commands.c.position)
    return [command_of(row) for row in connection.execute(query)]


def _kept(connection: Connection, job_id: str) -> Kept:
    job = job_of(connection.execute(select(jobs).where(jobs.c.id == job_id)).one())
    return Kept(job, _commands_of(connection, job_id))


def _swap(connection: Connection, before: Command, after: Command) -> bool:
    values = {
        "was_id": before.id,
        "was_state": before.state.value,
        "was_revision": before.revision,
        "state": after.state.value,
        "changed_ms": after.changed_ms,
        "revision": after.revision,
        "envelope": after.envelope,
        "deadline_ms": after.deadline_ms,
        "heard_start_ms": after.heard_start_ms,
        "reason": after.reason,
        "text": after.text,
        "result": result_text(after.result),
    }
    return connection.execute(_SWAP, values).rowcount == 1
