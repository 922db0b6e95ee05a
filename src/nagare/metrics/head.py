"""Recent rows in memory, before they are in blocks.

Rows arrive as the lists of a batch and wait so; too many lists become arrays, and arrays become DuckDB tables only when
a query names their table, because converting many rows at once costs a tenth of converting each batch. A flush takes the
arrays themselves where no query came before it. A ``Generation`` is everything between two checkpoints: it is sealed whole, flushed whole and then dropped.

Each has a database of its own. What a transaction may still see, DuckDB keeps, by database: in one for all generations an
export of an hour would hold what was flushed meanwhile, though it reads none of it.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import duckdb

from nagare.metrics.engine import Engine, quote_name
from nagare.metrics.samples.slabs import SampleHead
from nagare.metrics.schema import AGAIN, SQL_TYPES, Schema, is_wide
from nagare.model.samples import Samples
from nagare.wire.batch import Cell
from nagare.wire.binary_columns import are_binary
from nagare.wire.metric_log import LogRecord
from nagare.wire.sound_batch import Span

if TYPE_CHECKING:
    from nagare.metrics.chunks import Chunk, Texts
    from nagare.metrics.sorted_rows import SortedRows

# Cells, and batches, that may wait as Python objects in one table before they are converted. So few that they are in the
# processor's cache still and that the garbage collector hardly meets them: what waits longer takes three times as long.
# So many that what a conversion costs by itself, some microseconds a column, is little for each.
PENDING_CELLS, PENDING_BATCHES = 20_000, 64
# A cell that came in binary is no object, and waits for eight times as many others.
_BINARY_SHARE = 8


@dataclass(slots=True)
class Pending:
    """Rows of one batch as they came."""

    host: str
    cells: Mapping[str, Sequence[Cell]]
    rows: int


class HeadDatabase:
    """The database of one generation, in memory and attached with its first table; it is gone with the engine's, too."""

    def __init__(self, generation: int) -> None:
        """Begin detached."""
        self._name = f"head_{generation}"
        self._is_attached = False
        # Of two threads that attach at one time DuckDB refuses one, IF NOT EXISTS or not.
        self._attaching = threading.Lock()

    def name_of(self, table: str) -> str:
        """Return the name by which ``table`` of it stands in a statement."""
        return f"{self._name}.main.{quote_name(table)}"

    def attach(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Let it be there, from whichever thread and however often. Raises duckdb.Error."""
        with self._attaching:
            cursor.execute(f"ATTACH IF NOT EXISTS ':memory:' AS {self._name}")
            self._is_attached = True

    def drop(self, engine: Engine) -> None:
        """Free it with all its tables. Raises duckdb.Error."""
        if self._is_attached:
            with engine.cursor() as cursor:
                cursor.execute(f"DETACH DATABASE IF EXISTS {self._name}")
            self._is_attached = False


class HeadTable:
    """The rows of one table in one generation: the newest as lists, then as arrays, the others in the DuckDB table ``name``."""

    def __init__(self, table: str, database: HeadDatabase) -> None:
        """Begin empty."""
        self.table = table
        self.name = database.name_of(table)
        self._database = database
        self.rows = 0
        self.min_ms: int | None = None
        self.max_ms: int | None = None
        # The columns of the DuckDB table, in order; empty while there is none.
        self.columns: tuple[str, ...] = ()
        # Whether a row may be a repeat of another: only then does the hidden column hold anything.
        self.has_repeats = False
        self.pending_cells = 0
        self._pending: list[Pending] = []
        # Whether somebody was told that too many rows wait.
        self._is_told = False
        # Rows that are arrays, and the numbers of the texts in them; ``_filling`` guards both.
        self._chunks: list[Chunk] = []
        self._texts: Texts | None = None
        # Guards _pending and the counts: the writer adds while a query takes.
        self._lock = threading.Lock()
        # Held while rows move into DuckDB, so that two queries do not both wait for half of them.
        self._filling = threading.Lock()

    def add(self, host: str, cells: Mapping[str, Sequence[Cell]], span: Span | None = None) -> int:
        """Add rows of ``host`` and return how many. ``span`` is what they are, where it is known."""
        if span is None:
            if AGAIN in cells:
                self.has_repeats = True
            span = self._span(cells)
        pending = Pending(host, cells, span.rows)
        with self._lock:
            self._pending.append(pending)
            self.rows += span.rows
            self.pending_cells += _weight(cells, span.rows, span.columns)
            if self.min_ms is None or span.low_ms < self.min_ms:
                self.min_ms = span.low_ms
            if self.max_ms is None or span.high_ms > self.max_ms:
                self.max_ms = span.high_ms
        return span.rows

    def is_crowded(self) -> bool:
        """Tell whether too many rows wait, once until they were converted."""
        if self.pending_cells <= PENDING_CELLS or self._is_told:
            return False
        self._is_told = True
        return True

    def _span(self, cells: Mapping[str, Sequence[Cell]]) -> Span:
        times: Sequence[Any] = cells["ts"]
        unit = 1_000_000 if is_wide(self.table) else 1
        return Span(len(times), min(times) // unit, max(times) // unit, len(cells))

    def freeze(self, schema: Schema) -> None:
        """Turn the waiting lists into arrays."""
        with self._filling:
            self._freeze(schema)

    def fill(self, schema: Schema, engine: Engine) -> tuple[str, ...]:
        """Move the waiting rows into the DuckDB table and return its columns. Raises duckdb.Error; nothing is lost then."""
        with self._filling:
            self._freeze(schema)
            if self._chunks:
                self._insert(self._chunks, schema, engine)
                self._chunks, self._texts = [], None
            return self.columns if self.has_repeats else tuple(name for name in self.columns if name != AGAIN)

    def sorted_rows(self, schema: Schema) -> SortedRows | None:
        """Return all rows in the order of a block; None when a query had some of them made rows of DuckDB."""
        from nagare.metrics.sorted_rows import sort_chunks  # noqa: PLC0415  as below

        with self._filling:
            self._freeze(schema)
            if self.columns or not self._chunks or self._texts is None:
                return None
            return sort_chunks(self._chunks, schema, self._texts)

    def _freeze(self, schema: Schema) -> None:
        from nagare.metrics.binary_chunks import make_chunks  # noqa: PLC0415  numpy costs 10 MB and waits for the first need
        from nagare.metrics.chunks import Texts  # noqa: PLC0415  as above

        with self._lock:
            taken, self._pending, self._is_told = self._pending, [], False
        if not taken:
            return
        try:
            self._texts = Texts() if self._texts is None else self._texts
            self._chunks += make_chunks(taken, schema, self._texts)
        except BaseException:
            with self._lock:
                self._pending = taken + self._pending
            raise
        with self._lock:
            self.pending_cells = sum(_weight(one.cells, one.rows, len(one.cells)) for one in self._pending)

    def _insert(self, chunks: Sequence[Chunk], schema: Schema, engine: Engine) -> None:
        from nagare.metrics.chunks import Texts, items, join_chunks  # noqa: PLC0415  as above

        groups: dict[tuple[str, ...], list[Chunk]] = {}
        for chunk in chunks:
            groups.setdefault(chunk.names, []).append(chunk)
        present = [name for name in schema.columns if any(name in names for names in groups)]
        with engine.cursor() as cursor:
            if not self.columns:
                self._database.attach(cursor)
            cursor.execute("BEGIN")
            columns = self._shape(schema, present, cursor)
            for names, group in groups.items():
                cursor.register("waiting", join_chunks(group, schema, self._texts or Texts()))
                listed = ", ".join(quote_name(name) for name in ("ts", "host", *names))
                read = ", ".join(items(names, schema))
                cursor.execute(f"INSERT INTO {self.name} ({listed}) SELECT {read} FROM waiting")  # noqa: S608  quoted names of ours
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


def _weight(cells: Mapping[str, Sequence[Cell]], rows: int, columns: int) -> int:
    """Return how many of ``PENDING_CELLS`` a batch is; a small one is its share of ``PENDING_BATCHES``."""
    weight = max(rows * (columns + 1), PENDING_CELLS // PENDING_BATCHES)
    return weight // _BINARY_SHARE if are_binary(cells) else weight


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
    database: HeadDatabase = field(init=False)

    def __post_init__(self) -> None:
        """Name its database."""
        self.database = HeadDatabase(self.number)

    def add(self, index: int, record: LogRecord, spans: Sequence[Span] = ()) -> list[HeadTable]:
        """Add the rows of ``record`` and return the tables in which too many rows wait now. One thread adds.

        ``spans`` are those of all its tables, or none.
        """
        crowded: list[HeadTable] = []
        for (name, cells), span in zip_longest(record.tables.items(), spans):
            table = self.tables.get(name)
            if table is None:
                table = HeadTable(name, self.database)
                # Replaced, not changed: queries read the mapping at the same time.
                self.tables = {**self.tables, name: table}
            self.rows += table.add(record.host, cells, span)
            if table.is_crowded():
                crowded.append(table)
        self._note(index)
        return crowded

    def add_samples(self, index: int, samples: Samples) -> None:
        """Add ``samples`` of the log record ``index``. One thread adds."""
        self.samples.add(samples)
        self._note(index)

    def drop(self, engine: Engine) -> None:
        """Free what DuckDB holds of it; nobody may read it any more. Raises duckdb.Error."""
        self.database.drop(engine)

    def _note(self, index: int) -> None:
        self.first_index = self.first_index or index
        self.last_index = index
