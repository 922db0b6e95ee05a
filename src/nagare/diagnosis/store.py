"""Diagnoses in the records database: whole documents, and the columns by which they are found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    Row,
    Select,
    String,
    Table,
    Text,
    and_,
    delete,
    insert,
    or_,
    select,
    update,
)

from nagare.records.engine import Records
from nagare.records.schema import metadata
from nagare.wire.codec import decode, encode
from nagare.wire.diagnosis import DiagnosisView, RatingView, with_rating

T = TypeVar("T")
# A document has some 40 kB, so that many take half a gigabyte at the most.
KEPT_MOST = 10_000
# What is forgotten with one that comes: more than one, for records that were filled before there was a bound.
_SURPLUS_MOST = 100

diagnoses = Table(
    "diagnoses",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("asked_ms", BigInteger, nullable=False),
    Column("asked_by", String(253), nullable=False),
    Column("host", String(253), nullable=False),
    Column("alert_id", String(64), nullable=False),
    Column("severity", Integer, nullable=True),
    # Every host of which it says anything, and the tables that its evidence was asked of.
    Column("hosts", JSON, nullable=False),
    Column("tables", JSON, nullable=False),
    Column("document", Text, nullable=False),
    # What somebody thinks of it, a RatingView as JSON; null until then.
    Column("rating", Text, nullable=True),
    Index("ix_diagnoses_asked_ms_id", "asked_ms", "id"),
    Index("ix_diagnoses_alert_id", "alert_id"),
)


@dataclass(frozen=True, slots=True)
class Kept:
    """A diagnosis as it is kept. ``hosts`` are those it says anything of, ``tables`` those that its evidence is from."""

    view: DiagnosisView
    asked_ms: int
    hosts: frozenset[str]
    tables: frozenset[str]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which diagnoses a list has; empty means any."""

    host: str = ""
    alert_id: str = ""


class DiagnosisStore:
    """Reads and writes diagnoses."""

    def __init__(self, records: Records, most: int = KEPT_MOST) -> None:
        """Keep the open records; the newest ``most`` diagnoses stay in them."""
        self._records = records
        self._most = most

    async def add(self, kept: Kept) -> None:
        """Store a diagnosis, and forget the oldest where there are too many."""
        view = kept.view
        statement = insert(diagnoses).values(
            id=view.id,
            asked_ms=kept.asked_ms,
            asked_by=view.asked_by,
            host=view.host,
            alert_id=view.alert,
            severity=view.severity,
            hosts=sorted(kept.hosts),
            tables=sorted(kept.tables),
            document=encode(view).decode(),
        )
        newest = select(diagnoses.c.id).order_by(diagnoses.c.asked_ms.desc(), diagnoses.c.id.desc())
        surplus = newest.offset(self._most).limit(_SURPLUS_MOST)

        def work(connection: Connection) -> None:
            connection.execute(statement)
            connection.execute(delete(diagnoses).where(diagnoses.c.id.in_(surplus)))

        await self._records.write(work)

    async def find(self, id_: str) -> Kept | None:
        """Return the diagnosis of that id, or None."""
        found = await self._read(select(diagnoses).where(diagnoses.c.id == id_))
        return found[0] if found else None

    async def find_all(self, wanted: Wanted, before: tuple[int, str] | None, limit: int) -> Sequence[Kept]:
        """Return the ``wanted`` diagnoses, the newest first, after the place ``before``."""
        query = select(diagnoses).order_by(diagnoses.c.asked_ms.desc(), diagnoses.c.id.desc()).limit(limit)
        if before is not None:
            at_ms, id_ = before
            later = and_(diagnoses.c.asked_ms == at_ms, diagnoses.c.id < id_)
            query = query.where(or_(diagnoses.c.asked_ms < at_ms, later))
        if wanted.host:
            query = query.where(diagnoses.c.host == wanted.host)
        if wanted.alert_id:
            query = query.where(diagnoses.c.alert_id == wanted.alert_id)
        return await self._read(query)

    async def read_newest(self, limit: int, make: Callable[[Kept], T]) -> list[T]:
        """Return what ``make`` makes of the newest diagnoses, the newest first; one document at a time is in memory."""
        query = select(diagnoses).order_by(diagnoses.c.asked_ms.desc(), diagnoses.c.id.desc()).limit(limit)
        return await self._records.read(lambda connection: [make(_kept(row)) for row in connection.execute(query)])

    async def rate(self, id_: str, rating: RatingView) -> bool:
        """Store what somebody thinks of a diagnosis; tell whether there is one."""
        statement = update(diagnoses).where(diagnoses.c.id == id_).values(rating=encode(rating).decode())
        return bool(await self._records.write(lambda connection: connection.execute(statement).rowcount))

    async def remove(self, id_: str) -> bool:
        """Forget a diagnosis; tell whether there was one."""
        statement = delete(diagnoses).where(diagnoses.c.id == id_)
        return bool(await self._records.write(lambda connection: connection.execute(statement).rowcount))

    async def forget(self, before_ms: int, limit: int) -> int:
        """Forget up to ``limit`` diagnoses that are older; return how many."""
        old = select(diagnoses.c.id).where(diagnoses.c.asked_ms < before_ms).limit(limit)
        statement = delete(diagnoses).where(diagnoses.c.id.in_(old))
        return int(await self._records.write(lambda connection: connection.execute(statement).rowcount))

    async def _read(self, query: Select[tuple[object, ...]]) -> Sequence[Kept]:
        # Decoded on the thread that reads: a page of documents would hold the event loop up.
        return await self._records.read(lambda connection: [_kept(row) for row in connection.execute(query)])


def _kept(row: Row[tuple[object, ...]]) -> Kept:
    view = decode(row.document, DiagnosisView)
    if row.rating is not None:
        view = with_rating(view, decode(row.rating, RatingView))
    return Kept(view, row.asked_ms, frozenset(row.hosts), frozenset(row.tables))
