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
from nagare.wire.binary_columns import BinaryColumns, Shape, are_binary, side_by_side

if TYPE_CHECKING:
    from nagare.metrics.head import Pending


def make_chunks(batches: Sequence[Pending], schema: Schema, texts: Texts) -> list[Chunk]:
    """Return the rows of ``batches``, those of one shape together."""
    cells: list[Any] = [batch.cells for batch in batches]
    if set(map(type, cells)) == {BinaryColumns}:
        shapes, *parts = side_by_side(cells)
        if len(set(map(id, shapes))) == 1:
            return [_of_shape(shapes[0], [batch.host for batch in batches], parts, schema, texts)]
    groups: dict[Shape | None, list[Pending]] = {}
    for batch in batches:
        groups.setdefault(batch.cells.shape if are_binary(batch.cells) else None, []).append(batch)
    if None in groups and len(groups) == 1:
        return [make_chunk(batches, schema, texts)]
    return list(chain.from_iterable(make_chunks(group, schema, texts) for group in groups.values()))


def _of_shape(shape: Shape, hosts: Sequence[str], parts: Sequence[Any], schema: Schema, texts: Texts) -> Chunk:
    """Return the rows of ``parts``: rows, times, cells, floats and integers of batches of that shape."""
    rows, times, cells, floats, integers = parts
    counts = np.array(rows, np.int64)
    columns: dict[str, Any] = {"ts": _times(times, counts), "host": np.repeat(texts.encode(hosts), counts)}
    columns |= zip(shape.floats, _matrix(floats, len(shape.floats), "<f8"), strict=True)
    columns |= zip(shape.integers, map(_masked, _matrix(integers, len(shape.integers), "<i8")), strict=True)
    types = [schema.columns[name] for name in shape.cells]
    columns |= zip(shape.cells, _cells(cells, types, rows, texts), strict=True)
    # In the order of the schema, like all chunks: those that have the same names are joined.
    return Chunk(tuple(name for name in schema.columns if name in columns), columns)


def _cells(parts: Sequence[Any], types: Sequence[ColumnType], rows: Sequence[int], texts: Texts) -> Iterator[Any]:
    """Yield the columns of cells. Mostly few parts are unlike others, and each of those is looked at once."""
    places: dict[int, int] = {}
    order = [places.setdefault(id(part), len(places)) for part in parts]
    if 2 * len(places) > len(parts) or len(set(rows)) > 1:
        yield from (_column(type_, each, texts) for type_, each in zip(types, zip(*parts, strict=True), strict=True))
        return
    known = dict(zip(map(id, parts), parts, strict=True))
    unlike = [known[one] for one in places]
    for type_, each in zip(types, zip(*unlike, strict=True), strict=True):
        yield _column(type_, each, texts).reshape(len(unlike), -1)[order].ravel()


def _column(type_: ColumnType, parts: Sequence[Sequence[Any]], texts: Texts) -> Any:
    if type_ is ColumnType.TEXT:
        return encode_parts(parts, texts)
    return arrays.to_array([*chain.from_iterable(parts)], type_)


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
