"""One line of the protocol, taken apart with every rule of escapes and quotes: ``measurement,tag=a field=1i,other="x" 17``.

A backslash escapes comma, space and (in tags and keys) the equals sign; before anything else it stands for itself.
Quotes mean something around a field's text only, and a text may run over the end of a line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from nagare.errors import InputError
from nagare.lib.plain_text import plain
from nagare.model.tables import ColumnType
from nagare.model.wide import WideCell

# Possessive throughout: what does not fit costs one pass.
_MEASUREMENT = re.compile(rb"(?:\\[, ]|[^, ])++")
_TAG = re.compile(rb",((?:\\[,= ]|[^,= ])++)=((?:\\[,= ]|[^,= ])++)")
_FIELD = re.compile(rb'((?:\\[,= ]|[^,= ])++)=(?:"((?:\\.|[^"\\])*+)"|([^, "]++))', re.DOTALL)
_STAMP = re.compile(rb"(?: ++(-?\d{1,19}+))?+[ \r]*+")
_ESCAPE = re.compile(rb"\\([,= ])")
_MEASUREMENT_ESCAPE = re.compile(rb"\\([, ])")
_TEXT_ESCAPE = re.compile(rb'\\(["\\])')
_FLOAT = re.compile(rb"[+-]?(?:\d++\.?\d*+|\.\d++)(?:[eE][+-]?\d++)?")
_INTEGER = re.compile(rb"[+-]?\d{1,19}+")
_BOOLEANS = {word: value for value, words in ((True, b"t T true True TRUE"), (False, b"f F false False FALSE"))
             for word in words.split()}  # fmt: skip
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1


class UnclosedTextError(InputError):
    """A text that the end of the line cut off: it may go on in the next one."""


@dataclass(frozen=True, slots=True)
class Head:
    """What names a line's series; ``end`` is where its fields begin."""

    measurement: str
    tags: tuple[tuple[str, str], ...]
    end: int


@dataclass(frozen=True, slots=True)
class FieldValue:
    """One field: its key, its value and the value's type."""

    key: str
    value: WideCell
    type: ColumnType


def read_head(line: bytes) -> Head:
    """Return measurement and tags of ``line``. Raises InputError."""
    found = _MEASUREMENT.match(line)
    if found is None:
        raise InputError("it has no measurement")
    measurement = _text(_MEASUREMENT_ESCAPE.sub(rb"\1", found[0]))
    tags: dict[str, str] = {}
    at = found.end()
    while line[at : at + 1] == b",":
        tag = _TAG.match(line, at)
        if tag is None:
            raise InputError("a tag is malformed: NAME=VALUE is lawful, neither empty")
        key = _text(_ESCAPE.sub(rb"\1", tag[1]))
        if key in tags:
            raise InputError(f"tag {plain(key, 40)!r} stands there twice")
        tags[key] = _text(_ESCAPE.sub(rb"\1", tag[2]))
        at = tag.end()
    if line[at : at + 1] != b" ":
        raise InputError("fields must follow measurement and tags")
    return Head(measurement, tuple(sorted(tags.items())), at + 1)


def read_fields(line: bytes, at: int) -> tuple[list[FieldValue], int | None]:
    """Return the fields from ``at`` on, and the time as it is written. Raises InputError, UnclosedTextError."""
    values: list[FieldValue] = []
    while line[at : at + 1] == b" ":
        at += 1
    while True:
        found = _FIELD.match(line, at)
        if found is None:
            if b'"' in line[at:]:
                raise UnclosedTextError("a text has no closing quote")
            raise InputError("a field is malformed: NAME=VALUE is lawful, neither empty")
        key = _text(_ESCAPE.sub(rb"\1", found[1]))
        if found[2] is not None:
            values.append(FieldValue(key, _text(_TEXT_ESCAPE.sub(rb"\1", found[2])), ColumnType.TEXT))
        else:
            values.append(_number(key, found[3]))
        at = found.end()
        if line[at : at + 1] != b",":
            break
        at += 1
    stamp = _STAMP.fullmatch(line, at)
    if stamp is None:
        raise InputError("after the fields, a time in whole numbers and nothing else may follow")
    return values, None if stamp[1] is None else int(stamp[1])


def _number(key: str, word: bytes) -> FieldValue:
    suffix, digits = word[-1:], word[:-1]
    if suffix in (b"i", b"u") and _INTEGER.fullmatch(digits):
        value = int(digits)
        if (0 if suffix == b"u" else INT64_MIN) <= value <= INT64_MAX:
            return FieldValue(key, value, ColumnType.INTEGER)
        raise InputError(f"field {plain(key, 40)!r} does not fit into 64 bits with a sign")
    if word in _BOOLEANS:
        return FieldValue(key, _BOOLEANS[word], ColumnType.BOOLEAN)
    if _FLOAT.fullmatch(word) is None:
        raise InputError(f"field {plain(key, 40)!r} is neither number, text nor true or false")
    return FieldValue(key, float(word), ColumnType.FLOAT)


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise InputError("it is no UTF-8") from error
