"""From the tables of a batch to what is scored of them: which columns, and what names a series; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from nagare.model.tables import TABLES, ColumnKind, ColumnType, Table
from nagare.wire.batch import Cell
from nagare.wire.binary_columns import are_binary

Tables = Mapping[str, Mapping[str, Sequence[Cell]]]
# Rows of one table that one batch may bring; the last count.
TABLE_ROWS = 100_000
# Whose rows name something else all the time, or that hold no measurements.
_LEFT_OUT = frozenset({"process", "gpu_process", "events", "anomalies", "agent"})
# Of tables that have a row of the whole beside its parts, the whole is scored: (column, value).
WHOLE: Mapping[str, tuple[str, str]] = {"cpu": ("core", "all")}


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


class Part(NamedTuple):
    """What of a host's batch is scored, how many rows that are, and how many more there were than is taken."""

    host: str
    tables: Tables
    rows: int
    left_out: int = 0


def scored_part(host: str, tables: Tables) -> Part:
    """Return those of ``tables`` that are scored, without the rows at the beginning that are more than is taken.

    What of their columns is scored is chosen later, off the way of the requests.
    """
    part: dict[str, Mapping[str, Sequence[Cell]]] = {}
    rows = left_out = 0
    for table, columns in tables.items():
        if table not in COLUMNS:
            continue
        count = columns.rows if are_binary(columns) else len(columns["ts"])
        if count > TABLE_ROWS:
            extra, count = count - TABLE_ROWS, TABLE_ROWS
            left_out += extra
            part[table] = {name: cells[extra:] for name, cells in columns.items()}
        else:
            part[table] = columns
        rows += count
    return Part(host, part, rows, left_out)
