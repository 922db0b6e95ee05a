"""Frames of rows read in part: of each table the columns that a reader names; the rest stays text until somebody asks.

A screen that follows a thousand hosts looks at thirty columns of each and at all of one: reading everything of everybody
costs five times as much, in time and in memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, TypedDict

import msgspec

from nagare.wire.batch import Cell
from nagare.wire.codec import decode
from nagare.wire.live import ErrorFrame, EventFrame, Hello, HostFrame, MessageFrame, Rows, ServerFrame, Subscribed

Columns = dict[str, list[Cell]]
_ROWS: Any = Rows


class BriefRows(msgspec.Struct, frozen=True):
    """Rows of one host; ``texts`` has of each table that is there in part the frame that it came in, for ``read_table``."""

    host: str
    tables: dict[str, Columns]
    texts: dict[str, str]
    missed: int = 0


class BriefReader:
    """Reads a server's frames; of rows only what is wanted, and all of the host that is looked at (``whole``)."""

    def __init__(self, wanted: Mapping[str, Sequence[str]]) -> None:
        """Want those columns by table, with the moments of their rows; all of a table where none is named."""
        make: Any = TypedDict
        self._in_part = frozenset(name for name, columns in wanted.items() if columns)
        tables = {
            name: make(name, dict.fromkeys(("ts", *columns), list[Cell]), total=False) if columns else Columns
            for name, columns in wanted.items()
        }
        fields: list[Any] = [("host", str), ("tables", make("tables", tables, total=False)), ("missed", int, 0)]
        # A kind that is made here has no names that a checker knows.
        self._brief: Any = msgspec.defstruct("Brief", fields, frozen=True, tag="rows", tag_field="op")
        self._kind: Any = self._brief | Hello | Subscribed | EventFrame | HostFrame | MessageFrame | ErrorFrame
        self.whole = ""

    def read(self, text: str) -> ServerFrame | BriefRows:
        """Return the frame. Raises InputError."""
        frame: Any = decode(text, self._kind)
        if not isinstance(frame, self._brief):
            other: ServerFrame = frame
            return other
        if frame.host == self.whole:
            whole: Rows = decode(text, _ROWS)
            return whole
        texts = dict.fromkeys(self._in_part & frame.tables.keys(), text)
        return BriefRows(frame.host, frame.tables, texts, frame.missed)


def read_table(text: str, table: str) -> Columns:
    """Return all columns of a table of a frame of rows. Raises InputError."""
    tables: dict[str, Columns] = decode(text, _one(table)).tables
    return tables.get(table, {})


@cache
def _one(table: str) -> Any:
    make: Any = TypedDict
    fields = [("tables", make("tables", {table: Columns}, total=False))]
    return msgspec.defstruct("One", fields, tag="rows", tag_field="op")
