"""The agent's batch in binary: the same columns as in JSON, numbers as they stand in memory.

A table's numbers lie row by row, so that those of many batches are one matrix once they are joined, whatever rows each has.
What is no number (names, states) is JSON of its own: it is the same in batch after batch, so that its reader knows it by
its bytes. An agent writes it, the log keeps it as it came, and nobody else needs to: JSON says all that it can say.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from itertools import chain
from types import NoneType
from typing import Annotated, Any

import msgspec

from nagare.errors import InputError
from nagare.model.tables import TABLES, ColumnType
from nagare.wire.batch import INT64_MAX, INT64_MIN, Batch, BatchOutline, Cell
from nagare.wire.codec import decode, encode

MEDIA_TYPE = "application/vnd.nagare.batch"
# Kinds of columns, each with its place in a layout: numbers of eight bytes, and cells of JSON.
FLOATS, INTEGERS, CELLS = "f", "i", "c"
_KINDS = {ColumnType.FLOAT: FLOATS, ColumnType.INTEGER: INTEGERS, ColumnType.TEXT: CELLS, ColumnType.BOOLEAN: CELLS}
# Of each table the kinds of its columns that have one. Events are compared one by one, and never come in binary.
KINDS_OF: Mapping[str, Mapping[str, str]] = {
    name: {column.name: _KINDS[column.type] for column in table.columns if column.type in _KINDS}
    for name, table in TABLES.items()
    if name != "events"
}
# What stands for null; no number of a column is it, for a float is finite.
NO_FLOAT, NO_INTEGER = math.nan, INT64_MIN
_NUMBER_BYTES = 8
_Integer = Annotated[int, msgspec.Meta(ge=INT64_MIN, le=INT64_MAX)]
_Count = Annotated[int, msgspec.Meta(ge=1, le=INT64_MAX)]


class Block(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One table. ``layout`` names the columns, ``f:user_ratio,i:total_bytes,c:core``, in the order of each kind.

    ``times`` is one moment for all rows, or one for each (and that where there is no column), Unix milliseconds. ``floats`` and ``integers`` are the rows one
    after the other, eight bytes little-endian for each column of that kind; ``cells`` is JSON, a list for each other column.
    """

    rows: _Count
    times: _Integer | list[_Integer]
    layout: str
    cells: bytes
    floats: bytes
    integers: bytes


