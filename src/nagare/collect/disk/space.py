"""Asks file systems for their space and computes what ``df`` shows."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Protocol

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
