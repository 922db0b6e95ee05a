"""``catalog.db``: which blocks count, up to where the log is in them, and which batches and events were stored.

SQLite with a rollback journal and full synchronisation: one transaction moves blocks, checkpoint and names together,
so that after any crash they agree. A block file that is not listed here does not exist for anybody. Loss of this file
is survivable: see ``recover``.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from nagare.errors import DiskFullError, ReadOnlyError, StorageError
from nagare.metrics.blocks.catalog_schema import (
    REMOVED_TABLE,
    ROLLUP_TABLES,
    SAMPLES_TABLES,
    SCHEMA_VERSION,
    TABLES,
)
from nagare.metrics.rollups.hours import hours_of, is_rolled
from nagare.metrics.samples import store
from nagare.metrics.samples.changes import SampleChanges
from nagare.metrics.wal.seen import SeenChanges, SeqRow


@dataclass(frozen=True, slots=True)
class Block:
    """One immutable Parquet file: ``path`` is relative to ``metrics/``, times are Unix milliseconds, ends included."""

    path: str
    table: str
    day: str
    min_ms: int
    max_ms: int
    rows: int
    bytes: int
    # Its columns, comma separated in file order: files that agree are read in one scan.
    columns: str
    # The log records that its rows came from lie in this range.
    log_first: int
    log_last: int

    @property
    def id(self) -> str:
        """The unique end of its name, by which a merged block names those that it stands for."""
        return Path(self.path).stem.rpartition("-")[2]


@dataclass(frozen=True, slots=True)
class Unrolled:
    """An hour of a table whose rows changed since its rollups were made, first and last at these times."""

    table: str
    hour_ms: int
    first_ms: int
    last_ms: int


@dataclass(frozen=True, slots=True)
class Rollups:
    """The hours whose rollups lack rows, and the floor before which raw rows are not whole."""

    unrolled: tuple[Unrolled, ...]
    floor_ms: int


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What one flush makes true: the log up to ``index`` is in blocks, and rollups of the ``unrolled`` lack rows."""

    index: int
    blocks: tuple[Block, ...]
    seen: SeenChanges
    foreign: tuple[tuple[str, str, str], ...]
    samples: SampleChanges
    unrolled: tuple[Unrolled, ...] = ()


@dataclass(frozen=True, slots=True)
class CatalogCopy:
    """What a copy of the catalog lists, and which blocks it lists no more: path -> Unix milliseconds."""

    blocks: list[Block]
    removed: dict[str, int]


