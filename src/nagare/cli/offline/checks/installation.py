"""The installation on disk: configuration, directory, rights, space, lock, note, token."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

from nagare.cli.offline.checks.verdict import Check, bad, ok, warn
from nagare.client.owner import find_owner
from nagare.config.load import Loaded
from nagare.config.places import Places
from nagare.config.settings import Settings
from nagare.lib.units import format_bytes

# A day of one busy host's samples, with room for compaction.
_COMFORT_BYTES = 2**30
_LEAST_INODES = 1000
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def check_configuration(loaded: Loaded) -> Iterator[Check]:
    """Look at the files that were read."""
    changed = sum(str(origin) != "default" for origin in loaded.origins.values())
    files = ", ".join(str(path) for path in loaded.files) or "no file"
    yield ok("configuration", f"{files}; {changed} of {len(loaded.origins)} settings changed")
    for path in loaded.closed:
        yield warn(
            "configuration", f"{path} is there, but not for this user", "its settings hold for the service alone"
        )
    for path in loaded.files:
        if path.stat().st_mode & stat.S_IWOTH:
            yield bad("configuration", f"every user may write {path}", f"run: chmod o-w {path}")


def check_directory(settings: Settings) -> Iterator[Check]:
    """Look at the data directory, its owner, its rights and the space around it."""
    data = settings.data
    if data.exists() and not data.is_dir():
        yield bad("data directory", f"{data} is no directory", "move it away, or choose another with --data")
        return
    if not data.is_dir():
        yield warn("data directory", f"{data} is not there", "begin with: nagare up")
        yield from _check_space(settings, _existing(data))
        return
    status = data.stat()
    if status.st_uid != os.getuid():
        yield bad(
            "data directory", f"{data} belongs to user {status.st_uid}", "run nagare as its owner, or choose --data"
        )
    elif status.st_mode & _OTHERS:
        mode = stat.S_IMODE(status.st_mode)
        yield bad("data directory", f"{data} is open to others (mode {mode:04o})", f"run: chmod 700 {data}")
    elif not os.access(data, os.W_OK | os.X_OK):
        yield bad("data directory", f"{data} cannot be written", f"run: chmod u+rwx {data}")
    else:
        yield ok("data directory", str(data))
    yield from _check_secrets(Places(data))
    yield from _check_space(settings, data)


def check_owner(settings: Settings) -> Iterator[Check]:
    """Look at lock and note: does a server run here, and does what it left match."""
    places = Places(settings.data)
    owner = find_owner(places.lock)
    if owner is not None:
        yield ok("server process", f"pid {owner or 'unknown'} holds the lock")
        if not places.server_note.exists():
            yield warn(
                "server note", f"{places.server_note} is missing", "the server is starting or stopping; look again"
            )
        return
    if places.server_note.exists():
        yield warn("server process", "none runs; the last one ended without a clean stop", "start it again: nagare up")
    else:
        yield warn("server process", "none runs", "start it: nagare up")
    yield from _check_port(settings)


def _check_port(settings: Settings) -> Iterator[Check]:
    host, _, port = settings.server.listen.rpartition(":")
    host = host.strip("[]")
    if not port.isdigit() or not host:
        yield bad(
            "listen address", f"{settings.server.listen!r} is not HOST:PORT", "set server.listen to 127.0.0.1:8750"
        )
        return
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
        except OSError as error:
            reason = (error.strerror or "refused").lower()
            yield bad("listen address", f"{settings.server.listen}: {reason}", _mend_port(error))
            return
    yield ok("listen address", f"{settings.server.listen} is free")


def _mend_port(error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return "stop what listens there, or choose another with --listen"
        case errno.EACCES:
            return "choose a port above 1023 with --listen"
    return "set server.listen to an address of this machine"


def _check_secrets(places: Places) -> Iterator[Check]:
    candidates = [places.token, places.spool / "identity.json", places.spool / "agent.key"]
    if places.keys.is_dir():
        candidates += sorted(places.keys.iterdir())
    open_ones = [path for path in candidates if path.is_file() and path.stat().st_mode & _OTHERS and _is_secret(path)]
    if open_ones:
        names = " ".join(str(path) for path in open_ones)
        yield bad("secrets", f"open to others: {names}", f"run: chmod 600 {names}")
    elif places.token.is_file():
        yield ok("secrets", "only the owner may read token and keys")


def _is_secret(path: Path) -> bool:
    # Certificates are public.
    return path.suffix not in (".crt", ".pub", ".cer")


def _check_space(settings: Settings, directory: Path) -> Iterator[Check]:
    free = shutil.disk_usage(directory).free
    inodes = os.statvfs(directory).f_favail
    if free < settings.storage.free_reserve_bytes:
        yield bad(
            "disk space",
            f"{format_bytes(free)} free, less than the reserve of {format_bytes(settings.storage.free_reserve_bytes)}",
            "make room: the server refuses to write until there is",
        )
    elif free < _COMFORT_BYTES:
        yield warn("disk space", f"{format_bytes(free)} free", "make room, or shorten storage.retention_seconds")
    else:
        yield ok("disk space", f"{format_bytes(free)} free")
    # Some file systems count no inodes and say zero.
    if 0 < inodes < _LEAST_INODES:
        yield warn("inodes", f"{inodes} free", "remove small files: no new block can be written without an inode")


def _existing(path: Path) -> Path:
    return next(parent for parent in path.absolute().parents if parent.is_dir())
