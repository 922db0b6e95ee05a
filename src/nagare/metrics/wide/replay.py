"""Foreign rows of the log back into schemas and memory; their types are those of their values."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from nagare.metrics.schema import Schemas
from nagare.metrics.wal.ingest import clear_misfits
from nagare.metrics.wide.again import NewestPoints
from nagare.model.tables import ColumnType
from nagare.wire.batch import Cell
from nagare.wire.metric_log import LogRecord
from nagare.wire.wide_log import WideRecord

_TYPES = {bool: ColumnType.BOOLEAN, int: ColumnType.INTEGER, float: ColumnType.FLOAT, str: ColumnType.TEXT}


def replay_wide(record: WideRecord, schemas: Schemas, newest: NewestPoints | None) -> tuple[LogRecord, int]:
    """Take over the columns of ``record``; return its rows as the head takes them, and how many values no longer fit."""
    misfits = 0
    for table, cells in record.tables.items():
        tags = record.tags.get(table, [])
        schemas.add(table, _columns(cells, tags))
        misfits += clear_misfits(cells, schemas.current[table])
        if newest is not None:
            newest.note_stored(table, cells, tags)
    return LogRecord(record.received_ms, "", "", 0, [], record.tables), misfits


def _columns(cells: Mapping[str, Sequence[Cell]], tags: Collection[str]) -> dict[str, ColumnType]:
    found: dict[str, ColumnType] = {}
    for name, values in cells.items():
        first = next((value for value in values if value is not None), None)
        if name in ("ts", "host") or first is None:
            continue
        found[name] = ColumnType.TAG if name in tags else _TYPES.get(type(first), ColumnType.FLOAT)
    return found
