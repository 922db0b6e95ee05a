"""A tar file that says what is in it: every file with its size and SHA-256, in a manifest that ends it.

Plain tar, so that any system opens it without us. Without a manifest at its end the file is not whole; with one, every
byte of every file can be checked before any of it is used.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import re
import tarfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

MANIFEST = "manifest.json"
_VERSION = 1
_PIECE_BYTES = 2**20
_UNFINISHED = ".unfinished"
Progress = Callable[[int], None]


class BadArchiveError(Exception):
    """The file is no whole archive of ours; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What stands in an archive: name -> (bytes, SHA-256 in hex), and what its maker wanted to say."""

    files: Mapping[str, tuple[int, str]]
    facts: Mapping[str, Any]

    @property
    def total_bytes(self) -> int:
        """Bytes of all files."""
        return sum(size for size, _ in self.files.values())


def write_archive(
    path: Path, files: Iterable[tuple[str, Path]], facts: Mapping[str, Any], progress: Progress = lambda _bytes: None
) -> Manifest:
    """Write ``files`` (name inside, file) to ``path`` (0600): whole and durable, or not at all. Raises OSError."""
    unfinished = path.with_name(f".{path.name}{_UNFINISHED}")
    descriptor = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    written: dict[str, tuple[int, str]] = {}
    try:
        with os.fdopen(descriptor, "wb") as sink:
            _lock(descriptor)
            with tarfile.open(fileobj=sink, mode="w", format=tarfile.PAX_FORMAT) as tar:
                for name, file in files:
                    written[name] = _add(tar, name, file, progress)
                _add_manifest(tar, written, facts)
            sink.flush()
            os.fsync(sink.fileno())
        unfinished.rename(path)
        _sync(path.parent)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    return Manifest(written, facts)


def remove_abandoned(directory: Path, names: re.Pattern[str], before_seconds: float) -> list[str]:
    """Remove what killed writers left of archives with such ``names``, untouched since then; return them. Raises OSError.

    Who writes one holds its lock, which ends with the process. ``before_seconds`` is of Unix time, and bounds what must be
    believed of a lock: between opening and locking there is a moment, and some file systems do not share locks.
    """
    removed = []
    for path in directory.glob(f".*{_UNFINISHED}"):
        if names.fullmatch(path.name.removeprefix(".").removesuffix(_UNFINISHED)) and _is_left(path, before_seconds):
            path.unlink(missing_ok=True)
            removed.append(path.name)
    return removed


def _is_left(path: Path, before_seconds: float) -> bool:
    try:
        with path.open("rb+") as file:
            return os.fstat(file.fileno()).st_mtime < before_seconds and _lock(file.fileno())
    except FileNotFoundError:
        return False


def _lock(descriptor: int) -> bool:
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def read_manifest(path: Path) -> Manifest:
    """Return the manifest of an archive, read from its end. Raises BadArchiveError, OSError."""
    try:
        with tarfile.open(path, "r:") as tar:
            members = tar.getmembers()
            last = members[-1] if members else None
            if last is None or last.name != MANIFEST:
                raise BadArchiveError("it has no manifest at its end: it is not whole, or no backup")
            source = tar.extractfile(last)
            found = json.loads(source.read()) if source else {}
    except (tarfile.TarError, ValueError, EOFError) as error:
        raise BadArchiveError(f"it does not read as a backup: {error}") from error
    if not isinstance(found, dict) or found.get("version") != _VERSION:
        raise BadArchiveError("it was made by another version, or is no backup")
    return Manifest({name: (size, digest) for name, (size, digest) in found["files"].items()}, found["facts"])


def check_archive(path: Path, progress: Progress = lambda _bytes: None) -> list[str]:
    """Read every byte and return the names of files that are not what was written. Raises BadArchiveError, OSError."""
    return _walk(path, None, progress)


def extract_archive(path: Path, folder: Path, progress: Progress = lambda _bytes: None) -> None:
    """Write the files into the new, empty ``folder``, durably. Raises BadArchiveError for any that is not as written."""
    if bad := _walk(path, folder, progress):
        raise BadArchiveError(f"{bad[0]} holds other bytes than were written")
    for found in sorted({parent for parent in folder.rglob("*") if parent.is_dir()} | {folder}):
        _sync(found)


def _walk(path: Path, folder: Path | None, progress: Progress) -> list[str]:
    manifest = read_manifest(path)
    bad, seen = [], set()
    with tarfile.open(path, "r:") as tar:
        for member in tar:
            if member.name == MANIFEST:
                continue
            expected = manifest.files.get(member.name)
            if not member.isfile() or expected is None or not _is_safe(member.name):
                raise BadArchiveError(f"it holds {member.name!r}, which its manifest does not name")
            seen.add(member.name)
            source = tar.extractfile(member)
            assert source is not None  # it is a file
            target = None if folder is None else _target(folder, member.name)
            if _copy(source, target, progress) != expected:
                bad.append(member.name)
    if missing := manifest.files.keys() - seen:
        raise BadArchiveError(f"it lacks {min(missing)!r}, which its manifest names")
    return bad


def _is_safe(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return bool(parts) and not name.startswith("/") and ".." not in parts


def _target(folder: Path, name: str) -> Path:
    target = folder / name
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return target


def _copy(source: Any, target: Path | None, progress: Progress) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    sink: BinaryIO | None = None
    try:
        if target is not None:
            sink = os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        while piece := source.read(_PIECE_BYTES):
            digest.update(piece)
            size += len(piece)
            progress(len(piece))
            if sink is not None:
                sink.write(piece)
        if sink is not None:
            sink.flush()
            os.fsync(sink.fileno())
    finally:
        if sink is not None:
            sink.close()
    return size, digest.hexdigest()


class _Hashing(io.RawIOBase):
    """Reads a file and knows the hash of what was read."""

    def __init__(self, file: BinaryIO, progress: Progress) -> None:
        self._file = file
        self._progress = progress
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        piece = self._file.read(size)
        self.digest.update(piece)
        self._progress(len(piece))
        return piece


def _add(tar: tarfile.TarFile, name: str, file: Path, progress: Progress) -> tuple[int, str]:
    with file.open("rb") as source:
        size = os.fstat(source.fileno()).st_size
        member = tarfile.TarInfo(name)
        member.size, member.mode = size, 0o600
        hashing = _Hashing(source, progress)
        tar.addfile(member, hashing)
    return size, hashing.digest.hexdigest()


def _add_manifest(tar: tarfile.TarFile, files: Mapping[str, tuple[int, str]], facts: Mapping[str, Any]) -> None:
    content = json.dumps({"version": _VERSION, "facts": dict(facts), "files": files}, indent=1).encode()
    member = tarfile.TarInfo(MANIFEST)
    member.size, member.mode = len(content), 0o600
    tar.addfile(member, io.BytesIO(content))


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
