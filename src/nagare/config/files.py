"""Finds and reads the TOML files of the configuration; a file found by itself must belong to somebody we may trust."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nagare.errors import ConfigError
from nagare.lib.trusted_file import read_trusted

NAME = "nagare.toml"
SYSTEM_FILE = Path("/etc/nagare") / NAME
# Far above any sensible configuration; a FIFO or a disk image given by mistake is not read to its end.
_LIMIT_BYTES = 1 << 20
_TABLE = re.compile(r"\s*\[\[?\s*([A-Za-z0-9_.\-\"' ]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"\s*([A-Za-z0-9_.\-\"']+)\s*=")


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """One file as read; ``lines`` tells where each dotted key stands, where that is plain to see."""

    path: Path
    tables: Mapping[str, Any]
    lines: Mapping[str, int] = field(default_factory=dict)

    def line_of(self, key: str) -> int | None:
        """Return the line of ``key``, or of the table around it, counted from 1."""
        while key:
            if key in self.lines:
                return self.lines[key]
            key = key.rpartition(".")[0]
        return None


def user_file() -> Path:
    """Return the user's own file, which need not exist."""
    import platformdirs  # noqa: PLC0415  only some commands read a configuration

    return platformdirs.user_config_path("nagare") / NAME


def logins_folder() -> Path:
    """Return where this user's logins are kept, which need not exist."""
    import platformdirs  # noqa: PLC0415  as above

    return platformdirs.user_state_path("nagare") / "logins"


def top_folder() -> Path:
    """Return where this user's terminal interface keeps what a person made in it; it need not exist."""
    import platformdirs  # noqa: PLC0415  as above

    return platformdirs.user_state_path("nagare") / "top"


def working_directory() -> Path:
    """Return where this process stands. Raises ConfigError when the directory was removed under it."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise ConfigError("cannot find the working directory: it was removed", hint="change to another one") from None


def find_nearest_file(start: Path) -> Path | None:
    """Return ``nagare.toml`` in ``start`` or the nearest directory above it. Raises ConfigError for a stranger's."""
    for directory in (start, *start.parents):
        candidate = directory / NAME
        if is_there(candidate):
            _refuse_stranger(candidate)
            return candidate
    return None


def is_there(path: Path) -> bool:
    """Tell whether ``path`` is a file that may be looked at."""
    try:
        return path.is_file()
    except OSError:
        # A directory on the way is closed to this user.
        return False


def _refuse_stranger(path: Path) -> None:
    # A file that lies in a shared directory could send this user's token to any server.
    status = path.stat()
    if status.st_uid not in (0, os.getuid()):
        raise ConfigError(
            f"cannot trust configuration {path}: it belongs to another user",
            hint=f"give --config {path} to use it all the same",
        )
    if status.st_mode & stat.S_IWOTH:
        raise ConfigError(f"cannot trust configuration {path}: every user may write it", hint=f"run chmod o-w {path}")


def read_file(path: Path) -> ConfigFile:
    """Return what stands in ``path``. Raises ConfigError."""
    return parse_bytes(path, read_bytes(path))


def read_bytes(path: Path) -> bytes:
    """Return the content of ``path``. Raises ConfigError."""
    try:
        with path.open("rb") as stream:
            content = stream.read(_LIMIT_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(f"cannot read configuration {path}: there is no such file") from None
    except OSError as error:
        raise ConfigError(f"cannot read configuration {path}: {error.strerror}") from error
    if len(content) > _LIMIT_BYTES:
        raise ConfigError(f"cannot read configuration {path}: it is larger than 1 MiB")
    return content


def read_trusted_file(path: Path) -> ConfigFile:
    """Return what stands in ``path``, which only root and this user may be able to change.

    Raises PermissionDeniedError when others can, FileNotFoundError, ConfigError.
    """
    return parse_bytes(path, read_trusted_bytes(path))


def read_trusted_bytes(path: Path) -> bytes:
    """Return the content of such a file. Raises as ``read_trusted_file`` does."""
    try:
        return read_trusted(path, _LIMIT_BYTES)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from error


def parse_bytes(path: Path, content: bytes) -> ConfigFile:
    """Return what ``content``, which stands in ``path``, says. Raises ConfigError."""
    try:
        return parse_toml(path, content.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ConfigError(f"cannot read configuration {path}: not UTF-8 at byte {error.start}") from None


def parse_toml(path: Path, text: str) -> ConfigFile:
    """Return what ``text``, which stands in ``path``, says. Raises ConfigError."""
    try:
        tables = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"cannot read configuration {path}: {_first_lower(str(error))}") from None
    return ConfigFile(path, tables, _lines_of(text))


def _lines_of(text: str) -> dict[str, int]:
    # The standard library's parser tells no positions; this reads table headers and plain keys, and is only ever
    # used to name a line in a message.
    lines: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _TABLE.match(line):
            table = _plain_key(header[1])
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            lines.setdefault(f"{table}.{_plain_key(key[1])}".lstrip("."), number)
    return lines


def _plain_key(key: str) -> str:
    return key.replace('"', "").replace("'", "").replace(" ", "")


def _first_lower(text: str) -> str:
    return text[:1].lower() + text[1:]
