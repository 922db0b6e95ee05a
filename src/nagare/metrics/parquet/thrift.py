"""The compact protocol of Thrift, as far as the headers and the footer of a Parquet file need it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

_TRUE, _FALSE, _BYTE, _I32, _I64, _BINARY, _LIST, _STRUCT = 1, 2, 3, 5, 6, 8, 9, 12
_STOP = b"\x00"
# Lists of up to so many items tell their length in the same byte as their type.
_SHORT_LIST = 14


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a struct: its number, the type of its value, and the value as bytes."""

    number: int
    type: int
    content: bytes


def varint(number: int) -> bytes:
    """Return a number that is not negative, seven bits a byte."""
    made = bytearray()
    while number > 0x7F:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    made.append(number)
    return bytes(made)


def zigzag(number: int) -> bytes:
    """Return a signed number, small ones of either sign in few bytes."""
    return varint(number << 1 if number >= 0 else (-number << 1) - 1)


def i8(number: int, value: int) -> Field:
    """Return a field of one byte."""
    return Field(number, _BYTE, bytes([value]))


def i32(number: int, value: int) -> Field:
    """Return a field of 32 bits."""
    return Field(number, _I32, zigzag(value))


def i64(number: int, value: int) -> Field:
    """Return a field of 64 bits."""
    return Field(number, _I64, zigzag(value))


def flag(number: int, *, value: bool) -> Field:
    """Return a field that is true or false."""
    return Field(number, _TRUE if value else _FALSE, b"")


def binary(number: int, value: bytes) -> Field:
    """Return a field of bytes or text."""
    return Field(number, _BINARY, varint(len(value)) + value)


def struct(number: int, *fields: Field) -> Field:
    """Return a field that is a struct; a union is one with a single field."""
    return Field(number, _STRUCT, encode(*fields))


def structs(number: int, items: Iterable[bytes]) -> Field:
    """Return a field that lists structs, as ``encode`` makes them."""
    return _listed(number, _STRUCT, list(items))


def numbers(number: int, items: Iterable[int]) -> Field:
    """Return a field that lists numbers of 32 bits."""
    return _listed(number, _I32, [zigzag(item) for item in items])


def texts(number: int, items: Iterable[str]) -> Field:
    """Return a field that lists texts."""
    encoded = [item.encode() for item in items]
    return _listed(number, _BINARY, [varint(len(item)) + item for item in encoded])


def encode(*fields: Field) -> bytes:
    """Return a struct of ``fields``, which stand in the order of their numbers and less than sixteen apart."""
    parts, last = [], 0
    for field in fields:
        parts += [bytes([field.number - last << 4 | field.type]), field.content]
        last = field.number
    return b"".join([*parts, _STOP])


def _listed(number: int, type_: int, items: list[bytes]) -> Field:
    count = len(items)
    head = bytes([count << 4 | type_]) if count <= _SHORT_LIST else bytes([0xF0 | type_]) + varint(count)
    return Field(number, _LIST, head + b"".join(items))
