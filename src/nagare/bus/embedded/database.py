"""The SQL of ``bus.db``, and nothing but the SQL: a table of messages for each stream, and what consumers have read.

Messages are inserted and removed in few large statements: the module gives up the interpreter's lock at every step of a
statement, and beside a busy event loop each time costs up to the interpreter's switch interval.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from nagare.bus.embedded.state import ROW_BYTES, ConsumerState, Row, StreamState

SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE streams (id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL, first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL, bytes INTEGER NOT NULL, last_ms INTEGER NOT NULL);
CREATE TABLE consumers (id INTEGER PRIMARY KEY, stream INTEGER NOT NULL, name TEXT NOT NULL, cursor INTEGER NOT NULL,
    UNIQUE (stream, name));
CREATE TABLE pending (consumer INTEGER NOT NULL, seq INTEGER NOT NULL, attempts INTEGER NOT NULL, due_ms INTEGER NOT NULL,
    is_delayed INTEGER NOT NULL, PRIMARY KEY (consumer, seq)) WITHOUT ROWID
"""
# FULL: a commit is in the log on the disk, synchronised, before it returns. A checkpoint every 16 MiB of it.
_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=4096", "cache_size=-16384", "busy_timeout=5000")
_COLUMNS = "seq, ts_ms, subject, id, key, headers, data"
_SIZE = f"length(data) + length(subject) + length(id) + length(key) + length(coalesce(headers, '')) + {ROW_BYTES}"
# Rows of one statement: the gain ends here, and SQLite allows 32,766 parameters.
_ROWS = 100


