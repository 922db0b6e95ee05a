"""Rows that left the records, as blocks of their own: written once, found by day, dropped by an age of their own.

Whoever moves rows writes them here first and removes them there afterwards, and may do the first again after a crash: a row
that is here already in that revision is not written twice, and of a later revision the earlier one goes in the same step.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from nagare.errors import StorageError
from nagare.metrics.blocks.catalog import Block, Catalog
from nagare.metrics.blocks.files import DAY_MS, BlockFiles, Origin
from nagare.metrics.blocks.library import Library, Snapshot
from nagare.metrics.blocks.verify import BlockCheck
from nagare.metrics.blocks.views import View, Window
from nagare.metrics.engine import Engine, os_error, quote_name, storage_error
from nagare.metrics.observe import Observer
from nagare.metrics.record_rows import put_rows
from nagare.metrics.schema import HISTORY_SCHEMAS
from nagare.metrics.sql.messages import deadline_error
from nagare.metrics.sql.stop import Stop
from nagare.model.columns import Cell, Columns
from nagare.model.history import ROW_ID, ROW_REVISION, Grouping
from nagare.model.tables import Table

# Temporary tables of one call: what came, what blocks know of it, what of it is new, and what takes a known row's place.
_GIVEN, _KNOWN, _NEW, _LATER = "history_given", "history_known", "history_new", "history_later"


@dataclass(frozen=True, slots=True)
class History:
    """Writes them, on the store's maintenance thread alone, and finds them, on any."""

    engine: Engine
    files: BlockFiles
    catalog: Catalog
    library: Library
    check: BlockCheck
    observer: Observer

    def add(self, table: Table, rows: Columns) -> int:
        """Store ``rows``, each id once, that are not here in their revision; return how many. Raises StorageError."""
        times = [int(str(ts)) for ts in rows["ts"]]
        if not times:
            return 0
        near = _near(self.library.current, table.name, min(times), max(times))
        added: list[Block] = []
        try:
            with self.check.reading(near), self.engine.cursor() as cursor:
                columns = self._sort_out(cursor, table, rows, near)
                replaced = [block for block in near if self._holds_earlier(cursor, block)]
                for block in replaced:
                    added += self._without_earlier(cursor, block)
                count = 0
                for block in self._write_new(cursor, table.name, columns):
                    added.append(block)
                    count += block.rows
        except duckdb.Error as error:
            self.files.remove(added)
            raise storage_error("write block in", self.files.directory, error) from error
        except OSError as error:
            self.files.remove(added)
            raise os_error("write block in", self.files.directory, error) from error
        if added or replaced:
            self.observer.step("history_written")
            self._commit(replaced, added)
        return count

    def find(self, table: Table, column: str, value: str, at_ms: int, stop: Stop) -> list[dict[str, Cell]]:
        """Return the rows of that very moment whose ``column`` has that ``value``. Raises DeadlineExceededError, StorageError."""
        columns = HISTORY_SCHEMAS[table.name].sql_columns()
        view = View(table.name, columns, None, Window(at_ms, at_ms + 1))
        names = ["epoch_ms(ts)", *(quote_name(name) for name in columns if name != "ts")]
        try:
            # Pinned: what is merged or dropped meanwhile stays readable until this is done.
            with self.engine.cursor() as cursor, self.library.pinned() as snapshot, stop.stopping(cursor):
                blocks = _near(snapshot, table.name, at_ms, at_ms)
                with self.check.reading(blocks, stop=stop.check_stopped):
                    body = view.body(view.block_sources(blocks, str(self.files.directory)))
                    sql = f"SELECT {', '.join(names)} FROM ({body}) WHERE {quote_name(column)} = ?"  # noqa: S608  made by us
                    found = cursor.execute(sql, [value]).fetchall()
        except duckdb.InterruptException as error:
            raise deadline_error() from error
        except duckdb.Error as error:
            raise storage_error("read blocks of", table.name, error) from error
        return [dict(zip(columns, row, strict=True)) for row in found]

    def group(self, table: Table, grouping: Grouping, low_ms: int, high_ms: int, stop: Stop) -> list[dict[str, Any]]:
        """Return groups of the rows from ``low_ms`` to ``high_ms``. Raises DeadlineExceededError, StorageError."""
        view = View(table.name, HISTORY_SCHEMAS[table.name].sql_columns(), None, Window(low_ms, high_ms + 1))
        try:
            with self.engine.cursor() as cursor, self.library.pinned() as snapshot, stop.stopping(cursor):
                blocks = _near(snapshot, table.name, low_ms, high_ms)
                with self.check.reading(blocks, stop=stop.check_stopped):
                    sql, values = _grouped(view.body(view.block_sources(blocks, str(self.files.directory))), grouping)
                    found = cursor.execute(sql, values).fetchall()
        except duckdb.InterruptException as error:
            raise deadline_error() from error
        except duckdb.Error as error:
            raise storage_error("read blocks of", table.name, error) from error
        return [dict(zip((*grouping.kept, "counts"), row, strict=True)) for row in found]

    def _sort_out(
        self, cursor: duckdb.DuckDBPyConnection, table: Table, rows: Columns, near: Sequence[Block]
    ) -> dict[str, str]:
        """Make the temporary tables and return the columns of what came."""
        columns = put_rows(cursor, _GIVEN, table, rows)
        known = View(table.name, {ROW_ID: "VARCHAR", ROW_REVISION: "BIGINT"}, None, Window())
        body = known.body(known.block_sources(near, str(self.files.directory)))
        came = f"SELECT * FROM {_GIVEN} WHERE {ROW_ID}"  # noqa: S608  made by us, as all below
        for name, query in {
            _KNOWN: f"SELECT {ROW_ID}, max({ROW_REVISION}) AS seen FROM ({body}) GROUP BY 1",  # noqa: S608
            _LATER: f"SELECT {ROW_ID} FROM {_GIVEN} JOIN {_KNOWN} USING ({ROW_ID}) WHERE {ROW_REVISION} > seen",  # noqa: S608
            _NEW: f"{came} NOT IN (SELECT {ROW_ID} FROM {_KNOWN}) OR {ROW_ID} IN (SELECT {ROW_ID} FROM {_LATER})",  # noqa: S608
        }.items():
            cursor.execute(f"CREATE TEMP TABLE {name} AS {query}")
        return columns

    def _holds_earlier(self, cursor: duckdb.DuckDBPyConnection, block: Block) -> bool:
        found = cursor.execute(f"SELECT count(*) FROM ({self._whole(block)}) JOIN {_LATER} USING ({ROW_ID})").fetchone()  # noqa: S608
        return found is not None and found[0] > 0

    def _without_earlier(self, cursor: duckdb.DuckDBPyConnection, block: Block) -> list[Block]:
        """Write ``block`` again without rows of which a later revision came; nothing when no other is in it."""
        source = f"SELECT * FROM ({self._whole(block)}) WHERE {ROW_ID} NOT IN (SELECT {ROW_ID} FROM {_LATER})"  # noqa: S608
        origin = _origin(block.table, tuple(block.columns.split(",")), (block.id,))
        left = self.files.write(cursor, origin, source)
        return [] if left is None else [left]

    def _write_new(self, cursor: duckdb.DuckDBPyConnection, table: str, columns: dict[str, str]) -> Iterator[Block]:
        days = cursor.execute(f"SELECT DISTINCT epoch_ms(ts) // {DAY_MS} FROM {_NEW} ORDER BY 1").fetchall()  # noqa: S608
        origin = _origin(table, tuple(columns))
        for (day,) in days:
            source = f"SELECT * FROM {_NEW} WHERE epoch_ms(ts) // {DAY_MS} = {day}"  # noqa: S608  made by us
            block = self.files.write(cursor, origin, source)
            if block is not None:
                yield block

    def _whole(self, block: Block) -> str:
        known = HISTORY_SCHEMAS[block.table].sql_columns()
        # A newer version may have written more of them.
        columns = {name: known.get(name, "VARCHAR") for name in block.columns.split(",")}
        (source,) = View(block.table, columns, None, Window()).block_sources([block], str(self.files.directory))
        return source

    def _commit(self, replaced: Sequence[Block], added: Sequence[Block]) -> None:
        try:
            self.catalog.replace_blocks(replaced, added)
        except StorageError:
            # As in a flush: a commit can be told as failed and still be true.
            if not all(self.catalog.has_block(block.path) for block in added):
                self.files.remove(added)
                raise
        self.observer.step("history_committed")
        self.library.replaced(replaced, added, lambda: self.files.remove(replaced))


