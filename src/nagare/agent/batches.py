"""Outcomes made into one batch: columns of all tables, each row with its moment, packed for the wire and the spool."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from nagare.errors import NagareError
from nagare.model.columns import Cell as ModelCell
from nagare.model.columns import Columns, row_count
from nagare.model.tables import TABLES, ColumnType
from nagare.wire.batch import BATCH_VERSION, Batch, Cell
from nagare.wire.binary_batch import decode_batch, encode_binary, is_binary
from nagare.wire.codec import encode, unpack
from nagare.wire.codec import pack as pack_bytes

_Lists = dict[str, list[Cell]]
# Below this a compressed body is hardly smaller and only costs time.
_PACK_BYTES = 1024
_UNPACKED_LIMIT_BYTES = 64 * 2**20
_MAP_COLUMNS = frozenset(
    column.name for table in TABLES.values() for column in table.columns if column.type is ColumnType.MAP
)
_SEPARATOR = b"\n"


@dataclass(frozen=True, slots=True)
class Packed:
    """A batch as it is sent and spooled: which host it speaks for, and the body in its encoding."""

    host: str
    encoding: str
    body: bytes
    # When it was made, Unix milliseconds; zero in records from before it was noted.
    at_ms: int = 0
    # How often its neighbours in the spool were thinned out.
    level: int = 0

    def to_record(self) -> bytes:
        """Return the spool's record: two lines of header and the body."""
        encoding = f"{self.encoding} {self.at_ms} {self.level}" if self.at_ms or self.level else self.encoding
        return _SEPARATOR.join((self.host.encode(), encoding.encode(), self.body))

    @classmethod
    def from_record(cls, record: bytes) -> Packed:
        """Return what ``to_record`` made. Raises ValueError for anything else."""
        host, line, body = record.split(_SEPARATOR, 2)
        encoding, *numbers = line.decode().split(" ")
        at_ms, level = (int(number) for number in numbers) if numbers else (0, 0)
        return cls(host.decode(), encoding, body, at_ms, level)


@dataclass(frozen=True, slots=True)
class Waiting:
    """One spooled batch and its place."""

    index: int
    packed: Packed


class TableSet:
    """Collects columns of many sources into whole tables; a column that one source lacks is null there."""

    def __init__(self) -> None:
        """Begin with no tables."""
        self._tables: dict[str, _Lists] = {}

    def add(self, tables: Mapping[str, Columns], now_ms: int) -> None:
        """Append the rows of ``tables`` and stamp them with ``now_ms``, unless they bring their own ``ts``."""
        for name, columns in tables.items():
            count = row_count(columns)
            if not count:
                continue
            columns = dict(columns)
            columns.setdefault("ts", [now_ms] * count)
            if name == "events":
                columns["id"] = _fill_ids(columns.get("id"), count)
            _append(self._tables.setdefault(name, {}), columns, count)

    def add_rows(self, name: str, rows: Sequence[Mapping[str, ModelCell]], now_ms: int) -> None:
        """Append ``rows`` to the table ``name``."""
        names = list(dict.fromkeys(column for row in rows for column in row))
        self.add({name: {column: [row.get(column) for row in rows] for column in names}}, now_ms)

    def take(self) -> dict[str, _Lists]:
        """Return the tables and begin anew."""
        tables, self._tables = self._tables, {}
        return tables


def pack_batch(host: str, boot: str, seq: int, tables: dict[str, _Lists], at_ms: int = 0) -> Packed:
    """Return the batch (``host``, ``boot``, ``seq``) as it will be sent; ``at_ms`` is its time on this machine."""
    return pack(Batch(BATCH_VERSION, host, boot, seq, tables), at_ms)


def rename_host(packed: Packed, host: str) -> Packed:
    """Return the same batch in the name of ``host``: the server chose another name than the one we began with."""
    batch = decode_batch(unpack_body(packed))
    renamed = Batch(batch.v, host, batch.boot, batch.seq, batch.tables, batch.replaces, batch.thinned)
    return pack(renamed, packed.at_ms, packed.level)


def as_json(packed: Packed) -> Packed:
    """Return the same batch as every server can read it."""
    return _packed(decode_batch(unpack_body(packed)), packed.at_ms, packed.level, encode)


def is_in_binary(packed: Packed) -> bool:
    """Tell whether the content is a batch in binary; what cannot be unpacked is the server's to judge."""
    try:
        return is_binary(unpack_body(packed))
    except NagareError:
        return False


def pack(batch: Batch, at_ms: int, level: int = 0) -> Packed:
    """Return ``batch`` as it is sent and spooled: in binary, where that can say it."""
    return _packed(batch, at_ms, level, lambda each: encode_binary(each) or encode(each))


def _packed(batch: Batch, at_ms: int, level: int, to_bytes: Callable[[Batch], bytes]) -> Packed:
    body = to_bytes(batch)
    encoding = "zstd" if len(body) >= _PACK_BYTES else "identity"
    return Packed(batch.host, encoding, pack_bytes(body, encoding), at_ms, level)


def unpack_body(packed: Packed) -> bytes:
    """Return the content of a batch, binary or JSON. Raises InputError."""
    return unpack(packed.body, packed.encoding, _UNPACKED_LIMIT_BYTES)


def _fill_ids(ids: Iterable[ModelCell] | None, count: int) -> list[str]:
    known = [None] * count if ids is None else ids
    return [str(identity or uuid.uuid4()) for identity in known]


def _append(table: _Lists, columns: Columns, count: int) -> None:
    before = len(table["ts"]) if table else 0
    for name in columns:
        if name not in table:
            table[name] = [None] * before
    for name, values in table.items():
        values.extend(_wire_cells(name, columns[name]) if name in columns else [None] * count)


def _wire_cells(name: str, cells: Sequence[ModelCell]) -> Iterable[Cell]:
    # The encoder knows dictionaries only; looking at every cell would cost as much as encoding them.
    if name in _MAP_COLUMNS:
        return [dict(cell) if isinstance(cell, Mapping) else cell for cell in cells]
    return cast("Sequence[Cell]", cells)
