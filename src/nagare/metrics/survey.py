"""Reads all that an installation keeps of metrics, byte by byte, and names each fault and what it costs.

It changes nothing and needs no lock while a server runs: blocks are immutable, the catalog is copied under SQLite's
own lock, and of the log a server still writes the end of the newest segment is not judged. What a running server
removes meanwhile is looked for in the catalog again before it is called missing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

import duckdb

from nagare.config.places import Places
from nagare.config.settings import QuerySettings
from nagare.errors import StorageError
from nagare.lib.database_copy import copied, find_database_fault
from nagare.lib.segment_file import ASIDE_SUFFIX, Damage, read_segment
from nagare.metrics.blocks.catalog import Block, Catalog
from nagare.metrics.blocks.checksum import file_checksum, named_checksum
from nagare.metrics.blocks.files import BlockFiles
from nagare.metrics.blocks.verify import find_bad_row_group, find_damage, find_misread, find_undecodable
from nagare.metrics.engine import Engine
from nagare.metrics.samples.series_files import FOLDER as SERIES_FOLDER
from nagare.metrics.samples.series_files import SeriesFiles, find_change


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault: ``file`` is relative to the data directory, ``place`` is where in it, empty for the whole file.

    ``lost`` says what cannot be read any more, empty when nothing is. ``is_bad`` is false for what is only worth knowing.
    """

    file: str
    place: str
    fault: str
    lost: str = ""
    is_bad: bool = True


@dataclass(slots=True)
class Totals:
    """What was read."""

    segments: int = 0
    records: int = 0
    blocks: int = 0
    block_bytes: int = 0
    rows: int = 0
    without_checksum: int = 0
    in_bucket: int = 0


