"""Rows of the head as numpy arrays: what waits longer than a moment, but is not in DuckDB yet.

A statement that inserts costs DuckDB milliseconds, however few rows it brings, and rows as Python objects cost five
times the memory. So lists become arrays early, and arrays rows of DuckDB late: many thousands by one statement.
Imported only where numpy is needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from nagare.metrics import arrays
from nagare.metrics.schema import Schema
from nagare.model.tables import ColumnType
from nagare.wire.codec import encode
from nagare.wire.sound_batch import Columns

if TYPE_CHECKING:
    from nagare.metrics.head import Pending

_TEXTS = (ColumnType.TEXT, ColumnType.TAG, ColumnType.MAP)
# Numbers that are read one by one without a list of them; a boolean would take None for false.
_QUICK = {ColumnType.FLOAT: np.float64, ColumnType.INTEGER: np.int64}


class Texts(dict[str | None, int]):
    """Numbers of texts (and of None), in the order they came: hosts, keys and states come again with every batch."""

    def __missing__(self, text: str | None) -> int:
        """Give ``text`` the next number."""
        number = self[text] = len(self)
        return number

    def encode(self, values: Sequence[Any]) -> Any:
        """Return the numbers of ``values`` as an array."""
        return np.fromiter(map(self.__getitem__, values), np.int32, len(values))


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows as an array a column; texts, and ``host``, by their numbers, ``ts`` as a whole number in the table's unit."""

    names: tuple[str, ...]
    columns: Mapping[str, Any]


def make_chunk(batches: Sequence[Pending], schema: Schema, texts: Texts) -> Chunk:
    """Return the rows of ``batches`` with every column of ``schema`` that any of them has."""
    parts = _parts(batches, ("ts", "host", *schema.columns))
    rows = sum(batch.rows for batch in batches)
    times = np.fromiter(chain.from_iterable(parts["ts"]), np.int64, rows)
    columns: dict[str, Any] = {"ts": times, "host": _hosts(batches, parts.get("host"), texts)}
    # Every batch has a row, and so no part is empty: what is false is missing.
    names = [name for name in schema.columns if any(parts.get(name, ()))]
    for name in names:
        columns[name] = _array(_filled(parts[name], batches), rows, schema.columns[name], texts)
    return Chunk(tuple(names), columns)


def _filled(parts: Sequence[Any], batches: Sequence[Pending]) -> Sequence[Sequence[Any]]:
    """Return ``parts`` with nothing for each row of a batch that has none."""
    if all(parts):
        return parts
    return [part or [None] * batch.rows for part, batch in zip(parts, batches, strict=True)]


def join_chunks(chunks: Sequence[Chunk], schema: Schema, texts: Texts) -> dict[str, Any]:
    """Return the rows of ``chunks``, which have the same names, as the arrays that DuckDB reads by ``items``."""
    return readable(concatenated(chunks), schema, arrays.text_array(list(texts)))


def concatenated(chunks: Sequence[Chunk]) -> dict[str, Any]:
    """Return the columns of ``chunks``, which have the same names."""
    joined: dict[str, Any] = {}
    for name in ("ts", "host", *chunks[0].names):
        parts = [chunk.columns[name] for chunk in chunks]
        is_masked = any(isinstance(part, np.ma.MaskedArray) for part in parts)
        joined[name] = np.ma.concatenate(parts) if is_masked else np.concatenate(parts)  # type: ignore[no-untyped-call]
    return joined


def readable(columns: Mapping[str, Any], schema: Schema, listed: Any) -> dict[str, Any]:
    """Return ``columns`` of a chunk as DuckDB reads them; ``listed`` are the texts by their numbers."""
    made: dict[str, Any] = {}
    for name, column in columns.items():
        if name == "ts":
            made[name] = arrays.time_array(column, schema.time_type)
        else:
            made[name] = listed[column] if is_text(name, schema) else column
    return made


def is_text(name: str, schema: Schema) -> bool:
    """Tell whether a column of a chunk holds numbers of texts."""
    return name == "host" or schema.columns.get(name) in _TEXTS


def items(names: Sequence[str], schema: Schema) -> list[str]:
    """Return the SQL that reads ``ts``, ``host`` and the columns ``names`` of joined chunks with their exact types."""
    own = (arrays.select_item(name, schema.columns[name]) for name in names)
    return [*arrays.base_items(schema.time_type), *own]


def _parts(batches: Sequence[Pending], names: Sequence[str]) -> Mapping[str, Sequence[Any]]:
    """Return of each column what every batch has of it, None for nothing."""
    cells = [batch.cells for batch in batches]
    kind: Any = type(cells[0])
    if issubclass(kind, Columns) and set(map(type, cells)) == {kind}:
        return dict(zip(kind.__struct_fields__, zip(*map(kind.parts, cells), strict=True), strict=True))
    return {name: [each.get(name) for each in cells] for name in names}


def _hosts(batches: Sequence[Pending], own: Sequence[Any] | None, texts: Texts) -> Any:
    if own is None or not any(own):
        return np.repeat(texts.encode([batch.host for batch in batches]), [batch.rows for batch in batches])
    filled = [part if part is not None else [batch.host] * batch.rows for part, batch in zip(own, batches, strict=True)]
    return encode_parts(filled, texts)


def _array(parts: Sequence[Sequence[Any]], rows: int, type_: ColumnType, texts: Texts) -> Any:
    if type_ in (ColumnType.TEXT, ColumnType.TAG):
        return encode_parts(parts, texts)
    if type_ in _QUICK:
        try:
            return np.fromiter(chain.from_iterable(parts), _QUICK[type_], rows)
        except TypeError:
            pass  # None among them
    values = list(chain.from_iterable(parts))
    if type_ is ColumnType.MAP:
        # DuckDB guesses the type of Python maps from a sample; JSON text has one type.
        return texts.encode([None if value is None else encode(value).decode() for value in values])
    return arrays.to_array(values, type_)


def encode_parts(parts: Sequence[Sequence[Any]], texts: Texts) -> Any:
    """Return the numbers of the texts of all ``parts``; a list that stands there often is looked up once."""
    if 2 * len(set(map(id, parts))) > len(parts):
        return texts.encode(list(chain.from_iterable(parts)))
    encoded = {key: texts.encode(part) for key, part in {id(part): part for part in parts}.items()}
    return np.concatenate([encoded[id(part)] for part in parts])
