"""The records database: one writer, a few readers, everything off the event loop.

SQLite in WAL mode: readers never wait for the writer, and a commit is on disk before ``write`` returns. Features get
a connection by ``read`` and ``write`` and hold it only for their statements, never across other waits.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import event, exc, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from nagare.errors import ConflictError, DiskFullError, NagareError, OverloadedError, ReadOnlyError, StorageError
from nagare.records.schema import HEAD_REVISION

_READERS = 2
# A writer waits this long for another process (a backup) to let go of the file; our own writers queue in the pool.
_BUSY_MS = 5_000
_POOL_WAIT_SECONDS = 10.0
_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={_BUSY_MS}", "cache_size=-2048")


class Records:
    """The open records database. ``async with Records(path) as records``: migrated to the newest revision inside."""

    def __init__(self, path: Path) -> None:
        """Prepare for the database in ``path``; nothing is opened yet."""
        self._path = path
        self._writer: AsyncEngine = _make_engine(path, connections=1, begin="BEGIN IMMEDIATE")
        self._readers: AsyncEngine = _make_engine(path, connections=_READERS, begin="BEGIN")

    async def __aenter__(self) -> Self:
        """Open the file (0600) and bring it to the newest revision."""
        try:
            with translated(f"open records {self._path}"):
                self._path.touch(mode=0o600, exist_ok=True)
                await self._migrate()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections."""
        await self._close()

    async def _close(self) -> None:
        await self._readers.dispose()
        await self._writer.dispose()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection that sees one consistent state."""
        with translated("read records"):
            async with self._readers.begin() as connection:
                yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """Give the one writing connection; leaving the block commits durably, an error takes all back."""
        with translated("write records"):
            async with self._writer.begin() as connection:
                yield connection

    async def _migrate(self) -> None:
        if await self._revision() == HEAD_REVISION:
            return
        # alembic costs a tenth of a second and 12 MB: only a database that needs it pays.
        from nagare.records.migrate import upgrade  # noqa: PLC0415

        async with self._writer.begin() as connection:
            await connection.run_sync(upgrade)

    async def _revision(self) -> str | None:
        async with self._writer.begin() as connection:
            found = await connection.execute(text("SELECT name FROM sqlite_master WHERE name = 'alembic_version'"))
            if found.first() is None:
                return None
            return (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar()


def _make_engine(path: Path, *, connections: int, begin: str) -> AsyncEngine:
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{path}", pool_size=connections, max_overflow=0, pool_timeout=_POOL_WAIT_SECONDS
    )

    @event.listens_for(engine.sync_engine, "connect")
    def set_up(connection: Any, _record: Any) -> None:
        # The driver's own transaction guessing is off: we begin and end transactions ourselves, below.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in _PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin_transaction(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    return engine


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
    message = f"cannot {doing}: {cause}"
    if isinstance(error, exc.IntegrityError):
        return ConflictError(message)
    if isinstance(error, exc.TimeoutError):
        return OverloadedError(message, retry_after_seconds=1.0)
    words = str(cause).lower()
    if "full" in words or "no space" in words:
        return DiskFullError(message, hint="free some space on the device of the data directory")
    if "readonly" in words or "read-only" in words or "permission" in words:
        return ReadOnlyError(message, hint="check who owns the data directory")
    if "locked" in words or "busy" in words:
        return OverloadedError(message, retry_after_seconds=1.0)
    return StorageError(message)
