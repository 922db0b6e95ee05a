"""The agent's file that a server makes of its own packages when nobody has published one: built once, kept, checked."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

from nagare import __version__
from nagare.bundles.build import build_file
from nagare.bundles.contents import own_arch
from nagare.bundles.sources import Contents, from_installed
from nagare.errors import NagareError, NotFoundError, StorageError
from nagare.keys.files import make_private_directory
from nagare.lib.atomic_file import write_atomic
from nagare.lib.clock import Clock

log = logging.getLogger(__name__)

PIECE_BYTES = 2**20
# A machine that cannot build one does not try at each request.
_AGAIN_SECONDS = 60.0
_KEY_DIGITS = 32


@dataclass(frozen=True, slots=True)
class OwnFile:
    """A file that was built here."""

    version: str
    arch: str
    sha256: str
    length: int
    path: Path


class OwnFiles:
    """The server's own agent file. ``async with``; nothing is built before somebody asks."""

    def __init__(self, directory: Path, clock: Clock) -> None:
        """Keep built files in ``directory``."""
        self._directory = directory
        self._clock = clock
        self._lock = asyncio.Lock()
        self._found: OwnFile | None = None
        self._fault: NagareError | None = None
        self._again_at = 0.0

    async def __aenter__(self) -> Self:
        """Start the one thread that builds and reads."""
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="own-bundle")
        return self

    async def __aexit__(self, *_exception: object) -> None:
        """Take no more work; what is being built is left."""
        self._disk.shutdown(wait=False, cancel_futures=True)

    async def find(self, arch: str) -> OwnFile:
        """Return the file for ``arch``, built by the first who asks. Raises NotFoundError, ConflictError, StorageError."""
        if arch != own_arch():
            raise NotFoundError(
                f"cannot send an agent for {arch}: none is published",
                hint=f"on the server: nagare bundle build --arch {arch}, then nagare bundle publish FILE",
            )
        # Whoever comes while it is built waits for that one.
        async with self._lock:
            if self._found is not None:
                return self._found
            if self._fault is not None and self._clock.monotonic() < self._again_at:
                # Each raise hangs its asker's frames on the error, and anybody may ask.
                raise self._fault.with_traceback(None)
            try:
                self._found = await asyncio.get_running_loop().run_in_executor(
                    self._disk, partial(_load_or_build, self._directory)
                )
            except NagareError as error:
                self._fault, self._again_at = error, self._clock.monotonic() + _AGAIN_SECONDS
                log.warning("own_agent_not_built: %s", error.message)
                raise
            return self._found

    async def read(self, file: OwnFile, offset: int) -> bytes:
        """Return the piece that begins at ``offset``; an empty one is the end. Raises NotFoundError."""
        return await asyncio.get_running_loop().run_in_executor(self._disk, partial(_read, file.path, offset))


def _load_or_build(directory: Path) -> OwnFile:
    contents = from_installed()
    key = _key_of(contents)
    try:
        make_private_directory(directory)
        found = _load(directory, key) or _build(directory, key, contents)
        for path in directory.glob("*.pyz"):
            if path != found.path:
                with suppress(OSError):
                    path.unlink()
    except OSError as error:
        raise StorageError(
            f"cannot keep the agent's file in {directory}: {(error.strerror or 'refused').lower()}"
        ) from error
    return found


def _load(directory: Path, key: str) -> OwnFile | None:
    for path in directory.glob(f"{key}-*.pyz"):
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        if path.stem == f"{key}-{digest}":
            return OwnFile(__version__, own_arch(), digest, len(content), path)
        log.warning("own_agent_damaged file=%s", path)
    return None


def _build(directory: Path, key: str, contents: Contents) -> OwnFile:
    content = build_file(contents)
    digest = hashlib.sha256(content).hexdigest()
    path = directory / f"{key}-{digest}.pyz"
    write_atomic(path, content)
    log.info("own_agent_built sha256=%s bytes=%d", digest, len(content))
    return OwnFile(__version__, own_arch(), digest, len(content), path)


def _key_of(contents: Contents) -> str:
    """Return what changes with every file that goes in: a package that was replaced makes another agent."""
    digest = hashlib.sha256(__version__.encode())
    for name, content in sorted(contents.members.items()):
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:_KEY_DIGITS]


def _read(path: Path, offset: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(PIECE_BYTES)
    except OSError as error:
        raise NotFoundError("cannot send the agent's file: it is gone", hint="start the server again") from error
