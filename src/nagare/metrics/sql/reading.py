"""The transaction of a query: it may not write, and nothing of it is left."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

_BEGIN = "BEGIN TRANSACTION READ ONLY"


@contextmanager
def reading(cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Have ``cursor`` write nothing, and leave nothing, while the block runs."""
    cursor.execute(_BEGIN)
    try:
        yield
    finally:
        _roll_back(cursor)


@contextmanager
def reading_last(cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Do the same with what ``cursor`` does last: unless it fails, it is rolled back when the cursor closes.

    To roll it back before takes a twentieth of a small answer.
    """
    cursor.execute(_BEGIN)
    try:
        yield
    except BaseException:
        _roll_back(cursor)
        raise


def _roll_back(cursor: duckdb.DuckDBPyConnection) -> None:
    cursor.abort()
    cursor.execute("ROLLBACK")
