"""The order of fields in which a sender's lines of one kind come: one pattern reads all values of a line at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from nagare.interop.influx.grammar import FieldValue
from nagare.model.tables import ColumnType
from nagare.model.wide import WideCell

# Possessive where two parts could take the same digits: a number of a hundred thousand costs one pass.
_PATTERNS = {
    # Eighteen digits fit for sure; what is longer is read with care.
    # What has no sign by its type carries none but a plus.
    ColumnType.INTEGER: rb"([+-]?[0-9]{1,18}(?=i)|\+?[0-9]{1,18}(?=u))[iu]",
    ColumnType.FLOAT: rb"([+-]?[0-9]++\.?[0-9]*+(?:[eE][+-]?[0-9]++)?+)",
    ColumnType.BOOLEAN: rb"(t|T|true|True|TRUE|f|F|false|False|FALSE)",
    ColumnType.TEXT: rb'"([^"\\\n]*)"',
}
_STAMP = rb"(?: (-?[0-9]{1,19}))?\r?"
# A sender with more fields than this writes few lines; its pattern would be slow to make.
_FIELDS_LIMIT = 64
_PLAIN_KEY = re.compile(r"[^,= \\\"\n]+")


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Keys and types of the fields, in order; ``match`` gives their bytes and the time's."""

    keys: tuple[str, ...]
    types: tuple[ColumnType, ...]
    match: Callable[[bytes], re.Match[bytes] | None]

    def columns(self, rows: Sequence[tuple[bytes, ...]]) -> list[list[WideCell]]:
        """Return the values of ``rows``, as ``match`` gave them, column by column. Raises UnicodeDecodeError."""
        return [
            list(map(_CONVERTERS[type_], column))
            for type_, column in zip(self.types, zip(*rows, strict=True), strict=False)
        ]


def layout_of(values: Iterable[FieldValue]) -> Layout | None:
    """Return the layout of a line with these fields, None where only the careful way will do."""
    return _layout(tuple((value.key, value.type) for value in values))


@lru_cache(1024)
def _layout(fields: tuple[tuple[str, ColumnType], ...]) -> Layout | None:
    keys = tuple(key for key, _ in fields)
    is_plain = all(_PLAIN_KEY.fullmatch(key) for key in keys)
    if len(fields) > _FIELDS_LIMIT or len(set(keys)) < len(keys) or not is_plain:
        return None
    parts = [re.escape(key.encode()) + b"=" + _PATTERNS[type_] for key, type_ in fields]
    pattern = re.compile(b",".join(parts) + _STAMP)
    return Layout(keys, tuple(type_ for _, type_ in fields), pattern.fullmatch)


def _is_true(word: bytes) -> bool:
    return word[:1] in b"tT"


_CONVERTERS: dict[ColumnType, Callable[[bytes], WideCell]] = {
    ColumnType.INTEGER: int,
    ColumnType.FLOAT: float,
    ColumnType.BOOLEAN: _is_true,
    ColumnType.TEXT: bytes.decode,
}
