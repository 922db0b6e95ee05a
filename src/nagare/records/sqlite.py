"""Records in a file: SQLite in WAL mode, so that readers never wait for the writer."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event

# A writer waits this long for another process (a backup) to let go of the file; our own writers queue for the thread.
_BUSY_MS = 5_000
_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={_BUSY_MS}", "cache_size=-2048")


class SqliteBackend:
    """The file ``path``, mode 0600."""

    readers = 2

    def __init__(self, path: Path) -> None:
        """Keep the path."""
        self._path = path
        self.place = str(path)

    def serve_alone(self) -> None:
        """Do nothing: the lock of the data directory is held already."""

    def prepare(self) -> None:
        """Make the file, for its owner alone."""
        self._path.touch(mode=0o600, exist_ok=True)

    def make_engine(self, connections: int, *, writes: bool) -> Engine:
        """Return an engine whose transactions begin as ours must."""
        engine = create_engine(f"sqlite:///{self._path}", pool_size=connections, max_overflow=0)
        # A writer takes the lock at once: one that read first and finds the file changed could only fail.
        begin = "BEGIN IMMEDIATE" if writes else "BEGIN"

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

    def keep_copy(self, revision: str) -> None:
        """Copy the file beside itself, named after the revision that it has (0600)."""
        copy = self._path.with_name(f"{self._path.stem}-{revision}{self._path.suffix}")
        copy.unlink(missing_ok=True)
        copy.touch(mode=0o600)
        with closing(sqlite3.connect(self._path)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