class Database:
    """One connection. The thread that opened it owns it."""

    def __init__(self, path: Path) -> None:
        """Prepare for the file ``path``."""
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def open(self) -> None:
        """Open the file, make what is missing. Raises sqlite3.Error, OSError."""
        self._path.touch(mode=0o600, exist_ok=True)
        # Transactions are begun and ended here, not guessed by the driver.
        self._connection = sqlite3.connect(self._path, isolation_level=None, cached_statements=512)
        for pragma in _PRAGMAS:
            self._connection.execute(f"PRAGMA {pragma}")
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise sqlite3.NotSupportedError(f"it is of a newer version of Nagare (format {version})")
        if version == 0:
            self.begin()
            for statement in _SCHEMA.split(";"):
                self._run(statement)
            self._run(f"PRAGMA user_version = {SCHEMA_VERSION}")
            self.commit()

    def close(self) -> None:
        """Play the log into the file and close."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def begin(self) -> None:
        """Begin a transaction."""
        self._run("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """End it; it is on the disk when this returns."""
        self._run("COMMIT")

    def roll_back(self) -> None:
        """Undo it, if there is one."""
        if self._connection is not None and self._connection.in_transaction:
            self._run("ROLLBACK")

    def stream_row(self, name: str) -> tuple[int, ...]:
        """Return (id, first_seq, last_seq, bytes, last_ms) of the stream ``name``, made when it is new."""
        query = "SELECT id, first_seq, last_seq, bytes, last_ms FROM streams WHERE name = ?"
        found: tuple[int, ...] | None = self._run(query, (name,)).fetchone()
        if found is None:
            self._run("INSERT INTO streams (name, first_seq, last_seq, bytes, last_ms) VALUES (?, 1, 0, 0, 0)", (name,))
            found = self._run(query, (name,)).fetchone()
            assert found is not None
            self._run(
                f"CREATE TABLE messages_{found[0]} (seq INTEGER PRIMARY KEY, ts_ms INTEGER NOT NULL, subject TEXT NOT NULL,"
                " id TEXT NOT NULL, key TEXT NOT NULL, headers TEXT, data BLOB NOT NULL)"
            )
        return found

    def write_stream(self, stream: StreamState) -> None:
        """Keep how far ``stream`` is."""
        self._run(
            "UPDATE streams SET first_seq = ?, last_seq = ?, bytes = ?, last_ms = ? WHERE id = ?", stream.as_row()
        )

    def insert(self, stream: StreamState, rows: Sequence[Row]) -> None:
        """Append ``rows``."""
        for start in range(0, len(rows), _ROWS):
            part = rows[start : start + _ROWS]
            values = [value for row in part for value in row]
            self._run(f"INSERT INTO messages_{stream.id} ({_COLUMNS}) VALUES {_places(len(part), 7)}", values)

    def read(self, stream: StreamState, after: int, limit: int) -> Iterator[Row]:
        """Yield up to ``limit`` messages behind ``after``."""
        query = f"SELECT {_COLUMNS} FROM messages_{stream.id} WHERE seq > ? ORDER BY seq LIMIT ?"
        yield from self._run(query, (after, limit))

    def read_ids(self, stream: StreamState, since_ms: int, limit: int) -> list[tuple[int, int, str]]:
        """Return (seq, Unix milliseconds, id) of the newest messages since ``since_ms``, at most ``limit``, newest first."""
        found = []
        for row in self._run(f"SELECT seq, ts_ms, id FROM messages_{stream.id} ORDER BY seq DESC LIMIT ?", (limit,)):
            if row[1] < since_ms:
                break
            found.append(row)
        return found

    def time_of(self, stream: StreamState, seq: int) -> int:
        """Return the Unix milliseconds of message ``seq``."""
        query = f"SELECT ts_ms FROM messages_{stream.id} WHERE seq = ?"
        found: tuple[int] = self._run(query, (seq,)).fetchone()
        return found[0]

    def oldest_sizes(self, stream: StreamState, limit: int) -> list[tuple[int, int]]:
        """Return (seq, bytes) of the ``limit`` oldest messages."""
        query = f"SELECT seq, {_SIZE} FROM messages_{stream.id} ORDER BY seq LIMIT ?"
        return self._run(query, (limit,)).fetchall()

    def remove_before(self, stream: StreamState, seq: int) -> int:
        """Remove messages before ``seq``; return their bytes."""
        table = f"messages_{stream.id}"
        size: int = self._run(f"SELECT coalesce(sum({_SIZE}), 0) FROM {table} WHERE seq < ?", (seq,)).fetchone()[0]
        self._run(f"DELETE FROM {table} WHERE seq < ?", (seq,))
        return size

    def consumer_rows(self, stream: int) -> list[tuple[int, str, int]]:
        """Return (id, name, cursor) of the consumers of a stream."""
        return self._run("SELECT id, name, cursor FROM consumers WHERE stream = ?", (stream,)).fetchall()

    def add_consumer(self, stream: int, name: str, cursor: int) -> int:
        """Add a consumer and return its number."""
        self._run("INSERT INTO consumers (stream, name, cursor) VALUES (?, ?, ?)", (stream, name, cursor))
        found: tuple[int] = self._run("SELECT last_insert_rowid()").fetchone()
        return found[0]

    def remove_consumer(self, consumer: int) -> None:
        """Remove a consumer with all that it had out."""
        self._run("DELETE FROM pending WHERE consumer = ?", (consumer,))
        self._run("DELETE FROM consumers WHERE id = ?", (consumer,))

    def pending_rows(self, consumer: int) -> list[tuple[int, int, int, int]]:
        """Return (seq, attempts, due_ms, is_delayed) of what a consumer has out."""
        query = "SELECT seq, attempts, due_ms, is_delayed FROM pending WHERE consumer = ?"
        return self._run(query, (consumer,)).fetchall()

    def write_consumer(self, consumer: ConsumerState, now: float, now_ms: int) -> None:
        """Keep what changed of ``consumer``; ``now`` and ``now_ms`` are one moment of both clocks."""
        if consumer.is_moved:
            self._run("UPDATE consumers SET cursor = ? WHERE id = ?", (consumer.cursor, consumer.id))
        held = [seq for seq in consumer.dirty if seq in consumer.pending]
        gone = [seq for seq in consumer.dirty if seq not in consumer.pending]
        for part in _parts(held):
            values: list[int] = []
            for seq in part:
                pending = consumer.pending[seq]
                due_ms = now_ms + round((pending.due - now) * 1000)
                values += (consumer.id, seq, pending.attempts, due_ms, int(pending.is_delayed))
            self._run(f"INSERT OR REPLACE INTO pending VALUES {_places(len(part), 5)}", values)
        for part in _parts(gone):
            self._run(
                f"DELETE FROM pending WHERE consumer = ? AND seq IN {_places(1, len(part))}", (consumer.id, *part)
            )

    def _run(self, statement: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        assert self._connection is not None
        return self._connection.execute(statement, values)


def count_by_subject(path: Path, stream: int, after: int) -> list[tuple[str, int]]:
    """Return how many messages behind ``after`` each subject has, by a connection of its own, which no writer waits for."""
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    try:
        query = f"SELECT subject, count(*) FROM messages_{stream} WHERE seq > ? GROUP BY subject"
        return connection.execute(query, (after,)).fetchall()
    finally:
        connection.close()


def _parts(seqs: Iterable[int]) -> Iterator[list[int]]:
    ordered = sorted(seqs)
    for start in range(0, len(ordered), _ROWS):
        yield ordered[start : start + _ROWS]


@cache
def _places(rows: int, columns: int) -> str:
    # Few different texts, so that SQLite's statements are found again.
    return ", ".join([f"({', '.join('?' * columns)})"] * rows)
