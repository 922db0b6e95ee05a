"""Columns of ``disk``: one row for each file system that a person watches."""

from __future__ import annotations

import os
from functools import partial
from typing import ClassVar

from nagare.collect.collector import AbsentError, Root, Tables, Tick
from nagare.collect.disk.mounts import Mount, choose_mounts, parse_mounts
from nagare.collect.disk.space import Ask, Space, find_space, space_columns
from nagare.collect.reading.crew import Crew
from nagare.collect.reading.files import HotFile
from nagare.collect.reading.rows import Row, RowLimit, clean_text, columns_of

# Network mounts asked at one time; the others stay without numbers until a thread is free.
_THREADS = 32
# More mounts than this are the work of a program gone wrong; the first by name stand.
MOUNT_LIMIT = 500


class DiskCollector:
    """Reads the mounts and asks each for its space."""

    name: ClassVar[str] = "disk"
    interval_seconds: ClassVar[float | None] = None
    is_slow: ClassVar[bool] = False

    def __init__(self, root: Root, *, ask: Ask = os.statvfs, wait_seconds: float = 1.0) -> None:
        """Ask through ``ask``; network mounts may take ``wait_seconds`` together."""
        self._mounts = HotFile(root.proc / "self" / "mountinfo")
        self._ask = ask
        self._wait_seconds = wait_seconds
        # A mount whose server is gone blocks whoever asks, perhaps for ever.
        self._crew: Crew[bytes, Space | None] = Crew("statvfs", _THREADS)
        self._limit = RowLimit("disk", MOUNT_LIMIT)
        self._text = b""
        self._chosen: list[Mount] = []

    def collect(self, tick: Tick) -> Tables:  # noqa: ARG002  space has no rates, so the moment does not matter
        """Return one row a file system; one that does not answer has nulls, one that is gone has no row."""
        try:
            text = self._mounts.read()
        except OSError as error:
            raise AbsentError(f"cannot read the mounts: {error.strerror}") from error
        if text != self._text:
            self._text, self._chosen = text, self._limit.cut(choose_mounts(parse_mounts(text)))
        jobs = {mount.point: partial(find_space, mount.point, self._ask) for mount in self._chosen if mount.is_network}
        network = self._crew.run(jobs, self._wait_seconds) if jobs else {}
        rows: list[Row] = []
        for mount in self._chosen:
            space = network.get(mount.point) if mount.is_network else find_space(mount.point, self._ask)
            if mount.is_network or (space is not None and space.f_blocks):
                rows.append(_row(mount, space))
        return {"disk": columns_of(rows)}

    def close(self) -> None:
        """Give the descriptor back; threads that still wait are daemons and hold nothing of ours."""
        self._mounts.close()


def _row(mount: Mount, space: Space | None) -> Row:
    return {
        "mount": clean_text(mount.point),
        "device": clean_text(mount.source),
        "fstype": clean_text(mount.fstype, 64),
        **space_columns(space),
        "read_only": mount.is_read_only,
    }
