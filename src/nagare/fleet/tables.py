"""What SQL may see of the fleet: the table ``hosts``."""

from __future__ import annotations

from datetime import datetime

from nagare.fleet.service import Fleet
from nagare.lib.clock import Clock
from nagare.model.columns import Cell, Columns, RecordTable
from nagare.model.tables import Column, ColumnKind, ColumnType, Table

HOSTS = Table(
    "hosts",
    "Registered hosts as they are now, one row each.",
    (
        Column("ts", ColumnType.INTEGER, ColumnKind.ATTRIBUTE, "the moment of the answer, for which the row holds"),
        Column("host", ColumnType.TEXT, ColumnKind.KEY, "name of the host"),
        Column("id", ColumnType.TEXT, ColumnKind.KEY, "id of the host"),
        Column("state", ColumnType.TEXT, ColumnKind.ATTRIBUTE, "up, stale, down or unknown"),
        Column("version", ColumnType.TEXT, ColumnKind.ATTRIBUTE, "version of its agent"),
        Column("interval_seconds", ColumnType.FLOAT, ColumnKind.GAUGE, "time between its batches"),
        Column("registered_ms", ColumnType.INTEGER, ColumnKind.ATTRIBUTE, "Unix milliseconds of its registration"),
        Column("last_seen_ms", ColumnType.INTEGER, ColumnKind.ATTRIBUTE, "Unix milliseconds of its last batch"),
        Column("maintenance", ColumnType.TEXT, ColumnKind.ATTRIBUTE, "why it is in maintenance, empty when it is not"),
        Column("note", ColumnType.TEXT, ColumnKind.ATTRIBUTE, "the newest note on it"),
        Column("labels", ColumnType.MAP, ColumnKind.ATTRIBUTE, "labels by its agent and its operators"),
        Column("facts", ColumnType.MAP, ColumnKind.ATTRIBUTE, "what its agent found: system, processor, memory"),
    ),
)


def hosts_table(fleet: Fleet, clock: Clock) -> RecordTable:
    """Return the table, read from ``fleet`` whenever a query names it."""

    async def fetch() -> Columns:
        return _columns(fleet, clock.now_ms())

    return RecordTable(HOSTS, fetch)


def _columns(fleet: Fleet, now_ms: int) -> Columns:
    columns: dict[str, list[Cell]] = {column.name: [] for column in HOSTS.columns}
    for view in fleet.views():
        row: dict[str, Cell] = {
            "ts": now_ms,
            "host": view.name,
            "id": view.id,
            "state": view.state,
            "version": view.version,
            "interval_seconds": view.interval_seconds,
            "registered_ms": _to_ms(view.registered_at),
            "last_seen_ms": None if view.last_seen_at is None else _to_ms(view.last_seen_at),
            "maintenance": view.maintenance,
            "note": view.note,
            "labels": view.labels,
            "facts": view.facts,
        }
        for name, cells in columns.items():
            cells.append(row[name])
    return columns


def _to_ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)
