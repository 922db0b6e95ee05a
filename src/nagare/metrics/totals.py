"""What a snapshot holds, in numbers, without touching the disk."""

from __future__ import annotations

from typing import Any

from nagare.metrics.blocks.library import Snapshot
from nagare.metrics.rollups.hours import split_table


def totals(snapshot: Snapshot) -> dict[str, Any]:
    """Return the fields of StoreStatus that follow from ``snapshot``."""
    everything = [block for group in snapshot.blocks.values() for block in group]
    blocks = [block for block in everything if split_table(block.table)[1] is None]
    rollups = [block for block in everything if split_table(block.table)[1] is not None]
    heads = [table for generation in snapshot.generations for table in generation.tables.values()]
    samples = [rows for generation in snapshot.generations for rows in generation.samples.rows()]
    lows = [block.min_ms for block in blocks] + [table.min_ms for table in heads if table.min_ms is not None]
    highs = [block.max_ms for block in blocks] + [table.max_ms for table in heads if table.max_ms is not None]
    return {
        "head_rows": sum(generation.rows for generation in snapshot.generations),
        "head_samples": sum(map(len, samples)),
        "block_count": len(blocks),
        "block_bytes": sum(block.bytes for block in blocks),
        "rollup_blocks": len(rollups),
        "rollup_block_bytes": sum(block.bytes for block in rollups),
        "oldest_ms": min([*lows, *(rows.min_ms for rows in samples)], default=None),
        "newest_ms": max([*highs, *(rows.max_ms for rows in samples)], default=None),
    }
