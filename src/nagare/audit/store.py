"""Audit entries, signed heads and deeds that were begun, in the records database.

The database itself refuses to change or remove an entry (triggers of the migration): not against its owner, who can
drop a trigger and is found out by the chain, but against every mistake of our own.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Row, Select, String, Table, Text, delete, insert, select

from nagare.audit.chain import GENESIS, Entry, SignedHead, link
from nagare.audit.wanted import Wanted
from nagare.model.deed import Deed, Outcome
from nagare.records.engine import Records
from nagare.records.schema import metadata

audit_entries = Table(
    "audit_entries",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("digest", String(64), nullable=False),
    Column("at_ms", BigInteger, nullable=False, index=True),
    # For looking up alone; what counts is the line.
    Column("action", String(64), nullable=False),
    Column("actor", String(253), nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("target", String(253), nullable=False),
    Column("line", Text, nullable=False),
)
audit_heads = Table(
    "audit_heads",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("digest", String(64), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("public_key", String(64), nullable=False),
    Column("signature", String(128), nullable=False),
)
audit_begun = Table(
    "audit_begun",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("begun_ms", BigInteger, nullable=False),
    Column("deed", Text, nullable=False),
)
_LOOKUP_LIMIT = 253
# Made once: to put one together takes longer than to run it.
_ADD = insert(audit_entries)
_NEWEST = select(audit_entries.c.seq, audit_entries.c.digest).order_by(audit_entries.c.seq.desc()).limit(1)


@dataclass(frozen=True, slots=True)
class Pending:
    """A deed on its way into the chain; ``begun`` is the id with which it was begun, if it was."""

    at_ms: int
    deed: Deed
    begun: str = ""


class AuditStore:
    """Reads and appends; it has no verb that changes an entry."""

    def __init__(self, records: Records) -> None:
        """Keep the open records."""
        self._records = records

    async def append(self, deeds: Sequence[Pending]) -> None:
        """Append ``deeds`` in their order, durably; what of them was begun is ended with it."""
        await self._records.write(lambda connection: append_entries(connection, deeds))

    async def begin(self, id_: str, begun_ms: int, deed: Deed) -> None:
        """Keep, durably, that ``deed`` is about to be done."""
        values = {"id": id_, "begun_ms": begun_ms, "deed": json.dumps(asdict(deed), default=str)}
        await self._records.write(lambda connection: connection.execute(insert(audit_begun).values(**values)))

    async def settle_begun(self) -> int:
        """Turn what a crash left begun into entries whose outcome is unknown; return their number."""

        def work(connection: Connection) -> int:
            rows = connection.execute(select(audit_begun).order_by(audit_begun.c.begun_ms)).all()
            append_entries(connection, [Pending(row.begun_ms, _unknown(row.deed), row.id) for row in rows])
            return len(rows)

        return await self._records.write(work)

    async def find(self, wanted: Wanted) -> list[Entry]:
        """Return entries, newest first."""
        query = _filtered(wanted).order_by(audit_entries.c.seq.desc()).limit(wanted.limit)
        rows = await self._records.read(lambda connection: connection.execute(query).all())
        return [_entry(row) for row in rows]

    async def page(self, after_seq: int, limit: int) -> list[Entry]:
        """Return at most ``limit`` entries behind that one, in the order of the chain."""
        query = select(audit_entries).where(audit_entries.c.seq > after_seq).order_by(audit_entries.c.seq).limit(limit)
        rows = await self._records.read(lambda connection: connection.execute(query).all())
        return [_entry(row) for row in rows]

    async def end(self) -> tuple[int, str]:
        """Return sequence number and hash of the newest entry; 0 and the hash before the first when there is none."""
        return await self._records.read(_end)

    async def save_head(self, head: SignedHead) -> None:
        """Keep a signed head; one for the same entry stays as it is."""

        def work(connection: Connection) -> None:
            if connection.execute(select(audit_heads.c.seq).where(audit_heads.c.seq == head.seq)).first() is None:
                connection.execute(insert(audit_heads).values(**asdict(head)))

        await self._records.write(work)

    async def heads(self) -> list[SignedHead]:
        """Return the signed heads, oldest first."""
        query = select(audit_heads).order_by(audit_heads.c.seq)
        rows = await self._records.read(lambda connection: connection.execute(query).all())
        return [SignedHead(row.seq, row.digest, row.at_ms, row.public_key, row.signature) for row in rows]


def append_entries(connection: Connection, deeds: Sequence[Pending]) -> None:
    """Append ``deeds`` inside the caller's transaction: what they tell of and the entry are there both, or neither."""
    seq, digest = _end(connection)
    rows = []
    for pending in deeds:
        entry = link(digest, seq + 1, pending.at_ms, pending.deed)
        seq, digest = entry.seq, entry.digest
        rows.append(_values(entry, pending.at_ms, pending.deed))
    if rows:
        connection.execute(_ADD, rows)
    if ended := [pending.begun for pending in deeds if pending.begun]:
        connection.execute(delete(audit_begun).where(audit_begun.c.id.in_(ended)))


def _end(connection: Connection) -> tuple[int, str]:
    row = connection.execute(_NEWEST).first()
    return (0, GENESIS) if row is None else (row.seq, row.digest)


def _values(entry: Entry, at_ms: int, deed: Deed) -> dict[str, Any]:
    return {
        "seq": entry.seq,
        "digest": entry.digest,
        "at_ms": at_ms,
        "action": deed.action[:64],
        "actor": deed.actor[:_LOOKUP_LIMIT],
        "outcome": deed.outcome.value,
        "target": deed.target[:_LOOKUP_LIMIT],
        "line": entry.line,
    }


def _filtered(wanted: Wanted) -> Select[Any]:
    table, query = audit_entries.c, select(audit_entries)
    for column, value in (
        (table.actor, wanted.actor),
        (table.action, wanted.action),
        (table.outcome, wanted.outcome),
        (table.target, wanted.target),
    ):
        if value is not None:
            query = query.where(column == value)
    if wanted.since_ms is not None:
        query = query.where(table.at_ms >= wanted.since_ms)
    if wanted.until_ms is not None:
        query = query.where(table.at_ms < wanted.until_ms)
    if wanted.before_seq is not None:
        query = query.where(table.seq < wanted.before_seq)
    return query


def _entry(row: Row[Any]) -> Entry:
    return Entry(row.seq, row.line, row.digest)


def _unknown(text: str) -> Deed:
    return Deed(**{**json.loads(text), "outcome": Outcome.UNKNOWN})
