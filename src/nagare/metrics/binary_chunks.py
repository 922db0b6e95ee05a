"""Rows that came in binary as chunks: the bytes of many batches of one shape are one matrix, without an object for a number.

Imported only where numpy is needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from nagare.metrics import arrays
from nagare.metrics.chunks import Chunk, Texts, encode_parts, make_chunk
from nagare.metrics.schema import Schema
from nagare.model.tables import ColumnType
from nagare.wire.binary_batch import NO_INTEGER
from nagare.wire.binary_columns import BinaryColumns, Shape, are_binary

if TYPE_CHECKING:
    from nagare.metrics.head import Pending


def make_chunks(batches: Sequence[Pending], schema: Schema, texts: Texts) -> list[Chunk]:
    """Return the rows of ``batches``, those of one shape together."""
    shapes: dict[Shape | None, list[Pending]] = {}
    for batch in batches:
        cells = batch.cells
        shapes.setdefault(cells.shape if are_binary(cells) else None, []).append(batch)
    return [
        make_chunk(group, schema, texts) if shape is None else _of_shape(shape, group, schema, texts)
        for shape, group in shapes.items()
    ]


def _of_shape(shape: Shape, batches: Sequence[Pending], schema: Schema, texts: Texts) -> Chunk:
    parts: list[Any] = [batch.cells for batch in batches]
    counts = [part.rows for part in parts]
    columns = {"ts": _times(parts, counts), "host": np.repeat(texts.encode([one.host for one in batches]), counts)}
    columns |= zip(shape.floats, _matrix([part.floats for part in parts], len(shape.floats), "<f8"), strict=True)
    integers = _matrix([part.integers for part in parts], len(shape.integers), "<i8")
    columns |= zip(shape.integers, map(_masked, integers), strict=True)
    for at, name in enumerate(shape.cells):
        cells = [part.cells[at] for part in parts]
        is_text = schema.columns[name] is ColumnType.TEXT
        columns[name] = (
            encode_parts(cells, texts)
            if is_text
            else arrays.to_array([*chain.from_iterable(cells)], ColumnType.BOOLEAN)
        )
    # In the order of the schema, like all chunks: those that have the same names are joined.
    names = tuple(name for name in schema.columns if name in columns)
    return Chunk(names, columns)


def _times(parts: Sequence[BinaryColumns], counts: Sequence[int]) -> Any:
    if all(isinstance(part.times, int) for part in parts):
        return np.repeat(np.array([part.times for part in parts], np.int64), counts)
    return np.fromiter(chain.from_iterable(part.stamps() for part in parts), np.int64, sum(counts))


def _matrix(parts: Sequence[bytes], count: int, kind: str) -> Iterator[Any]:
    """Yield each of ``count`` columns of rows that stand one after the other."""
    rows = np.frombuffer(b"".join(parts), kind).reshape(-1, max(1, count))
    # One copy of all: a column whose numbers stand apart would be gathered anew at each look.
    yield from np.ascontiguousarray(rows.T)[:count]


def _masked(column: Any) -> Any:
    is_null = column == NO_INTEGER
    return np.ma.MaskedArray(np.where(is_null, 0, column), is_null) if is_null.any() else column
