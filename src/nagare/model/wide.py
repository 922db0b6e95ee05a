"""Rows of foreign tables that keep the shape in which they came: tags that name a series, fields that are its values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nagare.model.tables import ColumnType

# Tables of the line protocol; what follows is the measurement's name as it was sent.
INFLUX_PREFIX = "influx."
# The one column of theirs that every table has.
HOST = "host"
WideCell = float | int | str | bool | None


@dataclass(frozen=True, slots=True)
class WideRows:
    """Rows of one table as columns of one length, in the order in which they were sent.

    ``hosts`` says whose each row is. ``tags`` hold texts (None: not given), ``fields`` values of the type in ``types``.
    ``lines`` are the rows' places in what was sent, for who must be told. Rows with the same ``order``, an object that
    is compared by identity and can be referred to weakly, have the same table, hosts and tags; None says nothing.
    """

    table: str
    ts_ns: Sequence[int]
    hosts: Sequence[str]
    tags: Mapping[str, Sequence[str | None]]
    fields: Mapping[str, Sequence[WideCell]]
    types: Mapping[str, ColumnType]
    lines: Sequence[int]
    order: object | None = None

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.ts_ns)


@dataclass(frozen=True, slots=True)
class WideRefusal:
    """A row that was not stored: its place in what was sent, and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class WideReply:
    """What became of a request: ``accepted`` rows are durable, ``refused`` ones never will be."""

    accepted: int
    refused: Sequence[WideRefusal] = ()
