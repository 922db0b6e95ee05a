"""A row that is inserted unless its key is taken: told by the database itself, so that of two servers one is first."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import Connection, Executable, Table


def insert_new(connection: Connection, table: Table, values: Mapping[str, Any]) -> bool:
    """Insert a row and return True; False where a row with its primary key, or with another unique one, is there."""
    return connection.execute(_statement(connection.dialect.name, table), dict(values)).first() is not None


@cache
def _statement(dialect: str, table: Table) -> Executable:
    # Only the dialect that is used is loaded. What was inserted comes back: the count of rows is not told by all drivers.
    key = table.primary_key.columns
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415

        return postgresql.insert(table).on_conflict_do_nothing().returning(*key)
    from sqlalchemy.dialects import sqlite  # noqa: PLC0415

    return sqlite.insert(table).on_conflict_do_nothing().returning(*key)
