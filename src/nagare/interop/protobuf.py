"""The wire form of protocol buffers, read in place: where each field stands, nothing copied, nothing guessed.

For messages whose shape we know and whose speed matters; what is not lawful raises InputError.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from nagare.errors import InputError

VARINT, FIXED64, BYTES, GROUP, GROUP_END, FIXED32 = 0, 1, 2, 3, 4, 5
_DEPTH_LIMIT = 32
_DOUBLE = struct.Struct("<d")


class Field(NamedTuple):
    """One field: its number, its wire kind, and the value of a varint in ``start``, else where its bytes stand."""

    number: int
    kind: int
    start: int
    end: int


def fields(buffer: bytes, start: int, end: int) -> Iterator[Field]:
    """Yield the fields between ``start`` and ``end``; groups, which no format of ours has, are skipped. Raises InputError."""
    at = start
    while at < end:
        tag, at = read_varint(buffer, at, end)
        number, kind = tag >> 3, tag & 7
        if not 0 < number < 2**29:
            raise InputError("cannot read protobuf: a field number is unlawful")
        if kind == VARINT:
            value, at = read_varint(buffer, at, end)
            yield Field(number, kind, value, at)
        elif kind == GROUP:
            at = _skip_group(buffer, at, end, number)
        else:
            first, at = _span(buffer, at, end, kind)
            yield Field(number, kind, first, at)


def read_varint(buffer: bytes, at: int, end: int) -> tuple[int, int]:
    """Return the varint at ``at`` as an unsigned number of 64 bits, and where it ends. Raises InputError."""
    value = shift = 0
    while at < end and shift < 70:
        byte = buffer[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value >= 2**64:
                raise InputError("cannot read protobuf: a number has more than 64 bits")
            return value, at
        shift += 7
    raise InputError("cannot read protobuf: it ends inside a number, or the number is too long")


def signed(value: int) -> int:
    """Return a varint's value as int64."""
    return value - 2**64 if value >= 2**63 else value


def read_double(buffer: bytes, at: int) -> float:
    """Return the double at ``at``, its bits as they stand."""
    value: float = _DOUBLE.unpack_from(buffer, at)[0]
    return value


def read_text(buffer: bytes, field: Field) -> str:
    """Return a string field. Raises InputError for another kind or what is no UTF-8."""
    expect(field, BYTES)
    try:
        return buffer[field.start : field.end].decode()
    except UnicodeDecodeError as error:
        raise InputError("cannot read protobuf: a text is no UTF-8") from error


def expect(field: Field, kind: int) -> None:
    """Raise InputError unless ``field`` is of that wire kind."""
    if field.kind != kind:
        raise InputError(f"cannot read protobuf: field {field.number} has wire type {field.kind}, not {kind}")


def _span(buffer: bytes, at: int, end: int, kind: int) -> tuple[int, int]:
    if kind == BYTES:
        length, at = read_varint(buffer, at, end)
    elif kind in (FIXED64, FIXED32):
        length = 8 if kind == FIXED64 else 4
    else:
        raise InputError(f"cannot read protobuf: wire type {kind} is unlawful here")
    if length > end - at:
        raise InputError("cannot read protobuf: it ends inside a field")
    return at, at + length


def _skip_group(buffer: bytes, at: int, end: int, number: int) -> int:
    opened = [number]
    while opened:
        tag, at = read_varint(buffer, at, end)
        kind = tag & 7
        if kind == GROUP:
            opened.append(tag >> 3)
        elif kind == GROUP_END:
            if opened.pop() != tag >> 3:
                raise InputError("cannot read protobuf: a group ends that did not begin")
        elif kind == VARINT:
            _, at = read_varint(buffer, at, end)
        else:
            _, at = _span(buffer, at, end, kind)
        if len(opened) > _DEPTH_LIMIT:
            raise InputError("cannot read protobuf: groups are nested too deep")
    return at
