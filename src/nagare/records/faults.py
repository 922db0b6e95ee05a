"""Errors of the database become errors of ours, once, here."""

from __future__ import annotations

import sqlite3
from types import TracebackType

from sqlalchemy import exc

from nagare.errors import (
    ConflictError,
    ConnectFailedError,
    DiskFullError,
    InputError,
    NagareError,
    OverloadedError,
    ReadOnlyError,
    StorageError,
)

_DISK_HINT = "free some space on the device of the data directory"
_BROKEN_HINT = (
    "restore it from a backup; or move the file and those beside it (-wal, -shm) away: samples stay, and every host"
    " must register again"
)
_AWAY_HINT = "check that PostgreSQL runs and takes this user: see records.url and records.password_file"
_OWNER_HINT = "check who owns the data directory"


class translated:  # noqa: N801  reads as a word in a `with` line
    """Turns what the database raises into errors of ours: "cannot <doing>: <cause>"."""

    def __init__(self, doing: str) -> None:
        """Name what is being done, for the message."""
        self._doing = doing

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raise our error in the place of a foreign one."""
        if isinstance(error, exc.SQLAlchemyError | sqlite3.Error | OSError):
            raise _translate(self._doing, error) from error


def _translate(doing: str, error: exc.SQLAlchemyError | sqlite3.Error | OSError) -> NagareError:
    cause = error.orig if isinstance(error, exc.DBAPIError) and error.orig is not None else error
    message = f"cannot {doing}: {_words(cause)}"
    if isinstance(error, exc.IntegrityError):
        return ConflictError(message)
    if isinstance(error, exc.DataError):
        return InputError(message)
    if isinstance(error, exc.DBAPIError) and not isinstance(cause, sqlite3.Error | OSError):
        return _translate_postgresql(message, getattr(cause, "sqlstate", None))
    return _translate_sqlite(message, str(cause).lower())


def _translate_sqlite(message: str, words: str) -> NagareError:
    if "full" in words or "no space" in words:
        return DiskFullError(message, hint=_DISK_HINT)
    if "readonly" in words or "read-only" in words or "permission" in words:
        return ReadOnlyError(message, hint=_OWNER_HINT)
    if "locked" in words or "busy" in words:
        return OverloadedError(message, retry_after_seconds=1.0)
    if "not a database" in words or "malformed" in words:
        return StorageError(message, hint=_BROKEN_HINT)
    return StorageError(message, hint=_OWNER_HINT if "unable to open" in words else "")


def _words(cause: BaseException) -> str:
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror.lower()
    # PostgreSQL goes on with the statement and a mark below the place.
    return str(cause).partition("\n")[0]


def _translate_postgresql(message: str, state: str | None) -> NagareError:
    """Return the error for an SQLSTATE; without one, or in the classes of lost connections, nobody answered."""
    if state is None or state[:2] in ("08", "28", "3D") or state in ("57P01", "57P02", "57P03"):
        return ConnectFailedError(message, hint=_AWAY_HINT, retry_after_seconds=1.0)
    if state == "53100":
        return DiskFullError(message, hint="free some space where PostgreSQL keeps its files")
    if state in ("25006", "42501"):
        return ReadOnlyError(message, hint="check the rights of the user of records.url")
    # No connection left, a lock that nobody lets go, a statement that took too long, or two that held each other up.
    if state[:2] in ("53", "40") or state in ("55P03", "57014"):
        return OverloadedError(message, retry_after_seconds=1.0)
    return StorageError(message)
