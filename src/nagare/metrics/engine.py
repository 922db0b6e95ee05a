"""The one DuckDB of the process: in memory, locked down before anybody else's SQL reaches it.

It holds the head's tables and reads blocks; nothing of it is durable. Opening it costs 30 MB and some 30 ms, so it
waits for the first query or flush. Its settings are the second fence around SQL; the first is ``sql.sandbox``.
"""

from __future__ import annotations

import threading
from pathlib import Path

import duckdb

from nagare.config.settings import QuerySettings
from nagare.errors import DiskFullError, StorageError

# What the head's own tables may take beside the memory of queries, so that a hungry query cannot starve them for long.
HEAD_ALLOWANCE_BYTES = 256 * 2**20
HEAD_SCHEMA = "head"


class Engine:
    """Opens the database at first need and hands out cursors; ``reset`` throws a broken one away."""

    def __init__(self, directory: Path, query: QuerySettings) -> None:
        """Describe it: the only files it may touch are below ``directory``."""
        self._directory = directory
        self._query = query
        self._root: duckdb.DuckDBPyConnection | None = None
        # Guards _root: the first query and the first flush may come together.
        self._lock = threading.Lock()

    @property
    def is_open(self) -> bool:
        """Tell whether the database was needed yet."""
        return self._root is not None

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Return a new connection to the database; its owner closes it."""
        with self._lock:
            if self._root is None:
                self._root = self._open()
            return self._root.cursor()

    def close(self) -> None:
        """Close the database; the head's tables are gone then."""
        with self._lock:
            if self._root is not None:
                self._root.close()
                self._root = None

    def _open(self) -> duckdb.DuckDBPyConnection:
        config: dict[str, str | bool | int] = {
            "threads": self._query.threads,
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
            "enable_external_file_cache = false",
            "enable_progress_bar = false",
            f"allowed_directories = [{quote_text(str(self._directory) + '/')}]",
            "enable_external_access = false",
            "lock_configuration = true",
        ):
            root.execute(f"SET {setting}")
        root.execute(f"CREATE SCHEMA {HEAD_SCHEMA}")
        return root


def quote_name(name: str) -> str:
    """Return ``name`` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """Return ``text`` as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def storage_error(verb: str, thing: object, error: duckdb.Error) -> StorageError:
    """Return our error for one that DuckDB raised about a file of ours."""
    text = str(error).splitlines()[0]
    if "No space left" in text or "File too large" in text or "Disk quota" in text:
        return DiskFullError(
            f"cannot {verb} {thing}: no space left on device", hint="free some space; it resumes by itself"
        )
    return StorageError(f"cannot {verb} {thing}: {text}")