class BinaryBatch(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What ``wire.batch.Batch`` is, in the order of its fields."""

    v: int
    host: str
    boot: str
    seq: int
    tables: dict[str, Block]
    replaces: list[int] = []
    thinned: list[int] = []


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(BinaryBatch)


def is_binary(content: bytes) -> bool:
    """Tell whether ``content`` is such a batch: an array of MessagePack, where JSON begins with a sign or a space."""
    return content[:1] >= b"\x90"


def encode_binary(batch: Batch) -> bytes | None:
    """Return ``batch`` in binary; None for one that only JSON can say: events, tables of others, cells of a wrong type."""
    try:
        blocks = {name: _block(name, columns) for name, columns in batch.tables.items()}
    except (KeyError, ValueError, TypeError, struct.error, OverflowError):
        return None
    found = BinaryBatch(batch.v, batch.host, batch.boot, batch.seq, blocks, batch.replaces, batch.thinned)
    try:
        return _encoder.encode(found)
    except (UnicodeEncodeError, OverflowError):
        return None


def decode_binary(content: bytes) -> Batch:
    """Return the batch in ``content``. Raises InputError."""
    found = read_binary(content)
    if found is None:
        raise _no_batch()
    tables = {name: _columns(name, block) for name, block in found.tables.items()}
    return Batch(found.v, found.host, found.boot, found.seq, tables, found.replaces, found.thinned)


def decode_batch(content: bytes) -> Batch:
    """Return the batch in ``content``, in whichever form it is. Raises InputError."""
    return decode_binary(content) if is_binary(content) else decode(content, Batch)


def read_outline(content: bytes) -> BatchOutline:
    """Return the outline of the batch in ``content``, in whichever form it is; one in binary has no events. Raises InputError."""
    if not is_binary(content):
        return decode(content, BatchOutline)
    found = read_binary(content)
    if found is None:
        raise _no_batch()
    nothing = msgspec.Raw(b"null")
    tables = dict.fromkeys(found.tables, nothing)
    return BatchOutline(found.v, found.host, found.boot, found.seq, tables, found.replaces)


def read_binary(content: bytes) -> BinaryBatch | None:
    """Return what stands in ``content``, not yet looked into; None for anything else."""
    try:
        return _decoder.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def read_layout(layout: str) -> Mapping[str, tuple[str, ...]]:
    """Return the names of the columns of each kind. Raises ValueError."""
    names: dict[str, list[str]] = {FLOATS: [], INTEGERS: [], CELLS: []}
    for part in layout.split(",") if layout else ():
        kind, _, name = part.partition(":")
        if kind not in names or name == "ts":
            raise ValueError(f"no column is {part[:80]!r}")
        names[kind].append(name)
    if len({*chain.from_iterable(names.values())}) < sum(map(len, names.values())):
        raise ValueError("a column stands there twice")
    return {kind: tuple(each) for kind, each in names.items()}


def number_columns(rows: bytes, count: int, kind: str) -> list[tuple[Any, ...]]:
    """Return the numbers in ``rows`` of ``count`` columns, a tuple for each column; null is NO_FLOAT or NO_INTEGER."""
    sign = "d" if kind == FLOATS else "q"
    numbers = struct.unpack(f"<{len(rows) // _NUMBER_BYTES}{sign}", rows)
    return [numbers[at::count] for at in range(count)]


def is_whole(block: Block, floats: int, integers: int, cells: Sequence[Sequence[Cell]]) -> bool:
    """Tell whether bytes, moments and ``cells`` of ``block`` are those of its rows, with so many columns of numbers.

    Of rows that say nothing each has a moment of its own: else some bytes could stand for more rows than there is memory.
    """
    count = block.rows
    if len(block.floats) != _NUMBER_BYTES * floats * count or len(block.integers) != _NUMBER_BYTES * integers * count:
        return False
    if any(len(each) != count for each in cells):
        return False
    return bool(floats or integers or cells) if isinstance(block.times, int) else len(block.times) == count


def as_cells(numbers: Sequence[Any], kind: str) -> list[Cell]:
    """Return ``numbers`` of one column with None for what is null."""
    if kind == FLOATS:
        return [None if math.isnan(number) else number for number in numbers]
    return [None if number == NO_INTEGER else number for number in numbers]


def times_of(block: Block) -> list[int]:
    """Return the moment of each row."""
    return [block.times] * block.rows if isinstance(block.times, int) else block.times


def _block(table: str, columns: Mapping[str, Sequence[Cell]]) -> Block:
    """Return ``columns`` as a block. Raises KeyError, ValueError, TypeError, struct.error, OverflowError where it cannot."""
    kinds_of = KINDS_OF[table]
    stamps: Sequence[Any] = columns["ts"]
    kinds = {name: kinds_of[name] for name in columns if name != "ts"}
    of_kind = {kind: [columns[name] for name in kinds if kinds[name] == kind] for kind in (FLOATS, INTEGERS, CELLS)}
    if not stamps or set(map(type, stamps)) != {int} or set(map(len, columns.values())) != {len(stamps)}:
        raise ValueError("no rows, no moments, or columns of unequal length")
    return Block(
        len(stamps),
        stamps[0] if kinds and stamps.count(stamps[0]) == len(stamps) else list(stamps),
        ",".join(f"{kind}:{name}" for name, kind in kinds.items()),
        encode(of_kind[CELLS]),
        _pack_floats(_by_row(of_kind[FLOATS])),
        _pack_integers(_by_row(of_kind[INTEGERS])),
    )


def _by_row(columns: Sequence[Sequence[Cell]]) -> list[Any]:
    """Return the numbers of all rows. Raises TypeError for what is none."""
    values = [*chain.from_iterable(zip(*columns, strict=True))]
    if not set(map(type, values)) <= {int, float, NoneType}:
        raise TypeError("no number")
    return values


def _pack_floats(values: Sequence[Any]) -> bytes:
    # As JSON has it: what is not finite is null.
    numbers = [value if value is not None and math.isfinite(value) else NO_FLOAT for value in values]
    return struct.pack(f"<{len(numbers)}d", *numbers)


def _pack_integers(values: Sequence[Any]) -> bytes:
    if NO_INTEGER in values:
        raise ValueError("that integer stands for null")
    return struct.pack(f"<{len(values)}q", *[NO_INTEGER if value is None else value for value in values])


def _columns(table: str, block: Block) -> dict[str, list[Cell]]:
    """Return the columns of ``block``. Raises InputError."""
    place = f"tables/{table[:80]}"
    try:
        names = read_layout(block.layout)
        cells = decode(block.cells, list[list[Cell]])
    except (ValueError, InputError) as error:
        raise _fault(place, f"has no lawful columns: {error}") from error
    if len(cells) != len(names[CELLS]) or not is_whole(block, len(names[FLOATS]), len(names[INTEGERS]), cells):
        raise _fault(place, "has more or fewer values than its rows and columns need")
    columns: dict[str, list[Cell]] = {"ts": [*times_of(block)]}
    for kind, rows in ((FLOATS, block.floats), (INTEGERS, block.integers)):
        for name, numbers in zip(names[kind], number_columns(rows, len(names[kind]), kind), strict=True):
            columns[name] = as_cells(numbers, kind)
    return columns | dict(zip(names[CELLS], cells, strict=True))


def _no_batch() -> InputError:
    return InputError("cannot read binary batch: it is no array of the fields of one", hint="send JSON instead")


def _fault(place: str, detail: str) -> InputError:
    return InputError(f"cannot accept batch: {place} {detail}", errors=[{"pointer": f"#/{place}", "detail": detail}])
