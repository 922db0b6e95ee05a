"""A directory as a bucket: a disk of its own or a mounted share, for who has no S3."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from nagare.errors import BucketUnavailableError
from nagare.lib.atomic_file import sync_directory, write_atomic
from nagare.metrics.bucket.objects import PIECE_BYTES, Stop, never

_UNFINISHED = ".put-"


class DirectoryObjects:
    """Objects as files below ``directory``, which must be there: an empty mount point is not the share."""

    def __init__(self, directory: Path) -> None:
        """Keep the directory; nothing is touched yet."""
        self._directory = directory

    @property
    def name(self) -> str:
        """The path."""
        return str(self._directory)

    def put(self, key: str, source: Path) -> None:
        """Copy ``source`` in, synchronised, and give it its name."""
        if not source.exists():
            raise FileNotFoundError(source)
        with self._translated("write"):
            target = self._target(key)
            unfinished = target.with_name(f"{_UNFINISHED}{target.name}")
            try:
                shutil.copyfile(source, unfinished)
                _sync(unfinished)
                unfinished.rename(target)
                sync_directory(target.parent)
            except BaseException:
                unfinished.unlink(missing_ok=True)
                raise

    def get(self, key: str, target: Path, stop: Stop = never) -> None:
        """Copy the object out."""
        with self._translated("read"):
            self._check()
            self._copy(self._directory / key, target, stop)

    def _copy(self, path: Path, target: Path, stop: Stop) -> None:
        with path.open("rb") as source, target.open("wb") as sink:
            while piece := source.read(PIECE_BYTES):
                stop()
                sink.write(piece)

    def put_bytes(self, key: str, content: bytes) -> None:
        """Write ``content``."""
        with self._translated("write"):
            write_atomic(self._target(key), content)

    def get_bytes(self, key: str) -> bytes | None:
        """Read a small object."""
        with self._translated("read"):
            self._check()
            try:
                return (self._directory / key).read_bytes()
            except FileNotFoundError:
                return None

    def list(self, prefix: str) -> dict[str, int]:
        """Walk the folder."""
        with self._translated("list"):
            self._check()
            root = self._directory / prefix
            return {
                str(path.relative_to(self._directory)): path.stat().st_size
                for path in root.rglob("*")
                if path.is_file() and not path.name.startswith(".")
            }

    def delete(self, keys: Iterable[str]) -> None:
        """Remove files and the folders that they leave empty."""
        with self._translated("remove from"):
            for key in keys:
                path = self._directory / key
                path.unlink(missing_ok=True)
                with contextlib.suppress(OSError):
                    path.parent.rmdir()

    def _target(self, key: str) -> Path:
        self._check()
        target = self._directory / key
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return target

    def _check(self) -> None:
        if not self._directory.is_dir():
            raise OSError(None, "no such directory, or it is not mounted")

    @contextmanager
    def _translated(self, verb: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as error:
            raise BucketUnavailableError(
                f"cannot {verb} bucket {self.name}: {(error.strerror or str(error)).lower()}",
                hint="check the mount and its owner; what waits is written when it is back",
            ) from error


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
