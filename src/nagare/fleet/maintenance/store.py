"""Maintenance windows in the records database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Row, String, Table, delete, insert, select

from nagare.model.maintenance import Recurrence, Selector, Window
from nagare.records.engine import Records
from nagare.records.schema import metadata

windows = Table(
    "maintenance_windows",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("selector", JSON, nullable=False),
    Column("from_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=True),
    Column("recurrence", JSON(none_as_null=True), nullable=True),
    Column("why", String(200), nullable=False),
    Column("made_by", String(253), nullable=False),
    Column("made_ms", BigInteger, nullable=False),
)


class WindowStore:
    """Reads and writes windows."""

    def __init__(self, records: Records) -> None:
        """Keep the open records."""
        self._records = records

    async def load(self) -> list[Window]:
        """Return every window, in the order in which they were made."""
        query = select(windows).order_by(windows.c.made_ms, windows.c.id)
        return [_window(row) for row in await self._records.read(lambda connection: connection.execute(query).all())]

    async def add(self, window: Window) -> None:
        """Store ``window``."""
        statement = insert(windows).values(**_values(window))
        await self._records.write(lambda connection: connection.execute(statement))

    async def remove(self, ids: list[str]) -> None:
        """Forget those windows."""
        statement = delete(windows).where(windows.c.id.in_(ids))
        await self._records.write(lambda connection: connection.execute(statement))


def _values(window: Window) -> dict[str, Any]:
    selector, recurrence = window.selector, window.recurrence
    return {
        "id": window.id,
        "selector": {
            "hosts": sorted(selector.hosts),
            "groups": sorted(selector.groups),
            "labels": dict(selector.labels),
        },
        "from_ms": window.from_ms,
        "until_ms": window.until_ms,
        "recurrence": None
        if recurrence is None
        else {
            "minute_of_day": recurrence.minute_of_day,
            "duration_seconds": recurrence.duration_seconds,
            "days": sorted(recurrence.days),
            "zone": recurrence.zone,
        },
        "why": window.why,
        "made_by": window.made_by,
        "made_ms": window.made_ms,
    }


def _window(row: Row[Any]) -> Window:
    chosen, recurs = row.selector, row.recurrence
    recurrence = None
    if recurs is not None:
        recurrence = Recurrence(
            recurs["minute_of_day"], recurs["duration_seconds"], frozenset(recurs["days"]), recurs["zone"]
        )
    selector = Selector(frozenset(chosen["hosts"]), frozenset(chosen["groups"]), chosen["labels"])
    return Window(row.id, selector, row.from_ms, row.until_ms, recurrence, row.why, row.made_by, row.made_ms)
