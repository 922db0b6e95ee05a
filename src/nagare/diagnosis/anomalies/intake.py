"""From the tables of a batch to rows of series: which columns are scored, and what names a series; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from nagare.lib.counters import Counters
from nagare.model.tables import TABLES, ColumnKind, ColumnType, Table
from nagare.wire.batch import Cell

Tables = Mapping[str, Mapping[str, Sequence[Cell]]]
# Rows of one table that one batch may bring, and of them those of one series; the last and the newest count. Whoever
# sends so many sends the past, and each costs the detector a look of its own.
TABLE_ROWS = 100_000
SERIES_ROWS = 2048
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


def scored_part(tables: Tables) -> tuple[Tables, int]:
    """Return what of ``tables`` is scored, and how many rows at the beginning of a table are more than is taken."""
    part: dict[str, Mapping[str, Sequence[Cell]]] = {}
    left_out = 0
    for table, names in COLUMNS.items():
        columns = tables.get(table)
        if not columns:
            continue
        needed = ("ts", *TABLES[table].keys, *names)
        extra = max(0, len(columns["ts"]) - TABLE_ROWS)
        left_out += extra
        part[table] = {name: cells[extra:] if extra else cells for name in needed if (cells := columns.get(name))}
    return part, left_out


def count_rows(tables: Tables) -> int:
    """Return how many rows there are in all tables."""
    return sum(len(columns["ts"]) for columns in tables.values())


def series_rows(host: str, tables: Tables, counters: Counters) -> Iterator[SeriesRow]:
    """Yield the rows of the series in a batch of ``host``, table by table; of one series no more than its newest."""
    for table, names in COLUMNS.items():
        columns = tables.get(table)
        if not columns:
            continue
        stamps = columns["ts"]
        for key, places in _places(table, columns).items():
            newest = places[-SERIES_ROWS:]
            if len(newest) < len(places):
                counters.add("anomaly_rows_skipped", len(places) - len(newest))
            for column in names:
                if cells := columns.get(column):
                    yield from _one_series(SeriesName(host, table, column, key), stamps, cells, newest)


def _one_series(
    name: SeriesName, stamps: Sequence[Cell], cells: Sequence[Cell], places: Sequence[int]
) -> Iterator[SeriesRow]:
    for at in places:
        stamp, cell = stamps[at], cells[at]
        if isinstance(cell, int | float) and isinstance(stamp, int | float):
            yield SeriesRow(name, int(stamp), float(cell))


def _places(table: str, columns: Mapping[str, Sequence[Cell]]) -> dict[tuple[str, ...], list[int]]:
    """Return which rows each series has, the newest last; none for one that is part of a whole."""
    stamps = columns["ts"]
    found: dict[tuple[str, ...], list[int]] = {}
    for at, key in enumerate(_keys(table, columns, len(stamps))):
        if key is not None:
            found.setdefault(key, []).append(at)
    for places in found.values():
        if len(places) > SERIES_ROWS:
            places.sort(key=lambda at: stamp if isinstance(stamp := stamps[at], int | float) else 0)
    return found


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
