"""Who owns an installation: the server that holds the lock in ``run/``, or readers of its files, who share it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def shared(lock: Path) -> Iterator[int | None]:
    """Keep a server from starting inside the block and yield None; yield the pid of the one that runs (0: unknown).

    A server that starts meanwhile waits for the readers a while. Without a lock file there was never a server.
    """
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        # No such file, or another user's: the server itself will say what is wrong.
        yield None
        return
    try:
        yield _share(descriptor)
    finally:
        os.close(descriptor)


def find_owner(lock: Path) -> int | None:
    """Return the pid of the server that holds ``lock``, 0 when it does not say, None when there is none."""
    with shared(lock) as owner:
        return owner


def _share(descriptor: int) -> int | None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        text = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
        return int(text) if text.isascii() and text.isdigit() else 0
    return None
