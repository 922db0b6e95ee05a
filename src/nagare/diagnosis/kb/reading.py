"""Reads the pages of a directory: Markdown files, as many and as large as is lawful, and nothing from anywhere else.

No link is followed, neither of a file nor of a folder, and the directory is opened once, so that what is read lies below it
whatever is done there meanwhile. What is no page is told with its reason; only a directory that is too large is refused as a
whole. Blocking.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from nagare.errors import InputError, LimitExceededError
from nagare.model.diagnosis.knowledge import PageText

PAGE_LIMIT_BYTES = 2**20
PAGES_LIMIT = 5_000
TOTAL_LIMIT_BYTES = 64 * 2**20
ENTRIES_LIMIT = 100_000
DEPTH_LIMIT = 32
# Paths are keys of records, which have a bound in some databases.
PATH_LIMIT = 500
# How many things that are no page are told one by one.
TOLD_LIMIT = 100
_SUFFIXES = (".md", ".markdown")
# Where other people's pages are by the thousand.
_NOT_ENTERED = frozenset({"node_modules", "__pycache__", "site-packages"})
# A text of another encoding has a few strange letters; a file of noise has many.
_STRANGE_SHARE = 0.1
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
# Tells which file a descriptor is of; not every system has it.
_OWN_DESCRIPTORS = Path("/proc/self/fd")


@dataclass(slots=True)
class Reading:
    """What a directory holds: its pages by path, and by path why something there is none."""

    pages: list[PageText] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    bytes: int = 0

    def skip(self, path: str, why: str) -> None:
        """Tell of what is no page, as far as there is room."""
        if len(self.skipped) < TOLD_LIMIT:
            self.skipped[path.encode("utf-8", "replace").decode()[:PATH_LIMIT]] = why


class NoPageError(Exception):
    """Why a file is no page; told in ``Reading.skipped``, and never raised out of this module."""


def read_directory(directory: Path, own: Path | None = None) -> Reading:
    """Return the pages of ``directory`` (a real path), by path. Raises InputError, LimitExceededError.

    ``own`` is the installation's directory, which is not entered where it lies below.
    """
    reading = Reading()
    try:
        with _opened(directory) as top:
            for path, name, folder in _files(directory, top, _identity(own), reading):
                _take(reading, path, name, folder)
    except OSError as error:
        raise InputError(f"cannot read directory {directory}: {(error.strerror or str(error)).lower()}") from error
    reading.pages.sort(key=lambda page: page.path)
    return reading


@contextmanager
def _opened(directory: Path) -> Iterator[int]:
    """Yield a descriptor of the directory that has this very path, and not of one that a link leads to. Raises InputError."""
    descriptor = os.open(directory, _FLAGS | os.O_DIRECTORY)
    try:
        # Links that stand higher up are followed in opening: the kernel tells where that led.
        if _OWN_DESCRIPTORS.is_dir() and (_OWN_DESCRIPTORS / str(descriptor)).readlink() != directory:
            raise InputError(f"cannot read directory {directory}: a link stands in its path")
        yield descriptor
    finally:
        os.close(descriptor)


def _identity(own: Path | None) -> tuple[int, int] | None:
    """Return what tells a folder from every other one, by whatever path it is reached; None where there is none."""
    try:
        return None if own is None else _of(own.stat())
    except FileNotFoundError:
        return None


def _of(about: os.stat_result) -> tuple[int, int]:
    return about.st_dev, about.st_ino


def _files(directory: Path, top: int, own: tuple[int, int] | None, reading: Reading) -> Iterator[tuple[str, str, int]]:
    """Yield (path below the directory, name, descriptor of its folder) of all that may be a page."""
    entries = 0
    for folder, folders, names, descriptor in os.fwalk(".", onerror=_told(reading), dir_fd=top):
        below = Path(folder)
        entries += len(folders) + len(names)
        if entries > ENTRIES_LIMIT:
            raise _too_much(directory, f"{ENTRIES_LIMIT} files and folders")
        folders[:] = [name for name in sorted(folders) if _is_entered(below / name, descriptor, own, reading)]
        for name in sorted(names):
            if name.lower().endswith(_SUFFIXES) and not name.startswith("."):
                yield str(below / name), name, descriptor


def _is_entered(path: Path, folder: int, own: tuple[int, int] | None, reading: Reading) -> bool:
    if path.name.startswith(".") or path.name in _NOT_ENTERED:
        return False
    about = os.stat(path.name, dir_fd=folder, follow_symlinks=False)
    if stat.S_ISLNK(about.st_mode):
        reading.skip(str(path), "a link, which is not followed")
        return False
    if _of(about) == own:
        reading.skip(str(path), "the installation's own directory, which is not read")
        return False
    if len(path.parts) >= DEPTH_LIMIT:
        reading.skip(str(path), f"deeper than {DEPTH_LIMIT} folders")
        return False
    return True


def _take(reading: Reading, path: str, name: str, folder: int) -> None:
    try:
        data = _bytes(path, name, folder)
        text = _text(data)
    except NoPageError as fault:
        reading.skip(path, str(fault))
        return
    reading.bytes += len(data)
    if len(reading.pages) >= PAGES_LIMIT:
        raise _too_much(Path(path).parent, f"{PAGES_LIMIT} pages")
    if reading.bytes > TOTAL_LIMIT_BYTES:
        raise _too_much(Path(path).parent, f"{TOTAL_LIMIT_BYTES >> 20} MiB of pages")
    reading.pages.append(PageText(path, hashlib.sha256(data).hexdigest(), text))


def _bytes(path: str, name: str, folder: int) -> bytes:
    if not path.isprintable() or len(path) > PATH_LIMIT:
        raise NoPageError(f"its path is no plain text, or longer than {PATH_LIMIT} characters")
    try:
        descriptor = os.open(name, _FLAGS, dir_fd=folder)
    except OSError as error:
        is_link = error.errno == errno.ELOOP
        raise NoPageError("a link, which is not followed" if is_link else (error.strerror or "").lower()) from error
    with os.fdopen(descriptor, "rb") as file:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise NoPageError("no plain file")
        data = file.read(PAGE_LIMIT_BYTES + 1) if about.st_size <= PAGE_LIMIT_BYTES else b""
    if about.st_size > PAGE_LIMIT_BYTES or len(data) > PAGE_LIMIT_BYTES:
        raise NoPageError(f"larger than {PAGE_LIMIT_BYTES >> 20} MiB")
    return data


def _text(data: bytes) -> str:
    if b"\0" in data:
        raise NoPageError("binary")
    text = data.decode("utf-8-sig", "replace").replace("\r\n", "\n").replace("\r", "\n")
    if text.count("\N{REPLACEMENT CHARACTER}") > len(text) * _STRANGE_SHARE:
        raise NoPageError("no text in UTF-8")
    if not text.strip():
        raise NoPageError("empty")
    return text


def _told(reading: Reading) -> Callable[[OSError], None]:
    def tell(error: OSError) -> None:
        reading.skip(str(error.filename), (error.strerror or "cannot be read").lower())

    return tell


def _too_much(directory: Path, what: str) -> LimitExceededError:
    return LimitExceededError(
        f"cannot read directory {directory}: it has more than {what}",
        hint="add the folders that hold runbooks, one by one",
    )
