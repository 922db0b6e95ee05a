"""Control groups of our own, where this process may make them below its own: how many processes, how much memory.

Both versions of the kernel's interface; a host whose systemd manages them is better held by a scope of it.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path

from nagare.model.command.action import Limits

_ROOT = Path("/sys/fs/cgroup")
_TRIES, _TRY_SECONDS = 20, 0.05


@dataclass(frozen=True, slots=True)
class CgroupParents:
    """Folders in which a group may be made; the same one twice with version 2."""

    pids: Path
    memory: Path | None
    is_unified: bool


def find_parents(own: Path = Path("/proc/self/cgroup"), root: Path = _ROOT) -> CgroupParents | None:
    """Return where groups with a limit of processes may be made, None where this process may make none."""
    try:
        lines = [line.split(":", 2) for line in own.read_text().splitlines()]
    except (OSError, ValueError):
        return None
    places = {name: path.lstrip("/") for _, names, path in lines for name in names.split(",")}
    if "pids" in places:
        memory = root / "memory" / places["memory"] if "memory" in places else None
        return CgroupParents(root / "pids" / places["pids"], memory, is_unified=False)
    unified = root / places.get("", "")
    return CgroupParents(unified, unified, is_unified=True) if (unified / "cgroup.controllers").exists() else None


def make_groups(parents: CgroupParents, name: str, limits: Limits | None = None) -> list[Path]:
    """Make groups of that name, with ``limits`` if they are known yet. Raises OSError, and leaves none then."""
    folders: list[Path] = []
    try:
        for folder in folders_of(parents, name):
            folder.mkdir()
            folders.append(folder)
        if limits is not None:
            limit_groups(parents, name, limits)
    except OSError:
        remove_groups(folders)
        raise
    return folders


def limit_groups(parents: CgroupParents, name: str, limits: Limits) -> None:
    """Bound the groups of that name. Raises OSError."""
    (parents.pids / name / "pids.max").write_text(str(limits.pids))
    if parents.memory is not None:
        limit = "memory.max" if parents.is_unified else "memory.limit_in_bytes"
        (parents.memory / name / limit).write_text(str(limits.memory_bytes))


def remove_groups(folders: list[Path]) -> None:
    """Remove groups in which nothing runs any more; the warden of a program may have done it. Blocking, for a second at most."""
    for _ in range(_TRIES):
        for folder in folders:
            with contextlib.suppress(OSError):
                folder.rmdir()
        folders = [folder for folder in folders if folder.exists()]
        if not folders:
            return
        # What was just ended counts until somebody has taken note of its end.
        time.sleep(_TRY_SECONDS)


def folders_of(parents: CgroupParents, name: str) -> list[Path]:
    """Return where the groups of that name are, or would be."""
    return [parent / name for parent in dict.fromkeys(filter(None, (parents.pids, parents.memory)))]
