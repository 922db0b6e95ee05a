"""Errors of the database become errors of ours, once, here."""

from __future__ import annotations

import sqlite3
from types import TracebackType

from sqlalchemy import exc

from nagare.errors import ConflictError, DiskFullError, NagareError, OverloadedError, ReadOnlyError, StorageError

_DISK_HINT = "free some space on the device of the data directory"
_BROKEN_HINT = (
    "restore it from a backup; or move the file and those beside it (-wal, -shm) away: samples stay, and every host"
    " must register again"
)
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
    message = f"cannot {doing}: {cause.strerror.lower() if isinstance(cause, OSError) and cause.strerror else cause}"
    if isinstance(error, exc.IntegrityError):
        return ConflictError(message)
    words = str(cause).lower()
    if "full" in words or "no space" in words:
        return DiskFullError(message, hint=_DISK_HINT)
    if "readonly" in words or "read-only" in words or "permission" in words:
        return ReadOnlyError(message, hint=_OWNER_HINT)
    if "locked" in words or "busy" in words:
        return OverloadedError(message, retry_after_seconds=1.0)
    if "not a database" in words or "malformed" in words:
        return StorageError(message, hint=_BROKEN_HINT)
    return StorageError(message, hint=_OWNER_HINT if "unable to open" in words else "")
