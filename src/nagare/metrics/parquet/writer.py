"""Puts pages into a file: row groups one after the other, then the footer that says where everything is."""

from __future__ import annotations

import struct
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from nagare.metrics.parquet import thrift
from nagare.metrics.parquet.columns import Encoding, Kind, Page

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_MAGIC = b"PAR1"
_ZSTD = 6
_DATA_PAGE, _DICTIONARY_PAGE = 0, 2
# The version of the format whose encodings these are.
_VERSION = 2


@dataclass(slots=True)
class ParquetWriter:
    """Writes one file to ``target``; every column of every row group is one page. Raises OSError."""

    target: BinaryIO
    columns: Mapping[str, Kind]
    level: int
    _place: int = 0
    _rows: int = 0
    _groups: list[bytes] = field(default_factory=list)

    def begin(self) -> None:
        """Write what a file begins with."""
        self._put(_MAGIC)

    def add(self, pages: Sequence[Page]) -> None:
        """Write a row group: a page for each column."""
        begin, rows = self._place, pages[0].rows
        chunks = [self._chunk(name, kind, page) for (name, kind), page in zip(self.columns.items(), pages, strict=True)]
        fields = (
            thrift.structs(1, [chunk for chunk, _ in chunks]),
            thrift.i64(2, sum(size for _, size in chunks)),
            thrift.i64(3, rows),
            thrift.i64(5, begin),
            thrift.i64(6, self._place - begin),
        )
        self._groups.append(thrift.encode(*fields))
        self._rows += rows

    def finish(self, facts: Mapping[str, str]) -> None:
        """Write the footer, which holds ``facts`` too."""
        root = thrift.encode(thrift.binary(4, b"schema"), thrift.i32(5, len(self.columns)))
        pairs = (
            thrift.encode(thrift.binary(1, key.encode()), thrift.binary(2, value.encode()))
            for key, value in facts.items()
        )
        footer = thrift.encode(
            thrift.i32(1, _VERSION),
            thrift.structs(2, [root, *(kind.element(name) for name, kind in self.columns.items())]),
            thrift.i64(3, self._rows),
            thrift.structs(4, self._groups),
            thrift.structs(5, pairs),
            thrift.binary(6, b"nagare"),
            # Bounds compare as the values of their types do.
            thrift.structs(7, [thrift.encode(thrift.struct(1))] * len(self.columns)),
        )
        self._put(footer + struct.pack("<I", len(footer)) + _MAGIC)

    def _chunk(self, name: str, kind: Kind, page: Page) -> tuple[bytes, int]:
        """Write the page of a column; return what the footer says of it and its size before it was compressed."""
        begin = self._place
        plain, places = 0, []
        if page.dictionary is not None:
            head = thrift.struct(7, thrift.i32(1, page.distinct), thrift.i32(2, Encoding.PLAIN))
            plain += self._page(_DICTIONARY_PAGE, page.dictionary, head)
            places = [thrift.i64(11, begin)]
        at = self._place
        head = thrift.struct(
            5,
            thrift.i32(1, page.rows),
            thrift.i32(2, page.encoding),
            thrift.i32(3, Encoding.RLE),
            thrift.i32(4, Encoding.RLE),
        )
        plain += self._page(_DATA_PAGE, page.content, head)
        encodings = sorted({page.encoding, Encoding.RLE, *([Encoding.PLAIN] if places else [])})
        about = thrift.struct(
            3,
            thrift.i32(1, kind.physical),
            thrift.numbers(2, encodings),
            thrift.texts(3, [name]),
            thrift.i32(4, _ZSTD),
            thrift.i64(5, page.rows),
            thrift.i64(6, plain),
            thrift.i64(7, self._place - begin),
            thrift.i64(9, at),
            *places,
            _statistics(page),
        )
        # The place of a second copy of this, which there is none of.
        return thrift.encode(thrift.i64(2, 0), about), plain

    def _page(self, type_: int, content: bytes, head: thrift.Field) -> int:
        compressed = zstd.compress(content, self.level)
        sizes = (thrift.i32(2, len(content)), thrift.i32(3, len(compressed)))
        header = thrift.encode(thrift.i32(1, type_), *sizes, head)
        self._put(header + compressed)
        return len(header) + len(content)

    def _put(self, content: bytes) -> None:
        self.target.write(content)
        self._place += len(content)


def _statistics(page: Page) -> thrift.Field:
    nulls = thrift.i64(3, page.nulls)
    if page.bounds is None:
        return thrift.struct(12, nulls)
    low, high = page.bounds
    return thrift.struct(
        12, nulls, thrift.binary(5, high), thrift.binary(6, low), thrift.flag(7, value=True), thrift.flag(8, value=True)
    )
