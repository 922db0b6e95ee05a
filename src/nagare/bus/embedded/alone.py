"""One process for one ``bus.db``: an flock on a file beside it, which the kernel drops however the process ends.

The writer keeps in memory what it knows of ids and deliveries, so a second one would store repeats and deliver twice.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from nagare.errors import LockedError


class AloneLock:
    """Held between ``take`` and ``release``; the file holds the owner's pid."""

    def __init__(self, database: Path) -> None:
        """Prepare for the lock of ``database``."""
        self._path = database.with_name(database.name + "-lock")
        self._database = database
        self._descriptor: int | None = None

    def take(self) -> None:
        """Take the lock. Raises LockedError, with the pid, when somebody has it; OSError."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        except BlockingIOError:
            text = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
            pid = int(text) if text.isdigit() else 0
            os.close(descriptor)
            raise LockedError(
                f"cannot open bus {self._database}: process {pid} has it open",
                hint="one process owns bus.db; several servers share a bus in NATS (bus.servers)",
                context={"pid": pid},
            ) from None
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    def release(self) -> None:
        """Give it back; the file stays, so that nobody locks a name that is being removed."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
