"""What is read only for processes that are shown: owner, command line, cgroup, open files."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass

from nagare.collect.process.command import format_command
from nagare.collect.reading.cgroup_path import find_container, find_unit, parse_cgroup
from nagare.collect.reading.files import find_bytes

# A program may rename itself, change its owner or be moved; nothing of it is worth a read at every tick.
REFRESH_SECONDS = 60.0
_COMMAND_BYTES = 4096


@dataclass(slots=True)
class Details:
    """The slow facts of one process; ``name`` as it was when they were read, so that an exec is noticed."""

    name: bytes
    user: str | None
    command: str | None
    container: str | None
    unit: str | None
    file_handles: int | None
    due: float


def read_details(folder: str, name: bytes, mode: str, now: float) -> Details:
    """Return the facts of the process in ``folder``; None for each that may not be read."""
    path = parse_cgroup(find_bytes(f"{folder}/cgroup", 4096) or b"")
    container = find_container(path)
    return Details(
        name,
        find_user(folder),
        format_command(find_bytes(f"{folder}/cmdline", _COMMAND_BYTES) or b"", mode),
        None if container is None else container.name,
        find_unit(path),
        count_file_handles(folder),
        now + REFRESH_SECONDS,
    )


def find_user(folder: str) -> str | None:
    """Return the owner's name, or the number where it has none."""
    try:
        uid = os.stat(folder).st_uid  # noqa: PTH116  no path object for each of many processes
    except OSError:
        return None
    return user_name(uid)


_names: dict[int, str] = {}


def user_name(uid: int) -> str:
    """Return the name of ``uid``, remembered: a directory service may be slow."""
    if uid not in _names:
        if len(_names) > 10_000:
            _names.clear()
        try:
            _names[uid] = pwd.getpwuid(uid).pw_name
        except KeyError:
            _names[uid] = str(uid)
    return _names[uid]


def read_file_handles(folder: str) -> int | None:
    """Return the open descriptors where one call tells them: since Linux 6.2 they are the folder's size."""
    try:
        return os.stat(f"{folder}/fd").st_size or None  # noqa: PTH116
    except OSError:
        return None


def count_file_handles(folder: str) -> int | None:
    """Return the open descriptors by any means, or None where that is not permitted."""
    try:
        return read_file_handles(folder) or len(os.listdir(f"{folder}/fd"))  # noqa: PTH208
    except OSError:
        return None
