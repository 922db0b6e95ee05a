"""One checksummed, segmented, append-only log: it serves the metric log and the agent's spool.

A directory holds segments named by the index of their first record (``0000000000000001.seg``), each as
``lib/segment_file`` describes. Indexes rise by one and never repeat. A record counts as written once ``sync`` has
returned. A segment that has ended may be removed or replaced by one that holds less, each in one step.

Policies. Torn tail: bytes after the last good record are left where they are and a new segment begins, because a
write that was interrupted and an acknowledged record in which a bit flipped look the same. Damage anywhere: the
records around it stay readable, each gap is listed in ``damages``, and a damaged segment is set aside (``.aside``)
where a whole one is removed; the newest few are kept. A segment that the disk cannot read is an error, or, where the
owner of the log asks for it, damage from end to end. Full disk: ``append`` takes back what it wrote and raises
DiskFullError; the log goes on once there is room. A failed fsync: the unsynchronised records are cut and a new
segment begins, because the kernel may have dropped their pages.

Owned by one thread; nothing here locks.
"""

from __future__ import annotations

import contextlib
import os
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from nagare.errors import DiskFullError, LimitExceededError, StorageError
from nagare.lib.atomic_file import sync_directory, write_atomic
from nagare.lib.invariant import invariant
from nagare.lib.segment_file import (
    RECORD_HEADER_BYTES,
    RECORD_LIMIT_BYTES,
    SEGMENT_HEADER,
    Damage,
    is_lost,
    read_first,
    read_segment,
    record_header,
    segment_header,
    set_aside,
    storage_error,
    translated,
)

_INDEX_LIMIT = 2**64
# 64 MiB keeps replay of one segment under a second and a dropped segment worth its file.
SEGMENT_LIMIT_BYTES = 64 * 1024 * 1024


@dataclass(slots=True)
class _Segment:
    path: Path
    first: int
    size: int


