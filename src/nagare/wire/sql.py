"""SQL over HTTP: one statement in, named and typed columns out."""

from __future__ import annotations

from typing import Any

import msgspec


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
