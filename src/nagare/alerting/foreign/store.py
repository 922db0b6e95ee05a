"""What is to be written back to other systems, in the records: each row is made with the turn that it tells of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, select, update

from nagare.alerting.alerts.lifecycle import Step
from nagare.alerting.schema import write_backs
from nagare.records.engine import Records
from nagare.records.new_rows import insert_new

WAITING, DONE, DEAD = "waiting", "done", "dead"


@dataclass(frozen=True, slots=True)
class WriteBack:
    """What somebody did to an alert here, on its way to its sender. Times are Unix milliseconds.

    ``id`` is ``<alert>.<number of the turn>``, ``event`` the alert's fingerprint. ``tries`` counts also those of which nobody knows how
    they ended.
    """

    id: str
    source: str
    event: str
    verb: str
    actor: str
    text: str
    made_ms: int
    due_ms: int
    tries: int = 0
    state: str = WAITING
    fault: str = ""

    @property
    def number(self) -> int:
        """The number of its turn."""
        return int(self.id.rpartition(".")[2])


def keep_write(connection: Connection, step: Step) -> None:
    """Keep what ``step`` says is to be written back, in the transaction of its turn."""
    turn, alert = step.turns[-1], step.alert
    found = WriteBack(
        f"{alert.id}.{alert.revision + len(step.turns)}", alert.source, alert.fingerprint, step.back, turn.actor, turn.cause,
        turn.at_ms, turn.at_ms,
    )  # fmt: skip
    insert_new(connection, write_backs, _values(found))


class WriteStore:
    """Reads and writes them."""

    def __init__(self, records: Records) -> None:
        """Keep the open records."""
        self._records = records

    async def sources(self) -> list[str]:
        """Return the sources for which something waits."""
        query = select(write_backs.c.source).where(write_backs.c.state == WAITING).distinct()
        return await self._records.read(lambda connection: list(connection.execute(query).scalars()))

    async def waiting(self, source: str, limit: int) -> list[WriteBack]:
        """Return what waits for that source, the oldest first."""
        return await self._oldest(write_backs.c.source == source, limit)

    async def overdue(self, before_ms: int, limit: int) -> list[WriteBack]:
        """Return what waits, for whomever, and was made no later than then."""
        return await self._oldest(write_backs.c.made_ms <= before_ms, limit)

    async def _oldest(self, which: ColumnElement[bool], limit: int) -> list[WriteBack]:
        query = select(write_backs).where(write_backs.c.state == WAITING, which)
        query = query.order_by(write_backs.c.made_ms, write_backs.c.id).limit(limit)
        rows = await self._records.read(lambda connection: connection.execute(query).all())
        return [_write_of(row) for row in rows]

    async def find(self, write_id: str) -> WriteBack | None:
        """Return the one of that id, or None."""
        query = select(write_backs).where(write_backs.c.id == write_id)
        row = await self._records.read(lambda connection: connection.execute(query).first())
        return None if row is None else _write_of(row)

    async def has(self, source: str, event: str, mark: str) -> bool:
        """Tell whether one for that event has that mark: the first eight of its alert's id, a dot, and the number of its turn."""
        first, _, number = mark.partition(".")
        query = select(write_backs.c.id).where(
            # By the key: of one id all begin so, and "g" comes after them all.
            and_(write_backs.c.id >= first, write_backs.c.id < f"{first}g", write_backs.c.id.endswith(f".{number}")),
            and_(write_backs.c.source == source, write_backs.c.event == event),
        )
        return await self._records.read(lambda connection: connection.execute(query).first()) is not None

    async def keep(self, found: WriteBack) -> None:
        """Keep how far it has come, unless it is over already."""
        same = and_(write_backs.c.id == found.id, write_backs.c.state == WAITING)
        values = {"due_ms": found.due_ms, "tries": found.tries, "state": found.state, "fault": found.fault}
        statement = update(write_backs).where(same).values(**values)
        await self._records.write(lambda connection: connection.execute(statement))

    async def forget(self, before_ms: int, limit: int) -> int:
        """Forget those that are over and were made before then, ``limit`` at the most; return how many."""

        def work(connection: Connection) -> int:
            old = select(write_backs.c.id).where(write_backs.c.state != WAITING, write_backs.c.made_ms < before_ms)
            ids = list(connection.execute(old.limit(limit)).scalars())
            connection.execute(delete(write_backs).where(write_backs.c.id.in_(ids)))
            return len(ids)

        return await self._records.write(work)


def _values(found: WriteBack) -> Mapping[str, Any]:
    return {name: getattr(found, name) for name in WriteBack.__slots__}


def _write_of(row: Row[Any]) -> WriteBack:
    return WriteBack(**{name: getattr(row, name) for name in WriteBack.__slots__})
