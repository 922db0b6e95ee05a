"""Notes in the records database."""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy import BigInteger, Column, String, Table, delete, insert, select

from nagare.model.note import HostNote
from nagare.records.engine import Records
from nagare.records.schema import metadata

notes = Table(
    "host_notes",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("host_id", String(32), nullable=False, index=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("author", String(253), nullable=False),
    Column("text", String(1000), nullable=False),
)


class NoteStore:
    """Reads and writes notes."""

    def __init__(self, records: Records) -> None:
        """Keep the open records."""
        self._records = records

    async def load(self) -> list[HostNote]:
        """Return every note, the oldest first."""
        query = select(notes).order_by(notes.c.at_ms, notes.c.id)
        rows = await self._records.read(lambda connection: connection.execute(query).all())
        return [HostNote(row.id, row.host_id, row.at_ms, row.author, row.text) for row in rows]

    async def add(self, note: HostNote) -> None:
        """Store ``note``."""
        statement = insert(notes).values(**asdict(note))
        await self._records.write(lambda connection: connection.execute(statement))

    async def remove(self, note_id: str) -> None:
        """Forget a note."""
        statement = delete(notes).where(notes.c.id == note_id)
        await self._records.write(lambda connection: connection.execute(statement))

    async def forget(self, host_id: str) -> None:
        """Forget the notes of a host."""
        statement = delete(notes).where(notes.c.host_id == host_id)
        await self._records.write(lambda connection: connection.execute(statement))
