"""Batches that hold nothing but our own tables as model.tables declares them: decoded and checked in one pass.

An agent of this version sends no others but those with events. The decoder knows the type of every column and checks
it where it reads the value, so that nobody needs to look at each cell again; that look costs twenty times as much for
the many short columns of a small host. Whatever is out of the ordinary (an unknown name, a number of the wrong kind,
columns of unequal length, a fault of any sort) is left to the checks of ``metrics.wal.ingest``, which know the answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import msgspec
from msgspec.structs import astuple

from nagare.model.tables import TABLES, ColumnType, Table
from nagare.wire.batch import INT64_MAX, INT64_MIN, TEXT_LIMIT, Batch, Cell
from nagare.wire.codec import ENCODINGS

# Events carry ids that must be compared with those known: rare, and never sound by their types alone.
_EVENTS = "events"


class Columns(msgspec.Struct, gc=False):
    """The columns of one table, read like a mapping of those that were sent; an attribute is None without its column.

    A dictionary would cost as much to make as its values took to decode. Subclasses are made for each table.
    """

    ts: Annotated[list[int], msgspec.Meta(min_length=1)]

    def __getitem__(self, name: str) -> list[Cell]:
        """Return the column of that name. Raises KeyError."""
        values: list[Cell] | None = self.get(name)
        if values is None:
            raise KeyError(name)
        return values

    def get(self, name: str, default: Any = None) -> Any:
        """Return the column of that name, or ``default``."""
        values = getattr(self, name, None) if name in self.__struct_fields__ else None
        return default if values is None else values

    def __contains__(self, name: object) -> bool:
        """Tell whether the column was sent."""
        return isinstance(name, str) and self.get(name) is not None

    def __iter__(self) -> Iterator[str]:
        """Yield the names of the columns."""
        return (name for name, _ in self.items())

    def parts(self) -> tuple[list[Cell] | None, ...]:
        """Return what there is of each declared column, in order; None for nothing."""
        parts: tuple[list[Cell] | None, ...] = astuple(self)
        return parts

    def __len__(self) -> int:
        """Return the number of columns."""
        columns = astuple(self)
        return len(columns) - columns.count(None)

    def keys(self) -> list[str]:
        """Return the names of the columns."""
        return list(self)

    def values(self) -> list[list[Cell]]:
        """Return the columns."""
        return [values for values in astuple(self) if values is not None]

    def items(self) -> list[tuple[str, list[Cell]]]:
        """Return the columns with their names."""
        pairs = zip(self.__struct_fields__, astuple(self), strict=True)
        return [(name, values) for name, values in pairs if values is not None]


Mapping.register(Columns)


class Span(msgspec.Struct, frozen=True, gc=False):
    """What the rows of one table are: how many, their first and last moment (Unix milliseconds), and how many columns."""

    rows: int
    low_ms: int
    high_ms: int
    columns: int


class SoundBatch(msgspec.Struct, frozen=True, gc=False):
    """A batch whose names, types and lengths hold, and the bytes that say the same: ``body`` as sent in ``encoding``.

    What time and the server's state decide is still open: the envelope, duplicates, rows out of their time.
    """

    v: int
    host: str
    boot: str
    seq: int
    # Of ``Columns``, which is a mapping in all but its base class.
    tables: Mapping[str, Mapping[str, list[Cell]]]
    replaces: list[int]
    thinned: list[int]
    encoding: str
    body: bytes
    # Of each table, in their order: whoever takes them in needs no look at the rows.
    spans: tuple[Span, ...]
    # The number of rows, and the first and the last moment of any, Unix milliseconds; 0 without rows.
    rows: int
    low_ms: int
    high_ms: int

    def to_batch(self) -> Batch:
        """Return it as any other batch."""
        tables = {name: dict(columns.items()) for name, columns in self.tables.items()}
        return Batch(self.v, self.host, self.boot, self.seq, tables, self.replaces, self.thinned)


_Integer = Annotated[int, msgspec.Meta(ge=INT64_MIN, le=INT64_MAX)]
_Text = Annotated[str, msgspec.Meta(max_length=TEXT_LIMIT)]
# An empty column beside rows would else pass for one that was not sent.
_SOME = msgspec.Meta(min_length=1)
_CELLS: dict[ColumnType, Any] = {
    ColumnType.FLOAT: Annotated[list[float | None], _SOME],
    ColumnType.INTEGER: Annotated[list[_Integer | None], _SOME],
    ColumnType.TEXT: Annotated[list[_Text | None], _SOME],
    ColumnType.BOOLEAN: Annotated[list[bool | None], _SOME],
}


def _is_sound(table: Table) -> bool:
    return table.name != _EVENTS and all(column.type in _CELLS for column in table.columns)


def _kind_of(table: Table) -> Any:
    # The default is no lawful value of the type, so that a null instead of a column is not taken for its absence; it
    # is left out where columns are encoded again, for the live connections.
    fields = [(column.name, _CELLS[column.type], None) for column in table.columns]
    return msgspec.defstruct(
        f"{table.name}_columns", fields, bases=(Columns,), forbid_unknown_fields=True, omit_defaults=True, gc=False
    )


def _make_decoder(kinds: Mapping[str, Any]) -> msgspec.json.Decoder[Any]:
    tables = [(name, kind, None) for name, kind in kinds.items()]
    held = msgspec.defstruct("tables", tables, forbid_unknown_fields=True, gc=False)
    envelope: list[Any] = [
        ("v", int),
        ("host", str),
        ("boot", str),
        ("seq", int),
        ("tables", held),
        ("replaces", list[int], []),
        ("thinned", list[int], []),
    ]
    return msgspec.json.Decoder(msgspec.defstruct("batch", envelope, gc=False))


_KINDS = {name: _kind_of(table) for name, table in TABLES.items() if _is_sound(table)}
_NAMES = tuple(_KINDS)
_decoder = _make_decoder(_KINDS)


def find_sound(content: bytes, encoding: str, body: bytes) -> SoundBatch | None:
    """Return the batch in ``content``, which was sent as ``body`` in ``encoding``; None leaves it to the slow checks."""
    if encoding not in ENCODINGS:
        # An old name of one of them, which the log does not know.
        return None
    try:
        found: Any = _decoder.decode(content)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    tables: dict[str, Any] = {}
    spans: list[Span] = []
    rows = low = high = 0
    for name, columns in zip(_NAMES, astuple(found.tables), strict=True):
        if columns is not None:
            sent = list(filter(None, astuple(columns)))
            times = sent[0]
            count, first, last = len(times), min(times), max(times)
            if len(set(map(len, sent))) > 1:
                return None
            tables[name] = columns
            spans.append(Span(count, first, last, len(sent)))
            low = min(low, first) if rows else first
            high = max(high, last) if rows else last
            rows += count
    envelope = (found.v, found.host, found.boot, found.seq, tables, found.replaces, found.thinned)
    return SoundBatch(*envelope, encoding, body, tuple(spans), rows, low, high)
