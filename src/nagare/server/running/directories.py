"""The data directory before anything is opened in it: there, ours, and closed to other users.

A directory that already holds other people's things is never closed: ``--data /tmp`` must not lock everybody out.
"""

from __future__ import annotations

import errno
import logging
from pathlib import Path

from nagare.config.places import Places
from nagare.errors import ConfigError, ReadOnlyError
from nagare.keys.files import make_private_directory

log = logging.getLogger(__name__)

_OTHERS = 0o077
_OTHERS_WRITE = 0o022
# What the root of a file system holds that was just made.
_NOTHING = frozenset({"lost+found"})


def make_directories(places: Places) -> None:
    """Make what is missing and close what is open. Raises ReadOnlyError, ConfigError."""
    try:
        places.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        _close(places)
        make_private_directory(places.run)
    except OSError as error:
        raise _unusable(places, error) from error


def _close(places: Places) -> None:
    mode = places.data.stat().st_mode
    if not mode & _OTHERS:
        return
    found = {path.name for path in places.data.iterdir()} - _NOTHING
    own = {path.name for path in (places.run, places.records, places.spool)}
    if not found or found & own:
        places.data.chmod(0o700)
        log.info("data_directory_closed path=%s mode_was=%03o", places.data, mode & 0o777)
    elif mode & _OTHERS_WRITE:
        raise ConfigError(
            f"cannot use data directory {places.data}: it holds other things and other users may write to it",
            hint="choose a directory of its own with --data",
        )
    else:
        log.warning("data_directory_open path=%s mode=%03o: other users can list it", places.data, mode & 0o777)


def _unusable(places: Places, error: OSError) -> ReadOnlyError:
    where = Path(str(error.filename)) if error.filename else places.data
    is_no_directory = error.errno in (errno.EEXIST, errno.ENOTDIR)
    cause = "it is no directory" if is_no_directory else (error.strerror or str(error)).lower()
    what = "data directory" if where == places.data else "directory"
    return ReadOnlyError(
        f"cannot use {what} {where}: {cause}", hint="choose another with --data, or give it to this user"
    )
