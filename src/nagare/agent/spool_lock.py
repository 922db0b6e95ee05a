"""One process owns the spool at any time."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator

from nagare.config.places import Places
from nagare.errors import LockedError, ReadOnlyError
from nagare.keys.files import make_private_directory


@contextlib.contextmanager
def own_spool(places: Places) -> Iterator[None]:
    """Hold the spool for this process alone. Raises LockedError, ReadOnlyError."""
    try:
        make_private_directory(places.data)
        make_private_directory(places.spool)
        opened = (places.spool / "lock").open("a+")
    except OSError as error:
        raise ReadOnlyError(
            f"cannot use directory {places.spool}: {(error.strerror or str(error)).lower()}",
            hint="check its owner, or name another one with --data",
        ) from error
    with opened as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            pid = file.read(32).strip()
            raise LockedError(
                f"cannot start agent on {places.data}: another one runs (pid {pid or 'unknown'})",
                hint="stop it first, or give this one a data directory of its own with --data",
                context={"pid": pid},
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
