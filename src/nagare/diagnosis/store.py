"""Diagnoses in the records database: whole documents, and the columns by which they are found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Index,
    Integer,
    Select,
    String,
    Table,
    Text,
    and_,
    delete,
    insert,
    or_,
    select,
)

from nagare.records.engine import Records
from nagare.records.schema import metadata
from nagare.wire.codec import decode, encode
from nagare.wire.diagnosis import DiagnosisView

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

    def __init__(self, records: Records) -> None:
        """Keep the open records."""
        self._records = records

    async def add(self, kept: Kept) -> None:
        """Store a diagnosis."""
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
        await self._records.write(lambda connection: connection.execute(statement))

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
        rows = await self._records.read(lambda connection: connection.execute(query).all())
        return [
            Kept(decode(row.document, DiagnosisView), row.asked_ms, frozenset(row.hosts), frozenset(row.tables))
            for row in rows
        ]
