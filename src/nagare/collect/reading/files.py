"""Reads kernel files at the least cost: hot ones through a descriptor kept open, cold ones once.

The kernel makes the text of such a file anew when it is read from offset zero, so a kept descriptor saves the walk of
the path at every tick. Nothing here parses, and nothing writes.
"""

from __future__ import annotations

import os
from pathlib import Path

# Larger than any single record of /proc/stat on machines of up to about 500 cores; longer texts take more reads.
CHUNK_BYTES = 65536
# A file that grows beyond this is not one of the kernel's small texts.
LIMIT_BYTES = 8 * 2**20


class HotFile:
    """A file that is read at every tick through one descriptor, opened at the first read.

    ``is_single`` says that the kernel gives the whole text in one read (one record), which saves the read that only
    finds the end. A read that fails closes the descriptor, so that the next one begins afresh.
    """

    __slots__ = ("_fd", "_is_single", "_path")

    def __init__(self, path: Path | str, *, is_single: bool = False) -> None:
        """Remember the path; nothing is opened yet."""
        self._path = str(path)
        self._is_single = is_single
        self._fd = -1

    def read(self) -> bytes:
        """Return the whole text. Raises OSError when it cannot be read now."""
        if self._fd < 0:
            self._fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return read_whole(self._fd, is_single=self._is_single)
        except OSError:
            self.close()
            raise

    def find(self) -> bytes | None:
        """Return the whole text, or None when it cannot be read now."""
        try:
            return self.read()
        except OSError:
            return None

    def close(self) -> None:
        """Give the descriptor back; a later read opens it again."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def read_whole(fd: int, *, is_single: bool = False) -> bytes:
    """Return everything behind ``fd`` from offset zero, at most LIMIT_BYTES. Raises OSError."""
    text = os.pread(fd, CHUNK_BYTES, 0)
    if not text or (is_single and len(text) < CHUNK_BYTES):
        return text
    parts = [text]
    offset = len(text)
    while offset < LIMIT_BYTES:
        text = os.pread(fd, CHUNK_BYTES, offset)
        if not text:
            break
        parts.append(text)
        offset += len(text)
    return b"".join(parts)


def find_bytes(path: Path | str, limit: int = CHUNK_BYTES) -> bytes | None:
    """Return the first ``limit`` bytes of a file read once, or None when it cannot be read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError):
        return None
    try:
        return _read_up_to(fd, limit)
    except OSError:
        return None
    finally:
        os.close(fd)


def _read_up_to(fd: int, limit: int) -> bytes:
    # The kernel gives long texts a page at a time.
    text = os.read(fd, limit)
    while 0 < len(text) < limit:
        more = os.read(fd, limit - len(text))
        if not more:
            break
        text += more
    return text


def find_text(path: Path | str, limit: int = 4096) -> str | None:
    """Return a short attribute without its line end, or None when it cannot be read."""
    raw = find_bytes(path, limit)
    return None if raw is None else raw.decode("utf-8", "replace").strip()


def find_integer(path: Path | str) -> int | None:
    """Return the integer that a file holds, or None when it holds none or cannot be read."""
    raw = find_bytes(path, 64)
    return None if raw is None else parse_integer(raw)


def parse_integer(raw: bytes | str) -> int | None:
    """Return the integer in ``raw``, or None; only what 64 signed bits hold, since columns are stored so."""
    try:
        number = int(raw)
    except ValueError:
        return None
    return number if -(2**63) <= number < 2**63 else None


def list_names(path: Path | str) -> list[str]:
    """Return the names in a folder; empty when it cannot be read."""
    try:
        return os.listdir(path)  # noqa: PTH208  Path.iterdir makes an object for each name, this runs at every tick
    except OSError:
        return []
