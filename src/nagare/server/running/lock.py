"""One server for one data directory: an flock on ``run/lock``, which the kernel drops however the process ends.

Commands that read the files while no server runs share the lock for that time; a server that starts waits for them.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from nagare.errors import LockedError

# Most queries over files take less; beyond it the start fails and says why.
_READERS_SECONDS = 10.0
_LOOK_SECONDS = 0.05


class InstallationLock:
    """Held inside ``with``; the file holds the owner's pid. Raises LockedError, with the pid, when it is taken."""

    def __init__(self, path: Path) -> None:
        """Prepare for the lock file ``path``."""
        self._path = path
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        """Take the lock and write our pid."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _lock(descriptor)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        except BlockingIOError as error:
            pid = _read_pid(descriptor)
            os.close(descriptor)
            raise LockedError(
                f"cannot start in {self._path.parent.parent}: process {pid} serves it already",
                hint=f"stop it (kill {pid}), or choose another data directory with --data",
                context={"pid": pid},
            ) from error
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the lock back; the file stays, so that nobody locks a name that is being removed."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None


def _lock(descriptor: int) -> None:
    """Take the lock, waiting for readers. Raises BlockingIOError when a server holds it, LockedError for long readers."""
    deadline = time.monotonic() + _READERS_SECONDS
    while True:
        with contextlib.suppress(BlockingIOError):
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Readers let another reader in; a server does not, and this raises.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        if time.monotonic() > deadline:
            raise LockedError(
                "cannot start: a command still reads the files of this installation",
                hint="wait for it to end, or stop it",
            )
        time.sleep(_LOOK_SECONDS)


def _read_pid(descriptor: int) -> int:
    text = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
    return int(text) if text.isdigit() else 0
