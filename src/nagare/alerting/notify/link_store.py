"""Links that were used, in the records database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Row, String, Table, delete, select, update

from nagare.records.engine import Records
from nagare.records.new_rows import insert_new
from nagare.records.schema import metadata

# A clock that is set back does not make a used link a new one.
_KEPT_MS = 86_400_000

ack_links = Table(
    "ack_links",
    metadata,
    # The SHA-256 of the link: what was used is no secret, what was not is one.
    Column("id", String(64), primary_key=True),
    Column("incident", String(64), nullable=False),
    Column("actor", String(253), nullable=False),
    Column("used_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False, index=True),
    Column("done_ms", BigInteger, nullable=True),
)


@dataclass(frozen=True, slots=True)
class Used:
    """A link that somebody used; Unix milliseconds. ``done_ms`` is None until all that it is for was done."""

    id: str
    incident: str
    actor: str
    used_ms: int
    until_ms: int
    done_ms: int | None = None


class LinkStore:
    """Reads and writes them."""

    def __init__(self, records: Records) -> None:
        """Keep the open records."""
        self._records = records

    async def find(self, link_id: str) -> Used | None:
        """Return who used a link, or None."""
        query = select(ack_links).where(ack_links.c.id == link_id)
        row = await self._records.read(lambda connection: connection.execute(query).first())
        return None if row is None else _used_of(row)

    async def add(self, used: Used) -> bool:
        """Keep that a link is used; False where somebody was first. Links that ended are forgotten: they are refused for that."""
        values = {name: getattr(used, name) for name in Used.__slots__}

        def work(connection: Connection) -> bool:
            connection.execute(delete(ack_links).where(ack_links.c.until_ms < used.used_ms - _KEPT_MS))
            return insert_new(connection, ack_links, values)

        return await self._records.write(work)

    async def done(self, link_id: str, now_ms: int) -> None:
        """Keep that what it is for was done."""
        statement = update(ack_links).where(ack_links.c.id == link_id).values(done_ms=now_ms)
        await self._records.write(lambda connection: connection.execute(statement))


def _used_of(row: Row[Any]) -> Used:
    return Used(**{name: getattr(row, name) for name in Used.__slots__})