class SegmentLog:
    """An append-only log of byte records in one directory."""

    def __init__(
        self, directory: Path, *, segment_limit_bytes: int = SEGMENT_LIMIT_BYTES, steps_over_unreadable: bool = False
    ) -> None:
        """Describe the log; ``open`` touches the disk."""
        self._directory = directory
        self._steps_over_unreadable = steps_over_unreadable
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
        with translated("open log", self._directory):
            if not self._directory.is_dir():
                self._directory.mkdir(parents=True, mode=0o700)
                # Else a power cut could take the folder, and with it every record that was synchronised.
                sync_directory(self._directory.parent)
            for left in self._directory.glob(".*.seg.*"):
                # A rewrite that a crash cut short; the segment itself is as it was.
                left.unlink(missing_ok=True)
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
            chunks.append(record_header(index, payload))
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
            raise storage_error("sync log", self._directory, error) from error
        self._synced_offset = self._segments[-1].size
        self._synced_next = self._next

    def rotate(self) -> None:
        """End the open segment, so that the next record starts a new one."""
        self.sync()
        self.close()

    def seal(self) -> None:
        """End the open segment and begin the next, so that all others may be removed or rewritten."""
        if self._segments and self._segments[-1].first < self._next:
            self.rotate()
            self._start_segment()

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
            yield from self._read(segment, start, end)

    def _read(self, segment: _Segment, start: int, end: int) -> Iterator[tuple[int, bytes]]:
        known = len(self.damages)
        try:
            for index, payload in self._records(segment, self.damages):
                if start <= index < end:
                    yield index, payload
        finally:
            if len(self.damages) > known:
                self._damaged.add(segment.path)

    def _records(self, segment: _Segment, damages: list[Damage]) -> Iterator[tuple[int, bytes]]:
        try:
            yield from read_segment(segment.path, damages)
        except StorageError as error:
            if not self._steps_over_unreadable or not is_lost(error):
                raise
            damages.append(Damage(segment.path, 0, segment.size, error.message))

    def drop_before(self, index: int) -> int:
        """Remove the segments that hold only records below ``index``; return the bytes freed."""
        freed = 0
        while len(self._segments) > 1 and self._segments[1].first <= index:
            freed += self._take_out(0)
        is_spent = len(self._segments) == 1 and self._segments[0].first < self._next <= index
        if is_spent and self._descriptor < 0:
            # The next index must survive in a name, or a reopened empty log would start at one again.
            self._start_segment()
            freed += self._take_out(0)
        if freed:
            sync_directory(self._directory)
        return freed

    def read(self, first: int) -> Iterator[tuple[int, bytes]]:
        """Yield (index, payload) of the segment that begins with index ``first``, as ``replay`` does."""
        place = self._place(first)
        end = self._segments[place + 1].first if place + 1 < len(self._segments) else _INDEX_LIMIT
        return self._read(self._segments[place], first, end)

    def read_first(self, first: int) -> bytes | None:
        """Return the first record alone of the segment that begins with ``first``; None when it does not read back."""
        return read_first(self._segments[self._place(first)].path)

    def remove(self, first: int) -> int:
        """Remove the segment that begins with index ``first``, whatever waits before it; return the bytes freed."""
        place = self._place(first)
        if place == len(self._segments) - 1:
            # The next index must survive in a name.
            try:
                self.seal()
            except DiskFullError:
                return self._empty_last()
        freed = self._take_out(place)
        # One that a power cut brings back has left for whoever asked for this, too.
        with contextlib.suppress(OSError):
            sync_directory(self._directory)
        return freed

    def rewrite(self, first: int, records: Iterable[tuple[int, bytes]]) -> int:
        """Put ``records`` in the place of what the segment holds that begins with ``first``; return the bytes freed.

        Their indexes are some of those that it had. A reader, and a crash, find the old segment or the new one.
        """
        place = self._place(first)
        invariant(place < len(self._segments) - 1, f"segment {first} must have ended before it is rewritten")
        segment = self._segments[place]
        chunks = [chunk for index, payload in records for chunk in (record_header(index, payload), payload)]
        content = b"".join((segment_header(first), *chunks))
        with translated("rewrite segment", segment.path):
            write_atomic(segment.path, content)
        self._damaged.discard(segment.path)
        freed, segment.size = segment.size - len(content), len(content)
        return freed

    def _place(self, first: int) -> int:
        place = bisect_left(self._segments, first, key=_first)
        invariant(
            place < len(self._segments) and self._segments[place].first == first, f"segment {first} must be there"
        )
        return place

    def _take_out(self, place: int) -> int:
        segment = self._segments[place]
        with translated("remove segment", segment.path):
            if segment.path in self._damaged:
                self._damaged.discard(segment.path)
                set_aside(segment.path)
            else:
                segment.path.unlink(missing_ok=True)
        del self._segments[place]
        return segment.size

    def _empty_last(self) -> int:
        """Make the last segment the next one, with nothing in it: a full disk gives room without a new file first."""
        segment = self._segments[-1]
        path = self._directory / f"{self._next:016d}.seg"
        with translated("empty segment", segment.path):
            segment.path.replace(path)
        self._damaged.discard(segment.path)
        freed, segment.path, segment.first = 0, path, self._next
        # What lies below the new name is nobody's any more, whether it goes now or with the next record.
        with contextlib.suppress(OSError):
            with path.open("r+b") as file:
                file.write(segment_header(self._next))
                file.truncate()
            freed, segment.size = segment.size - SEGMENT_HEADER.size, SEGMENT_HEADER.size
            sync_directory(self._directory)
        return freed

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
            raise storage_error("append to log", segment.path, error) from error
        segment.size += written

    def _start_segment(self) -> None:
        if self._descriptor >= 0:
            self.rotate()
        path = self._directory / f"{self._next:016d}.seg"
        with translated("start segment", path):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                os.pwrite(descriptor, segment_header(self._next), 0)
                os.fsync(descriptor)
                sync_directory(self._directory)
            except OSError:
                os.close(descriptor)
                if not self._segments or self._segments[-1].path != path:
                    path.unlink(missing_ok=True)
                raise
        self._descriptor = descriptor
        if self._segments and self._segments[-1].path == path:
            self._segments.pop()
        self._segments.append(_Segment(path, self._next, SEGMENT_HEADER.size))
        self._synced_offset = SEGMENT_HEADER.size
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
        for index, _ in self._records(segment, tail):
            self._next = index + 1
        if any(damage.offset == 0 and damage.end == segment.size for damage in tail):
            # How many records it had nobody knows; none of their indexes may come again.
            self._next = max(self._next, segment.first + segment.size // RECORD_HEADER_BYTES)
        invariant(self._next >= segment.first, f"next index {self._next} must not precede segment {segment.first}")
        if segment.size > SEGMENT_HEADER.size and tail and tail[-1].end == segment.size:
            if self._next == segment.first:
                # The next segment will have its name.
                set_aside(segment.path)
                self.damages.extend(tail)
                self._segments.pop()
            return
        descriptor = os.open(segment.path, os.O_RDWR)
        if segment.size < SEGMENT_HEADER.size or (tail and segment.size == SEGMENT_HEADER.size):
            # The crash came between making the file and its header: nothing was ever in it.
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, segment_header(segment.first), 0)
            os.fsync(descriptor)
            segment.size = SEGMENT_HEADER.size
        self._descriptor = descriptor
        self._synced_offset = segment.size


def _first(segment: _Segment) -> int:
    return segment.first


def read_log(directory: Path, start: int, damages: list[Damage]) -> Iterator[tuple[int, bytes]]:
    """Yield (index, payload) from ``start`` on without opening the log: nothing is created, cut or locked."""
    for segment, end in _with_ends(_find_segments(directory)):
        if end <= start:
            continue
        for index, payload in read_segment(segment.path, damages):
            if start <= index < end:
                yield index, payload


def _with_ends(segments: Sequence[_Segment]) -> list[tuple[_Segment, int]]:
    """Return each segment with the index that it does not reach: where the next begins, which wins if both hold one."""
    ends = [segment.first for segment in segments[1:]]
    return list(zip(segments, [*ends, _INDEX_LIMIT], strict=False))


def _find_segments(directory: Path) -> list[_Segment]:
    paths = sorted(path for path in directory.glob("*.seg") if path.stem.isdigit())
    return [_Segment(path, int(path.stem), path.stat().st_size) for path in paths]
