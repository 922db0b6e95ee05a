"""The one DuckDB of the process: in memory, locked down before anybody else's SQL reaches it.

It holds the head's tables and reads blocks; nothing of it is durable. Opening it costs 30 MB and some 30 ms, so it
waits for the first query or flush. Its settings are the second fence around SQL; the first is ``sql.sandbox``.
"""

from __future__ import annotations

import errno
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from nagare.config.settings import QuerySettings
from nagare.errors import DiskFullError, StorageError
from nagare.metrics.sql.macros import STATEMENTS as MACRO_STATEMENTS

log = logging.getLogger(__name__)

# What the head's own tables may take beside the memory of queries, so that a hungry query cannot starve them for long.
HEAD_ALLOWANCE_BYTES = 256 * 2**20
HEAD_SCHEMA = "head"


class _Database:
    """One open database: how many cursors of it are lent, and whether the last of them shall close it.

    DuckDB can wait for ever when a connection closes in the moment in which another one begins a statement, so nothing
    is closed under a lent cursor.
    """

    __slots__ = ("is_retired", "lent", "root")

    def __init__(self, root: duckdb.DuckDBPyConnection) -> None:
        self.root = root
        self.lent = 0
        self.is_retired = False

    def close(self) -> None:
        try:
            self.root.close()
        except duckdb.Error as error:
            log.warning("duckdb_close_failed error=%s", str(error).splitlines()[0])


class Engine:
    """Opens the database at first need, lends cursors, and lets it go while nobody needs it."""

    def __init__(self, directory: Path, query: QuerySettings, exports: Path | None = None) -> None:
        """Describe it: the only files it may touch are below ``directory`` and, for an export, ``exports``."""
        self._directories = [directory, *([exports] if exports else [])]
        self._query = query
        # Guards the fields below and those of every _Database: queries, flush and housekeeping come from three kinds
        # of threads.
        self._lock = threading.Lock()
        self._database: _Database | None = None
        self._lent_since_rest = False
        # How many databases there were: what was put into one is not in the next.
        self.opened = 0
        # Set when DuckDB found itself broken: it answers nothing any more, and its tables are lost.
        self.is_broken = False

    @contextmanager
    def cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Lend a connection to the database; the database stays open at least as long as the block runs."""
        with self._lock:
            if self._database is None:
                self._database = _Database(self._open())
                self.opened += 1
            database = self._database
            database.lent += 1
            self._lent_since_rest = True
            cursor = database.root.cursor()
        try:
            yield cursor
        except (duckdb.FatalException, duckdb.InternalException):
            self.is_broken = True
            raise
        finally:
            cursor.close()
            with self._lock:
                database.lent -= 1
                is_last = database.is_retired and not database.lent
            if is_last:
                database.close()

    def rest(self, is_empty: Callable[[], bool]) -> bool:
        """Close the database if nothing used it since the last call and it ``is_empty``; tell whether it was closed.

        It gives back some 30 MB, and the next need opens it again in as many milliseconds.
        """
        with self._lock:
            used, self._lent_since_rest = self._lent_since_rest, False
            database = self._database
            if database is None or database.lent or used or not is_empty():
                return False
            self._database = None
        database.close()
        return True

    def close(self) -> None:
        """Close the database, now or when the last cursor comes back; the head's tables are gone for whoever asks anew."""
        with self._lock:
            self.is_broken = False
            database, self._database = self._database, None
            if database is None:
                return
            database.is_retired = True
            if database.lent:
                return
        database.close()

    def is_open(self) -> bool:
        """Tell whether a database is open."""
        return self._database is not None

    def _open(self) -> duckdb.DuckDBPyConnection:
        config: dict[str, str | bool | int] = {
            "threads": self._query.threads,
            # Threads of DuckDB's own for writing files, eight by default. Without them a COPY writes on the thread that runs
            # it: in 2.0.0 one that fails or is interrupted while they still write may wait for them for ever.
            "async_threads": 0,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        root = duckdb.connect(":memory:", config=config)
        memory = self._query.memory_limit_bytes + HEAD_ALLOWANCE_BYTES
        for setting in (
            f"memory_limit = '{memory}B'",
            "temp_directory = ''",
            "TimeZone = 'UTC'",
            "python_enable_replacements = false",
            "allow_persistent_secrets = false",
            # Peaks are given back to the system when a task ends, not kept for the next one.
            "allocator_flush_threshold = '1MB'",
            "enable_external_file_cache = false",
            # Footers of blocks, some 30 kB each: they never change, and to read one anew costs more than to read what of the
            # block is asked for. It counts into the limit of memory, which a query's own needs push it out of.
            "parquet_metadata_cache = true",
            "enable_progress_bar = false",
            f"allowed_directories = [{', '.join(quote_text(f'{each}/') for each in self._directories)}]",
            "enable_external_access = false",
            "lock_configuration = true",
        ):
            root.execute(f"SET {setting}")
        for statement in (f"CREATE SCHEMA {HEAD_SCHEMA}", *MACRO_STATEMENTS):
            root.execute(statement)
        return root


def quote_name(name: str) -> str:
    """Return ``name`` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """Return ``text`` as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def os_error(verb: str, thing: object, error: OSError) -> StorageError:
    """Return our error for what the system says about a file of ours."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return _disk_full(verb, thing)
    return StorageError(f"cannot {verb} {thing}: {error.strerror}")


def _disk_full(verb: str, thing: object) -> DiskFullError:
    return DiskFullError(
        f"cannot {verb} {thing}: no space left on device", hint="free some space; it resumes by itself"
    )


def storage_error(verb: str, thing: object, error: duckdb.Error) -> StorageError:
    """Return our error for one that DuckDB raised about a file of ours."""
    text = str(error).splitlines()[0]
    if "No space left" in text or "File too large" in text or "Disk quota" in text:
        return _disk_full(verb, thing)
    return StorageError(f"cannot {verb} {thing}: {text}")
