"""One checksummed, segmented, append-only log: it serves the metric log and the agent's spool.

A directory holds segments named by the index of their first record (``0000000000000001.seg``). A segment is a
16-byte header (magic, first index) and records::

    magic 4s | length u32 | index u64 | crc32 u32 | payload          little endian, crc over length, index, payload

Indexes rise by one and never repeat. A record counts as written once ``sync`` has returned. Each record carries its
magic and index, so that a reader can step over damage and still find what follows it.

Policies. Torn tail: bytes after the last good record are left where they are and a new segment begins, because a
write that was interrupted and an acknowledged record in which a bit flipped look the same. Damage anywhere: the
records around it stay readable, each gap is listed in ``damages``, and a damaged segment is set aside (``.aside``)
where a whole one is removed; the newest few are kept. Full disk: ``append`` takes back what it wrote and raises
DiskFullError; the log goes on once there is room. A failed fsync: the unsynchronised records are cut and a new
segment begins, because the kernel may have dropped their pages.

Owned by one thread; nothing here locks.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from nagare.errors import DiskFullError, LimitExceededError, ReadOnlyError, StorageError
from nagare.lib.atomic_file import sync_directory
from nagare.lib.invariant import invariant

log = logging.getLogger(__name__)

SEGMENT_MAGIC = b"NGSEG\x00\x00\x01"
RECORD_MAGIC = b"\xd1NR\x01"
_SEGMENT_HEADER = struct.Struct("<8sQ")
_RECORD_HEADER = struct.Struct("<4sIQI")
_CHECKED = struct.Struct("<IQ")
_INDEX_LIMIT = 2**64
# A length above this is damage, not a record: it bounds what a flipped bit can make a reader allocate.
RECORD_LIMIT_BYTES = 64 * 1024 * 1024
# 64 MiB keeps replay of one segment under a second and a dropped segment worth its file.
SEGMENT_LIMIT_BYTES = 64 * 1024 * 1024
# Damaged segments that are kept for whoever wants to look; the oldest goes first.
ASIDE_LIMIT = 8
ASIDE_SUFFIX = ".aside"


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes of a segment that are no record: ``offset`` up to ``end``."""

    segment: Path
    offset: int
    end: int
    reason: str


@dataclass(slots=True)
class _Segment:
    path: Path
    first: int
    size: int


