"""Room that a server gives up to itself when it must start on a full disk.

A server that was killed there has to write before it can serve: its pid, the journal of its records, an audit entry. The
reserve of the log is of no use against whatever else fills the disk, so a file holds the room of those writes.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

log = logging.getLogger(__name__)

# A start and the records of a day or so.
SPARE_BYTES = 4 * 2**20
# It is made where as much as this is left beside it.
_BESIDE_BYTES = 8 * 2**20


class SpareRoom:
    """The file ``path``. Nothing here raises: a server without spare room serves like any other."""

    def __init__(self, path: Path) -> None:
        """Touch nothing yet."""
        self._path = path

    def give_up_if_full(self) -> None:
        """Remove the file when less than its size is free."""
        try:
            if self._path.exists() and _free_bytes(self._path.parent) < SPARE_BYTES:
                self._path.unlink()
                log.warning("spare_room_given_up path=%s bytes=%d: the disk is full", self._path, SPARE_BYTES)
        except OSError as error:
            log.warning("spare_room_not_given_up path=%s error=%s", self._path, error.strerror)

    def make(self) -> None:
        """Make the file where it is missing and there is room for it."""
        try:
            if self._path.exists() or _free_bytes(self._path.parent) < SPARE_BYTES + _BESIDE_BYTES:
                return
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, SPARE_BYTES)
            except OSError:
                self._path.unlink()
                raise
            finally:
                os.close(descriptor)
        except OSError as error:
            log.warning("spare_room_not_made path=%s error=%s", self._path, error.strerror)


def _free_bytes(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize
