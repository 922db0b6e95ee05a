"""From the tables of a batch to rows of series: which columns are scored, and what names a series; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from nagare.model.tables import TABLES, ColumnKind, ColumnType, Table
from nagare.wire.batch import Cell

Tables = Mapping[str, Mapping[str, Sequence[Cell]]]
# Whose rows name something else all the time, or that hold no measurements.
_LEFT_OUT = frozenset({"process", "gpu_process", "events", "anomalies", "agent"})
# Of tables that have a row of the whole beside its parts, the whole is scored: (column, value).
_WHOLE = {"cpu": ("core", "all")}


@dataclass(frozen=True, slots=True, order=True)
class SeriesName:
    """What names a series: host, table, column, and the values of the table's keys."""

    host: str
    table: str
    column: str
    keys: tuple[str, ...] = ()

    def text(self) -> str:
        """Return the keys for people: ``mount=/, device=sda1``."""
        return ", ".join(f"{key}={value}" for key, value in zip(TABLES[self.table].keys, self.keys, strict=True))


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """One value of a series at a moment, Unix milliseconds."""

    name: SeriesName
    ts_ms: int
    value: float


def _scored(table: Table) -> tuple[str, ...]:
    """Return the columns that go up and down; what counts on has its rate beside it."""
    return tuple(
        column.name
        for column in table.columns
        if column.kind is ColumnKind.GAUGE and column.type in (ColumnType.FLOAT, ColumnType.INTEGER)
    )


COLUMNS: Mapping[str, tuple[str, ...]] = {
    name: columns for name, table in TABLES.items() if name not in _LEFT_OUT and (columns := _scored(table))
}


def series_rows(host: str, tables: Tables) -> Iterator[SeriesRow]:
    """Yield the rows of the series in a batch of ``host``, table by table and column by column."""
    for table, names in COLUMNS.items():
        columns = tables.get(table)
        if not columns:
            continue
        stamps = columns["ts"]
        keys = _keys(table, columns, len(stamps))
        for column in names:
            for stamp, key, cell in zip(stamps, keys, columns.get(column) or (), strict=False):
                if key is not None and isinstance(cell, int | float) and isinstance(stamp, int | float):
                    yield SeriesRow(SeriesName(host, table, column, key), int(stamp), float(cell))


def _keys(table: str, columns: Mapping[str, Sequence[Cell]], count: int) -> list[tuple[str, ...] | None]:
    """Return the keys of each row; None for one that is part of a whole."""
    nothing = [None] * count
    cells = [columns.get(name) or nothing for name in TABLES[table].keys]
    found: list[tuple[str, ...] | None] = [
        tuple("" if one is None else str(one) for one in row) for row in zip(*cells, strict=False)
    ]
    if not cells:
        return [()] * count
    if table in _WHOLE:
        name, value = _WHOLE[table]
        at = TABLES[table].keys.index(name)
        return [key if key is not None and key[at] == value else None for key in found]
    return found
