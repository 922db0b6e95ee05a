"""What the portable collectors share: psutil loaded late, and rows that hold every column of their table."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from nagare.collect.collector import Tables, Tick
from nagare.collect.reading.rows import Row, columns_of
from nagare.model.columns import Cell
from nagare.model.tables import Table


def load_psutil() -> Any:
    """Return psutil."""
    return importlib.import_module("psutil")


def full_row(table: Table, known: dict[str, Cell]) -> Row:
    """Return a row with every column of ``table``, null for what is not known."""
    return {column.name: known.get(column.name) for column in table.columns}


class PortableCollector:
    """A collector of one table; subclasses say what its rows are."""

    name: ClassVar[str]
    interval_seconds: ClassVar[float | None] = None
    is_slow: ClassVar[bool] = False
    table: ClassVar[Table]

    def __init__(self, load: Callable[[], Any] = load_psutil) -> None:
        """Load nothing yet."""
        self._load = load

    def collect(self, tick: Tick) -> Tables:
        """Return the rows of the table."""
        rows = [full_row(self.table, row) for row in self.rows(self._load(), tick)]
        return {self.table.name: columns_of(rows)}

    def rows(self, psutil: Any, tick: Tick) -> Sequence[dict[str, Cell]]:
        """Return what psutil knows, by column."""
        raise NotImplementedError

    def close(self) -> None:
        """Hold nothing, so give nothing back."""
