"""Finds out from the files alone which hours are in rollups, when the catalog that knew it is lost.

Only in the first hours that raw blocks have can rows be missing that rollups still count: retention drops blocks whole,
so everything after the earliest end of a block is there. In those hours the two are counted; later ones are rolled up
again, because that is as quick as counting.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import duckdb

from nagare.metrics.blocks.catalog import Block, Rollups, Unrolled
from nagare.metrics.blocks.views import View, Window
from nagare.metrics.rollups.hours import HOUR_MS, MINUTES, hours_of, is_rolled, split_table
from nagare.metrics.rollups.plan import ROWS
from nagare.metrics.schema import TIME_TYPE


def reconcile(cursor: duckdb.DuckDBPyConnection, directory: str, blocks: Iterable[Block]) -> Rollups:
    """Compare raw blocks with rollups. Raises duckdb.Error."""
    groups: dict[str, list[Block]] = {}
    for block in blocks:
        groups.setdefault(block.table, []).append(block)
    unrolled: list[Unrolled] = []
    floor_ms = 0
    for table, group in groups.items():
        if split_table(table)[1] is not None or not is_rolled(table):
            continue
        whole_from = hours_of(min(block.max_ms for block in group), 0).start + HOUR_MS
        early = [block for block in group if block.min_ms < whole_from]
        raw = _count(cursor, directory, early, whole_from, "count(*)")
        rolled = _count(cursor, directory, groups.get(MINUTES.table(table), ()), whole_from, f'sum("{ROWS}")')
        hours = {hour for block in group for hour in hours_of(block.min_ms, block.max_ms) if hour >= whole_from}
        hours |= {hour for hour, count in raw.items() if count > rolled.get(hour, 0)}
        unrolled += [Unrolled(table, hour, 0, 0) for hour in hours]
        floor_ms = max([floor_ms, *(hour + HOUR_MS for hour, count in rolled.items() if count > raw.get(hour, 0))])
    return Rollups(tuple(unrolled), floor_ms)


def _count(
    cursor: duckdb.DuckDBPyConnection, directory: str, blocks: Sequence[Block], until_ms: int, rows: str
) -> dict[int, int]:
    """Return how many raw rows each hour before ``until_ms`` has or stands for."""
    view = View("", {"ts": TIME_TYPE, ROWS: "BIGINT"}, None, Window(None, until_ms))
    source = view.body(view.block_sources(blocks, directory))
    found = cursor.execute(f"SELECT epoch_ms(ts) // {HOUR_MS}, {rows} FROM ({source}) GROUP BY 1").fetchall()  # noqa: S608  made by us
    return {int(hour) * HOUR_MS: int(count) for hour, count in found if count}
