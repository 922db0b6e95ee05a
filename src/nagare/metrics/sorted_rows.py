"""Rows of the head in the order of a block, before DuckDB sees any: texts have numbers, which are sorted at a twentieth of the cost.

Imported only where numpy is needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nagare.metrics import arrays
from nagare.metrics.blocks.files import DAY_MS, Span
from nagare.metrics.chunks import Chunk, Texts, concatenated, is_text, items, readable
from nagare.metrics.engine import quote_name
from nagare.metrics.rollups.hours import HOUR_MS
from nagare.metrics.schema import AGAIN, Schema
from nagare.model.tables import ColumnType

# A key of so many bits is one number, which is sorted at once.
_KEY_BITS = 62


@dataclass(frozen=True, slots=True)
class SortedRows:
    """All rows of a table as arrays, by host, keys and time; texts by their numbers in ``texts``."""

    schema: Schema
    columns: Mapping[str, Any]
    ts_ms: NDArray[np.int64]
    texts: Sequence[str | None]

    @property
    def names(self) -> tuple[str, ...]:
        """The columns of a block of them: all that the table has, whether a row has a value there or not."""
        return tuple(name for name in self.schema.sql_columns() if name != AGAIN or name in self.columns)

    def select(self, source: str) -> str:
        """Return the SELECT of ``names`` from the arrays of ``days``, which are called ``source``."""
        held = tuple(name for name in self.columns if name not in ("ts", "host"))
        types = self.schema.sql_columns()
        missing = (
            f"CAST(NULL AS {types[name]}) AS {quote_name(name)}" for name in self.names if name not in self.columns
        )
        return f"SELECT {', '.join([*items(held, self.schema), *missing])} FROM {source}"  # noqa: S608  quoted names of ours

    def days(self) -> Iterator[tuple[Span, dict[str, Any]]]:
        """Yield the rows of each UTC day as arrays that DuckDB reads."""
        listed = arrays.text_array(self.texts)
        days = self.ts_ms // DAY_MS
        for day in np.unique(days).tolist():
            is_there = days == day
            kept = self.columns if is_there.all() else {name: each[is_there] for name, each in self.columns.items()}
            ts_ms = self.ts_ms[is_there]
            yield Span(int(ts_ms.min()), int(ts_ms.max()), len(ts_ms)), readable(kept, self.schema, listed)

    def hours(self) -> set[int]:
        """Return the hours that any of the rows are of, Unix milliseconds."""
        return {hour * HOUR_MS for hour in np.unique(self.ts_ms // HOUR_MS).tolist()}


def sort_chunks(chunks: Sequence[Chunk], schema: Schema, numbers: Texts) -> SortedRows | None:
    """Return the rows of ``chunks`` in order, whose texts have ``numbers``; None where a key is neither text nor integer."""
    names = tuple(name for name in schema.columns if any(name in chunk.names for chunk in chunks))
    keys = [name for name in schema.keys if name in names]
    if not all(is_text(key, schema) or schema.columns[key] is ColumnType.INTEGER for key in keys):
        return None
    columns = concatenated([_widened(chunk, names, schema, numbers) for chunk in chunks])
    texts = list(numbers)
    ranks = _ranks(texts)
    places = [
        (ranks[columns[name]], len(ranks)) if is_text(name, schema) else _integer_ranks(columns[name])
        for name in ("host", *keys)
    ]
    order = _order(places, columns["ts"])
    columns = {name: column[order] for name, column in columns.items()}
    unit = 1_000_000 if schema.is_wide else 1
    return SortedRows(schema, columns, columns["ts"] // unit, texts)


def _widened(chunk: Chunk, names: tuple[str, ...], schema: Schema, numbers: Texts) -> Chunk:
    """Return ``chunk`` with all of ``names``: nothing stands in those that it lacks."""
    if chunk.names == names:
        return chunk
    rows = len(chunk.columns["ts"])
    missing = {name: _nothing(schema.columns[name], rows, numbers) for name in names if name not in chunk.names}
    return Chunk(names, {**chunk.columns, **missing})


def _nothing(type_: ColumnType, rows: int, numbers: Texts) -> Any:
    if type_ in (ColumnType.INTEGER, ColumnType.BOOLEAN, ColumnType.FLOAT):
        return arrays.to_array([None] * rows, type_)
    return np.full(rows, numbers[None], np.int32)


def _ranks(texts: Sequence[str | None]) -> NDArray[np.int64]:
    """Return the place of each text among all of them, None behind them all: as DuckDB sorts."""
    order = sorted(range(len(texts)), key=lambda number: (texts[number] is None, texts[number] or ""))
    ranks = np.empty(len(texts), np.int64)
    ranks[order] = np.arange(len(texts))
    return ranks


def _integer_ranks(column: Any) -> tuple[NDArray[np.int64], int]:
    """Return the place of each integer among all of them, nothing behind them all, and how many places there are."""
    values, found = np.unique(np.ma.getdata(column), return_inverse=True)
    places: NDArray[np.int64] = np.where(np.ma.getmaskarray(column), len(values), found.reshape(-1))
    return places, len(values) + 1


def _order(keys: Sequence[tuple[NDArray[np.int64], int]], times: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return the order of rows by ``keys``, each of them with the number that all its places are below, and by time."""
    if sum(count.bit_length() for _, count in keys) > _KEY_BITS:
        return np.lexsort((times, *(key for key, _ in reversed(keys))))
    joined = np.zeros(len(times), np.int64)
    for key, count in keys:
        joined = joined * count + key
    return np.lexsort((times, joined))