def _grouped(body: str, grouping: Grouping) -> tuple[str, list[Any]]:
    """Return the statement and its values."""
    kept = [f"any_value({'epoch_ms(ts)' if name == 'ts' else quote_name(name)})" for name in grouping.kept]
    clauses = [f"{quote_name(name)} = ?" for name in grouping.equal]
    values: list[Any] = list(grouping.equal.values())
    if grouping.within is not None:
        clauses.append(f"{quote_name(grouping.within[0])} IN (SELECT unnest(?::VARCHAR[]))")
        values.append(sorted(grouping.within[1]))
    having = [f"bool_or({quote_name(name)} = ?)" for name in grouping.having]
    values += grouping.having.values()
    sql = (
        f"SELECT {', '.join(kept)}, histogram({quote_name(grouping.counted)}) FROM ({body}) "  # noqa: S608  made by us
        f"WHERE {' AND '.join(clauses) or 'true'} GROUP BY {quote_name(grouping.by)} "
        f"HAVING {' AND '.join(having) or 'true'}"
    )
    return sql, values


def _near(snapshot: Snapshot, table: str, low_ms: int, high_ms: int) -> list[Block]:
    window = Window(low_ms, high_ms + 1)
    return [block for block in snapshot.blocks.get(table, ()) if window.meets(block.min_ms, block.max_ms)]


def _origin(table: str, columns: tuple[str, ...], sources: tuple[str, ...] = ()) -> Origin:
    # From no record of the log: a lost catalog is made again without asking what the log still holds.
    return Origin(table, columns, ("host", ROW_ID, "ts"), 0, 0, sources)
