"""Reads the file of notifications; every fault is told with file and place. Blocking, and small."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from nagare.config.files import ConfigFile, read_file
from nagare.errors import ConfigError, InputError
from nagare.lib.plain_text import plain
from nagare.model.notify.definition import default_notifying, parse_notifying
from nagare.model.notify.notifying import Notifying

# More are not read by anybody; the first ones mend most of the others.
_TOLD_LIMIT = 20
_TEXT_LIMIT = 4000

# What changes when a file is written or may be read by now: its times, its size and which file it is.
Mark = tuple[int, int, int, int]


def load_notifying(path: Path | None) -> Notifying:
    """Return what the file says, and what holds without one where ``path`` is None. Raises ConfigError."""
    return default_notifying() if path is None else read_notifying(read_file(path))


def read_notifying(file: ConfigFile) -> Notifying:
    """Return what ``file`` defines. Raises ConfigError."""
    try:
        return parse_notifying(file.tables, file.path.name)
    except InputError as error:
        raise ConfigError(
            plain(f"cannot use file of notifications {file.path}: {_told(error.errors)}", _TEXT_LIMIT),
            hint="its fields stand in docs/reference/notify.md",
        ) from error


def mark_of(path: Path | None) -> Mark | None:
    """Return what tells one state of the file from another; None where there is none, or it cannot be looked at."""
    try:
        stat = None if path is None else path.stat()
    except OSError:
        return None
    return None if stat is None else (stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino)


def _told(faults: Sequence[Mapping[str, str]]) -> str:
    words = [f"{one['pointer'].removeprefix('#/').replace('/', '.')}: {one['detail']}" for one in faults[:_TOLD_LIMIT]]
    if (rest := len(faults) - _TOLD_LIMIT) > 0:
        words.append(f"and {rest} more")
    return "; ".join(words)
