"""Batches in binary as the server takes them in: checked as a whole, their columns left as the bytes that came.

What a layout means and what its cells say is found out once, for the same bytes come again with every batch of a host.
Numbers are looked at by whoever needs them, many batches at a time. As with ``wire.sound_batch`` whatever is out of the
ordinary is left to the checks of ``metrics.wal.ingest``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Any, TypeGuard

import msgspec
from msgspec.structs import astuple

from nagare.model.tables import TABLES, ColumnType
from nagare.wire.batch import TEXT_LIMIT, Cell
from nagare.wire.binary_batch import (
    CELLS,
    FLOATS,
    INTEGERS,
    KINDS_OF,
    Block,
    as_cells,
    is_binary,
    is_whole,
    number_columns,
    read_binary,
    read_layout,
)
from nagare.wire.codec import ENCODINGS
from nagare.wire.sound_batch import SoundBatch, Span, find_sound

# Layouts that are known, of all tables of agents of some versions; a longer one is none of ours.
_LAYOUTS, _LAYOUT_CHARACTERS = 1024, 4096
# Cells that are known: of some tables for each of a thousand hosts. Longer ones are processes, which change all the time.
_KNOWN_CELLS, _KNOWN_BYTES = 8192, 1024
_Text = Annotated[str, msgspec.Meta(max_length=TEXT_LIMIT)]
_CELLS: Mapping[ColumnType, Any] = {ColumnType.TEXT: list[_Text | None], ColumnType.BOOLEAN: list[bool | None]}


class Shape:
    """The columns of a table in one layout: where each stands among those of its kind."""

    __slots__ = ("cells", "decoder", "floats", "integers", "names", "places", "table")

    def __init__(self, table: str, names: Mapping[str, tuple[str, ...]], cell_types: tuple[Any, ...]) -> None:
        """Know the names of each kind, and what the cells must be."""
        self.table = table
        self.floats, self.integers, self.cells = names[FLOATS], names[INTEGERS], names[CELLS]
        self.names = ("ts", *self.floats, *self.integers, *self.cells)
        self.places = {name: (kind, at) for kind, each in names.items() for at, name in enumerate(each)}
        kind: Any = tuple
        self.decoder: msgspec.json.Decoder[tuple[list[Cell], ...]] = msgspec.json.Decoder(kind[cell_types])


class BinaryColumns(msgspec.Struct, gc=False):
    """The columns of one table, read like a mapping of lists; ``floats`` and ``integers`` as in ``binary_batch.Block``.

    Lists of numbers are made when they are asked for. None of what it holds is ever written to.
    """

    shape: Shape
    rows: int
    times: int | list[int]
    cells: tuple[list[Cell], ...]
    floats: bytes
    integers: bytes

    def __getitem__(self, name: str) -> list[Cell]:
        """Return the column of that name. Raises KeyError."""
        if name == "ts":
            return [*self.stamps()]
        kind, at = self.shape.places[name]
        if kind == CELLS:
            return self.cells[at]
        rows, names = (self.floats, self.shape.floats) if kind == FLOATS else (self.integers, self.shape.integers)
        return as_cells(number_columns(rows, len(names), kind)[at], kind)

    def get(self, name: str, default: Any = None) -> Any:
        """Return the column of that name, or ``default``."""
        is_there = name in self
        return self[name] if is_there else default

    def __contains__(self, name: object) -> bool:
        """Tell whether the column was sent."""
        return name == "ts" or name in self.shape.places

    def __iter__(self) -> Iterator[str]:
        """Yield the names of the columns."""
        return iter(self.shape.names)

    def __len__(self) -> int:
        """Return the number of columns."""
        return len(self.shape.names)

    def stamps(self) -> list[int]:
        """Return the moment of each row, Unix milliseconds."""
        return [self.times] * self.rows if isinstance(self.times, int) else self.times

    def keys(self) -> tuple[str, ...]:
        """Return the names of the columns."""
        return self.shape.names

    def values(self) -> list[list[Cell]]:
        """Return the columns."""
        return [*self.lists().values()]

    def items(self) -> list[tuple[str, list[Cell]]]:
        """Return the columns with their names."""
        return [*self.lists().items()]

    def lists(self) -> dict[str, list[Cell]]:
        """Return all columns as lists."""
        shape, made = self.shape, dict[str, list[Cell]](ts=[*self.stamps()])
        for names, rows, kind in ((shape.floats, self.floats, FLOATS), (shape.integers, self.integers, INTEGERS)):
            for name, numbers in zip(names, number_columns(rows, len(names), kind), strict=True):
                made[name] = as_cells(numbers, kind)
        return made | dict(zip(shape.cells, self.cells, strict=True))


Mapping.register(BinaryColumns)


def are_binary(columns: object) -> TypeGuard[BinaryColumns]:
    """Tell whether ``columns``, which are a mapping of lists, came in binary."""
    return isinstance(columns, BinaryColumns)


def side_by_side(parts: Iterable[BinaryColumns]) -> Sequence[Sequence[Any]]:
    """Return the shapes of all parts, then their rows, times, cells, floats and integers: quicker than part by part."""
    return tuple(zip(*map(astuple, parts), strict=True))


def find_binary(content: bytes, encoding: str, body: bytes) -> SoundBatch | None:
    """Return the batch in ``content``, which was sent as ``body`` in ``encoding``; None leaves it to the slow checks."""
    found = read_binary(content) if encoding in ENCODINGS else None
    if found is None:
        return None
    tables: dict[str, Any] = {}
    spans: list[Span] = []
    rows = low = high = 0
    for name, block in found.tables.items():
        columns = _columns(name, block)
        if columns is None:
            return None
        times = block.times
        first, last = (times, times) if isinstance(times, int) else (min(times), max(times))
        tables[name] = columns
        spans.append(Span(block.rows, first, last, len(columns)))
        low = min(low, first) if rows else first
        high = max(high, last) if rows else last
        rows += block.rows
    if not _are_finite(b"".join([block.floats for block in found.tables.values()])):
        return None
    envelope = (found.v, found.host, found.boot, found.seq, tables, found.replaces, found.thinned)
    return SoundBatch(*envelope, encoding, body, tuple(spans), rows, low, high)


def find_ordinary(content: bytes, encoding: str, body: bytes) -> SoundBatch | None:
    """Return the same of a batch in either form."""
    find = find_binary if is_binary(content) else find_sound
    return find(content, encoding, body)


def _columns(table: str, block: Block) -> BinaryColumns | None:
    shape = _shape(table, block.layout) if len(block.layout) <= _LAYOUT_CHARACTERS else None
    if shape is None:
        return None
    cells = _known_cells(shape, block.cells) if len(block.cells) <= _KNOWN_BYTES else _read_cells(shape, block.cells)
    if cells is None or not is_whole(block, len(shape.floats), len(shape.integers), cells):
        return None
    return BinaryColumns(shape, block.rows, block.times, cells, block.floats, block.integers)


@lru_cache(_LAYOUTS)
def _shape(table: str, layout: str) -> Shape | None:
    """Return what ``layout`` means; None where it is not as ``model.tables`` declares the table."""
    kinds = KINDS_OF.get(table)
    try:
        names = read_layout(layout)
    except ValueError:
        return None
    if kinds is None or any(kinds.get(name) != kind for kind, each in names.items() for name in each):
        return None
    types = {column.name: column.type for column in TABLES[table].columns}
    return Shape(table, names, tuple(_CELLS[types[name]] for name in names[CELLS]))


def _read_cells(shape: Shape, cells: bytes) -> tuple[list[Cell], ...] | None:
    """Return the columns in ``cells``; None where they are not what the layout says."""
    try:
        found: tuple[list[Cell], ...] = shape.decoder.decode(cells)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return found


_known_cells = lru_cache(_KNOWN_CELLS)(_read_cells)


def _are_finite(floats: bytes) -> bool:
    """Tell whether none of the numbers is infinite; NaN is null."""
    # The upper bytes of an infinity, which seldom stand anywhere else: to find them takes a tenth of a look at each number.
    if b"\xf0\x7f" not in floats and b"\xf0\xff" not in floats:
        return True
    numbers = number_columns(floats, 1, FLOATS)[0]
    return math.inf not in numbers and -math.inf not in numbers
