"""The records database: one writer, a few readers, each on a thread of its own, nothing on the event loop.

SQLite or PostgreSQL: a commit is on disk before ``write`` returns. A feature hands in a function of a connection; it
runs in one transaction, to its end even if the caller is cancelled meanwhile.
Threads instead of SQLAlchemy's asyncio layer, because that loads its whole ORM: eight megabytes for nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from sqlalchemy import Connection, inspect, text

from nagare.config.settings import RecordsSettings
from nagare.errors import OverloadedError
from nagare.records.backend import Backend
from nagare.records.faults import translated
from nagare.records.schema import HEAD_REVISION

log = logging.getLogger(__name__)

T = TypeVar("T")

# Far more than requests can wait at one time; a longer queue means that the disk does not follow.
_WAITING_LIMIT = 1_000


class Records:
    """The open records database. ``async with Records(path) as records``: migrated to the newest revision inside."""

    def __init__(self, path: Path, settings: RecordsSettings | None = None, *, alone: bool = False) -> None:
        """Prepare for the database that ``settings`` name, else for the file ``path``; nothing is opened yet.

        ``alone``: what is known of records is kept in memory, so nobody else may write them. Then opening, and a write
        after the connection was lost, raises LockedError when somebody does. Raises ConfigError.
        """
        self._backend = make_backend(path, settings)
        if alone:
            self._backend.serve_alone()
        self._writer = _Lane(self._backend, threads=1, writes=True)
        self._reader = _Lane(self._backend, threads=self._backend.readers, writes=False)

    async def __aenter__(self) -> Self:
        """Open it and bring it to the newest revision. Raises StorageError, ConnectFailedError."""
        try:
            with translated(f"open records {self._backend.place}"):
                self._backend.prepare()
                await self._migrate()
        except BaseException:
            self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish what was begun and close all connections."""
        # The last connection writes the log of SQLite back into its file, which a busy disk lets wait.
        with ThreadPoolExecutor(1, thread_name_prefix="records-close") as threads:
            await asyncio.get_running_loop().run_in_executor(threads, self._close)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Return ``work`` of a connection that sees one consistent state."""
        with translated("read records"):
            return await self._reader.run(work)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Return ``work`` of the one writing connection: committed durably, or, when it raises, not at all."""
        with translated("write records"):
            return await self._writer.run(work)

    async def ping(self) -> None:
        """Return when the database answers. Raises ConnectFailedError, StorageError."""
        await self.read(lambda connection: connection.execute(text("SELECT 1")).scalar_one())

    async def _migrate(self) -> None:
        revision = await self._writer.run(read_revision)
        if revision == HEAD_REVISION:
            return
        # alembic costs a tenth of a second and 12 MB: only a database that needs it pays.
        from nagare.records.migrate import upgrade  # noqa: PLC0415

        if revision is not None:
            self._backend.keep_copy(revision)
        # In one transaction, and it looks again: another server may have come first since.
        await self._writer.run(upgrade)
        # Told, because hosts and tokens that a lost file held are gone without any other sign.
        made = "upgraded" if revision else "made"
        log.info("records_%s place=%s revision=%s", made, self._backend.place, HEAD_REVISION)

    def _close(self) -> None:
        self._reader.close()
        self._writer.close()


def make_backend(path: Path, settings: RecordsSettings | None) -> Backend:
    """Return the database that ``settings`` name, else the file ``path``. Raises ConfigError."""
    # Only the one that is used is loaded.
    if settings is not None and settings.url:
        from nagare.records.postgresql import PostgresBackend  # noqa: PLC0415

        return PostgresBackend(settings)
    from nagare.records.sqlite import SqliteBackend  # noqa: PLC0415

    return SqliteBackend(path)


class _Lane:
    """An engine with as many connections as threads."""

    def __init__(self, backend: Backend, *, threads: int, writes: bool) -> None:
        self._engine = backend.make_engine(threads, writes=writes)
        name = "records-write" if writes else "records-read"
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._waiting = 0

    async def run(self, work: Callable[[Connection], T]) -> T:
        if self._waiting >= _WAITING_LIMIT:
            raise OverloadedError("cannot reach records: too many requests wait for the disk", retry_after_seconds=1.0)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._transact, work)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        # What was handed in finishes: a statement takes milliseconds, and half a transaction is worse than a wait.
        self._threads.shutdown(wait=True)
        self._engine.dispose()

    def _transact(self, work: Callable[[Connection], T]) -> T:
        with self._engine.begin() as connection:
            return work(connection)


def read_revision(connection: Connection) -> str | None:
    """Return the revision of the tables; None where there are none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return revision