class SegmentLog:
    """An append-only log of byte records in one directory."""

    def __init__(self, directory: Path, *, segment_limit_bytes: int = SEGMENT_LIMIT_BYTES) -> None:
        """Describe the log; ``open`` touches the disk."""
        self._directory = directory
        self._segment_limit = segment_limit_bytes
        self._segments: list[_Segment] = []
        self._descriptor = -1
        self._next = 1
        # Where the last successful sync ended, in the open segment: the point a failed sync returns to.
        self._synced_offset = 0
        self._synced_next = 1
        # Segments in which damage was seen: set aside, not removed, once they are not needed.
        self._damaged: set[Path] = set()
        self.damages: list[Damage] = []

    @property
    def next_index(self) -> int:
        """The index that the next record will get."""
        return self._next

    @property
    def first_index(self) -> int:
        """The lowest index that may still be readable; equals ``next_index`` when the log is empty."""
        return self._segments[0].first if self._segments else self._next

    @property
    def segment_starts(self) -> list[int]:
        """The first index of each segment, oldest first: the borders at which ``drop_before`` frees space."""
        return [segment.first for segment in self._segments]

    @property
    def size_bytes(self) -> int:
        """Bytes of all segments."""
        return sum(segment.size for segment in self._segments)

    def __enter__(self) -> Self:
        """Open for writing."""
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close without a final sync: what was not synced was never promised."""
        self.close()

    def open(self) -> None:
        """Find the segments, step behind a torn tail, and be ready to append. Raises StorageError."""
        with _translated("open log", self._directory):
            if not self._directory.is_dir():
                self._directory.mkdir(parents=True, mode=0o700)
                # Else a power cut could take the folder, and with it every record that was synchronised.
                sync_directory(self._directory.parent)
            self._segments = _find_segments(self._directory)
            self._next = self._segments[-1].first if self._segments else 1
            self._open_last()
        self._synced_next = self._next

    def close(self) -> None:
        """Close the open segment."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def append(self, payloads: Iterable[bytes]) -> int:
        """Write ``payloads`` as consecutive records and return the index of the last one; not durable before ``sync``.

        All or nothing: when the disk is full none of them stays. Raises DiskFullError, ReadOnlyError, StorageError.
        """
        chunks: list[bytes] = []
        index = self._next
        for payload in payloads:
            if len(payload) > RECORD_LIMIT_BYTES:
                raise LimitExceededError(
                    f"cannot append record of {len(payload)} bytes: the limit is {RECORD_LIMIT_BYTES}"
                )
            checked = _CHECKED.pack(len(payload), index)
            checksum = zlib.crc32(payload, zlib.crc32(checked))
            chunks.append(_RECORD_HEADER.pack(RECORD_MAGIC, len(payload), index, checksum))
            chunks.append(payload)
            index += 1
        if index == self._next:
            return self._next - 1
        self._write(b"".join(chunks))
        self._next = index
        return index - 1

    def sync(self) -> None:
        """Make every appended record durable. Raises StorageError, and then the unsynchronised records are gone."""
        if self._descriptor < 0:
            return
        try:
            os.fdatasync(self._descriptor)
        except OSError as error:
            self._drop_unsynced()
            raise _storage_error("sync log", self._directory, error) from error
        self._synced_offset = self._segments[-1].size
        self._synced_next = self._next

    def rotate(self) -> None:
        """End the open segment, so that the next record starts a new one."""
        self.sync()
        self.close()

    def skip_to(self, index: int) -> None:
        """Let the next record have at least ``index``: what lies below is known to be kept elsewhere."""
        if self._next < index:
            self.rotate()
            self._next = self._synced_next = index

    def replay(self, start: int = 1) -> Iterator[tuple[int, bytes]]:
        """Yield (index, payload) from index ``start`` on, stepping over damage, which is added to ``damages``."""
        for segment, end in _with_ends(self._segments):
            if end <= start:
                continue
            known = len(self.damages)
            try:
                for index, payload in read_segment(segment.path, self.damages):
                    if start <= index < end:
                        yield index, payload
            finally:
                if len(self.damages) > known:
                    self._damaged.add(segment.path)

    def drop_before(self, index: int) -> int:
        """Remove the segments that hold only records below ``index``; return the bytes freed."""
        freed = 0
        while len(self._segments) > 1 and self._segments[1].first <= index:
            freed += self._remove_first()
        is_spent = len(self._segments) == 1 and self._segments[0].first < self._next <= index
        if is_spent and self._descriptor < 0:
            # The next index must survive in a name, or a reopened empty log would start at one again.
            self._start_segment()
            freed += self._remove_first()
        if freed:
            sync_directory(self._directory)
        return freed

    def _remove_first(self) -> int:
        segment = self._segments.pop(0)
        with _translated("remove segment", segment.path):
            if segment.path in self._damaged:
                self._damaged.discard(segment.path)
                _set_aside(segment.path)
            else:
                segment.path.unlink(missing_ok=True)
        return segment.size

    def _write(self, content: bytes) -> None:
        if self._descriptor < 0 or self._segments[-1].size >= self._segment_limit:
            self._start_segment()
        segment = self._segments[-1]
        view = memoryview(content)
        written = 0
        try:
            while written < len(view):
                written += os.pwrite(self._descriptor, view[written:], segment.size + written)
        except OSError as error:
            try:
                os.ftruncate(self._descriptor, segment.size)
            except OSError:
                # What stays behind may hold whole records that were refused: a new segment begins, and it wins.
                self.close()
            raise _storage_error("append to log", segment.path, error) from error
        segment.size += written

    def _start_segment(self) -> None:
        if self._descriptor >= 0:
            self.rotate()
        path = self._directory / f"{self._next:016d}.seg"
        with _translated("start segment", path):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                os.pwrite(descriptor, _SEGMENT_HEADER.pack(SEGMENT_MAGIC, self._next), 0)
                os.fsync(descriptor)
                sync_directory(self._directory)
            except OSError:
                os.close(descriptor)
                path.unlink(missing_ok=True)
                raise
        self._descriptor = descriptor
        if self._segments and self._segments[-1].path == path:
            self._segments.pop()
        self._segments.append(_Segment(path, self._next, _SEGMENT_HEADER.size))
        self._synced_offset = _SEGMENT_HEADER.size
        self._synced_next = self._next

    def _drop_unsynced(self) -> None:
        segment = self._segments[-1]
        # Where even this fails, a later segment that repeats an index wins.
        with contextlib.suppress(OSError):
            os.ftruncate(self._descriptor, self._synced_offset)
        segment.size = self._synced_offset
        self._next = self._synced_next
        self.close()

    def _open_last(self) -> None:
        """Go on in the last segment, or leave it for a new one when what is at its end does not read back."""
        if not self._segments:
            return
        segment = self._segments[-1]
        tail: list[Damage] = []
        for index, _ in read_segment(segment.path, tail):
            self._next = index + 1
        invariant(self._next >= segment.first, f"next index {self._next} must not precede segment {segment.first}")
        if segment.size > _SEGMENT_HEADER.size and tail and tail[-1].end == segment.size:
            if self._next == segment.first:
                # The next segment will have its name.
                _set_aside(segment.path)
                self.damages.extend(tail)
                self._segments.pop()
            return
        descriptor = os.open(segment.path, os.O_RDWR)
        if segment.size < _SEGMENT_HEADER.size or (tail and segment.size == _SEGMENT_HEADER.size):
            # The crash came between making the file and its header: nothing was ever in it.
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, _SEGMENT_HEADER.pack(SEGMENT_MAGIC, segment.first), 0)
            os.fsync(descriptor)
            segment.size = _SEGMENT_HEADER.size
        self._descriptor = descriptor
        self._synced_offset = segment.size


