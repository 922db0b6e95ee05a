"""Leaves out the blocks that no row of an answer can come from, before DuckDB opens a file.

Moments that a statement names are asked of DuckDB itself, so that a text means here what it means there. Never changes
an answer: see ``sql.bounds`` for what may be believed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import duckdb

from nagare.metrics.blocks.catalog import Block
from nagare.metrics.blocks.library import Snapshot
from nagare.metrics.rollups.hours import split_table
from nagare.metrics.rollups.moments import Asking
from nagare.metrics.sql.bounds import NO_BOUNDS, Bounds, Node, find_bounds, is_of_clock, is_steady, is_text_of_clock
from nagare.metrics.sql.sandbox import Checked

# Opening so few costs less than thinking about it.
_FEW = 2
# Each moment is a question to DuckDB; what a statement names beyond so many bounds nothing.
_MOMENTS_LIMIT = 16
# The system's clock may be set back by so much between a look at it and the statement's own.
_CLOCK_SLACK_US = 60_000_000
Parameters = Sequence[Any] | Mapping[str, Any] | None


class Times:
    """The times that each place of a statement may want of a table; found when somebody asks first."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, checked: Checked, params: Parameters) -> None:
        """Tell of ``checked``, whose parameters are ``params``; ``cursor`` is asked what its moments are."""
        self._cursor = cursor
        self._checked = checked
        self._params = params
        self._found: dict[str, list[Bounds]] | None = None

    def of(self, table: str) -> Sequence[Bounds]:
        """Return the bounds of each place that names ``table``. Raises duckdb.InterruptException."""
        if self._found is None:
            self._found = find_bounds(self._checked.tree, _Moments(self._cursor, self._params).get)
        return self._found.get(table.lower(), [NO_BOUNDS])


def prune(checked: Checked, times: Times, snapshot: Snapshot) -> Snapshot:
    """Return ``snapshot`` without blocks that ``checked``, which ``times`` are of, cannot want. Raises duckdb.InterruptException."""
    named = {table: snapshot.blocks[table] for table in _alone(checked.tables) if table in snapshot.blocks}
    if sum(map(len, named.values())) <= _FEW:
        return snapshot
    kept = {table: _kept(blocks, times.of(table)) for table, blocks in named.items()}
    return replace(snapshot, blocks={**snapshot.blocks, **kept})


def _alone(tables: Iterable[str]) -> list[str]:
    """Return ``tables`` but those of which a rollup is named too: one is then read in place of rows of the other."""
    listed = list(tables)
    bases = [split_table(table)[0] for table in listed]
    return [table for table, base in zip(listed, bases, strict=True) if bases.count(base) == 1]


def _kept(blocks: Iterable[Block], bounds: Sequence[Bounds]) -> tuple[Block, ...]:
    return tuple(block for block in blocks if any(each.meets(block.min_ms, block.max_ms) for each in bounds))


class _Moments:
    """What the constants of one statement stand for, each asked for once."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, params: Parameters) -> None:
        values = params.values() if isinstance(params, Mapping) else params or ()
        self._asking = Asking(cursor, params)
        self._are_steady = not any(isinstance(value, str) and is_text_of_clock(value) for value in values)
        self._known: dict[int, int | None] = {}

    def get(self, node: Node) -> int | None:
        """Return the moment of ``node`` in microseconds, None if nobody knows."""
        if id(node) in self._known:
            return self._known[id(node)]
        found = None
        is_clock = is_of_clock(node)
        if self._are_steady and len(self._known) < _MOMENTS_LIMIT and (is_clock or is_steady(node)):
            found = self._ask(node)
        if found is not None and is_clock:
            found -= _CLOCK_SLACK_US
        self._known[id(node)] = found
        return found

    def _ask(self, node: Node) -> int | None:
        try:
            return self._asking.moment(dict(node))
        except duckdb.InterruptException:
            raise
        except duckdb.Error:
            # What cannot be written as a statement of its own bounds nothing.
            return None
