"""Tells which blocks are not what was written, and takes those out of what is read, so that the others still answer.

Whoever reads blocks asks here first: a block that this process has not looked at yet is compared with its checksum,
because most flipped bits decode to other values without an error. One whose bytes differ is set aside for good; one
that only cannot be read (a disk that is away, a missing file) is left out, and counts again at the next start.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from nagare.errors import CorruptBlockError
from nagare.metrics.blocks.catalog import Block
from nagare.metrics.blocks.checksum import file_checksum, named_checksum
from nagare.metrics.blocks.files import BlockFiles
from nagare.metrics.blocks.library import Library
from nagare.metrics.bucket.cache import BlockCache, NoCache
from nagare.metrics.bucket.objects import never
from nagare.metrics.engine import quote_text

# What says nothing about a file: it is as it was once the process has room again.
_NOT_THE_FILE = ("too many open files", "cannot allocate memory", "allocation failure")
# Bytes that one query compares before it runs, some 20 ms of work; what it asks for beyond that is left to the scrub.
FIRST_LOOK_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a block. ``is_lasting``: its bytes were read and are others, so no retry mends it."""

    text: str
    is_lasting: bool = False


@dataclass(slots=True)
class Tally:
    """What was found so far; numbers only rise, and a lost update costs no more than a count."""

    scrubbed_bytes: int = 0
    quarantined: int = 0


@dataclass(frozen=True, slots=True)
class BlockCheck:
    """Looks at blocks; ``told`` hears of each that is taken out. Used from query threads and maintenance."""

    files: BlockFiles
    library: Library
    told: Callable[[str], None]
    tally: Tally = field(default_factory=Tally)
    # A reader of a stopped installation changes nothing in it.
    may_set_aside: bool = True
    # Where files come from that are not here.
    cache: BlockCache = field(default_factory=NoCache)

    @property
    def directory(self) -> Path:
        """The folder that blocks' paths are relative to."""
        return self.files.directory

    @contextmanager
    def reading(
        self, blocks: Sequence[Block], limit_bytes: int | None = None, stop: Callable[[], None] = never
    ) -> Iterator[None]:
        """Let the block of code read ``blocks``, all compared with their checksums; with ``limit_bytes`` only unknown ones.

        With ``limit_bytes`` what is in the bucket alone is not fetched either: the code says by ``cache.need`` what of it
        it reads. Raises CorruptBlockError; what is wrong is out of the library then, and whoever asks again does without it.
        """
        with self.cache.holding(stop):
            if limit_bytes is None:
                self.cache.need(blocks)
            if faults := self._first_look(blocks, limit_bytes):
                raise block_error(faults)
            yield

    def take_out(self, cursor: duckdb.DuckDBPyConnection, blocks: Iterable[Block]) -> list[str]:
        """Take those of ``blocks`` that do not read back out of the library; return what is wrong with each.

        Raises duckdb.InterruptException and OutOfMemoryException, which say nothing about a block.
        """
        faults = []
        for block in blocks:
            if self.cache.is_elsewhere(block):
                continue
            fault = find_damage(self.directory, block) or find_misread(cursor, self.directory, block)
            if fault is not None:
                faults.append(self._leave_out(block, fault))
        return faults

    def look(self, block: Block, *, from_disk: bool = False) -> str:
        """Compare one block with its checksum; return what is wrong, which is left out then, or nothing."""
        if self.cache.is_elsewhere(block):
            return ""
        fault = find_damage(self.directory, block, from_disk=from_disk)
        if fault is None:
            self.files.looks.add(block.path)
            return ""
        return self._leave_out(block, fault)

    def _first_look(self, blocks: Iterable[Block], limit_bytes: int | None) -> list[str]:
        faults = []
        seen = 0
        for block in blocks:
            if limit_bytes is not None:
                if self.files.looks.turn(block.path):
                    continue
                seen += block.bytes
                if seen > limit_bytes:
                    break
            if fault := self.look(block):
                faults.append(fault)
        return faults

    def lose(self, block: Block, text: str) -> str:
        """Leave out a block that is in the bucket alone and does not come back as it was; return what is wrong."""
        return self._leave_out(block, Fault(text))

    def _leave_out(self, block: Block, fault: Fault) -> str:
        if self.library.remove(block):
            self.told(
                f"{block.path}: {fault.text}; its {block.rows} rows are left out {self._quarantine(block, fault)}"
            )
        return f"{block.path}: {fault.text}"

    def _quarantine(self, block: Block, fault: Fault) -> str:
        if not fault.is_lasting or not self.may_set_aside:
            return "until the next start"
        try:
            aside = self.files.set_aside(block.path)
        except OSError:
            # Gone meanwhile, or a disk that takes no writes: left out is enough.
            return "until the next start"
        self.tally.quarantined += 1
        return f"and kept as {aside}"


