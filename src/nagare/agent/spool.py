"""Batches on disk that wait for the server: synced before they count, oldest first, bounded, and kept over a kill.

A record goes out of the spool in order (``acknowledge``); what was acknowledged since the last note of it may be
delivered again after a crash, which is harmless because (host, boot, seq) names a batch for ever. Beyond the limit the
oldest segment is dropped and its batches are counted. Blocking; owned by one thread.
"""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass
from pathlib import Path

from nagare.agent.batches import Packed
from nagare.errors import StorageError
from nagare.lib.atomic_file import write_atomic
from nagare.lib.counters import Counters
from nagare.lib.segment_log import SegmentLog

log = logging.getLogger(__name__)

# Small segments: a dropped one loses little, and finding a batch reads one of them.
_SEGMENT_LIMIT_BYTES = 2**20
_SEGMENTS_AT_LEAST = 8
# Records read at one time when the backlog is sent: a few requests' worth.
_READ_RECORDS = 16
# The note of what was acknowledged is renewed after so many; a crash repeats at most these.
_NOTE_EVERY = 64
_SET_ASIDE_FILES = 8
# What the log puts around a record: its header, and that of a segment that may have to begin.
_HEADERS_BYTES = 64


@dataclass(frozen=True, slots=True)
class Waiting:
    """One spooled batch and its place."""

    index: int
    packed: Packed


class Spool:
    """The queue on disk in ``directory``."""

    def __init__(self, directory: Path, *, limit_bytes: int) -> None:
        """Describe the spool; ``open`` touches the disk."""
        self._limit_bytes = limit_bytes
        self._note = directory / "acknowledged"
        segment_limit = max(4096, min(_SEGMENT_LIMIT_BYTES, limit_bytes // _SEGMENTS_AT_LEAST))
        self._log = SegmentLog(directory, segment_limit_bytes=segment_limit)
        self._next_read = 1
        self._noted = 1
        self._damages: set[tuple[Path, int]] = set()
        # Counts "spooled", "dropped" and "damaged" batches or places since the start.
        self.counters = Counters()

    @property
    def count(self) -> int:
        """Batches that wait; damage on the disk can make it too high."""
        return self._log.next_index - self._next_read

    @property
    def size_bytes(self) -> int:
        """Bytes of batches that wait, zero when none does."""
        return self._log.size_bytes if self.count else 0

    def open(self) -> None:
        """Find what an earlier run left. Raises StorageError."""
        self._log.open()
        with contextlib.suppress(OSError, ValueError):
            self._next_read = int(self._note.read_text())
        # A note from before the log was removed must not hide what came after.
        self._next_read = min(max(self._next_read, self._log.first_index), self._log.next_index)
        self._noted = self._next_read

    def close(self) -> None:
        """Keep the place and close the log."""
        with contextlib.suppress(OSError):
            self._write_note()
        self._log.close()

    def append(self, packed: Packed) -> int:
        """Store a batch durably and return its index. Raises StorageError, DiskFullError."""
        record = packed.to_record()
        self._make_room(len(record) + _HEADERS_BYTES)
        index = self._log.append([record])
        self._log.sync()
        self.counters.add("spooled")
        return index

    def read(self) -> list[Waiting]:
        """Return the oldest few that wait; empty when none does."""
        found = []
        for index, record in self._log.replay(self._next_read):
            try:
                found.append(Waiting(index, Packed.from_record(record)))
            except ValueError:
                self.counters.add("damaged")
            if len(found) == _READ_RECORDS:
                break
        self._count_damages()
        if not found and self.count:
            # Nothing of what is left reads back.
            self.acknowledge(self._log.next_index - 1)
        return found

    def acknowledge(self, index: int) -> None:
        """Take everything up to ``index`` out. Raises StorageError."""
        if index < self._next_read:
            return
        self._next_read = index + 1
        if not self.count:
            self._log.rotate()
        self._log.drop_before(self._next_read)
        if not self.count or self._next_read - self._noted >= _NOTE_EVERY:
            try:
                self._write_note()
            except OSError as error:
                raise StorageError(f"cannot write {self._note}: {error.strerror}") from error

    def _write_note(self) -> None:
        if self._noted != self._next_read:
            write_atomic(self._note, str(self._next_read).encode(), durable=False)
            self._noted = self._next_read

    def _make_room(self, size: int) -> None:
        while self._log.size_bytes + size > self._limit_bytes:
            starts = self._log.segment_starts
            if not starts:
                return
            # The open segment is ended when it alone fills the spool.
            if len(starts) == 1:
                self._log.rotate()
            end = starts[1] if len(starts) > 1 else self._log.next_index
            if not self._log.drop_before(end):
                return
            dropped = max(0, end - self._next_read)
            self._next_read = max(self._next_read, end)
            if dropped:
                self.counters.add("dropped", dropped)
                log.warning("spool_full dropped_batches=%d limit_bytes=%d", dropped, self._limit_bytes)

    def _count_damages(self) -> None:
        for damage in self._log.damages:
            place = (damage.segment, damage.offset)
            if place not in self._damages:
                self._damages.add(place)
                self.counters.add("damaged")
                log.warning("spool_damaged segment=%s offset=%d", damage.segment, damage.offset)
        self._log.damages.clear()


def set_aside(directory: Path, name: str, packed: Packed) -> None:
    """Keep a batch that the server will never take, for a person to look at; only the newest few stay.

    Raises StorageError.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomic(directory / f"{name}.batch", packed.to_record(), durable=False)
        kept = sorted(directory.glob("*.batch"), key=lambda path: path.stat().st_mtime_ns)
        for path in kept[:-_SET_ASIDE_FILES]:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"cannot set batch aside in {directory}: {error.strerror}") from error
