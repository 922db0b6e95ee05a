"""Columns of one table: what a collector returns, a batch carries and a query is given.

``Columns`` maps a column's name to values of equal length; ``None`` is "not known", never zero.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from nagare.model.tables import Table

Value = float | int | str | bool | None
Cell = Value | Mapping[str, str]
Columns = Mapping[str, Sequence[Cell]]
TableColumns = Mapping[str, Columns]


def row_count(columns: Columns) -> int:
    """Return the number of rows; zero for no columns."""
    return len(next(iter(columns.values()), ()))


def columns_of(table: Table, rows: Iterable[Sequence[Cell]]) -> Columns:
    """Return the columns of ``rows``, each of which has a cell for every column of ``table``."""
    columns: dict[str, list[Cell]] = {column.name: [] for column in table.columns}
    for row in rows:
        for cells, cell in zip(columns.values(), row, strict=True):
            cells.append(cell)
    return columns


@dataclass(frozen=True, slots=True)
class RecordTable:
    """A table of records that SQL may see; ``fetch`` is called only when a query names the table.

    It may leave the ``costly`` columns out: where a query may name one of those, ``fetch_all`` is called instead. Where a
    query asks for rows since a moment (Unix milliseconds), ``fetch_since`` is called with it, and need not read older ones.
    """

    table: Table
    fetch: Callable[[], Awaitable[Columns]]
    costly: frozenset[str] = frozenset()
    fetch_all: Callable[[], Awaitable[Columns]] | None = None
    fetch_since: Callable[[int], Awaitable[Columns]] | None = None
