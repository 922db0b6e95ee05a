"""``metrics/series/``: the series table as plain Parquet, so that any tool can say what the numbers in blocks stand for.

Each checkpoint adds a file with the series that are new; many files become one. A file is whole on disk before the
catalog may name a block with its numbers. What a crash leaves behind is true all the same, because numbers never change
their meaning. From these files the series come back when the catalog is lost. Each has its checksum in its name, as blocks
have.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np

from nagare.lib.atomic_file import sync_directory
from nagare.metrics import arrays
from nagare.metrics.blocks.checksum import file_checksum
from nagare.metrics.blocks.files import TEMPORARY_SUFFIX, sync_file
from nagare.metrics.engine import Engine, os_error, quote_text, storage_error
from nagare.model.samples import Series
from nagare.wire.codec import decode, encode

FOLDER = "series"
# Files of a day's checkpoints, which a reader opens one by one.
FILE_LIMIT = 64
# As in the names of blocks: sixteen digits of chance, then the checksum.
_NAMED = re.compile(r"[0-9a-f]{16}([0-9a-f]{8})\.parquet")
_COLUMNS = "series, name, host, CAST(CAST(labels AS JSON) AS MAP(VARCHAR, VARCHAR)) AS labels"


@dataclass(frozen=True, slots=True)
class SeriesFiles:
    """The folder; used by the store's maintenance thread alone."""

    metrics: Path

    @property
    def directory(self) -> Path:
        """Where the files are."""
        return self.metrics / FOLDER

    def paths(self) -> list[Path]:
        """Return every file."""
        return sorted(self.directory.glob("*.parquet"))

    @property
    def are_many(self) -> bool:
        """Tell whether there are more files than a reader should have to open."""
        return len(self.paths()) > FILE_LIMIT

    def add(self, cursor: duckdb.DuckDBPyConnection, definitions: Sequence[tuple[int, Series]]) -> None:
        """Write a file of ``definitions``. Raises duckdb.Error or OSError; no file is left then."""
        given = {
            "series": np.array([number for number, _ in definitions], np.int32),
            "name": arrays.text_array([series.name for _, series in definitions]),
            "host": arrays.text_array([series.host for _, series in definitions]),
            "labels": arrays.text_array([encode(dict(series.labels)).decode() for _, series in definitions]),
        }
        cursor.register("definitions", given)
        try:
            self._write(cursor, f"SELECT {_COLUMNS} FROM definitions ORDER BY series")  # noqa: S608  made by us
        finally:
            cursor.unregister("definitions")

    def merge(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Make one file of many. Raises duckdb.Error or OSError; nothing changed then."""
        # A damaged one stays for a person to look at; what it said otherwise would get a checksum of its own.
        paths = [path for path in self.paths() if not find_change(path)]
        self._write(cursor, f"SELECT DISTINCT ON (series) * FROM {_read(paths)} ORDER BY series")  # noqa: S608  made by us
        for path in paths:
            path.unlink(missing_ok=True)

    def keep_few(self, engine: Engine) -> None:
        """Merge when there are many. Raises StorageError."""
        if not self.are_many:
            return
        try:
            with engine.cursor() as cursor:
                self.merge(cursor)
        except duckdb.Error as error:
            raise storage_error("merge files in", self.directory, error) from error
        except OSError as error:
            raise os_error("merge files in", self.directory, error) from error

    def load(self, cursor: duckdb.DuckDBPyConnection) -> list[tuple[int, Series]]:
        """Return every series in the files that read back, by number."""
        found: dict[int, Series] = {}
        for path in self.paths():
            if find_change(path):
                continue
            try:
                rows = cursor.execute(
                    f"SELECT series, name, host, CAST(to_json(labels) AS VARCHAR) FROM {_read([path])}"  # noqa: S608  made by us
                ).fetchall()
            except duckdb.Error:
                # The others still say what they know; blocks hold name and host themselves.
                continue
            for number, name, host, labels in rows:
                found.setdefault(
                    number, Series(name, tuple(sorted(decode(labels.encode(), dict[str, str]).items())), host)
                )
        return sorted(found.items())

    def _write(self, cursor: duckdb.DuckDBPyConnection, source: str) -> None:
        if not self.directory.is_dir():
            self.directory.mkdir(mode=0o700)
            sync_directory(self.metrics)
        temporary = self.directory / f"{secrets.token_hex(8)}{TEMPORARY_SUFFIX}"
        try:
            cursor.execute(f"COPY ({source}) TO {quote_text(str(temporary))} (FORMAT parquet, COMPRESSION zstd)")
            sync_file(temporary)
            temporary.rename(temporary.with_name(f"{temporary.stem}{file_checksum(temporary):08x}.parquet"))
            sync_directory(self.directory)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def find_change(path: Path) -> str:
    """Compare a file with the checksum in its name; return what is wrong, or nothing. Earlier ones have none."""
    match = _NAMED.fullmatch(path.name)
    if match is None:
        return ""
    try:
        found = file_checksum(path)
    except OSError as error:
        return f"cannot be read: {(error.strerror or 'refused').lower()}"
    return "" if found == int(match[1], 16) else f"holds other bytes than were written (checksum {found:08x})"


def _read(paths: Sequence[Path]) -> str:
    listed = ", ".join(quote_text(str(path)) for path in paths)
    return f"read_parquet([{listed}], hive_partitioning = false)"
