"""Statements that were checked before: a dashboard asks the same ones again and again, only for other times.

What is kept follows from the text and the tables that exist for the caller alone. The tree is kept as text and read anew
for each use, so that nobody's change of it can reach another query; what the parameters decide is decided each time.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from nagare.metrics.sql.constants import Constants, Parameters
from nagare.metrics.sql.extent import Reckoning
from nagare.metrics.sql.macros import Renamed
from nagare.metrics.sql.sandbox import Checked, check

_STATEMENTS = 256
# Of a tree as text: a larger one is a program's, and seldom comes again. All together are some megabytes at the most.
_TREE_LENGTH = 32_768


@dataclass(frozen=True, slots=True)
class _Kept:
    written: Renamed
    tree: str
    tables: frozenset[str]
    prefix: str


class Statements:
    """Checks statements; used from every query thread."""

    def __init__(self) -> None:
        """Begin with none."""
        # Guards _kept; held for moments.
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, tuple[str, ...]], _Kept] = OrderedDict()

    def check(
        self, cursor: duckdb.DuckDBPyConnection, sql: str, known: Sequence[str], parameters: Parameters
    ) -> Checked:
        """Return ``sql`` as a statement that may run, as ``sandbox.check`` does. Raises QuerySyntaxError."""
        key = (sql, tuple(known))
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
        if kept is not None:
            tree = json.loads(kept.tree)
            Reckoning(Constants(parameters)).run(tree)
            return Checked(kept.written, tree, kept.tables, kept.prefix)
        checked = check(cursor, sql, known, parameters)
        tree_text = json.dumps(checked.tree, separators=(",", ":"))
        if len(tree_text) <= _TREE_LENGTH:
            self._keep(key, _Kept(checked.written, tree_text, checked.tables, checked.prefix))
        return checked

    def _keep(self, key: tuple[str, tuple[str, ...]], kept: _Kept) -> None:
        with self._lock:
            self._kept[key] = kept
            if len(self._kept) > _STATEMENTS:
                self._kept.popitem(last=False)
