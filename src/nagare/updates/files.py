"""The bundles that hosts may fetch, on disk under their SHA-256: written whole or not at all, and bounded in number."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable
from pathlib import Path

from nagare.errors import InputError, LimitExceededError, NotFoundError, StorageError
from nagare.keys.files import make_private_directory
from nagare.lib.atomic_file import write_atomic
from nagare.model.updates import BUNDLE_LIMIT_BYTES

# What stands in no list is kept for the list that comes; more of it is a mistake, or an attack on the disk.
_FILES_LIMIT = 24
_SUFFIX = ".pyz"


class BundleFiles:
    """The folder. Blocking; called from a thread."""

    def __init__(self, directory: Path) -> None:
        """Keep the place; nothing is made yet."""
        self._directory = directory

    def put(self, sha256: str, content: bytes) -> None:
        """Keep ``content``. Raises InputError when it is not what its digest says, LimitExceededError, StorageError."""
        if hashlib.sha256(content).hexdigest() != sha256:
            raise InputError(
                "cannot keep bundle: it is not the one that its SHA-256 names (wrong-hash)", hint="send it again, whole"
            )
        if len(content) > BUNDLE_LIMIT_BYTES:
            raise LimitExceededError(f"cannot keep bundle: it is larger than {BUNDLE_LIMIT_BYTES} bytes")
        try:
            make_private_directory(self._directory)
            if not self._path(sha256).exists() and len(self._found()) >= _FILES_LIMIT:
                raise LimitExceededError(
                    f"cannot keep bundle: {_FILES_LIMIT} are kept already", hint="publish; what stands in no list goes"
                )
            write_atomic(self._path(sha256), content)
        except OSError as error:
            raise StorageError(f"cannot keep bundle in {self._directory}: {error.strerror}") from error

    def find(self, sha256: str) -> tuple[int, str] | None:
        """Return length and digest of the file with that name as they are now; None when there is none."""
        try:
            content = self._path(sha256).read_bytes()
        except OSError:
            return None
        return len(content), hashlib.sha256(content).hexdigest()

    def read(self, sha256: str, offset: int, limit: int) -> bytes:
        """Return a piece of a bundle. Raises NotFoundError."""
        try:
            with self._path(sha256).open("rb") as file:
                file.seek(offset)
                return file.read(limit)
        except OSError as error:
            raise NotFoundError(f"cannot send bundle {sha256[:12]}: it is not here", hint="publish it again") from error

    def keep_only(self, digests: Iterable[str]) -> None:
        """Remove every other bundle."""
        kept = set(digests)
        for path in self._found():
            if path.stem not in kept:
                with contextlib.suppress(OSError):
                    path.unlink()

    def _found(self) -> list[Path]:
        return list(self._directory.glob(f"*{_SUFFIX}")) if self._directory.is_dir() else []

    def _path(self, sha256: str) -> Path:
        return self._directory / f"{sha256}{_SUFFIX}"
