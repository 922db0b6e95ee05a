"""The records database: one writer, a few readers, each on a thread of its own, nothing on the event loop.

SQLite in WAL mode: readers never wait for the writer, and a commit is on disk before ``write`` returns. A feature hands
in a function of a connection; it runs in one transaction, to its end even if the caller is cancelled meanwhile.
Threads instead of SQLAlchemy's asyncio layer, because that loads its whole ORM: eight megabytes for nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, text

from nagare.errors import OverloadedError
from nagare.records.faults import translated
from nagare.records.schema import HEAD_REVISION

log = logging.getLogger(__name__)

T = TypeVar("T")

_READERS = 2
# A writer waits this long for another process (a backup) to let go of the file; our own writers queue for the thread.
_BUSY_MS = 5_000
# Far more than requests can wait at one time; a longer queue means that the disk does not follow.
_WAITING_LIMIT = 1_000
_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={_BUSY_MS}", "cache_size=-2048")


class Records:
    """The open records database. ``async with Records(path) as records``: migrated to the newest revision inside."""

    def __init__(self, path: Path) -> None:
        """Prepare for the database in ``path``; nothing is opened yet."""
        self._path = path
        self._writer = _Lane(path, threads=1, begin="BEGIN IMMEDIATE", name="records-write")
        self._reader = _Lane(path, threads=_READERS, begin="BEGIN", name="records-read")

    async def __aenter__(self) -> Self:
        """Open the file (0600) and bring it to the newest revision. Raises StorageError."""
        try:
            with translated(f"open records {self._path}"):
                self._path.touch(mode=0o600, exist_ok=True)
                await self._migrate()
        except BaseException:
            self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish what was begun and close all connections."""
        self._close()

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Return ``work`` of a connection that sees one consistent state."""
        with translated("read records"):
            return await self._reader.run(work)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Return ``work`` of the one writing connection: committed durably, or, when it raises, not at all."""
        with translated("write records"):
            return await self._writer.run(work)

    async def _migrate(self) -> None:
        revision = await self._writer.run(_revision)
        if revision == HEAD_REVISION:
            return
        # alembic costs a tenth of a second and 12 MB: only a database that needs it pays.
        from nagare.records.migrate import keep_copy, upgrade  # noqa: PLC0415

        if revision is not None:
            keep_copy(self._path, revision)
        await self._writer.run(upgrade)
        # Told, because hosts and tokens that a lost file held are gone without any other sign.
        log.info("records_%s file=%s revision=%s", "upgraded" if revision else "made", self._path, HEAD_REVISION)

    def _close(self) -> None:
        self._reader.close()
        self._writer.close()


class _Lane:
    """An engine with as many connections as threads."""

    def __init__(self, path: Path, *, threads: int, begin: str, name: str) -> None:
        self._engine = _make_engine(path, threads, begin)
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


def _revision(connection: Connection) -> str | None:
    found = connection.execute(text("SELECT name FROM sqlite_master WHERE name = 'alembic_version'"))
    if found.first() is None:
        return None
    revision: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return revision


def _make_engine(path: Path, connections: int, begin: str) -> Engine:
    engine = create_engine(f"sqlite:///{path}", pool_size=connections, max_overflow=0)

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: Any) -> None:
        # The driver's own transaction guessing is off: we begin and end transactions ourselves, below.
        connection.isolation_level = None
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin_transaction(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