def find_damage(directory: Path, block: Block, *, from_disk: bool = False) -> Fault | None:
    """Compare the bytes of ``block`` with its size and checksum; None when they are what was written."""
    path = directory / block.path
    try:
        size = path.stat().st_size
        expected = named_checksum(block.path)
        if size == block.bytes and expected is not None:
            found = file_checksum(path, from_disk=from_disk)
            is_sound = found == expected
            seen = f"checksum {found:08x}"
        else:
            is_sound = size == block.bytes
            seen = f"size {size} instead of {block.bytes}"
    except FileNotFoundError:
        return Fault("the catalog lists this block, but its file is missing")
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOMEM):
            return None
        return Fault(f"cannot be read: {(error.strerror or 'refused').lower()}")
    return (
        None
        if is_sound
        else Fault(f"does not read back: holds other bytes than were written ({seen})", is_lasting=True)
    )


def find_misread(cursor: duckdb.DuckDBPyConnection, directory: Path, block: Block) -> Fault | None:
    """Decode ``block`` whole; None when it has the rows and columns that it had.

    Raises duckdb.InterruptException and OutOfMemoryException, which say nothing about a block.
    """
    source = f"read_parquet({quote_text(str(directory / block.path))}, hive_partitioning = false)"
    try:
        described = cursor.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()  # noqa: S608  made by us
        found = cursor.execute(f"SELECT count(*), bit_xor(hash(block)) FROM {source} AS block").fetchone()  # noqa: S608  made by us
    except (duckdb.InterruptException, duckdb.OutOfMemoryException):
        raise
    except duckdb.Error as error:
        said = str(error).lower()
        return None if any(sign in said for sign in _NOT_THE_FILE) else Fault("does not read back")
    names = ",".join(str(row[0]) for row in described)
    is_sound = found is not None and found[0] == block.rows and names == block.columns
    return None if is_sound else Fault("holds other rows than it had")


def find_undecodable(cursor: duckdb.DuckDBPyConnection, path: Path) -> str:
    """Decode any Parquet file whole; return what is wrong, or nothing.

    Raises duckdb.InterruptException and OutOfMemoryException, which say nothing about a file.
    """
    source = f"read_parquet({quote_text(str(path))}, hive_partitioning = false)"
    try:
        cursor.execute(f"SELECT bit_xor(hash(file)) FROM {source} AS file").fetchone()  # noqa: S608  made by us
    except (duckdb.InterruptException, duckdb.OutOfMemoryException):
        raise
    except duckdb.Error as error:
        said = str(error).lower()
        return "" if any(sign in said for sign in _NOT_THE_FILE) else "does not read back"
    return ""


def find_bad_row_group(cursor: duckdb.DuckDBPyConnection, directory: Path, block: Block) -> str:
    """Name the first row group of ``block`` that does not decode; empty when that cannot be said.

    Raises duckdb.InterruptException and OutOfMemoryException, which say nothing about a block.
    """
    file = quote_text(str(directory / block.path))
    try:
        groups = cursor.execute(
            f"SELECT row_group_id, min(row_group_num_rows) FROM parquet_metadata({file}) GROUP BY 1 ORDER BY 1"  # noqa: S608  made by us
        ).fetchall()
    except (duckdb.InterruptException, duckdb.OutOfMemoryException):
        raise
    except duckdb.Error:
        return "footer"
    start = 0
    for number, rows in groups:
        try:
            cursor.execute(
                f"SELECT bit_xor(hash(block)) FROM read_parquet({file}, hive_partitioning = false, file_row_number = true) "  # noqa: S608  made by us
                f"AS block WHERE file_row_number >= {start} AND file_row_number < {start + rows}"
            ).fetchone()
        except (duckdb.InterruptException, duckdb.OutOfMemoryException):
            raise
        except duckdb.Error:
            return f"row group {number}"
        start += rows
    return ""


def block_error(faults: Sequence[str]) -> CorruptBlockError:
    """Return the error for blocks that are not what was written and are left out from now on."""
    more = f" and {len(faults) - 1} more" if len(faults) > 1 else ""
    return CorruptBlockError(
        f"cannot read block {faults[0]}{more}",
        hint="asked again, the other blocks answer without it; restore the file from a backup and restart, see `nagare doctor`",
    )
