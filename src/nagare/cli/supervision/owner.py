"""Who owns an installation: the process that holds the lock in ``run/``."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


def find_owner(lock: Path) -> int | None:
    """Return the pid of the process that holds ``lock``, 0 when it does not say, None when the lock is free.

    It asks with a shared lock for an instant, so that two askers never see each other.
    """
    try:
        descriptor = os.open(lock, os.O_RDONLY)
    except OSError:
        # No such file, or another user's: the server itself will say what is wrong.
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        text = os.read(descriptor, 32).decode("ascii", "replace").strip()
        return int(text) if text.isascii() and text.isdigit() else 0
    finally:
        os.close(descriptor)
    return None
