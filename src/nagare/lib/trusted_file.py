"""Reads files that decide what this machine does: only what root and this user alone can change is believed."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from nagare.errors import PermissionDeniedError


def read_trusted(path: Path, limit_bytes: int) -> bytes:
    """Return the content of ``path``. Raises PermissionDeniedError when somebody else could have written it, OSError.

    The file that was looked at is the one that is read: it is opened once. Its folder counts too, for whoever may rename
    in it could put an older file of ours in the place of this one.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise _untrusted(path, "it is no plain file", "put a file there")
        _check_owner(path, status)
        if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise _untrusted(
                path, f"others may write it (mode {stat.S_IMODE(status.st_mode):04o})", f"chmod go-w {path}"
            )
        _check_folder(path.resolve().parent)
        content = file.read(limit_bytes + 1)
    if len(content) > limit_bytes:
        raise _untrusted(path, f"it is longer than {limit_bytes} bytes", "shorten it")
    return content


def _check_folder(folder: Path) -> None:
    status = folder.stat()
    _check_owner(folder, status)
    # In a folder like /tmp nobody can take away or rename what is another's.
    is_shared = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not status.st_mode & stat.S_ISVTX
    if is_shared:
        raise _untrusted(
            folder, f"others may write into it (mode {stat.S_IMODE(status.st_mode):04o})", f"chmod go-w {folder}"
        )


def _check_owner(path: Path, status: os.stat_result) -> None:
    if status.st_uid not in (0, os.geteuid()):
        raise _untrusted(path, f"it belongs to user {status.st_uid}", f"chown root {path}")


def _untrusted(path: Path, cause: str, hint: str) -> PermissionDeniedError:
    return PermissionDeniedError(f"cannot trust {path}: {cause}", hint=hint)
