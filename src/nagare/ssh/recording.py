"""Recordings of shells in asciicast v2: what was shown and when, for the players that there are.

What people type is not in it, for it holds passwords: only what the host wrote back.
"""

from __future__ import annotations

import codecs
import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

from nagare.errors import StorageError
from nagare.lib.clock import Clock
from nagare.lib.names import path_name

# A flood must not fill the disk: at this size a recording says that it stops.
LIMIT_BYTES = 256 * 2**20
_BUFFER_BYTES = 64 * 1024
# A recording that is cut off by the end of its process lacks no more than this.
_WAIT_SECONDS = 1.0


class Recording:
    """A recording that is being written; the file is its owner's alone."""

    def __init__(self, folder: Path, host: str, columns: int, rows: int, clock: Clock) -> None:
        """Begin a file in ``folder``. Raises StorageError."""
        stamp = clock.now().strftime("%Y%m%dT%H%M%SZ")
        self._clock = clock
        self._begun = self._flushed = clock.monotonic()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._digest = hashlib.sha256()
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self.size_bytes = 0
        self.is_cut = False
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path, self._file = _create(folder, f"{path_name(host)}-{stamp}")
        except OSError as error:
            raise StorageError(f"cannot record the shell: {folder}: {error.strerror}") from error
        head = {"version": 2, "width": columns, "height": rows, "timestamp": clock.now_ms() // 1000, "title": host}
        self._put(head)

    def wrote(self, chunk: bytes) -> None:
        """Note what the host wrote."""
        self._event("o", self._decoder.decode(chunk))

    def resized(self, columns: int, rows: int) -> None:
        """Note another size of the window."""
        self._event("r", f"{columns}x{rows}")

    def close(self) -> str:
        """Write the rest and return the file's SHA-256 (hex). Raises StorageError."""
        try:
            self._flush()
        finally:
            os.close(self._file)
        return self._digest.hexdigest()

    def _event(self, kind: str, text: str) -> None:
        if self.is_cut or not text:
            return
        self._put([round(self._clock.monotonic() - self._begun, 6), kind, text])
        if self.size_bytes > LIMIT_BYTES:
            self._put([round(self._clock.monotonic() - self._begun, 6), "m", "the recording is at its limit and stops"])
            self.is_cut = True

    def _put(self, line: dict[str, object] | Sequence[object]) -> None:
        told = json.dumps(line, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        self.size_bytes += len(told)
        self._waiting.append(told)
        self._waiting_bytes += len(told)
        if self._waiting_bytes >= _BUFFER_BYTES or self._clock.monotonic() - self._flushed > _WAIT_SECONDS:
            self._flush()

    def _flush(self) -> None:
        self._flushed = self._clock.monotonic()
        told = b"".join(self._waiting)
        self._waiting, self._waiting_bytes = [], 0
        self._digest.update(told)
        try:
            view = memoryview(told)
            while view:
                view = view[os.write(self._file, view) :]
        except OSError as error:
            raise StorageError(f"cannot record the shell: {self.path}: {error.strerror}") from error


def _create(folder: Path, stem: str) -> tuple[Path, int]:
    """Create a file that was not there; two shells may begin within one second."""
    for number in range(1000):
        path = folder / (f"{stem}.cast" if number == 0 else f"{stem}-{number}.cast")
        try:
            return path, os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            continue
    raise FileExistsError(0, "too many recordings of one second", str(folder))
