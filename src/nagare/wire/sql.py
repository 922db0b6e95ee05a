"""SQL over HTTP: one statement in, named and typed columns out."""

from __future__ import annotations

from typing import Any

import msgspec

from nagare.wire.codec import encode

# Packed in about a millisecond; the interpreter is not given up within a piece.
PIECE_CELLS = 20_000


class SqlRequest(msgspec.Struct, frozen=True):
    """One SELECT, or EXPLAIN of one; ``params`` are bound by position (list) or name (object)."""

    sql: str
    params: list[Any] | dict[str, Any] | None = None
    # Rows wanted at the most; the server's own limit holds anyway.
    limit: int | None = None
    # A time window in Unix milliseconds: the store gives every table that has ``ts`` only rows of [since_ms, until_ms),
    # inside the views, so that joins, aggregates and rollups obey it too. Records without ``ts`` stay whole.
    since_ms: int | None = None
    until_ms: int | None = None


class SqlColumn(msgspec.Struct, frozen=True):
    """A result column and its DuckDB type."""

    name: str
    type: str


class SqlReply(msgspec.Struct, frozen=True):
    """Rows in column order; times are RFC 3339 with Z. ``truncated`` tells that ``limit`` cut rows off.

    ``tier`` is the coarsest that was read: raw, 1m or 1h; ``notes`` say what the answer cannot tell, for people.
    """

    columns: list[SqlColumn]
    rows: list[list[Any]]
    truncated: bool
    tier: str
    elapsed_ms: float
    notes: list[str] = []


class ColumnView(msgspec.Struct, frozen=True):
    """A column as ``GET /api/v1/tables`` describes it."""

    name: str
    type: str
    kind: str
    text: str = ""


class TableView(msgspec.Struct, frozen=True):
    """A table that SQL sees."""

    name: str
    text: str
    columns: list[ColumnView]


def pack_rows(reply: SqlReply) -> bytes:
    """Return ``reply`` as JSON, made a few rows at a time: between two pieces the event loop gets its turn."""
    step = max(1, PIECE_CELLS // max(1, len(reply.columns)))
    # Without the brackets of each piece: together they are one list.
    pieces = [encode(reply.rows[start : start + step])[1:-1] for start in range(0, len(reply.rows), step)]
    rows: Any = msgspec.Raw(b"[" + b",".join(pieces) + b"]")
    return encode(msgspec.structs.replace(reply, rows=rows))
