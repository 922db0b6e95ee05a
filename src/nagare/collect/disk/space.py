"""Asks file systems for their space; those that may block are asked on threads that nobody waits for long."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

# Network mounts asked at one time; a host with more of them shows the rest without numbers.
_THREAD_LIMIT = 32
_LARGEST = 2**63 - 1


class Space(Protocol):
    """What ``os.statvfs`` answers."""

    @property
    def f_frsize(self) -> int:
        """Bytes of one block."""
        ...

    @property
    def f_blocks(self) -> int:
        """Blocks in all."""
        ...

    @property
    def f_bfree(self) -> int:
        """Blocks free for root."""
        ...

    @property
    def f_bavail(self) -> int:
        """Blocks free for everybody."""
        ...

    @property
    def f_files(self) -> int:
        """Inodes in all."""
        ...

    @property
    def f_ffree(self) -> int:
        """Inodes free."""
        ...


Ask = Callable[[bytes], Space]


def space_columns(space: Space | None) -> dict[str, int | float | None]:
    """Return the gauges of ``disk``, as ``df`` computes them; all None when the file system did not answer."""
    if space is None:
        return dict.fromkeys(_NAMES)
    unit = space.f_frsize
    used, available = (space.f_blocks - space.f_bfree) * unit, space.f_bavail * unit
    inodes = space.f_files or None
    inodes_used = None if inodes is None else max(0, inodes - space.f_ffree)
    return {
        "total_bytes": _bounded(space.f_blocks * unit),
        "used_bytes": _bounded(used),
        "free_bytes": _bounded(space.f_bfree * unit),
        "available_bytes": _bounded(available),
        "used_ratio": used / (used + available) if used >= 0 and used + available > 0 else None,
        "inodes_total": _bounded(inodes),
        "inodes_used": _bounded(inodes_used),
        "inodes_used_ratio": None if inodes is None or inodes_used is None else inodes_used / inodes,
    }


_NAMES = (
    "total_bytes", "used_bytes", "free_bytes", "available_bytes",
    "used_ratio", "inodes_total", "inodes_used", "inodes_used_ratio",
)  # fmt: skip


def _bounded(value: int | None) -> int | None:
    # Some FUSE file systems claim all of 64 bits; such a number tells nothing and fits no column.
    return value if value is not None and 0 <= value <= _LARGEST else None


def find_space(point: bytes, ask: Ask = os.statvfs) -> Space | None:
    """Return the space of a local mount, or None when it cannot be asked."""
    try:
        return ask(point)
    except OSError:
        return None


class PatientAsker:
    """Asks mounts that may block for ever, each on a daemon thread of its own.

    A mount whose thread has not come back is not asked again until it does: its row stays without numbers.
    ``_answers`` and ``_pending`` are guarded by ``_changed``.
    """

    def __init__(self, ask: Ask = os.statvfs, *, wait_seconds: float = 1.0) -> None:
        """Wait at most ``wait_seconds`` for all the mounts of one call together."""
        self._ask = ask
        self._wait_seconds = wait_seconds
        self._changed = threading.Condition()
        self._pending: set[bytes] = set()
        self._answers: dict[bytes, Space | None] = {}

    def ask_all(self, points: Iterable[bytes]) -> Mapping[bytes, Space | None]:
        """Return what answered in time; the others are missing."""
        wanted = [point for point in points if self._begin(point)]
        with self._changed:
            self._changed.wait_for(lambda: self._pending.isdisjoint(wanted), timeout=self._wait_seconds)
            return {point: self._answers.pop(point) for point in wanted if point in self._answers}

    def _begin(self, point: bytes) -> bool:
        with self._changed:
            if point in self._pending or len(self._pending) >= _THREAD_LIMIT:
                return False
            self._pending.add(point)
            self._answers.pop(point, None)
        threading.Thread(target=self._run, args=(point,), name="statvfs", daemon=True).start()
        return True

    def _run(self, point: bytes) -> None:
        space = find_space(point, self._ask)
        with self._changed:
            self._pending.discard(point)
            self._answers[point] = space
            self._changed.notify_all()
