"""One segment file of ``lib/segment_log``: its bytes, written and read back, and what damage in it looks like.

A 16-byte header (magic, first index) and records::

    magic 4s | length u32 | index u64 | crc32 u32 | payload          little endian, crc over length, index, payload

Each record carries its magic and index, so that a reader can step over damage and still find what follows it.
"""

from __future__ import annotations

import errno
import logging
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from nagare.errors import DiskFullError, ReadOnlyError, StorageError

log = logging.getLogger(__name__)

# Damaged segments that are kept for whoever wants to look; the oldest goes first.
ASIDE_LIMIT = 8
ASIDE_SUFFIX = ".aside"
# What a disk says that has lost what was written there; a wrong owner or too many open files are something else.
_LOST = frozenset((errno.EIO, errno.EUCLEAN, errno.EBADMSG, errno.ENODATA))
SEGMENT_MAGIC = b"NGSEG\x00\x00\x01"
RECORD_MAGIC = b"\xd1NR\x01"
SEGMENT_HEADER = struct.Struct("<8sQ")
_RECORD_HEADER = struct.Struct("<4sIQI")
_CHECKED = struct.Struct("<IQ")
RECORD_HEADER_BYTES = _RECORD_HEADER.size
# A length above this is damage, not a record: it bounds what a flipped bit can make a reader allocate.
RECORD_LIMIT_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes of a segment that are no record: ``offset`` up to ``end``."""

    segment: Path
    offset: int
    end: int
    reason: str


def segment_header(first: int) -> bytes:
    """Return what a segment begins with whose first record has index ``first``."""
    return SEGMENT_HEADER.pack(SEGMENT_MAGIC, first)


def record_header(index: int, payload: bytes) -> bytes:
    """Return what stands before ``payload`` in a segment."""
    checksum = zlib.crc32(payload, zlib.crc32(_CHECKED.pack(len(payload), index)))
    return _RECORD_HEADER.pack(RECORD_MAGIC, len(payload), index, checksum)


def read_first(path: Path) -> bytes | None:
    """Return the first record of a segment without reading the others; None when it does not read back."""
    with translated("read segment", path), path.open("rb") as file:
        head = file.read(SEGMENT_HEADER.size + _RECORD_HEADER.size)
        if len(head) < SEGMENT_HEADER.size + _RECORD_HEADER.size:
            return None
        length = _RECORD_HEADER.unpack_from(head, SEGMENT_HEADER.size)[1]
        if length > RECORD_LIMIT_BYTES:
            return None
        content = head + file.read(length)
    record = _record_at(content, SEGMENT_HEADER.size)
    return None if record is None else content[record[1] : record[2]]


def read_segment(path: Path, damages: list[Damage]) -> Iterator[tuple[int, bytes]]:
    """Yield (index, payload) of each good record of one segment file; what is none is added to ``damages``."""
    with translated("read segment", path):
        content = path.read_bytes()
    offset = SEGMENT_HEADER.size if content.startswith(SEGMENT_MAGIC) else 0
    if offset == 0 and content:
        damages.append(Damage(path, 0, min(len(content), SEGMENT_HEADER.size), "segment header does not read back"))
        offset = min(len(content), SEGMENT_HEADER.size)
    while offset < len(content):
        record = _record_at(content, offset)
        if record is None:
            after = _find_record(content, offset + 1)
            damages.append(Damage(path, offset, after, "bytes are not a record or fail their checksum"))
            offset = after
            continue
        index, start, end = record
        yield index, content[start:end]
        offset = end


def _record_at(content: bytes, offset: int) -> tuple[int, int, int] | None:
    start = offset + _RECORD_HEADER.size
    if start > len(content):
        return None
    magic, length, index, checksum = _RECORD_HEADER.unpack_from(content, offset)
    end = start + length
    if magic != RECORD_MAGIC or length > RECORD_LIMIT_BYTES or end > len(content):
        return None
    if zlib.crc32(content[start:end], zlib.crc32(_CHECKED.pack(length, index))) != checksum:
        return None
    return index, start, end


def _find_record(content: bytes, offset: int) -> int:
    """Return where the next good record starts at or after ``offset``; the end of ``content`` when none does."""
    while (offset := content.find(RECORD_MAGIC, offset)) >= 0:
        if _record_at(content, offset) is not None:
            return offset
        offset += 1
    return len(content)


def is_lost(error: StorageError) -> bool:
    """Return whether the disk itself cannot give back what was to be read."""
    return isinstance(error.__cause__, OSError) and error.__cause__.errno in _LOST


def storage_error(verb: str, path: Path, error: OSError) -> StorageError:
    """Return ours for the system's error in trying to ``verb`` at ``path``."""
    # EFBIG: the process may not write files of that size, which is room denied all the same.
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return DiskFullError(
            f"cannot {verb} {path}: no space left on device", hint="free some space; writing resumes by itself"
        )
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return ReadOnlyError(
            f"cannot {verb} {path}: {error.strerror}", hint="check the owner and the mount of the data directory"
        )
    return StorageError(f"cannot {verb} {path}: {error.strerror}")


def set_aside(path: Path) -> None:
    """Rename a damaged segment, so that nothing reads it any more and a person still can."""
    if path.exists():
        path.replace(path.with_name(path.name + ASIDE_SUFFIX))
        log.warning("segment_set_aside name=%s", path.name)
    for old in sorted(path.parent.glob(f"*{ASIDE_SUFFIX}"))[:-ASIDE_LIMIT]:
        old.unlink(missing_ok=True)


class translated:  # noqa: N801  reads as a statement
    """Turns OSError inside the block into our StorageError."""

    def __init__(self, verb: str, path: Path) -> None:
        """Tell what was tried, and where."""
        self._verb = verb
        self._path = path

    def __enter__(self) -> None:
        """Enter the block."""
        return

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raise ours for the system's error."""
        if isinstance(error, OSError):
            raise storage_error(self._verb, self._path, error) from error
