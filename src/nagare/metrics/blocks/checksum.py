"""The checksum of a block: CRC-32 of all its bytes, the last eight digits of its file's name.

DuckDB writes and checks no page checksums, and nine of ten flipped bits in a block decode to other values without a
word, so the bytes are compared before rows are believed. A footer cannot hold its own checksum and a catalog can be
lost; a name goes wherever the file goes: into the catalog, a backup, a bucket. CRC-32 is what the log has, reads
3 GB a second, and finds every single flipped bit.
"""

from __future__ import annotations

import os
import re
import threading
import zlib
from dataclasses import dataclass, field
from pathlib import Path

# Long enough that the system call costs nothing beside the sum, short enough to stay in the processor's cache.
_CHUNK_BYTES = 2**18
# Files of the first version end in sixteen digits of chance and have no checksum.
_NAMED = re.compile(r"-[0-9a-f]{16}([0-9a-f]{8})\.parquet$")


def named_checksum(path: str) -> int | None:
    """Return the checksum that a block's name states; None for one that was written before names had it."""
    match = _NAMED.search(path)
    return int(match[1], 16) if match else None


def file_checksum(path: Path, *, from_disk: bool = False) -> int:
    """Return the CRC-32 of a file; ``from_disk`` lets the system forget what it has of it in memory first.

    Raises OSError.
    """
    checksum = 0
    buffer = bytearray(_CHUNK_BYTES)
    view = memoryview(buffer)
    with path.open("rb", buffering=0) as file:
        if from_disk and hasattr(os, "posix_fadvise"):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        while length := file.readinto(buffer):
            checksum = zlib.crc32(view[:length], checksum)
    return checksum


@dataclass(slots=True)
class Looks:
    """Which blocks this process has read whole and found as written, and in which order it did."""

    # Guards the fields below: queries, flush and housekeeping look.
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _turns: dict[str, int] = field(default_factory=dict)
    _next: int = 1

    def add(self, path: str) -> None:
        """Say that the block of that path was just found as written."""
        with self._lock:
            self._turns[path] = self._next
            self._next += 1

    def forget(self, path: str) -> None:
        """Say that the file of that path is gone or was exchanged."""
        with self._lock:
            self._turns.pop(path, None)

    def turn(self, path: str) -> int:
        """Return when the block was looked at last, as a rising number; zero when it never was."""
        return self._turns.get(path, 0)
