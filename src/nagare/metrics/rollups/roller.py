"""Makes the rollups of the hours whose rows changed, an hour or some of one table and day at a time.

Which hours lack rows is in the catalog, written together with the blocks that brought the rows; it is cleared together
with the blocks that hold their rollups. A crash between the two makes the same work again, from every raw row of the
hour, so no row counts twice or not at all. What an older rollup block has of other hours is carried over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import duckdb

from nagare.errors import StorageError
from nagare.metrics.blocks.catalog import Block, Catalog, Unrolled
from nagare.metrics.blocks.files import BlockFiles, Origin, day_of
from nagare.metrics.blocks.library import Library, Snapshot
from nagare.metrics.blocks.sources import Sources
from nagare.metrics.blocks.verify import BlockCheck
from nagare.metrics.blocks.views import View, Window
from nagare.metrics.engine import os_error, storage_error
from nagare.metrics.observe import Observer
from nagare.metrics.rollups.hours import HOUR_MS, HOURS, MINUTES, TIERS, Tier, hours_of, spans_of, split_table
from nagare.metrics.rollups.plan import Plan, plan_of, schema_of
from nagare.metrics.rollups.views import during
from nagare.metrics.schema import TIME_TYPE, Schemas
from nagare.model.tables import SAMPLES

# Rows come some seconds late and wait a flush long; an hour that is rolled up before is rolled up twice.
GRACE_MS = 120_000
# Late rows come in crowds (a spool, an outage): they are waited for, but not for ever.
SETTLE_MS, SETTLE_LIMIT_MS = 600_000, 3_600_000
# Raw rows of one piece of work: about two seconds of one core.
WORK_ROWS = 2_000_000
# Cells that are grouped at one time: a group costs five times its row, and all groups are in memory.
SLICE_CELLS = 4_000_000


@dataclass(frozen=True, slots=True)
class Work:
    """Hours of one table, all of one UTC day, in order."""

    table: str
    hours: tuple[int, ...]


@dataclass(slots=True)
class Roller:
    """Makes rollups; used by the store's maintenance thread alone."""

    sources: Sources
    files: BlockFiles
    catalog: Catalog
    library: Library
    schemas: Schemas
    check: BlockCheck
    observer: Observer
    flush_ms: int

    def find_work(self, now_ms: int, urgent_before_ms: int) -> list[Work]:
        """Return what is due, newest first; hours before ``urgent_before_ms`` come first and wait for nothing."""
        due = [one for one in self.catalog.unrolled() if self._is_due(one, now_ms, urgent_before_ms)]
        grouped: dict[tuple[str, str], list[int]] = {}
        for one in due:
            grouped.setdefault((one.table, day_of(one.hour_ms)), []).append(one.hour_ms)
        work = [Work(table, tuple(sorted(hours))) for (table, _), hours in grouped.items()]
        return sorted(work, key=lambda each: (each.hours[0] >= urgent_before_ms, -each.hours[-1], each.table))

    def _is_due(self, one: Unrolled, now_ms: int, urgent_before_ms: int) -> bool:
        if one.hour_ms < urgent_before_ms:
            return True
        if one.hour_ms + HOUR_MS + GRACE_MS + self.flush_ms > now_ms:
            return False
        before = self.library.current.blocks.get(MINUTES.table(one.table), ())
        if not any(block.min_ms < one.hour_ms + HOUR_MS and block.max_ms >= one.hour_ms for block in before):
            return True
        # A clock that went back must not make them wait for it.
        return not (one.last_ms <= now_ms < min(one.last_ms + SETTLE_MS, one.first_ms + SETTLE_LIMIT_MS))

    def mend(self, now_ms: int) -> None:
        """Have rollups made again whose block does not read back, where raw rows are whole. Raises StorageError."""
        listed = [block for block in self.catalog.blocks() if split_table(block.table)[1] is not None]
        known = {block.path for group in self.library.current.blocks.values() for block in group}
        floor_ms = self.catalog.floor_ms()
        # A block that has older hours too is left as it is: it may be restored, and nothing else has them.
        lost = [block for block in listed if block.path not in known and block.min_ms >= floor_ms]
        if not lost:
            return
        hours = {(split_table(block.table)[0], hour) for block in lost for hour in hours_of(block.min_ms, block.max_ms)}
        self.catalog.lose_rollups(lost, [Unrolled(table, hour, now_ms, now_ms) for table, hour in hours])
        self.library.mark_unrolled(hours)

    def roll(self, work: Work, urgent_before_ms: int) -> tuple[int, ...]:
        """Make the rollups of as many hours of ``work`` as are one piece, and return those that are left.

        An hour before ``urgent_before_ms`` is rolled up from what there is, even if a block of it does not read back.

        Hours before the floor stay as they are: their raw rows are no longer whole. Raises StorageError.
        """
        floor_ms = self.catalog.floor_ms()
        gone = [hour for hour in work.hours if hour < floor_ms]
        if gone:
            self._commit(work.table, gone, [], [])
            return work.hours[len(gone) :]
        blocks = self._raw_blocks(work, urgent_before_ms)
        try:
            return self._roll(work, blocks)
        except duckdb.Error as error:
            self._take_out(blocks)
            raise storage_error("roll up", work.table, error) from error
        except OSError as error:
            raise os_error("roll up", work.table, error) from error

    def _roll(self, work: Work, blocks: Sequence[Block]) -> tuple[int, ...]:
        plan = plan_of(schema_of(work.table, self.schemas.current))
        if work.table != SAMPLES.name:
            plan = plan.narrowed({name for block in blocks for name in block.columns.split(",")})
        written: list[Block] = []
        try:
            with self.check.reading(blocks), self.sources.engine.cursor() as cursor:
                piece = _take(plan, work.hours, self._count(cursor, blocks, work.hours))
                old = self._old_blocks(work.table, piece.hours)
                with self.check.reading(old):
                    self._write(cursor, piece, blocks, old, written)
        except BaseException:
            self.files.remove(written)
            raise
        self.observer.step("rollup_written")
        self._commit(work.table, piece.hours, old, written)
        self.observer.step("rollup_committed")
        return work.hours[len(piece.hours) :]

    def _raw_blocks(self, work: Work, urgent_before_ms: int) -> list[Block]:
        span = Window(work.hours[0], work.hours[-1] + HOUR_MS)
        blocks = [b for b in self.library.current.blocks.get(work.table, ()) if span.meets(b.min_ms, b.max_ms)]
        missing = self.catalog.block_paths(work.table, work.hours[0], work.hours[-1] + HOUR_MS) - {
            block.path for block in blocks
        }
        if missing and work.hours[0] >= urgent_before_ms:
            # It may come back: a rollup without its rows would stand when they are there again.
            raise StorageError(f"cannot roll up {work.table}: block {min(missing)} does not read back")
        return blocks

    def _count(
        self, cursor: duckdb.DuckDBPyConnection, blocks: Sequence[Block], hours: Sequence[int]
    ) -> Mapping[int, int]:
        view = View("", {"ts": TIME_TYPE}, None, Window(), during(spans_of(hours)))
        source = view.body(view.block_sources(blocks, self.sources.directory))
        found = cursor.execute(f"SELECT epoch_ms(ts) // {HOUR_MS}, count(*) FROM ({source}) GROUP BY 1").fetchall()  # noqa: S608  made by us
        return {int(hour) * HOUR_MS: int(count) for hour, count in found}

    def _old_blocks(self, table: str, hours: Sequence[int]) -> list[Block]:
        snapshot = self.library.current
        return [
            block
            for tier in TIERS
            for block in snapshot.blocks.get(tier.table(table), ())
            if any(block.min_ms < hour + HOUR_MS and block.max_ms >= hour for hour in hours)
        ]

    def _write(
        self, cursor: duckdb.DuckDBPyConnection, piece: _Piece, blocks: Sequence[Block], old: Sequence[Block],
        written: list[Block],
    ) -> None:  # fmt: skip
        """Write the blocks of ``piece``, and what ``old`` ones have beside it, noting each in ``written`` at once."""
        plan = piece.plan
        files = _Writer(self.files, cursor, old, written)
        schema = schema_of(plan.base, self.schemas.current)
        # Blocks alone: rows of the head mark their hours again when they are flushed.
        snapshot = Snapshot((), {plan.base: tuple(blocks)})
        for spans in piece.slices:
            raw = View(plan.base, plan.raw_columns(), None, Window(spans[0][0], spans[-1][1]), during(spans))
            source = raw.body(self.sources.raw(cursor, raw, snapshot, schema))
            files.add(plan, MINUTES, plan.from_raw(source, MINUTES))
        minutes = View(plan.base, plan.file_columns(), None, Window())
        source = minutes.body(minutes.block_sources(tuple(written), self.sources.directory))
        files.add(plan, HOURS, plan.from_tier(source, HOURS))
        others = f"NOT ({during(spans_of(piece.hours))})"
        whole = plan_of(schema)
        for block in old:
            kept = whole.file_columns()
            columns = {name: kept[name] for name in block.columns.split(",")}
            view = View(block.table, columns, None, Window(), others)
            files.carry(block.table, columns, whole, view.body(view.block_sources([block], self.sources.directory)))

    def _commit(self, table: str, hours: Sequence[int], old: Sequence[Block], written: Sequence[Block]) -> None:
        try:
            self.catalog.roll(old, written, table, hours)
        except StorageError:
            # As in a flush: a commit can be told as failed and still be true.
            if not written or not self.catalog.has_block(written[0].path):
                self.files.remove(written)
                raise
        self.library.replaced(old, written, lambda: self.files.remove(old), [(table, hour) for hour in hours])

    def _take_out(self, blocks: Sequence[Block]) -> None:
        """Leave out what does not read back."""
        try:
            with self.sources.engine.cursor() as cursor:
                self.check.take_out(cursor, blocks)
        except duckdb.Error:
            return


