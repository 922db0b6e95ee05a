"""Columns and how each is written: what its pages hold, its place in the schema and the bounds that readers skip by."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from nagare.metrics.parquet import thrift
from nagare.metrics.parquet.delta import SMALLEST, delta_packed
from nagare.metrics.parquet.runs import in_runs, levels, run_starts

# Longer texts bound nothing: a footer is read whole.
_MOST_BOUND_BYTES = 1024


class Physical(IntEnum):
    """How a value lies in a file; the numbers are Parquet's."""

    INT32 = 1
    INT64 = 2
    DOUBLE = 5
    BYTES = 6


class Encoding(IntEnum):
    """How a page holds values; the numbers are Parquet's."""

    PLAIN = 0
    RLE = 3
    DELTA_BINARY_PACKED = 5
    RLE_DICTIONARY = 8
    BYTE_STREAM_SPLIT = 9


@dataclass(frozen=True, slots=True)
class Kind:
    """The type of a column: what readers see, and whether values may be missing."""

    physical: Physical
    logical: thrift.Field | None = None
    # What readers know that are older than logical types.
    converted: int | None = None
    is_optional: bool = False

    def element(self, name: str) -> bytes:
        """Return the column's entry in the schema."""
        fields = [thrift.i32(1, self.physical), thrift.i32(3, int(self.is_optional)), thrift.binary(4, name.encode())]
        if self.converted is not None:
            fields.append(thrift.i32(6, self.converted))
        return thrift.encode(*fields, *([self.logical] if self.logical else []))

    def optional(self) -> Kind:
        """Return the same of which values may be missing."""
        return replace(self, is_optional=True)


_NOTHING = thrift.struct(1)
TEXT = Kind(Physical.BYTES, thrift.struct(10, _NOTHING), converted=0)
INTEGER = Kind(Physical.INT32, thrift.struct(10, thrift.struct(10, thrift.i8(1, 32), thrift.flag(2, value=True))), 17)
# Milliseconds in no zone: DuckDB's TIMESTAMP_MS.
TIME_MS = Kind(
    Physical.INT64, thrift.struct(10, thrift.struct(8, thrift.flag(1, value=False), thrift.struct(2, _NOTHING)))
)
BIGINT = Kind(Physical.INT64, thrift.struct(10, thrift.struct(10, thrift.i8(1, 64), thrift.flag(2, value=True))), 18)
DOUBLE = Kind(Physical.DOUBLE)


@dataclass(frozen=True, slots=True)
class Page:
    """The values of a column in one row group. ``dictionary`` holds ``distinct`` values that the page names by numbers."""

    encoding: Encoding
    content: bytes
    rows: int
    nulls: int = 0
    dictionary: bytes | None = None
    distinct: int = 0
    bounds: tuple[bytes, bytes] | None = None


def text_page(texts: Sequence[str], lengths: NDArray[np.int64]) -> Page:
    """Return runs of ``lengths`` of texts by a dictionary."""
    places: dict[str, int] = {}
    indexes = np.array([places.setdefault(text, len(places)) for text in texts], np.int64)
    known = [text.encode() for text in places]
    dictionary = b"".join(struct.pack("<I", len(text)) + text for text in known)
    low, high = min(known), max(known)
    bounds = (low, high) if max(len(low), len(high)) <= _MOST_BOUND_BYTES else None
    return replace(_named(dictionary, len(known), indexes, lengths), bounds=bounds)


def integer_page(values: NDArray[np.int32], lengths: NDArray[np.int64]) -> Page:
    """Return runs of ``lengths`` of numbers by a dictionary."""
    distinct, indexes = np.unique(values, return_inverse=True)
    low, high = struct.pack("<i", int(distinct[0])), struct.pack("<i", int(distinct[-1]))
    return replace(_named(distinct.astype("<i4").tobytes(), len(distinct), indexes, lengths), bounds=(low, high))


def repeated_page(values: NDArray[np.float64] | NDArray[np.int64], is_there: NDArray[np.bool_]) -> Page:
    """Return numbers of 64 bits of which few differ and neighbours mostly do not, by a dictionary."""
    kept = values[is_there]
    head, nulls = _levels(is_there), len(is_there) - len(kept)
    if not len(kept):
        return Page(Encoding.PLAIN, head, len(is_there), nulls)
    starts = run_starts(kept)
    distinct, indexes = np.unique(kept[starts], return_inverse=True)
    lengths = np.diff(np.append(starts, len(kept)))
    page = _named(distinct.astype(distinct.dtype.newbyteorder("<")).tobytes(), len(distinct), indexes, lengths)
    return replace(page, content=head + page.content, rows=len(is_there), nulls=nulls)


def double_page(values: NDArray[np.float64], is_there: NDArray[np.bool_]) -> Page:
    """Return doubles of any kind, all first bytes before all second ones: what is alike lies together."""
    kept = np.ascontiguousarray(values[is_there], "<f8").view(np.uint8).reshape(-1, 8)
    nulls = len(is_there) - len(kept)
    content = _levels(is_there) + np.ascontiguousarray(kept.T).tobytes()
    return Page(Encoding.BYTE_STREAM_SPLIT if len(kept) else Encoding.PLAIN, content, len(is_there), nulls)


def time_pages(values: NDArray[np.int64], ends: Sequence[int], mini: int = SMALLEST) -> list[Page]:
    """Return whole numbers, a page up to each of ``ends``, with their bounds."""
    counts = np.diff([0, *ends]).tolist()
    parts = np.split(values, ends[:-1])
    found = zip(parts, delta_packed(values, counts, mini), strict=True)
    return [
        Page(
            Encoding.DELTA_BINARY_PACKED,
            content,
            len(part),
            bounds=(struct.pack("<q", int(part.min())), struct.pack("<q", int(part.max()))),
        )
        for part, content in found
    ]


def number_pages(
    values: NDArray[np.int64], is_there: NDArray[np.bool_], ends: Sequence[int], mini: int = SMALLEST
) -> list[Page]:
    """Return whole numbers some of which are missing, a page up to each of ``ends``."""
    there = np.split(is_there, ends[:-1])
    counts = [int(np.count_nonzero(part)) for part in there]
    kept = values if all(part.all() for part in there) else values[is_there]
    return [
        Page(
            Encoding.DELTA_BINARY_PACKED if count else Encoding.PLAIN,
            _levels(part) + (content if count else b""),
            len(part),
            len(part) - count,
        )
        for part, count, content in zip(there, counts, delta_packed(kept, counts, mini), strict=True)
    ]


def _named(dictionary: bytes, distinct: int, indexes: NDArray[np.int64], lengths: NDArray[np.int64]) -> Page:
    """Return a page of runs of ``lengths``, each the value of ``dictionary`` that its index names."""
    width = max(1, (distinct - 1).bit_length())
    content = bytes([width]) + in_runs(indexes, lengths, width)
    return Page(Encoding.RLE_DICTIONARY, content, int(lengths.sum()), 0, dictionary, distinct)


def _levels(is_there: NDArray[np.bool_]) -> bytes:
    found = levels(is_there)
    return struct.pack("<I", len(found)) + found
