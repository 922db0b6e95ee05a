"""Blocks: immutable Parquet files, one a table, UTC day and flush, written whole or not at all.

A file is written under a temporary name, synchronised, renamed to a name that holds its checksum, and its folder
synchronised, before the catalog may name it. Files that the catalog does not name are left-overs of a crash and
removed when the store opens. A damaged one is set aside: renamed, so that nothing reads it and a person still can.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from nagare.lib.atomic_file import sync_directory
from nagare.lib.names import from_path_name, path_name
from nagare.metrics.blocks.catalog import Block
from nagare.metrics.blocks.checksum import Looks, file_checksum
from nagare.metrics.engine import quote_name, quote_text
from nagare.metrics.schema import is_raw, is_wide

DAY_MS = 86_400_000
TEMPORARY_SUFFIX = ".tmp"
# The same as of a damaged segment of the log; it follows the whole name.
ASIDE_SUFFIX = ".aside"
# Rows of one row group, two fifths of DuckDB's own: small enough that a scan of one host skips most, large enough for a good
# ratio. Each group costs a query some hundredths of a millisecond, wanted or not, and each row of it that is not wanted some
# too: of a third fewer rows an hour of one host of a hundred takes a tenth more time, a mean over all hosts as well, and a
# file a tenth more room; ten columns of one host over eight hours take as long.
ROW_GROUP_ROWS = 49_152
# The level of a block out of the head: packed by snappy, in half the processor time of the whole block. A third more room
# (of processes twice as much), until it is merged. What is never merged, because one flush fills it, is not packed so.
FRESH = 0
# How every block's name begins: its first and its last time.
_SPAN = re.compile(r"(-?\d+)-(-?\d+)-")


def day_of(ts_ms: int) -> str:
    """Return the UTC day of a time, YYYY-MM-DD."""
    return datetime.fromtimestamp(ts_ms / 1000, UTC).strftime("%Y-%m-%d")


def day_start_ms(ts_ms: int) -> int:
    """Return the first millisecond of the UTC day of a time."""
    return ts_ms - ts_ms % DAY_MS


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the rows of a block come from and how they stand in it.

    ``log_first`` and ``log_last`` bound the log records, ``sources`` names the blocks that it stands for. All three go
    into the file too, so that a lost catalog can be made again from the files.
    """

    table: str
    columns: tuple[str, ...]
    order: tuple[str, ...]
    log_first: int
    log_last: int
    sources: tuple[str, ...] = ()
    # Of zstd: DuckDB's own, which is quick; FRESH for a block that will be merged soon.
    level: int = 3

    def facts(self) -> dict[str, str]:
        """Return what the file says about itself."""
        facts = {"nagare_log": f"{self.log_first}-{self.log_last}", "nagare_sources": ",".join(self.sources)}
        # A column's type does not say whether its texts name series.
        return {**facts, "nagare_order": ",".join(self.order)} if is_wide(self.table) else facts


@dataclass(frozen=True, slots=True)
class Span:
    """The first and the last time of some rows of one UTC day, Unix milliseconds, and their number."""

    min_ms: int
    max_ms: int
    rows: int


