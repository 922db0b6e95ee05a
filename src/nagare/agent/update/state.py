"""What an agent keeps of updates on disk: what it trusts, the version it became, and how its last try ended.

Each file is the old one or the new one, whole; a kill between any two of them leaves an agent that runs.
"""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from nagare.errors import InputError, StorageError
from nagare.keys.files import make_private_directory, write_private
from nagare.wire.codec import decode, encode
from nagare.wire.updates import Bundle, Trust

T = TypeVar("T")
_PIECE_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Current:
    """The version that stands in for the installed one; ``previous`` ran when it was taken."""

    version: str
    sha256: str
    previous: str
    # Starts of it that have not come up yet.
    starts: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """How the last try ended, for the server and for one event: installed, refused or failed."""

    rollout: str
    version: str
    outcome: str
    reason: str = ""
    is_told: bool = False


class UpdateFiles:
    """The files in ``directory``. Blocking, and small but for the bundles."""

    def __init__(self, directory: Path) -> None:
        """Keep the place; nothing is made yet."""
        self._directory = directory

    def prepare(self) -> None:
        """Make the folder. Raises OSError."""
        make_private_directory(self._directory.parent)
        make_private_directory(self._directory)

    def load_trust(self) -> Trust | None:
        """Return what is trusted, None before anything was. Raises StorageError for what does not read.

        Damage is never taken for a first time: that would trust whatever root comes next.
        """
        path = self._directory / "trust.json"
        try:
            return decode(path.read_bytes(), Trust)
        except FileNotFoundError:
            return None
        except (InputError, OSError) as error:
            raise StorageError(
                f"cannot read {path}: it is damaged", hint="remove it only to trust the server's root anew"
            ) from error

    def save_trust(self, trust: Trust) -> None:
        """Keep ``trust``, durably."""
        write_private(self._directory / "trust.json", encode(trust))

    def load_current(self) -> Current | None:
        """Return the version that stands in; damage counts as none, and the installed one runs."""
        return self._load("current.json", Current)

    def save_current(self, current: Current | None) -> None:
        """Keep which version stands in from now on, or that none does."""
        path = self._directory / "current.json"
        if current is None:
            path.unlink(missing_ok=True)
        else:
            write_private(path, encode(current))

    def load_report(self) -> Report | None:
        """Return how the last try ended."""
        return self._load("report.json", Report)

    def save_report(self, report: Report) -> None:
        """Keep how the last try ended."""
        write_private(self._directory / "report.json", encode(report))

    def file_of(self, sha256: str) -> Path:
        """Return where the bundle of that digest is, once it is whole."""
        return self._directory / f"{sha256}.pyz"

    def has(self, bundle: Bundle) -> bool:
        """Tell whether the bundle is here, whole and as signed."""
        return self.is_sound(bundle.sha256)

    def is_sound(self, sha256: str) -> bool:
        """Tell whether the file of that digest is here and still has it."""
        try:
            return digest_of(self.file_of(sha256)) == sha256
        except OSError:
            return False

    def part_of(self, sha256: str) -> Path:
        """Return where a bundle grows while it is fetched."""
        return self._directory / f"{sha256}.part"

    def forget(self, sha256: str) -> None:
        """Remove a bundle that is not the one that runs, whole or in part."""
        current = self.load_current()
        if current is None or current.sha256 != sha256:
            self.file_of(sha256).unlink(missing_ok=True)
        self.part_of(sha256).unlink(missing_ok=True)

    def keep_only(self, digests: set[str]) -> None:
        """Remove other bundles, whole or in part."""
        for path in [*self._directory.glob("*.pyz"), *self._directory.glob("*.part")]:
            if path.stem not in digests:
                with contextlib.suppress(OSError):
                    path.unlink()

    def _load(self, name: str, kind: type[T]) -> T | None:
        try:
            return decode((self._directory / name).read_bytes(), kind)
        except (InputError, OSError):
            return None


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hex. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()
