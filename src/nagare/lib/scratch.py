"""Folders for what is needed for a moment only, beside what it belongs to. Who is killed leaves its own, which the next removes.

They stand in the folder that is given, not in the system's: a copy may be large, and what is left there nobody finds. Who has
one holds a lock on it, which the kernel drops however a process ends: numbers of processes tell nothing between containers.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def scratch(parent: Path, name: str) -> Iterator[Path]:
    """Yield a new folder in ``parent``, which goes when the block ends. Raises OSError."""
    folder = Scratch(parent, name)
    try:
        yield folder.make()
    finally:
        folder.remove()


class Scratch:
    """One such folder, for who makes and removes it in threads of his choice."""

    def __init__(self, parent: Path, name: str) -> None:
        """Prepare; nothing is made yet."""
        self._parent = parent
        self._name = name
        self._path: Path | None = None
        # Open for as long as the folder is held.
        self._descriptor: int | None = None

    def make(self) -> Path:
        """Remove what killed ones left, and return a new folder of this user alone. Raises OSError."""
        remove_dead(self._parent, self._name)
        while True:
            path = Path(tempfile.mkdtemp(prefix=_prefix(self._name), dir=self._parent))
            with suppress(FileNotFoundError, BlockingIOError):
                descriptor = _open(path)
                try:
                    _lock(descriptor)
                except BlockingIOError:
                    os.close(descriptor)
                    raise
                except OSError:
                    # No locks on such a disk: nobody else gets one either, and so it stays.
                    pass
                self._path, self._descriptor = path, descriptor
                # Who looked for dead ones in between may have taken it for one.
                if path.is_dir():
                    return path
            self.remove()

    def remove(self) -> None:
        """Remove it, if it was made."""
        if self._path is not None:
            shutil.rmtree(self._path, ignore_errors=True)
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._path = self._descriptor = None


def remove_dead(parent: Path, name: str) -> list[str]:
    """Remove the folders of that name, of this user, that nobody holds; return their names."""
    dead = []
    for folder in parent.glob(f"{_prefix(name)}*"):
        with suppress(OSError):
            descriptor = _open(folder)
            try:
                if os.fstat(descriptor).st_uid == os.getuid():
                    _lock(descriptor)
                    shutil.rmtree(folder, ignore_errors=True)
                    dead.append(folder.name)
            finally:
                # Not before it is gone: who has just made it and cannot hold it makes another.
                os.close(descriptor)
    return dead


def _prefix(name: str) -> str:
    return f".{name}-"


def _open(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)


def _lock(descriptor: int) -> None:
    """Hold a folder until ``descriptor`` is closed. Raises BlockingIOError when somebody has it, OSError where there are no locks."""
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
