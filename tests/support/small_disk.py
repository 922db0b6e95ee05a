"""A file system of a few megabytes that really fills up.

A tmpfs in a user and mount namespace of its own: no rights are needed where the kernel lets users make those, and a killed
process leaves it as it is. Where that is forbidden (most containers, AppArmor's restriction) a test of it fails and says
what to allow; it is never skipped.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

BALLAST = "ballast"
_MOUNT = 'mount -t tmpfs -o size="$1",mode=0700 small "$2" && echo mounted && read -r end'
NEEDS = (
    "needs a user namespace in which tmpfs may be mounted (try: unshare -rm true); allow it with `sysctl"
    " kernel.apparmor_restrict_unprivileged_userns=0` or `docker run --privileged`"
)


@dataclass(frozen=True, slots=True)
class Tmpfs:
    """A real file system, mounted at ``inside`` for those who run in its namespace and seen by others at ``folder``."""

    holder: int
    inside: Path

    @property
    def folder(self) -> Path:
        """The way to it from outside. SQLite does not go it: it resolves the link."""
        return Path(f"/proc/{self.holder}/root{self.inside}")

    @property
    def free_bytes(self) -> int:
        """Bytes that can still be written."""
        return free_bytes(self.folder)

    def argv(self, argv: Sequence[str]) -> list[str]:
        """Return the command line that runs ``argv`` where it is mounted."""
        enter = ["nsenter", f"--target={self.holder}", "--user", "--mount", "--preserve-credentials"]
        # It forgets where it stood.
        return [*enter, "sh", "-c", 'cd "$0" && exec "$@"', str(Path.cwd()), *argv]

    def fill(self, *, but_bytes: int = 0) -> None:
        """Take its room away, but ``but_bytes``."""
        fill(self.folder, but_bytes)

    def free(self) -> None:
        """Give the room back."""
        free(self.folder)


def free_bytes(folder: Path) -> int:
    """Return the bytes that can still be written on the file system of ``folder``."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def fill(folder: Path, but_bytes: int = 0) -> None:
    """Take the room of the file system of ``folder`` away, but ``but_bytes``."""
    with (folder / BALLAST).open("ab") as file:
        while (room := free_bytes(folder) - but_bytes) > 0:
            os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), room)


def free(folder: Path) -> None:
    """Give the room back."""
    (folder / BALLAST).unlink(missing_ok=True)


@contextmanager
def tmpfs(folder: Path, size_bytes: int) -> Iterator[Tmpfs]:
    """Mount a file system of ``size_bytes`` for the block. Raises PermissionError where nobody may."""
    folder.mkdir(parents=True, exist_ok=True)
    argv = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", _MOUNT, "sh", str(size_bytes), str(folder)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        assert holder.stderr is not None
        try:
            if holder.stdout.readline() != b"mounted\n":
                raise PermissionError(f"{NEEDS}: {holder.stderr.read().decode().strip()}")
            # The mount stands in the holder's view of the files alone, and goes with its end.
            yield Tmpfs(holder.pid, folder)
        finally:
            holder.stdin.close()
