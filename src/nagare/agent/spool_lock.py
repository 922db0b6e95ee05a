"""One process owns the spool at any time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator

from nagare.config.places import Places
from nagare.errors import LockedError, ReadOnlyError
from nagare.keys.files import make_private_directory

# How long looking takes at the most, and how often it is waited for.
_LOOK_SECONDS, _TRIES = 0.005, 40


@contextlib.contextmanager
def own_spool(places: Places) -> Iterator[None]:
    """Hold the spool for this process alone. Raises LockedError, ReadOnlyError."""
    try:
        make_private_directory(places.data)
        make_private_directory(places.spool)
        opened = places.agent_lock.open("a+")
    except OSError as error:
        raise ReadOnlyError(
            f"cannot use directory {places.spool}: {(error.strerror or str(error)).lower()}",
            hint="check its owner, or name another one with --data",
        ) from error
    with opened as file:
        if not _is_taken(file.fileno()):
            file.seek(0)
            pid = file.read(32).strip()
            raise LockedError(
                f"cannot start agent on {places.data}: another one runs (pid {pid or 'unknown'})",
                hint="stop it first, or give this one a data directory of its own with --data",
                context={"pid": pid},
            )
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _is_taken(descriptor: int) -> bool:
    """Take the lock; whoever only looks whether an agent runs shares it for a moment, which is waited for."""
    for _ in range(_TRIES):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        time.sleep(_LOOK_SECONDS)
    return False