class BlockFiles:
    """The folder ``metrics/``: writes, removes and lists files; which of them count is the catalog's to say."""

    def __init__(self, directory: Path) -> None:
        """Describe the folder."""
        self.directory = directory
        self.looks = Looks()

    def write(self, cursor: duckdb.DuckDBPyConnection, origin: Origin, source: str) -> Block | None:
        """Write the rows of the query ``source`` (of one UTC day) as one block, None without rows; not yet in the catalog.

        Raises duckdb.Error or OSError; no file is left then.
        """
        low, high, rows = cursor.execute(
            f"SELECT epoch_ms(min(ts)), epoch_ms(max(ts)), count(*) FROM ({source})"  # noqa: S608  made by us
        ).fetchone() or (None, None, 0)
        if low is None or high is None:
            return None
        return self.place(origin, Span(low, high, rows), lambda path: cursor.execute(_copy_sql(origin, source, path)))

    def write_sorted(self, cursor: duckdb.DuckDBPyConnection, origin: Origin, span: Span, source: str) -> Block:
        """Do the same with rows that are known, and that ``source`` gives in their order."""
        return self.place(origin, span, lambda path: cursor.execute(_copy_sql(origin, source, path, is_sorted=True)))

    def place(self, origin: Origin, span: Span, write: Callable[[Path], object]) -> Block:
        """Let ``write`` make a file and give it its place and name; not yet in the catalog. Raises what ``write`` does.

        No file is left then.
        """
        low, high = span.min_ms, span.max_ms
        folder = self.directory / path_name(origin.table) / f"date={day_of(low)}"
        make_folders(self.directory, folder)
        temporary = folder / f"{low}-{high}-{secrets.token_hex(8)}{TEMPORARY_SUFFIX}"
        try:
            self._make(temporary, write)
            size = sync_file(temporary)
            path = folder / f"{temporary.stem}{file_checksum(temporary):08x}.parquet"
            temporary.rename(path)
            sync_directory(folder)
        except BaseException:
            temporary.unlink(missing_ok=True)
            _remove_empty(folder)
            raise
        relative = str(path.relative_to(self.directory))
        self.looks.add(relative)
        columns = ",".join(origin.columns)
        return Block(
            relative, origin.table, day_of(low), low, high, span.rows, size, columns, origin.log_first, origin.log_last
        )

    def _make(self, path: Path, write: Callable[[Path], object]) -> None:
        try:
            write(path)
        except (OSError, duckdb.IOException):
            if path.parent.is_dir():
                raise
            # Another thread removed the last other block of that day, and the folder with it, just before.
            make_folders(self.directory, path.parent)
            write(path)

    def remove(self, blocks: Iterable[Block]) -> None:
        """Remove the files of ``blocks`` and the day folders that they leave empty."""
        for block in blocks:
            self._unlink(block.path)

    def set_aside(self, relative: str) -> str:
        """Rename the damaged file of that path and return its new one. Raises OSError."""
        self.looks.forget(relative)
        (self.directory / relative).rename(self.directory / f"{relative}{ASIDE_SUFFIX}")
        return f"{relative}{ASIDE_SUFFIX}"

    def remove_aside_before(self, oldest_ms: int) -> int:
        """Remove what raw blocks were set aside and end before ``oldest_ms``; return how many files that were.

        Rollups and histories stay: what they say of times before that nothing else does.
        """
        old = [
            relative
            for relative in self._glob(f"*/date=*/*.parquet{ASIDE_SUFFIX}")
            if (span := _SPAN.match(Path(relative).name)) and int(span[2]) < oldest_ms
            if is_raw(from_path_name(Path(relative).parts[0]))
        ]
        for relative in old:
            self._unlink(relative)
        return len(old)

    def find_files(self) -> set[str]:
        """Return the relative paths of all block files and unfinished ones."""
        return {*self._glob("*/date=*/*.parquet"), *self._glob(f"*/date=*/*{TEMPORARY_SUFFIX}")}

    def remove_unlisted(self, listed: Iterable[Block]) -> int:
        """Remove every block file that the catalog does not list; return how many."""
        unlisted = self.find_files() - {block.path for block in listed}
        for relative in unlisted:
            self._unlink(relative)
        return len(unlisted)

    def _glob(self, pattern: str) -> Iterator[str]:
        return (str(path.relative_to(self.directory)) for path in self.directory.glob(pattern))

    def _unlink(self, relative: str) -> None:
        path = self.directory / relative
        path.unlink(missing_ok=True)
        self.looks.forget(relative)
        _remove_empty(path.parent)


def _copy_sql(origin: Origin, source: str, path: Path, *, is_sorted: bool = False) -> str:
    names = ", ".join(quote_name(name) for name in origin.columns)
    order = "" if is_sorted else f" ORDER BY {', '.join(quote_name(name) for name in origin.order)}"
    stored = ", ".join(f"{key}: {quote_text(value)}" for key, value in origin.facts().items())
    packed = "snappy" if origin.level == FRESH else f"zstd, COMPRESSION_LEVEL {origin.level}"
    return (
        f"COPY (SELECT {names} FROM ({source}){order}) TO {quote_text(str(path))} "  # noqa: S608  made by us
        f"(FORMAT parquet, COMPRESSION {packed}, ROW_GROUP_SIZE {ROW_GROUP_ROWS}, KV_METADATA {{{stored}}})"
    )


def make_folders(root: Path, folder: Path) -> None:
    """Make ``folder``, which stands two levels below ``root`` (or one), durably and for the owner alone."""
    for parent in (root, folder.parent, folder):
        if not parent.is_dir():
            parent.mkdir(mode=0o700, exist_ok=True)
            sync_directory(parent.parent)


def sync_file(path: Path) -> int:
    """Make the file durable, for its owner alone, and return its size."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fchmod(descriptor, 0o600)
        os.fsync(descriptor)
        return os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)


def _remove_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        # Other blocks are in it.
        return