def _set_aside(path: Path) -> None:
    """Rename a damaged segment, so that nothing reads it any more and a person still can."""
    if path.exists():
        path.replace(path.with_name(path.name + ASIDE_SUFFIX))
        log.warning("segment_set_aside name=%s", path.name)
    for old in sorted(path.parent.glob(f"*{ASIDE_SUFFIX}"))[:-ASIDE_LIMIT]:
        old.unlink(missing_ok=True)


def read_log(directory: Path, start: int, damages: list[Damage]) -> Iterator[tuple[int, bytes]]:
    """Yield (index, payload) from ``start`` on without opening the log: nothing is created, cut or locked."""
    for segment, end in _with_ends(_find_segments(directory)):
        if end <= start:
            continue
        for index, payload in read_segment(segment.path, damages):
            if start <= index < end:
                yield index, payload


def read_segment(path: Path, damages: list[Damage]) -> Iterator[tuple[int, bytes]]:
    """Yield (index, payload) of each good record of one segment file; what is none is added to ``damages``."""
    with _translated("read segment", path):
        content = path.read_bytes()
    offset = _SEGMENT_HEADER.size if content.startswith(SEGMENT_MAGIC) else 0
    if offset == 0 and content:
        damages.append(Damage(path, 0, min(len(content), _SEGMENT_HEADER.size), "segment header does not read back"))
        offset = min(len(content), _SEGMENT_HEADER.size)
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


def _with_ends(segments: Sequence[_Segment]) -> list[tuple[_Segment, int]]:
    """Return each segment with the index that it does not reach: where the next begins, which wins if both hold one."""
    ends = [segment.first for segment in segments[1:]]
    return list(zip(segments, [*ends, _INDEX_LIMIT], strict=False))


def _find_segments(directory: Path) -> list[_Segment]:
    paths = sorted(path for path in directory.glob("*.seg") if path.stem.isdigit())
    return [_Segment(path, int(path.stem), path.stat().st_size) for path in paths]


def _storage_error(verb: str, path: Path, error: OSError) -> StorageError:
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


class _translated:  # noqa: N801  reads as a statement
    """Turns OSError inside the block into our StorageError."""

    def __init__(self, verb: str, path: Path) -> None:
        self._verb = verb
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, OSError):
            raise _storage_error(self._verb, self._path, error) from error
