"""What SQLite says, in the words of the exception tree."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from nagare.errors import DiskFullError, ReadOnlyError, StorageError


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Raise StorageError, or a child of it, for an error of SQLite or of the file system; ``what`` is a verb and a thing."""
    try:
        yield
    except sqlite3.Error as error:
        raise as_fault(error, what) from error
    except OSError as error:
        raise StorageError(f"cannot {what}: {error.strerror or error}") from error


def as_fault(error: sqlite3.Error, what: str) -> StorageError:
    """Return the error to raise in the place of ``error``."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return DiskFullError(f"cannot {what}: the disk is full", hint="free some space; nothing acknowledged is lost")
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return ReadOnlyError(f"cannot {what}: {error}")
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return StorageError(
            f"cannot {what}: {error}", hint="restore bus.db from a backup, or move it away to begin with empty streams"
        )
    return StorageError(f"cannot {what}: {error}")
