"""Rows of blocks that statements ask for again and again, kept as arrays: a dashboard wants the same few series all day.

A block never changes, so what was picked out of one holds for as long as anybody asks for it. Of a large fleet each block
spans seconds: a panel over five minutes would open dozens of them each time, for a few hundred rows each.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable

from nagare.metrics.blocks.catalog import Block
from nagare.metrics.samples.wanted import Columns

# All that is kept, and what of it one condition may use, so that a long one does not push out all others.
_ALL_BYTES = 16 * 2**20
_SHARE_BYTES = 4 * 2**20
# Rows of one block; more of them are read from the file as quickly.
ROWS_LIMIT = 8192
# A statement picks from so many blocks, so that none waits for all of them.
_AT_ONCE = 2
_CONDITIONS, _CONDITION_LENGTH = 512, 4096
# What an entry takes beside its rows.
_ENTRY_BYTES = 512

Pick = Callable[[Block], Columns | None]


class PickedRows:
    """Rows by block and condition; used from every query thread."""

    def __init__(self) -> None:
        """Begin with none."""
        # Guards the fields below; held for moments.
        self._lock = threading.Lock()
        # Conditions that were asked for, each with how many rows the smallest block has of which it wants too many.
        self._met: OrderedDict[str, float] = OrderedDict()
        # None where a block is to be read from its file.
        self._rows: OrderedDict[tuple[str, str], Columns | None] = OrderedDict()
        self._bytes = 0

    def of(self, where: str, blocks: Iterable[Block], pick: Pick) -> tuple[list[Columns], list[Block]]:
        """Return the rows of ``blocks`` for which ``where`` holds, as far as they are kept, and the blocks to be read.

        ``pick`` returns those of one block, or None where they are too many; what it raises is raised.
        """
        listed = list(blocks)
        if not listed or not self._is_met(where):
            return [], listed
        found: list[Columns] = []
        rest: set[str] = set()
        picks, size = _AT_ONCE, 0
        # Newest first: those are asked for longest.
        for block in sorted(listed, key=lambda block: block.max_ms, reverse=True):
            is_known, rows = self._get(block, where)
            # One as large as a block of which it wants too many hardly holds fewer.
            if not is_known and picks and size < _SHARE_BYTES and block.rows < self._too_many(where):
                picks -= 1
                rows = pick(block)
                self._keep(block, where, rows)
            if rows is None:
                rest.add(block.path)
                continue
            found.append(rows)
            size += _size_of(rows)
        return found, [block for block in listed if block.path in rest]

    def _is_met(self, where: str) -> bool:
        """Tell whether ``where`` was asked for before, and take note of it."""
        if len(where) > _CONDITION_LENGTH:
            return False
        with self._lock:
            is_met = where in self._met
            self._met.setdefault(where, math.inf)
            self._met.move_to_end(where)
            if len(self._met) > _CONDITIONS:
                self._met.popitem(last=False)
            return is_met

    def _too_many(self, where: str) -> float:
        with self._lock:
            return self._met.get(where, math.inf)

    def _get(self, block: Block, where: str) -> tuple[bool, Columns | None]:
        with self._lock:
            key = block.path, where
            if key not in self._rows:
                return False, None
            self._rows.move_to_end(key)
            return True, self._rows[key]

    def _keep(self, block: Block, where: str, rows: Columns | None) -> None:
        with self._lock:
            key = block.path, where
            self._bytes += _size_of(rows) - (_size_of(self._rows[key]) if key in self._rows else 0)
            self._rows[key] = rows
            if rows is None and where in self._met:
                self._met[where] = min(self._met[where], block.rows)
            while self._bytes > _ALL_BYTES:
                _, gone = self._rows.popitem(last=False)
                self._bytes -= _size_of(gone)


def _size_of(rows: Columns | None) -> int:
    return _ENTRY_BYTES + (sum(column.nbytes for column in rows) if rows else 0)
