"""Moves a sealed generation of the head into blocks and lets the log forget it.

The order is the promise: blocks are whole on disk, then one catalog transaction makes them count together with the
checkpoint and the names of what is in them, and only then may the log drop its records. A crash before the commit
leaves files that nobody lists; a crash after it leaves records that replay steps over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import duckdb

from nagare.errors import StorageError
from nagare.metrics.blocks.catalog import Block, Catalog, Checkpoint, Unrolled
from nagare.metrics.blocks.compact import TABLE_POLICY
from nagare.metrics.blocks.files import DAY_MS, FRESH, BlockFiles, Origin, day_start_ms
from nagare.metrics.blocks.library import Library
from nagare.metrics.blocks.sources import find_hours, sample_hours
from nagare.metrics.engine import Engine, os_error, storage_error
from nagare.metrics.head import Generation, HeadTable
from nagare.metrics.observe import Observer
from nagare.metrics.rollups.hours import is_rolled
from nagare.metrics.samples.changes import SampleChanges
from nagare.metrics.samples.series_files import SeriesFiles
from nagare.metrics.samples.write import SampleWriter
from nagare.metrics.schema import Schema, Schemas
from nagare.metrics.sorted_rows import SortedRows
from nagare.metrics.wal.seen import SeenChanges
from nagare.model.tables import SAMPLES


@dataclass(frozen=True, slots=True)
class Sealed:
    """A generation that takes no more rows, with the names in it, and the foreign columns and series known by then."""

    generation: Generation
    seen: SeenChanges
    foreign: tuple[tuple[str, str, str], ...]
    samples: SampleChanges


@dataclass(frozen=True, slots=True)
class Flusher:
    """Writes sealed generations; used by the store's maintenance thread alone."""

    engine: Engine
    files: BlockFiles
    catalog: Catalog
    library: Library
    schemas: Schemas
    samples: SampleWriter
    series_files: SeriesFiles
    observer: Observer

    def write(self, sealed: Sealed, now_ms: int) -> int:
        """Make blocks of ``sealed`` and commit them; return how many. Raises StorageError and then nothing changed."""
        blocks: list[Block] = []
        unrolled: list[Unrolled] = []
        try:
            for name, table in sealed.generation.tables.items():
                schema = self.schemas.current[name]
                rows = table.sorted_rows(schema)
                if rows is None:
                    blocks.extend(self._write_table(schema, table, sealed.generation))
                else:
                    blocks.extend(self._write_sorted(rows, sealed.generation))
                unrolled.extend(Unrolled(name, hour, now_ms, now_ms) for hour in self._hours(table, rows))
            hours = sample_hours(sealed.generation)
            unrolled.extend(Unrolled(SAMPLES.name, hour, now_ms, now_ms) for hour in hours)
            blocks.extend(self._write_samples(sealed))
            self.observer.step("blocks_written")
        except duckdb.Error as error:
            self.files.remove(blocks)
            raise storage_error("write block in", self.files.directory, error) from error
        except OSError as error:
            self.files.remove(blocks)
            raise os_error("write block in", self.files.directory, error) from error
        last = sealed.generation.last_index
        self._commit(Checkpoint(last, tuple(blocks), sealed.seen, sealed.foreign, sealed.samples, tuple(unrolled)))
        self.observer.step("blocks_committed")
        marks = [(one.table, one.hour_ms) for one in unrolled]
        self.library.flushed(sealed.generation, blocks, lambda: sealed.generation.drop(self.engine), marks)
        return len(blocks)

    def _commit(self, checkpoint: Checkpoint) -> None:
        try:
            with self.catalog.checkpoint(checkpoint):
                self.observer.step("checkpoint_written")
        except StorageError:
            # A commit can be told as failed and still be true. While nobody can say, the files stay: without an
            # entry in the catalog they are removed at the next start.
            if self.catalog.checkpoint_index() >= checkpoint.index:
                return
            self.files.remove(checkpoint.blocks)
            raise

    def _write_table(self, schema: Schema, table: HeadTable, generation: Generation) -> Iterator[Block]:
        columns = table.fill(schema, self.engine)
        low, high = table.min_ms, table.max_ms
        if not columns or low is None or high is None:
            return
        order = ("host", *(key for key in schema.keys if key in columns), "ts")
        origin = Origin(schema.table, columns, order, generation.first_index, generation.last_index)
        origin = _packed(origin, table.rows)
        with self.engine.cursor() as cursor:
            for start in range(day_start_ms(low), high + 1, DAY_MS):
                source = (
                    f"SELECT * FROM {table.name} WHERE ts >= make_timestamp_ms({start}) "  # noqa: S608  made by us
                    f"AND ts < make_timestamp_ms({start + DAY_MS})"
                )
                block = self.files.write(cursor, origin, source)
                if block is not None:
                    yield block
                    self.observer.step("block_written")

    def _write_sorted(self, rows: SortedRows, generation: Generation) -> Iterator[Block]:
        schema, columns = rows.schema, rows.names
        order = ("host", *(key for key in schema.keys if key in columns), "ts")
        origin = Origin(schema.table, columns, order, generation.first_index, generation.last_index)
        with self.engine.cursor() as cursor:
            for span, arrays in rows.days():
                cursor.register("waiting", arrays)
                yield self.files.write_sorted(cursor, _packed(origin, span.rows), span, rows.select("waiting"))
                self.observer.step("block_written")
                cursor.unregister("waiting")

    def _write_samples(self, sealed: Sealed) -> Iterator[Block]:
        definitions = sealed.samples.definitions
        if not sealed.generation.samples.count and not definitions:
            return
        if definitions:
            # Before the catalog: a block must never stand for numbers that nothing but it says a word of.
            with self.engine.cursor() as cursor:
                self.series_files.add(cursor, definitions)
            self.observer.step("series_written")
        for block in self.samples.write(sealed.generation):
            yield block
            self.observer.step("block_written")

    def _hours(self, table: HeadTable, rows: SortedRows | None) -> set[int]:
        if not is_rolled(table.table):
            return set()
        if rows is not None:
            return rows.hours()
        if not table.columns:
            return set()
        with self.engine.cursor() as cursor:
            return find_hours(cursor, f"SELECT ts FROM {table.name}")  # noqa: S608  made by us


def _packed(origin: Origin, rows: int) -> Origin:
    """Return ``origin`` of a block of ``rows`` as it is packed: quickly where it is merged soon, and else as if it had been."""
    return origin if TABLE_POLICY.is_whole(rows, len(origin.columns)) else replace(origin, level=FRESH)
