"""Recent rows in memory, before they are in blocks.

Rows arrive as the lists of a batch and wait so; they become DuckDB tables only when a query names their table, a
flush needs them, or too many wait, because converting many rows at once costs a tenth of converting each batch. A
``Generation`` is everything between two checkpoints: it is sealed whole, flushed whole and then dropped.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

from nagare.metrics.engine import HEAD_SCHEMA, Engine, quote_name
from nagare.metrics.samples.slabs import SampleHead
from nagare.metrics.schema import AGAIN, SQL_TYPES, Schema, is_wide
from nagare.model.samples import Samples
from nagare.wire.batch import Cell
from nagare.wire.metric_log import LogRecord

# Cells that may wait as Python objects in one table before they are converted: some 32 bytes each, so 3 MB.
PENDING_CELLS = 100_000


@dataclass(slots=True)
class _Pending:
    host: str
    cells: Mapping[str, Sequence[Cell]]
    rows: int


class HeadTable:
    """The rows of one table in one generation: some still as lists, the others in the DuckDB table ``name``."""

    def __init__(self, table: str, generation: int) -> None:
        """Begin empty."""
        self.table = table
        self.name = f"{HEAD_SCHEMA}.{quote_name(f'g{generation}_{table}')}"
        self.rows = 0
        self.min_ms: int | None = None
        self.max_ms: int | None = None
        # The columns of the DuckDB table, in order; empty while there is none.
        self.columns: tuple[str, ...] = ()
        # Whether a row may be a repeat of another: only then does the hidden column hold anything.
        self.has_repeats = False
        self.pending_cells = 0
        self._pending: list[_Pending] = []
        # Guards _pending and the counts: the writer adds while a query takes.
        self._lock = threading.Lock()
        # Held while rows move into DuckDB, so that two queries do not both wait for half of them.
        self._filling = threading.Lock()

    def add(self, host: str, cells: Mapping[str, Sequence[Cell]]) -> int:
        """Add rows of ``host`` and return how many."""
        times: Sequence[Any] = cells["ts"]
        unit = 1_000_000 if is_wide(self.table) else 1
        low, high, rows = min(times) // unit, max(times) // unit, len(times)
        if AGAIN in cells:
            self.has_repeats = True
        pending, width = _Pending(host, cells, rows), len(cells) + 1
        with self._lock:
            self._pending.append(pending)
            self.rows += rows
            self.pending_cells += rows * width
            if self.min_ms is None or low < self.min_ms:
                self.min_ms = low
            if self.max_ms is None or high > self.max_ms:
                self.max_ms = high
        return rows

    def fill(self, schema: Schema, engine: Engine) -> tuple[str, ...]:
        """Move the waiting rows into the DuckDB table and return its columns. Raises duckdb.Error; nothing is lost then."""
        with self._filling:
            with self._lock:
                taken, self._pending = self._pending, []
            if taken:
                try:
                    self._insert(taken, schema, engine)
                except BaseException:
                    with self._lock:
                        self._pending = taken + self._pending
                    raise
                with self._lock:
                    self.pending_cells = sum(batch.rows * (len(batch.cells) + 1) for batch in self._pending)
            return self.columns if self.has_repeats else tuple(name for name in self.columns if name != AGAIN)

    def drop(self, engine: Engine) -> None:
        """Free the DuckDB table."""
        if self.columns:
            with engine.cursor() as cursor:
                cursor.execute(f"DROP TABLE IF EXISTS {self.name}")
                self.columns = ()

    def _insert(self, batches: Sequence[_Pending], schema: Schema, engine: Engine) -> None:
        from nagare.metrics import arrays  # noqa: PLC0415  numpy costs 10 MB and waits for the first need

        present = [name for name in schema.columns if any(name in batch.cells for batch in batches)]
        source: dict[str, Any] = {
            "ts": arrays.time_array(_gather("ts", batches), schema.time_type),
            "host": arrays.text_array(_gather_hosts(batches)),
        }
        for name in present:
            source[name] = arrays.to_array(_gather(name, batches), schema.columns[name])
        items = [
            *arrays.base_items(schema.time_type),
            *(arrays.select_item(name, schema.columns[name]) for name in present),
        ]
        with engine.cursor() as cursor:
            cursor.execute("BEGIN")
            columns = self._shape(schema, present, cursor)
            cursor.register("waiting", source)
            names = ", ".join(quote_name(name) for name in ("ts", "host", *present))
            cursor.execute(f"INSERT INTO {self.name} ({names}) SELECT {', '.join(items)} FROM waiting")  # noqa: S608  quoted names of ours
            cursor.unregister("waiting")
            cursor.execute("COMMIT")
            # Set while the cursor is still lent: an engine that rests must never overlook a table.
            self.columns = columns

    def _shape(self, schema: Schema, present: Sequence[str], cursor: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
        if not self.columns:
            columns = schema.sql_columns()
            body = ", ".join(f"{quote_name(name)} {type_}" for name, type_ in columns.items())
            cursor.execute(f"CREATE TABLE {self.name} ({body})")
            return tuple(columns)
        fresh = tuple(name for name in present if name not in self.columns)
        for name in fresh:
            cursor.execute(f"ALTER TABLE {self.name} ADD COLUMN {quote_name(name)} {SQL_TYPES[schema.columns[name]]}")
        return self.columns + fresh


def _gather(name: str, batches: Sequence[_Pending]) -> list[Any]:
    values: list[Any] = []
    for batch in batches:
        found = batch.cells.get(name)
        values.extend(found if found is not None else [None] * batch.rows)
    return values


def _gather_hosts(batches: Sequence[_Pending]) -> list[Any]:
    values: list[Any] = []
    for batch in batches:
        own = batch.cells.get("host")
        values.extend(own if own is not None else [batch.host] * batch.rows)
    return values


@dataclass(slots=True)
class Generation:
    """The head between two checkpoints; ``first_index`` and ``last_index`` are its log records, zero while empty."""

    number: int
    tables: dict[str, HeadTable] = field(default_factory=dict)
    samples: SampleHead = field(default_factory=SampleHead)
    # Rows of the tables; samples are counted in bytes, because there are so many more of them.
    rows: int = 0
    first_index: int = 0
    last_index: int = 0

    def add(self, index: int, record: LogRecord) -> list[HeadTable]:
        """Add the rows of ``record`` and return the tables in which too many rows wait now. One thread adds."""
        crowded: list[HeadTable] = []
        for name, cells in record.tables.items():
            table = self.tables.get(name)
            if table is None:
                table = HeadTable(name, self.number)
                # Replaced, not changed: queries read the mapping at the same time.
                self.tables = {**self.tables, name: table}
            self.rows += table.add(record.host, cells)
            if table.pending_cells > PENDING_CELLS:
                crowded.append(table)
        self._note(index)
        return crowded

    def add_samples(self, index: int, samples: Samples) -> None:
        """Add ``samples`` of the log record ``index``. One thread adds."""
        self.samples.add(samples)
        self._note(index)

    def _note(self, index: int) -> None:
        self.first_index = self.first_index or index
        self.last_index = index