@dataclass(frozen=True, slots=True)
class _Piece:
    """What is done at one time: hours, and spans of them whose groups are in memory together."""

    plan: Plan
    hours: tuple[int, ...]
    slices: tuple[tuple[tuple[int, int], ...], ...]


def _take(plan: Plan, hours: Sequence[int], counts: Mapping[int, int]) -> _Piece:
    """Return the first of ``hours`` that are at most so much work, at least one."""
    taken: list[int] = []
    slices: list[list[int]] = [[]]
    rows = cells = 0
    pieces: list[tuple[tuple[int, int], ...]] = []
    for hour in hours:
        count = counts.get(hour, 0)
        if taken and rows + count > WORK_ROWS:
            break
        taken.append(hour)
        rows += count
        size = count * (len(plan.numbers) + 1)
        if size > SLICE_CELLS:
            pieces += [(span,) for span in _split(hour, -(-size // SLICE_CELLS))]
            continue
        if cells + size > SLICE_CELLS:
            slices.append([])
            cells = 0
        if count:
            slices[-1].append(hour)
        cells += size
    pieces += [tuple(spans_of(each)) for each in slices if each]
    return _Piece(plan, tuple(taken), tuple(pieces))


def _split(hour: int, parts: int) -> list[tuple[int, int]]:
    """Return the hour in at most ``parts`` spans of whole minutes."""
    width = -(-60 // min(parts, 60)) * MINUTES.width_ms
    return [(start, min(start + width, hour + HOUR_MS)) for start in range(hour, hour + HOUR_MS, width)]


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes rollup blocks that stand for ``old`` ones."""

    files: BlockFiles
    cursor: duckdb.DuckDBPyConnection
    old: Sequence[Block]
    written: list[Block]

    def add(self, plan: Plan, tier: Tier, source: str) -> None:
        """Write the rows of ``source`` as a block of ``tier``. Raises duckdb.Error, OSError."""
        # Made once, though the writer asks for the times before it asks for the rows.
        self.cursor.execute(f"CREATE OR REPLACE TEMP TABLE rolling AS {source}")
        try:
            self._add(tier.table(plan.base), tuple(plan.file_columns()), plan, "SELECT * FROM temp.rolling")
        finally:
            self.cursor.execute("DROP TABLE IF EXISTS temp.rolling")

    def carry(self, table: str, columns: Iterable[str], plan: Plan, source: str) -> None:
        """Write the rows of ``source`` as they are. Raises duckdb.Error, OSError."""
        self._add(table, tuple(columns), plan, source)

    def _add(self, table: str, columns: tuple[str, ...], plan: Plan, source: str) -> None:
        order = tuple(name for name in plan.order if name in columns)
        sources = tuple(block.id for block in self.old if block.table == table)
        block = self.files.write(self.cursor, Origin(table, columns, order, 0, 0, sources), source)
        if block is not None:
            self.written.append(block)
