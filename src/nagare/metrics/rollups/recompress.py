"""Compresses blocks again when they are old: written once more, better and slower, with the same rows in the same order.

A young block is written while senders wait for the flush and is merged soon; an old one is only read.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import duckdb

from nagare.config.settings import StorageSettings
from nagare.errors import StorageError
from nagare.metrics.blocks.catalog import Block, Catalog
from nagare.metrics.blocks.files import BlockFiles, Origin
from nagare.metrics.blocks.library import Library
from nagare.metrics.blocks.verify import BlockCheck
from nagare.metrics.blocks.views import View, Window
from nagare.metrics.engine import Engine, os_error, quote_text, storage_error
from nagare.metrics.observe import Observer
from nagare.metrics.rollups.plan import layout
from nagare.metrics.samples.formula import exact_rows
from nagare.metrics.samples.write import SampleWriter
from nagare.metrics.schema import Schemas
from nagare.model.tables import SAMPLES


@dataclass(slots=True)
class Recompressor:
    """Recompresses one block at a time; used by the store's maintenance thread alone."""

    engine: Engine
    files: BlockFiles
    catalog: Catalog
    library: Library
    schemas: Schemas
    samples: SampleWriter
    check: BlockCheck
    storage: StorageSettings
    observer: Observer
    # Paths of blocks that are as small as they get; None until the catalog was asked.
    _done: set[str] | None = None

    def work(self, now_ms: int) -> bool:
        """Recompress the oldest block that is due, if any; tell whether more are. Raises StorageError."""
        if not self.storage.recompress_seconds:
            return False
        if self._done is None:
            self._done = self.catalog.recompressed()
        oldest_ms = now_ms - round(self.storage.recompress_seconds * 1000)
        blocks = [block for group in self.library.current.blocks.values() for block in group]
        due = [block for block in blocks if block.max_ms < oldest_ms and block.path not in self._done]
        if not due:
            self._done &= {block.path for block in blocks}
            return False
        block = min(due, key=lambda block: block.max_ms)
        # Whatever becomes of it: a block that fails is not tried again before the next start.
        self._done.add(block.path)
        self._replace(block)
        return len(due) > 1

    def _write(self, cursor: duckdb.DuckDBPyConnection, block: Block) -> Block | None:
        if block.table == SAMPLES.name:
            return self.samples.merge(cursor, [block], self.storage.recompress_level)
        known, keys = layout(block.table, self.schemas.current)
        columns = tuple(block.columns.split(","))
        view = View(block.table, {name: known[name] for name in columns}, None, Window())
        (source,) = view.block_sources([block], str(self.files.directory))
        order = ("host", *(key for key in keys if key in columns), "ts")
        origin = Origin(block.table, columns, order, block.log_first, block.log_last, (block.id,))
        return self.files.write(cursor, replace(origin, level=self.storage.recompress_level), source)

    def _replace(self, block: Block) -> None:
        try:
            with self.check.reading([block]), self.engine.cursor() as cursor:
                smaller = self._write(cursor, block)
                is_same = smaller is not None and self._sums(cursor, smaller) == self._sums(cursor, block)
        except duckdb.Error as error:
            with self.engine.cursor() as cursor:
                self.check.take_out(cursor, [block])
            raise storage_error("recompress block", block.path, error) from error
        except OSError as error:
            raise os_error("recompress block", block.path, error) from error
        if smaller is None or not is_same:
            self.files.remove([smaller] if smaller else [])
            raise StorageError(f"cannot recompress block {block.path}: it would hold other rows, so it stays as it is")
        self.observer.step("recompression_written")
        self._commit(block, smaller)
        self.observer.step("recompression_committed")

    def _sums(self, cursor: duckdb.DuckDBPyConnection, block: Block) -> tuple[object, ...] | None:
        directory = self.files.directory
        source = f"SELECT * FROM read_parquet({quote_text(str(directory / block.path))}, hive_partitioning = false)"  # noqa: S608  ours
        if block.table == SAMPLES.name:
            # A sample may come to be over another power of ten: what must be the same is what that says.
            source = exact_rows([block], str(directory))
        sums: tuple[object, ...] | None = cursor.execute(
            f"SELECT count(*), sum(hash(block)) FROM ({source}) AS block"  # noqa: S608  made by us
        ).fetchone()
        return sums

    def _commit(self, block: Block, smaller: Block) -> None:
        # One that grew would be tried for ever; it is kept, and both are known as done.
        kept, gone = (smaller, block) if smaller.bytes < block.bytes else (block, smaller)
        try:
            self.catalog.replace_blocks([block], [kept], are_recompressed=True)
        except StorageError:
            # As in a flush: a commit can be told as failed and still be true.
            if kept is block or not self.catalog.has_block(kept.path):
                self.files.remove([smaller])
                raise
        if self._done is not None:
            self._done.add(kept.path)
        if kept is block:
            self.files.remove([gone])
            return
        self.library.replaced([block], [smaller], lambda: self.files.remove([block]))
