"""Heartbeats in the records database."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, Row, delete, select, update

from nagare.alerting.heartbeats.schema import heartbeats
from nagare.alerting.heartbeats.standing import Beat
from nagare.records.engine import Records
from nagare.records.new_rows import insert_new


class BeatStore:
    """Reads and writes what came of each."""

    def __init__(self, records: Records) -> None:
        """Keep the open records."""
        self._records = records

    async def load(self) -> dict[str, Beat]:
        """Return what came last of each, by name."""
        rows = await self._records.read(lambda connection: connection.execute(select(heartbeats)).all())
        return {row.name: _beat_of(row) for row in rows}

    async def keep(self, beat: Beat) -> None:
        """Keep a sign that came; durable when this returns. One that was known before stays known since then."""
        values = _values(beat)
        told = {name: value for name, value in values.items() if name not in ("name", "known_ms")}

        def work(connection: Connection) -> None:
            if not insert_new(connection, heartbeats, values):
                connection.execute(update(heartbeats).where(heartbeats.c.name == beat.name).values(**told))

        await self._records.write(work)

    async def define(self, new: Collection[str], gone: Collection[str], now_ms: int) -> None:
        """Wait for ``new`` ones from now on, forget those that are ``gone``, and let none be of the time to come."""

        def work(connection: Connection) -> None:
            for name in new:
                insert_new(connection, heartbeats, _values(Beat(name, now_ms)))
            connection.execute(delete(heartbeats).where(heartbeats.c.name.in_(gone)))
            for column in (heartbeats.c.known_ms, heartbeats.c.seen_ms):
                connection.execute(update(heartbeats).where(column > now_ms).values({column.name: now_ms}))

        await self._records.write(work)


def _beat_of(row: Row[Any]) -> Beat:
    return Beat(
        name=row.name,
        known_ms=row.known_ms,
        seen_ms=row.seen_ms,
        is_failed=row.is_failed,
        said=row.said,
        took_seconds=row.took_seconds,
        sender=row.sender,
    )


def _values(beat: Beat) -> Mapping[str, Any]:
    return {
        "name": beat.name,
        "known_ms": beat.known_ms,
        "seen_ms": beat.seen_ms,
        "is_failed": beat.is_failed,
        "said": beat.said,
        "took_seconds": beat.took_seconds,
        "sender": beat.sender,
    }
