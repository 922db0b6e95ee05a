"""Rows that came in binary as chunks: the bytes of many batches of one shape are one matrix, without an object for a number.

Imported only where numpy is needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

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
    parts: Any = [batch.cells for batch in batches]
    _, rows, times, cells, floats, integers = zip(*map(BinaryColumns.parts, parts), strict=True)
    counts = np.array(rows, np.int64)
    hosts = texts.encode([batch.host for batch in batches])
    columns: dict[str, Any] = {"ts": _times(times, counts), "host": np.repeat(hosts, counts)}
    columns |= zip(shape.floats, _matrix(floats, len(shape.floats), "<f8"), strict=True)
    columns |= zip(shape.integers, map(_masked, _matrix(integers, len(shape.integers), "<i8")), strict=True)
    for name, each in zip(shape.cells, zip(*cells, strict=True), strict=True):
        if schema.columns[name] is ColumnType.TEXT:
            columns[name] = encode_parts(each, texts)
        else:
            columns[name] = arrays.to_array([*chain.from_iterable(each)], ColumnType.BOOLEAN)
    # In the order of the schema, like all chunks: those that have the same names are joined.
    return Chunk(tuple(name for name in schema.columns if name in columns), columns)


def _times(times: Sequence[int | list[int]], counts: NDArray[np.int64]) -> Any:
    if set(map(type, times)) == {int}:
        return np.repeat(np.array(times, np.int64), counts)
    stamps = ([each] * count if isinstance(each, int) else each for each, count in zip(times, counts, strict=True))
    return np.fromiter(chain.from_iterable(stamps), np.int64, int(counts.sum()))


def _matrix(parts: Sequence[bytes], count: int, kind: str) -> Iterator[Any]:
    """Yield each of ``count`` columns of rows that stand one after the other."""
    rows = np.frombuffer(b"".join(parts), kind).reshape(-1, max(1, count))
    # One copy of all: a column whose numbers stand apart would be gathered anew at each look.
    yield from np.ascontiguousarray(rows.T)[:count]


def _masked(column: Any) -> Any:
    is_null = column == NO_INTEGER
    return np.ma.MaskedArray(np.where(is_null, 0, column), is_null) if is_null.any() else column
