"""Merges small blocks of one table and day into one, so that a month of flushes stays a few hundred files.

An answer never changes by it: the merged block has the same rows, and one catalog transaction lets it take the place
of its sources. Blocks merge with blocks of their own size class, so that a row is rewritten a few times in all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import duckdb

from nagare.errors import CorruptBlockError, StorageError
from nagare.metrics.blocks.catalog import Block, Catalog
from nagare.metrics.blocks.files import DAY_MS, BlockFiles, Origin, day_of
from nagare.metrics.blocks.library import Library
from nagare.metrics.blocks.verify import BlockCheck
from nagare.metrics.blocks.views import View, Window
from nagare.metrics.engine import Engine, os_error, storage_error
from nagare.metrics.observe import Observer
from nagare.metrics.rollups.hours import HOURS, split_table
from nagare.metrics.rollups.plan import layout
from nagare.metrics.samples.write import SampleWriter
from nagare.metrics.schema import Schemas
from nagare.model.tables import SAMPLES

# Late rows of a day have mostly come by then; what comes later merges at the next round.
DAY_GRACE_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Policy:
    """How a table's blocks merge: ``count`` of one size class at once, fewer where these are ``rows`` or ``cells``, and never more.

    A block of the ``whole`` part of that stays as it is. Of blocks that are ``large`` parts of it already, LARGE_COUNT are enough.
    """

    count: int
    rows: int
    cells: int
    whole: float
    large: float

    def most(self, blocks: Iterable[Block]) -> int:
        """Return the rows of a whole block, into which all of ``blocks`` may go."""
        return self._most(max((block.columns.count(",") + 1 for block in blocks), default=1))

    def is_whole(self, rows: int, columns: int) -> bool:
        """Tell whether a block of so many rows and columns is never merged."""
        return rows >= self.whole * self._most(columns)

    def _most(self, columns: int) -> int:
        return min(self.rows, self.cells // columns)


# A row is rewritten at most log8 of a day's flushes, about three times; the sort stays within the memory of a query. Each
# block costs a query of one host half a millisecond, and few large ones come in a day: a row of those is rewritten two or
# three times more, so that there are few.
TABLE_POLICY = Policy(8, 1_000_000, 20_000_000, whole=0.75, large=0.1)
LARGE_COUNT = 3
# Samples come a thousand times as many: a row is rewritten twice, and not at all where one flush fills a block.
SAMPLES_POLICY = Policy(16, 4_000_000, 28_000_000, whole=0.5, large=0.5)
# The size class of large blocks.
_LARGE = -1
# The flush waits while blocks merge: what is due after so many merges of a table is due again in a minute.
ROUND_MERGES = 8


@dataclass(frozen=True, slots=True)
class Compactor:
    """Merges blocks; used by the store's maintenance thread alone."""

    engine: Engine
    files: BlockFiles
    catalog: Catalog
    library: Library
    schemas: Schemas
    samples: SampleWriter
    check: BlockCheck
    observer: Observer

    def merge_small(self, now_ms: int) -> int:
        """Merge what is due and return the number of merges. Raises StorageError."""
        closed_day = day_of(now_ms - DAY_MS - DAY_GRACE_MS)
        merges = 0
        for table, blocks in self.library.current.blocks.items():
            policy = SAMPLES_POLICY if table == SAMPLES.name else TABLE_POLICY
            for group in islice(find_merges(blocks, closed_day, policy), ROUND_MERGES):
                self._merge(table, group)
                merges += 1
        return merges

    def _write(self, cursor: duckdb.DuckDBPyConnection, table: str, group: Sequence[Block]) -> Block | None:
        if table == SAMPLES.name:
            return self.samples.merge(cursor, group)
        known, keys = layout(table, self.schemas.current)
        held = {name for block in group for name in block.columns.split(",")}
        columns = tuple(name for name in known if name in held)
        view = View(table, {name: known[name] for name in columns}, None, Window())
        order = ("host", *(key for key in keys if key in held), "ts")
        first, last = min(block.log_first for block in group), max(block.log_last for block in group)
        origin = Origin(table, columns, order, first, last, tuple(block.id for block in group))
        source = " UNION ALL ".join(view.block_sources(group, str(self.files.directory)))
        return self.files.write(cursor, origin, source)

    def _merge(self, table: str, group: Sequence[Block]) -> None:
        try:
            # All of them, whatever was seen before: a merged block gets a checksum of its own, which a value that
            # changed unnoticed would pass for ever.
            with self.check.reading(group), self.engine.cursor() as cursor:
                merged = self._write(cursor, table, group)
        except CorruptBlockError:
            # What is left merges at the next round.
            return
        except duckdb.Error as error:
            if self._take_out(group):
                return
            raise storage_error("merge blocks of", table, error) from error
        except OSError as error:
            raise os_error("merge blocks of", table, error) from error
        if merged is None or merged.rows != sum(block.rows for block in group):
            self.files.remove([merged] if merged else [])
            raise StorageError(f"cannot merge blocks of {table}: rows went missing, so the blocks stay as they are")
        self.observer.step("compaction_written")
        self._commit(group, merged)
        self.observer.step("compaction_committed")
        self.library.replaced(group, [merged], lambda: self.files.remove(group))

    def _take_out(self, group: Sequence[Block]) -> bool:
        """Leave out what does not read back; what is left merges at the next round."""
        try:
            with self.engine.cursor() as cursor:
                return bool(self.check.take_out(cursor, group))
        except duckdb.Error:
            return False

    def _commit(self, group: Sequence[Block], merged: Block) -> None:
        try:
            self.catalog.replace_blocks(group, [merged])
        except StorageError:
            # As in a flush: a commit can be told as failed and still be true.
            if not self.catalog.has_block(merged.path):
                self.files.remove([merged])
                raise


