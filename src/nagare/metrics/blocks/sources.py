"""Where the rows of a table are at a moment: one SELECT for each group of blocks and each generation of the head."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import duckdb
import numpy as np

from nagare.metrics.blocks.catalog import Block
from nagare.metrics.blocks.library import Snapshot
from nagare.metrics.blocks.views import NO_TYPES, Types, View
from nagare.metrics.bucket.cache import BlockCache
from nagare.metrics.engine import Engine
from nagare.metrics.head import Generation, HeadTable
from nagare.metrics.rollups.hours import HOUR_MS
from nagare.metrics.samples.views import SampleViews
from nagare.metrics.schema import Schema
from nagare.metrics.wide.views import merged, merging_reader, split_by_repeats
from nagare.model.tables import SAMPLES


@dataclass(frozen=True, slots=True)
class Sources:
    """Finds rows in what a snapshot holds; ``directory`` is where blocks are."""

    engine: Engine
    directory: str
    samples: SampleViews
    cache: BlockCache

    def raw(self, cursor: duckdb.DuckDBPyConnection, view: View, snapshot: Snapshot, schema: Schema) -> list[str]:
        """Return the SELECTs that give the rows of a table as ``view`` wants them. Raises duckdb.Error."""
        if schema.table == SAMPLES.name:
            return self.samples.sources(cursor, view, snapshot, with_labels=False)
        blocks = snapshot.blocks.get(schema.table, ())
        heads = [table for generation in snapshot.generations if (table := generation.tables.get(schema.table))]
        if not schema.is_wide:
            return self._select(view, blocks, heads, schema)
        parts = split_by_repeats(blocks, heads)
        plain = self._select(view, parts.plain_blocks, parts.plain_heads, schema)
        if not (parts.blocks or parts.heads):
            return plain
        reader = merging_reader(view, schema)
        return [*plain, merged(view, schema, self._select(reader, parts.blocks, parts.heads, schema))]

    def _select(self, view: View, blocks: Iterable[Block], heads: Iterable[HeadTable], schema: Schema) -> list[str]:
        filled = [(table.name, present) for table in heads if (present := table.fill(schema, self.engine))]
        # A column of a sender's keeps its type for ever; one of ours may have had another in an earlier version.
        held = schema.sql_columns() if schema.is_wide else NO_TYPES
        return [*self._of_blocks(view, blocks, held), *(view.table_source(name, present) for name, present in filled)]

    def blocks(self, view: View, snapshot: Snapshot, table: str) -> list[str]:
        """Return the SELECTs over the blocks of ``table``, a rollup or not."""
        return self._of_blocks(view, snapshot.blocks.get(table, ()))

    def _of_blocks(self, view: View, blocks: Iterable[Block], held: Types = NO_TYPES) -> list[str]:
        wanted = [block for block in blocks if view.window.meets(block.min_ms, block.max_ms)]
        self.cache.need(wanted)
        return view.block_sources(wanted, self.directory, held)

    def head_hours(self, cursor: duckdb.DuckDBPyConnection, snapshot: Snapshot, schema: Schema) -> set[int]:
        """Return the hours of which the head has rows. Raises duckdb.Error."""
        hours: set[int] = set()
        for generation in snapshot.generations:
            if schema.table == SAMPLES.name:
                hours |= sample_hours(generation)
            table = generation.tables.get(schema.table)
            if table is not None and table.fill(schema, self.engine):
                hours.update(find_hours(cursor, f"SELECT ts FROM {table.name}"))  # noqa: S608  made by us
        return hours


def sample_hours(generation: Generation) -> set[int]:
    """Return the hours of which a generation has samples."""
    hours: set[int] = set()
    for rows in generation.samples.rows():
        first, last = rows.min_ms // HOUR_MS, rows.max_ms // HOUR_MS
        # Most samples are of this hour: the others are worth looking for only where there are any.
        hours |= {first} if first == last else set(np.unique(rows.ts_ms // HOUR_MS).tolist())
    return {hour * HOUR_MS for hour in hours}


def find_hours(cursor: duckdb.DuckDBPyConnection, source: str) -> set[int]:
    """Return the hours in which rows of the query ``source`` are. Raises duckdb.Error."""
    found = cursor.execute(f"SELECT DISTINCT epoch_ms(ts) // {HOUR_MS} FROM ({source})").fetchall()  # noqa: S608  made by us
    return {int(row[0]) * HOUR_MS for row in found}
