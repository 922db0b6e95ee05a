"""The limits that bind this very process: when the agent runs in a container, they are what its host can use.

Only cgroup v2 is read. A limit of any ancestor binds too, so the least of the path counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nagare.collect.collector import Root
from nagare.collect.reading.files import HotFile, find_bytes, parse_integer

# Deeper nesting than this does not occur; a damaged file must not make us walk for ever.
_DEPTH_LIMIT = 16


@dataclass(frozen=True, slots=True)
class Limits:
    """What binds, None where nothing does."""

    cores: float | None
    memory_bytes: int | None


def find_own_groups(root: Root) -> list[Path]:
    """Return the folders of the agent's cgroup and its ancestors, innermost first; empty without cgroup v2."""
    mount = root.sys / "fs" / "cgroup"
    text = find_bytes(root.proc / "self" / "cgroup") or b""
    line = next((line for line in text.split(b"\n") if line.startswith(b"0::/")), None)
    if line is None or not (mount / "cgroup.controllers").exists():
        return []
    names = [name for name in line[4:].decode("utf-8", "surrogateescape").split("/") if name not in ("", ".", "..")]
    if len(names) > _DEPTH_LIMIT or any("\0" in name for name in names):
        return []
    return [mount.joinpath(*names[:depth]) for depth in range(len(names), -1, -1)]


def parse_cpu_max(text: bytes | None) -> float | None:
    """Return the cores of a ``cpu.max``; None for no limit."""
    fields = (text or b"").split()
    quota = parse_integer(fields[0]) if len(fields) == 2 else None
    period = parse_integer(fields[1]) if len(fields) == 2 else None
    if quota is None or period is None or quota <= 0 or period <= 0:
        return None
    return quota / period


def find_field(text: bytes | None, name: bytes) -> int | None:
    """Return the number behind ``name`` in a flat-keyed file such as ``cpu.stat``."""
    for line in (text or b"").split(b"\n"):
        if line.startswith(name + b" "):
            return parse_integer(line[len(name) + 1 :])
    return None


def read_limits(groups: list[Path]) -> Limits:
    """Return the limits that bind the innermost of ``groups``."""
    cores = [cores for group in groups if (cores := parse_cpu_max(find_bytes(group / "cpu.max"))) is not None]
    memory = [parse_integer(find_bytes(group / "memory.max") or b"") for group in groups]
    return Limits(min(cores, default=None), min((limit for limit in memory if limit), default=None))


class CgroupFile:
    """One file of the agent's own cgroup that is read at every tick; None when there is none."""

    def __init__(self, groups: list[Path], name: str) -> None:
        """Take the file of the innermost group that has it."""
        path = next((group / name for group in groups if (group / name).exists()), None)
        self._file = None if path is None else HotFile(path)

    def find(self) -> bytes | None:
        """Return the text, or None."""
        return None if self._file is None else self._file.find()

    def close(self) -> None:
        """Give the descriptor back."""
        if self._file is not None:
            self._file.close()