def find_merges(blocks: Iterable[Block], closed_day: str, policy: Policy = TABLE_POLICY) -> Iterator[list[Block]]:
    """Yield the groups of one table's ``blocks`` that should merge: many or a whole block of a size class, or all of a closed period.

    A period is a day; of rollups by the hour it is a month, as a day of them is a few rows a series.
    """
    for (last_day, _), group in sorted(_by_period(blocks).items()):
        if last_day <= closed_day:
            yield from (part for part in _parts(group, policy) if len(part) > 1)
            continue
        large_rows = policy.most(group) * policy.large
        for size, same_size in _by_size(group, large_rows).items():
            *full, last = _parts(same_size, policy)
            # Nothing more goes into those, so to wait for their count would be to wait for the end of the day.
            yield from (part for part in full if len(part) > 1)
            if len(last) >= (LARGE_COUNT if size == _LARGE else policy.count):
                yield last


def _parts(blocks: Iterable[Block], policy: Policy) -> list[list[Block]]:
    """Split ``blocks`` in time order so that no part exceeds the rows of a merge; those that do by themselves stay out."""
    parts: list[list[Block]] = [[]]
    rows = 0
    blocks = list(blocks)
    most = policy.most(blocks)
    small = (block for block in blocks if block.rows < most * policy.whole)
    for block in sorted(small, key=lambda block: block.min_ms):
        if rows + block.rows > most:
            parts.append([])
            rows = 0
        parts[-1].append(block)
        rows += block.rows
    return parts


def _by_period(blocks: Iterable[Block]) -> Mapping[tuple[str, str], list[Block]]:
    """Return blocks by the last and the first day of their period."""
    periods: dict[tuple[str, str], list[Block]] = {}
    for block in blocks:
        first = last = block.day
        if split_table(block.table)[1] is HOURS:
            # The last day of the longest month stands for any.
            first, last = f"{block.day[:7]}-01", f"{block.day[:7]}-31"
        periods.setdefault((last, first), []).append(block)
    return periods


def _by_size(blocks: Iterable[Block], large_rows: float) -> Mapping[int, list[Block]]:
    sizes: dict[int, list[Block]] = {}
    for block in blocks:
        # Classes of a factor of eight: eight of one make one of the next; the last is of all that are large.
        is_large = block.rows >= large_rows
        sizes.setdefault(_LARGE if is_large else (max(1, block.rows).bit_length() - 1) // 3, []).append(block)
    return sizes