class Catalog:
    """The database; every method is one transaction. A lock makes it usable from the store's threads in turn."""

    def __init__(self, path: Path) -> None:
        """Describe it; ``open`` touches the disk."""
        self.path = path
        # Set by ``open`` when the tables were made by it: the file was missing or empty.
        self.is_new = False
        # How often it was written: whoever keeps a copy sees that it is old.
        self.changes = 0
        # Told the time when a bucket has copies of blocks: those that go are then noted until they are gone there too.
        self.now_ms: Callable[[], int] | None = None
        self._connection: sqlite3.Connection | None = None
        # Guards _connection: the writer asks for event ids while the flush commits.
        self._lock = threading.Lock()

    def open(self) -> None:
        """Open or create the database and check it. Raises StorageError."""
        with _translated("open", self.path):
            connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
            self._connection = connection
            connection.execute("PRAGMA journal_mode=DELETE")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA busy_timeout=5000")
            self._migrate(connection)
            verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok":
            raise StorageError(f"cannot open catalog {self.path}: {verdict}", hint="see `nagare doctor`")

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def checkpoint_index(self) -> int:
        """Return the index of the last log record that is in blocks; zero when none is."""
        return self._fact("checkpoint")

    def floor_ms(self) -> int:
        """Return the time before which raw rows were dropped, and are refused; zero when none were."""
        return self._fact("floor_ms")

    def unrolled(self) -> list[Unrolled]:
        """Return the hours whose rollups lack rows."""
        with self._read() as connection:
            rows = connection.execute("SELECT metric_table, hour_ms, first_ms, last_ms FROM unrolled").fetchall()
        return [Unrolled(*row) for row in rows]

    def recompressed(self) -> set[str]:
        """Return the paths of the blocks that were recompressed."""
        with self._read() as connection:
            return {path for (path,) in connection.execute("SELECT path FROM recompressed").fetchall()}

    def blocks(self) -> list[Block]:
        """Return every block."""
        with self._read() as connection:
            rows = connection.execute(
                "SELECT path, metric_table, day, min_ms, max_ms, rows, bytes, columns, log_first, log_last "
                "FROM blocks ORDER BY min_ms, path"
            ).fetchall()
        return [Block(*row) for row in rows]

    def foreign(self) -> list[tuple[str, str, str]]:
        """Return (table, column, type) of the columns that no code declares, in the order they came."""
        with self._read() as connection:
            return connection.execute("SELECT metric_table, name, type FROM columns ORDER BY position").fetchall()

    def seqs(self) -> list[SeqRow]:
        """Return every interval of stored batches."""
        with self._read() as connection:
            rows = connection.execute("SELECT host, boot, first, last, last_ms FROM seqs").fetchall()
        return [SeqRow(*row) for row in rows]

    def has_event(self, event_id: str) -> bool:
        """Tell whether an event of that id was stored before the checkpoint."""
        with self._read() as connection:
            return connection.execute("SELECT 1 FROM event_ids WHERE id = ?", (event_id,)).fetchone() is not None

    def samples(self) -> SampleChanges:
        """Return every series, all metadata, and the newest samples at the checkpoint."""
        with self._read() as connection:
            return store.read(connection)

    def forget_series(self, numbers: Iterable[int], given: int) -> None:
        """Forget when series of which rollups alone may be stored were heard last; none of the ``given`` numbers is given again."""
        with self._write() as connection:
            store.forget(connection, numbers, given)

    def adopt_samples(self, changes: SampleChanges) -> None:
        """Take over what was found beside a lost catalog."""
        with self._write() as connection:
            store.write(connection, changes)

    @contextmanager
    def checkpoint(self, checkpoint: Checkpoint) -> Iterator[None]:
        """Write ``checkpoint``; the transaction commits when the block ends without an error."""
        with self._write() as connection:
            _insert_blocks(connection, checkpoint.blocks)
            connection.executemany("DELETE FROM seqs WHERE host = ? AND boot = ?", checkpoint.seen.boots)
            connection.executemany(
                "INSERT INTO seqs VALUES (?, ?, ?, ?, ?)",
                [(row.host, row.boot, row.first, row.last, row.last_ms) for row in checkpoint.seen.rows],
            )
            connection.executemany("INSERT OR IGNORE INTO event_ids VALUES (?, ?)", checkpoint.seen.event_ids)
            connection.executemany(
                "INSERT OR IGNORE INTO columns (metric_table, name, type) VALUES (?, ?, ?)", checkpoint.foreign
            )
            store.write(connection, checkpoint.samples)
            _insert_unrolled(connection, checkpoint.unrolled)
            connection.execute("INSERT OR REPLACE INTO facts VALUES ('checkpoint', ?)", (checkpoint.index,))
            yield

    def adopt(
        self, blocks: Iterable[Block], foreign: Iterable[tuple[str, str, str]], checkpoint: int, rollups: Rollups
    ) -> None:
        """Fill an empty catalog with what was found in the block files."""
        with self._write() as connection:
            _insert_blocks(connection, blocks)
            connection.executemany("INSERT OR IGNORE INTO columns (metric_table, name, type) VALUES (?, ?, ?)", foreign)
            _insert_unrolled(connection, rollups.unrolled)
            connection.execute("INSERT OR REPLACE INTO facts VALUES ('floor_ms', ?)", (rollups.floor_ms,))
            connection.execute("INSERT OR REPLACE INTO facts VALUES ('checkpoint', ?)", (checkpoint,))

    def has_block(self, path: str) -> bool:
        """Tell whether the block of that path counts."""
        with self._read() as connection:
            return connection.execute("SELECT 1 FROM blocks WHERE path = ?", (path,)).fetchone() is not None

    def block_paths(self, table: str, since_ms: int, until_ms: int) -> set[str]:
        """Return the paths of the blocks of ``table`` that may have rows of [since_ms, until_ms)."""
        with self._read() as connection:
            rows = connection.execute(
                "SELECT path FROM blocks WHERE metric_table = ? AND max_ms >= ? AND min_ms < ?",
                (table, since_ms, until_ms),
            ).fetchall()
        return {path for (path,) in rows}

    def replace_blocks(
        self, removed: Iterable[Block], added: Iterable[Block], *, are_recompressed: bool = False
    ) -> None:
        """Let ``added`` take the place of ``removed`` in one step."""
        with self._write() as connection:
            self._replace(connection, removed, added)
            if are_recompressed:
                connection.executemany("INSERT OR REPLACE INTO recompressed VALUES (?)", [(b.path,) for b in added])

    def roll(self, removed: Iterable[Block], added: Iterable[Block], table: str, hours: Iterable[int]) -> None:
        """Let rollups ``added`` take the place of ``removed``: the ``hours`` of ``table`` lack nothing then."""
        with self._write() as connection:
            self._replace(connection, removed, added)
            connection.executemany(
                "DELETE FROM unrolled WHERE metric_table = ? AND hour_ms = ?", [(table, hour) for hour in hours]
            )

    def lose_rollups(self, lost: Iterable[Block], hours: Iterable[Unrolled]) -> None:
        """Forget rollup blocks that are lost: the rollups of ``hours`` lack their rows then."""
        with self._write() as connection:
            self._replace(connection, lost, ())
            _insert_unrolled(connection, hours)

    def drop_raw(self, removed: Iterable[Block], floor_ms: int) -> None:
        """Drop blocks of raw rows, and let no row older than ``floor_ms`` come back."""
        with self._write() as connection:
            self._replace(connection, removed, ())
            connection.execute("INSERT OR REPLACE INTO facts VALUES ('floor_ms', ?)", (floor_ms,))

    def forget_before(self, oldest_ms: int) -> None:
        """Drop the names of batches and events last heard before ``oldest_ms``."""
        with self._write() as connection:
            connection.execute(
                "DELETE FROM seqs WHERE (host, boot) IN "
                "(SELECT host, boot FROM seqs GROUP BY host, boot HAVING max(last_ms) < ?)",
                (oldest_ms,),
            )
            connection.execute("DELETE FROM event_ids WHERE received_ms < ?", (oldest_ms,))

    def removed(self) -> dict[str, int]:
        """Return the blocks that went and may still be in the bucket: path -> Unix milliseconds."""
        with self._read() as connection:
            return dict(connection.execute("SELECT path, since_ms FROM removed").fetchall())

    def forget_removed(self, paths: Iterable[str]) -> None:
        """Forget blocks that are gone from the bucket."""
        with self._write() as connection:
            connection.executemany("DELETE FROM removed WHERE path = ?", [(path,) for path in paths])
        # A copy without these lines is no better than one with them.
        self.changes -= 1

    def copy_to(self, path: Path) -> CatalogCopy:
        """Write a consistent copy to ``path`` and return what it lists. Raises StorageError."""
        path.unlink(missing_ok=True)
        with (
            _translated("copy", self.path),
            closing(sqlite3.connect(self.path, timeout=5)) as source,
            closing(sqlite3.connect(path)) as target,
        ):
            source.backup(target)
        copy = Catalog(path)
        try:
            copy.open()
            return CatalogCopy(copy.blocks(), copy.removed())
        finally:
            copy.close()

    def _replace(self, connection: sqlite3.Connection, removed: Iterable[Block], added: Iterable[Block]) -> None:
        added = list(added)
        paths = [block.path for block in removed]
        # One that is as small as it gets takes its own place.
        stay = {block.path for block in added}
        connection.executemany("DELETE FROM blocks WHERE path = ?", [(path,) for path in paths])
        connection.executemany("DELETE FROM recompressed WHERE path = ?", [(path,) for path in paths])
        if self.now_ms is not None:
            since_ms = self.now_ms()
            connection.executemany(
                "INSERT OR REPLACE INTO removed VALUES (?, ?)", [(path, since_ms) for path in paths if path not in stay]
            )
        _insert_blocks(connection, added)

    def _migrate(self, connection: sqlite3.Connection) -> None:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise StorageError(
                f"cannot open catalog {self.path}: it was written by a newer version",
                hint="run the newer version again, or restore a backup made by this one",
            )
        self.is_new = version == 0
        if self.is_new:
            connection.executescript(f"BEGIN; {TABLES} PRAGMA user_version = 1; COMMIT;")
        if version < 2:
            connection.executescript(f"BEGIN; {SAMPLES_TABLES} PRAGMA user_version = 2; COMMIT;")
        if version < 3:
            self._bring_rollups(connection)
        if version < SCHEMA_VERSION:
            connection.executescript(f"BEGIN; {REMOVED_TABLE}; PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")

    def _bring_rollups(self, connection: sqlite3.Connection) -> None:
        """Bring a catalog of version 2 to version 3: every hour that a block may have rows of is in no rollup."""
        blocks = connection.execute("SELECT metric_table, min_ms, max_ms FROM blocks").fetchall()
        hours = {(table, hour) for table, low, high in blocks for hour in hours_of(low, high)}
        connection.execute("BEGIN IMMEDIATE")
        for statement in ROLLUP_TABLES.split(";"):
            connection.execute(statement)
        _insert_unrolled(connection, [Unrolled(table, hour, 0, 0) for table, hour in hours if is_rolled(table)])
        connection.execute("PRAGMA user_version = 3")
        connection.execute("COMMIT")

    def _fact(self, name: str) -> int:
        with self._read() as connection:
            row = connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return int(row[0]) if row else 0

    @contextmanager
    def _read(self) -> Iterator[sqlite3.Connection]:
        with self._lock, _translated("read", self.path):
            yield self._opened()

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with self._lock, _translated("write", self.path):
            connection = self._opened()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
                self.changes += 1
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            raise StorageError(f"cannot use catalog {self.path}: it is closed")
        return self._connection


def _insert_unrolled(connection: sqlite3.Connection, hours: Iterable[Unrolled]) -> None:
    connection.executemany(
        "INSERT INTO unrolled VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET last_ms = excluded.last_ms",
        [(one.table, one.hour_ms, one.first_ms, one.last_ms) for one in hours],
    )


def _insert_blocks(connection: sqlite3.Connection, blocks: Iterable[Block]) -> None:
    connection.executemany(
        "INSERT INTO blocks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (b.path, b.table, b.day, b.min_ms, b.max_ms, b.rows, b.bytes, b.columns, b.log_first, b.log_last)
            for b in blocks
        ],
    )


@contextmanager
def _translated(verb: str, path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        message = f"cannot {verb} catalog {path}: {error}"
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_FULL:
            raise DiskFullError(message, hint="free some space; writing resumes by itself") from error
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN):
            raise ReadOnlyError(message, hint="check the owner and the mount of the data directory") from error
        raise StorageError(message, hint="see `nagare doctor`") from error