@dataclass(slots=True)
class Survey:
    """One look at everything; ``progress`` hears of (bytes read, bytes to read) after each block.

    ``read_log_and_catalog`` comes first, while nobody may start a server; then ``read_blocks``, which takes its time.
    """

    places: Places
    query: QuerySettings
    is_live: bool
    progress: Callable[[int, int], None]
    # Whether a bucket holds what is not here.
    has_bucket: bool = False
    # Where copies of the catalog stand; None: where the system keeps what is temporary.
    scratch: Path | None = None
    totals: Totals = field(default_factory=Totals)
    # What the catalog lists; None when it does not say.
    _blocks: Sequence[Block] | None = None
    _checkpoint: int = 0

    def read_log_and_catalog(self) -> Iterator[Finding]:
        """Read every record of the log and every page of the catalog."""
        yield from self._read_catalog()
        yield from self._read_log()
        if self._blocks is not None and not self.is_live:
            listed = {block.path for block in self._blocks}
            for path in sorted(BlockFiles(self.places.metrics).find_files() - listed):
                yield Finding(
                    f"metrics/{path}", "", "is a left-over of a crash; the next start removes it", is_bad=False
                )

    def read_blocks(self) -> Iterator[Finding]:
        """Compare every block with its checksum and decode all of its rows."""
        blocks = self._blocks
        if blocks is None:
            yield from self._read_unlisted()
            return
        engine = Engine(self.places.metrics, self.query)
        total = sum(block.bytes for block in blocks)
        done = 0
        missing = []
        try:
            for block in blocks:
                if self.has_bucket and not (self.places.metrics / block.path).exists():
                    self.totals.in_bucket += 1
                    continue
                with engine.cursor() as cursor:
                    finding = self._read_block(cursor, block)
                done += block.bytes
                self.progress(done, total)
                if finding is not None and not (self.places.metrics / block.path).exists():
                    missing.append((block, finding))
                elif finding is not None:
                    yield finding
        finally:
            engine.close()
        yield from self._still_missing(missing)

    def read_series(self) -> Iterator[Finding]:
        """Compare the files of the series table with their checksums and decode them."""
        engine = Engine(self.places.metrics, self.query)
        try:
            for path in SeriesFiles(self.places.metrics).paths():
                with engine.cursor() as cursor:
                    fault = find_change(path) or find_undecodable(cursor, path)
                if fault and path.exists():
                    yield Finding(
                        f"metrics/{SERIES_FOLDER}/{path.name}",
                        "",
                        fault,
                        "labels of series, once the catalog is lost too",
                    )
        finally:
            engine.close()

    def _read_block(self, cursor: duckdb.DuckDBPyConnection, block: Block) -> Finding | None:
        self.totals.blocks += 1
        self.totals.block_bytes += block.bytes
        self.totals.rows += block.rows
        self.totals.without_checksum += named_checksum(block.path) is None
        directory = self.places.metrics
        place = ""
        fault = find_damage(directory, block)
        if fault is None:
            fault = find_misread(cursor, directory, block)
            place = find_bad_row_group(cursor, directory, block) if fault is not None else ""
        if fault is None:
            return None
        aside = f"{block.path}{ASIDE_SUFFIX}"
        kept = f"; a damaged copy is kept as {Path(aside).name}" if (directory / aside).exists() else ""
        return Finding(f"metrics/{block.path}", place, f"{fault.text}{kept}", _lost_rows(block))

    def _still_missing(self, missing: Sequence[tuple[Block, Finding]]) -> Iterator[Finding]:
        """Yield what the catalog still lists: a server merges and drops blocks while they are read."""
        if not missing:
            return
        still: set[str] | None = None
        try:
            with copied(self.places.catalog, is_live=True, scratch=self.scratch) as copy:
                still = {block.path for block in _open_copy(copy)[0]}
        except (OSError, sqlite3.Error, StorageError):
            # A crash's journal lies beside it: no server is there that could have moved anything.
            still = None
        for block, finding in missing:
            if still is None or block.path in still:
                yield finding

    def _read_unlisted(self) -> Iterator[Finding]:
        """Compare what is there with its checksum: without a catalog nothing says what else there should be."""
        for path in sorted(BlockFiles(self.places.metrics).find_files()):
            expected = named_checksum(path)
            self.totals.blocks += 1
            self.totals.without_checksum += expected is None
            try:
                found = file_checksum(self.places.metrics / path)
            except OSError as error:
                yield Finding(f"metrics/{path}", "", f"cannot be read: {(error.strerror or 'refused').lower()}")
                continue
            if expected is not None and found != expected:
                yield Finding(f"metrics/{path}", "", f"holds other bytes than were written (checksum {found:08x})")

    def _read_catalog(self) -> Iterator[Finding]:
        path = self.places.catalog
        if not path.exists():
            if BlockFiles(self.places.metrics).find_files():
                yield Finding(
                    "catalog.db", "", "is missing", "names of stored batches; the next start makes the rest again"
                )
            else:
                self._blocks = []
            return
        try:
            with copied(path, is_live=self.is_live, scratch=self.scratch) as copy:
                fault = find_database_fault(copy)
                if not fault:
                    self._blocks, self._checkpoint = _open_copy(copy)
        except (OSError, sqlite3.Error) as error:
            fault = str(error)
        except StorageError as error:
            fault = error.message
        if fault:
            yield Finding("catalog.db", "", fault, "names of stored batches; the next start makes the rest again")

    def _read_log(self) -> Iterator[Finding]:
        segments = sorted(path for path in self.places.log.glob("*.seg") if path.stem.isdigit())
        for path, after in zip_longest(segments, segments[1:]):
            try:
                yield from self._read_segment(path, int(after.stem) if after is not None else None)
            except StorageError as error:
                # A running server drops segments that are in blocks.
                if path.exists():
                    yield Finding(f"log/{path.name}", "", error.message, "its records")
        for path in sorted(self.places.log.glob(f"*{ASIDE_SUFFIX}")):
            yield Finding(f"log/{path.name}", "", "was set aside as damaged by an earlier start", is_bad=False)

    def _read_segment(self, path: Path, end: int | None) -> Iterator[Finding]:
        """Yield the damages of one segment; ``end`` is where the next one begins, None for the newest."""
        self.totals.segments += 1
        last = int(path.stem) - 1
        damages: list[Damage] = []
        told = 0
        for index, _ in read_segment(path, damages):
            for damage in damages[told:]:
                yield _log_finding(damage, last + 1, index - 1, self._checkpoint)
            told = len(damages)
            last = index
            self.totals.records += 1
        for damage in damages[told:]:
            if end is not None:
                yield _log_finding(damage, last + 1, end - 1, self._checkpoint)
            elif not self.is_live:
                # An interrupted write, of which nobody was told, and a record that changed look the same.
                yield Finding(
                    f"log/{path.name}",
                    _span(damage),
                    f"{damage.reason}: the end of an interrupted write, or a record",
                    is_bad=False,
                )


def _log_finding(damage: Damage, first: int, last: int, checkpoint: int) -> Finding:
    file, place = f"log/{damage.segment.name}", _span(damage)
    if last < first:
        return Finding(file, place, f"{damage.reason}; no record is missing", is_bad=False)
    if last <= checkpoint:
        return Finding(file, place, f"{damage.reason}; its records are in blocks", is_bad=False)
    return Finding(
        file, place, damage.reason, f"log records {first} to {last}" if last > first else f"log record {first}"
    )


def _span(damage: Damage) -> str:
    return f"bytes {damage.offset} to {damage.end}"


def _lost_rows(block: Block) -> str:
    return f"{block.rows} rows of {block.table}, {block.day}"


def _open_copy(copy: Path) -> tuple[list[Block], int]:
    catalog = Catalog(copy)
    try:
        catalog.open()
        return catalog.blocks(), catalog.checkpoint_index()
    finally:
        catalog.close()
