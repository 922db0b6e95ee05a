"""Columns of ``container``: what cgroup v2 shows of containers, whatever runtime made them.

No runtime is asked: its socket would need rights that amount to root. Names are those that cgroups carry (lxc,
systemd-nspawn); the others are known by their short id.
"""

from __future__ import annotations

import os
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from nagare.collect.collector import AbsentError, Root, Tables, Tick
from nagare.collect.reading.cgroup_path import ContainerName, parse_container
from nagare.collect.reading.files import HotFile, find_bytes, find_integer
from nagare.collect.reading.own_cgroup import find_field, parse_cpu_max
from nagare.collect.reading.pressure import parse_pressure
from nagare.collect.reading.rates import Stopwatch, rate
from nagare.collect.reading.rows import Row, RowLimit, columns_of

# Walking the whole tree is dearer than reading the containers; a new one shows within this time.
_SELDOM_SECONDS = 15.0
_DEPTH_LIMIT = 10
# A tree beyond this is walked in part: the outermost groups, where containers stand, come first.
_FOLDER_LIMIT = 5000
CONTAINER_LIMIT = 500


@dataclass(slots=True)
class _Usage:
    cpu_usec: int | None
    throttled_usec: int | None
    read_bytes: int
    written_bytes: int
    at: float


@dataclass(slots=True)
class _Container:
    name: ContainerName
    folder: str
    cpu: HotFile = field(init=False)
    before: _Usage | None = None

    def __post_init__(self) -> None:
        self.cpu = HotFile(f"{self.folder}/cpu.stat", is_single=True)


def find_containers(mount: Path) -> dict[str, ContainerName]:
    """Return the containers below a cgroup v2 mount by folder.

    Nothing below a container is entered: what nests in it is part of it.
    """
    found: dict[str, ContainerName] = {}
    waiting: deque[tuple[str, list[str]]] = deque([(str(mount), [])])
    visited = 0
    while waiting and visited < _FOLDER_LIMIT:
        folder, parents = waiting.popleft()
        visited += 1
        for name in _subfolders(folder):
            container = parse_container(parents, name)
            path = f"{folder}/{name}"
            if container is None and len(parents) < _DEPTH_LIMIT:
                waiting.append((path, [*parents, name]))
            elif container is not None:
                found[path] = container
    return found


def _subfolders(folder: str) -> list[str]:
    try:
        # A folder of cgroups counts its subfolders as links: a leaf need not be listed.
        if os.stat(folder).st_nlink == 2:  # noqa: PTH116  runs over thousands of folders
            return []
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []


def parse_io_stat(text: bytes | None) -> tuple[int, int]:
    """Return the (read, written) bytes of all devices in an ``io.stat``."""
    read = written = 0
    for field_ in (text or b"").split():
        name, equals, value = field_.partition(b"=")
        if not equals or not value.isdigit() or len(value) > 18:
            continue
        if name == b"rbytes":
            read += int(value)
        elif name == b"wbytes":
            written += int(value)
    return read, written


class ContainerCollector:
    """Reads the usage of every container and turns it into rates."""

    name: ClassVar[str] = "container"
    interval_seconds: ClassVar[float | None] = None
    is_slow: ClassVar[bool] = False

    def __init__(self, root: Root) -> None:
        """Look for nothing yet."""
        self._mount = root.sys / "fs" / "cgroup"
        self._seldom = Stopwatch(_SELDOM_SECONDS)
        self._containers: dict[str, _Container] = {}
        self._limit = RowLimit("container", CONTAINER_LIMIT)

    def collect(self, tick: Tick) -> Tables:
        """Return one row a container; rates are null at its first reading."""
        if self._seldom.is_due(tick.monotonic):
            self._find()
        rows = [row for container in self._containers.values() if (row := _row(container, tick.monotonic)) is not None]
        return {"container": columns_of(rows)}

    def close(self) -> None:
        """Give the descriptors back."""
        for container in self._containers.values():
            container.cpu.close()

    def _find(self) -> None:
        if not (self._mount / "cgroup.controllers").exists():
            raise AbsentError(
                "cannot see containers: this system does not use cgroup v2 alone",
                hint="boot with systemd.unified_cgroup_hierarchy=1",
            )
        found = dict(self._limit.cut(list(find_containers(self._mount).items())))
        for folder in self._containers.keys() - found.keys():
            self._containers.pop(folder).cpu.close()
        for folder, name in found.items():
            if folder not in self._containers:
                self._containers[folder] = _Container(name, folder)


def _row(container: _Container, now: float) -> Row | None:
    folder = container.folder
    stat = container.cpu.find()
    if stat is None:
        return None
    read, written = parse_io_stat(find_bytes(f"{folder}/io.stat"))
    usage = _Usage(find_field(stat, b"usage_usec"), find_field(stat, b"throttled_usec"), read, written, now)
    before, container.before = container.before, usage
    memory = find_integer(f"{folder}/memory.current")
    inactive = find_field(find_bytes(f"{folder}/memory.stat"), b"inactive_file")
    return {
        "id": container.name.id,
        "name": container.name.name,
        "runtime": container.name.runtime,
        **_rates(usage, before),
        "cpu_limit_cores": parse_cpu_max(find_bytes(f"{folder}/cpu.max")),
        "cpu_seconds_total": None if usage.cpu_usec is None else usage.cpu_usec / 1e6,
        "memory_bytes": memory,
        "memory_working_bytes": None if memory is None or inactive is None else max(0, memory - inactive),
        "memory_limit_bytes": find_integer(f"{folder}/memory.max"),
        "processes": find_integer(f"{folder}/pids.current"),
        "processes_limit": find_integer(f"{folder}/pids.max"),
        "oom_kills_total": find_field(find_bytes(f"{folder}/memory.events"), b"oom_kill"),
        "pressure_memory_some_ratio": parse_pressure(find_bytes(f"{folder}/memory.pressure"))[0],
    }


def _rates(new: _Usage, old: _Usage | None) -> dict[str, float | None]:
    elapsed = 0.0 if old is None else new.at - old.at
    throttled = None if old is None else _rate(new.throttled_usec, old.throttled_usec, elapsed, 1e6)
    return {
        "cpu_ratio": None if old is None else _rate(new.cpu_usec, old.cpu_usec, elapsed, 1e6),
        "throttled_ratio": None if throttled is None else min(1.0, throttled),
        "read_bytes_per_second": None if old is None else rate(new.read_bytes, old.read_bytes, elapsed),
        "written_bytes_per_second": None if old is None else rate(new.written_bytes, old.written_bytes, elapsed),
    }


def _rate(new: int | None, old: int | None, elapsed: float, unit: float) -> float | None:
    risen = None if new is None or old is None else rate(new, old, elapsed)
    return None if risen is None else risen / unit
