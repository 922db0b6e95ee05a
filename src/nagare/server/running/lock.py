"""One server for one data directory: an flock on ``run/lock``, which the kernel drops however the process ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from nagare.errors import LockedError


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
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
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


def _read_pid(descriptor: int) -> int:
    text = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
    return int(text) if text.isdigit() else 0
