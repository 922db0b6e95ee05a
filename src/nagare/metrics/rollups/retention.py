"""Drops the oldest blocks of each tier, by age and by size; raw rows go only when their rollups have them.

Raw rows end at one *floor* for all tables, the begin of an hour: every hour after it is whole, so rollups can be made
again from its rows, and no row before it is accepted, so nothing is added to an hour that is not. The floor is in the
catalog, written together with the drop, and never goes back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nagare.config.settings import StorageSettings
from nagare.metrics.blocks.catalog import Block, Catalog
from nagare.metrics.blocks.files import DAY_MS, BlockFiles, day_start_ms
from nagare.metrics.blocks.library import Library, Snapshot
from nagare.metrics.rollups.hours import HOUR_MS, HOURS, MINUTES, Tier, split_table
from nagare.model.history import HISTORY_TABLES


@dataclass(frozen=True, slots=True)
class Retention:
    """Decides what goes and drops it; used by the store's maintenance thread alone."""

    storage: StorageSettings
    files: BlockFiles
    catalog: Catalog
    library: Library

    def wanted_floor_ms(self, now_ms: int) -> int:
        """Return the time before which raw rows are to be dropped."""
        oldest = now_ms - round(self.storage.retention_seconds * 1000)
        raw = [block for block in self._blocks(None) if block.max_ms >= oldest]
        by_size = _crowded_out(raw, self.storage.retention_bytes, now_ms)
        return max(self.catalog.floor_ms(), oldest // HOUR_MS * HOUR_MS, by_size)

    def drop_raw(self, floor_ms: int) -> int:
        """Drop raw blocks that end before ``floor_ms``, and return how many.

        Nothing is dropped while the head has older rows, which may belong to hours that would no longer be whole; and
        the floor stays below the hours that are in no rollup yet.
        """
        snapshot = self.library.current
        if _head_begins(snapshot) < floor_ms:
            return 0
        unrolled = (hour for hours in snapshot.unrolled.values() for hour in hours)
        floor_ms = min(floor_ms, *unrolled, floor_ms)
        old = [block for block in self._blocks(None) if block.max_ms < floor_ms]
        if old:
            self.catalog.drop_raw(old, max(floor_ms, self.catalog.floor_ms()))
            # Before the blocks go: a query that still sees them knows that they are not all.
            self.library.raise_floor(floor_ms)
            self.library.replaced(old, (), lambda: self.files.remove(old))
        return len(old)

    def drop_rollups(self, now_ms: int) -> int:
        """Drop the rollups of each tier that are too old or too many, and return how many blocks."""
        storage = self.storage
        dropped = 0
        for tier, seconds, most in (
            (MINUTES, storage.retention_1m_seconds, storage.retention_1m_bytes),
            (HOURS, storage.retention_1h_seconds, storage.retention_1h_bytes),
        ):
            blocks = self._blocks(tier)
            oldest = max(now_ms - round(seconds * 1000), _crowded_out(blocks, most, now_ms))
            old = [block for block in blocks if block.max_ms < oldest]
            self._drop(old)
            dropped += len(old)
        return dropped

    def drop_history(self, now_ms: int) -> int:
        """Drop what of moved records is too old or too much, and return how many blocks."""
        storage = self.storage
        groups = self.library.current.blocks
        blocks = [block for table in HISTORY_TABLES for block in groups.get(table, ())]
        oldest = max(
            now_ms - round(storage.retention_commands_seconds * 1000),
            _crowded_out(blocks, storage.retention_commands_bytes, now_ms),
        )
        old = [block for block in blocks if block.max_ms < oldest]
        self._drop(old)
        return len(old)

    def _drop(self, old: Sequence[Block]) -> None:
        if old:
            self.catalog.replace_blocks(old, ())
            self.library.replaced(old, (), lambda: self.files.remove(old))

    def _blocks(self, tier: Tier | None) -> list[Block]:
        groups = self.library.current.blocks.items()
        wanted = [group for table, group in groups if split_table(table)[1] is tier and table not in HISTORY_TABLES]
        return [block for group in wanted for block in group]


def _crowded_out(blocks: Sequence[Block], most_bytes: int, now_ms: int) -> int:
    """Return the end of the last day that must go so that ``blocks`` fit into ``most_bytes``; zero when all fit."""
    size = sum(block.bytes for block in blocks)
    if not most_bytes or size <= most_bytes:
        return 0
    floor_ms = 0
    for end_ms, group in _by_end(blocks):
        if size <= most_bytes or end_ms > day_start_ms(now_ms):
            break
        floor_ms = end_ms
        size -= sum(block.bytes for block in group)
    return floor_ms


def _by_end(blocks: Iterable[Block]) -> list[tuple[int, list[Block]]]:
    """Return blocks by the end of the day of their newest row, the oldest first."""
    days: dict[int, list[Block]] = {}
    for block in blocks:
        days.setdefault(day_start_ms(block.max_ms) + DAY_MS, []).append(block)
    return sorted(days.items(), key=lambda item: item[0])


def _head_begins(snapshot: Snapshot) -> float:
    begins = [table.min_ms for generation in snapshot.generations for table in generation.tables.values()]
    begins += [rows.min_ms for generation in snapshot.generations for rows in generation.samples.rows()]
    return min((ms for ms in begins if ms is not None), default=float("inf"))
