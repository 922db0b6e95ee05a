"""Reads every process of the machine once a tick and remembers what turns its counters into rates.

The hot loop of the whole agent: one listing of ``/proc``, one small read a process. Everything else is read for the
few processes that are shown (``details``). A process that ends between listing and reading is normal.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from nagare.collect.process.details import Details
from nagare.collect.process.stat import ProcessStat, parse_io, parse_process_stat

_STAT_BYTES = 1024
_READ = os.O_RDONLY | os.O_CLOEXEC


class Seen:
    """One process as last read; its identity is (pid, start), so that a reused pid begins afresh."""

    __slots__ = ("cpu_ratio", "details", "io", "is_io_refused", "pid", "read_rate", "stat", "written_rate")

    def __init__(self, pid: str, stat: ProcessStat) -> None:
        """Begin without rates."""
        self.pid = pid
        self.stat = stat
        self.cpu_ratio: float | None = None
        self.read_rate: float | None = None
        self.written_rate: float | None = None
        self.io: tuple[int, int] | None = None
        self.is_io_refused = False
        # Filled by ``details`` for processes that were shown: cached, since it hardly changes.
        self.details: Details | None = None

    @property
    def io_rate(self) -> float:
        """Bytes a second in both directions, zero when unknown: the order of the top by input/output."""
        return (self.read_rate or 0.0) + (self.written_rate or 0.0)


class Scanner:
    """Holds the folder of processes open and the processes seen at the last tick."""

    def __init__(self, proc: str, ticks_per_second: int) -> None:
        """Open nothing yet."""
        self._proc = proc
        self._ticks_per_second = ticks_per_second
        self._fd = -1
        self._at = 0.0
        self.seen: dict[str, Seen] = {}

    @property
    def fd(self) -> int:
        """The open folder, for reads relative to it. Raises OSError when it cannot be opened."""
        if self._fd < 0:
            self._fd = os.open(self._proc, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        return self._fd

    def close(self) -> None:
        """Give the descriptor back."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def scan(self, now: float) -> None:
        """Read every process; afterwards ``seen`` holds those that live, with their rates."""
        elapsed = now - self._at
        before = self.seen
        after: dict[str, Seen] = {}
        for pid, stat in self._stats():
            process = before.get(pid)
            if process is None or process.stat.started_ticks != stat.started_ticks:
                process = Seen(pid, stat)
                self._update_io(process, elapsed)
            else:
                self._update(process, stat, elapsed)
            after[pid] = process
        self.seen, self._at = after, now

    def _stats(self) -> Iterator[tuple[str, ProcessStat]]:
        proc = self.fd
        open_, read, close = os.open, os.read, os.close
        for pid in os.listdir(proc):  # noqa: PTH208  runs at every tick, and a path object a process costs more
            if not pid.isdigit():
                continue
            try:
                fd = open_(pid + "/stat", _READ, dir_fd=proc)
            except OSError:
                continue
            try:
                text = read(fd, _STAT_BYTES)
            except OSError:
                continue
            finally:
                close(fd)
            stat = parse_process_stat(text)
            if stat is not None:
                yield pid, stat

    def _update(self, process: Seen, stat: ProcessStat, elapsed: float) -> None:
        ticks = stat.cpu_ticks - process.stat.cpu_ticks
        process.stat = stat
        process.cpu_ratio = max(0, ticks) / self._ticks_per_second / elapsed if elapsed > 0 else None
        if ticks > 0:
            self._update_io(process, elapsed)
        elif process.io is not None:
            # Without CPU time it asked for nothing: reading its counters would cost and tell zero.
            process.read_rate = process.written_rate = 0.0

    def _update_io(self, process: Seen, elapsed: float) -> None:
        if process.is_io_refused:
            return
        try:
            fd = os.open(process.pid + "/io", _READ, dir_fd=self.fd)
        except PermissionError:
            process.is_io_refused = True
            return
        except OSError:
            return
        try:
            new = parse_io(os.read(fd, _STAT_BYTES))
        except PermissionError:
            # The kernel checks the right at reading, not at opening.
            process.is_io_refused = True
            return
        except OSError:
            return
        finally:
            os.close(fd)
        old, process.io = process.io, new
        if new is None or old is None or elapsed <= 0:
            return
        process.read_rate = max(0, new[0] - old[0]) / elapsed
        process.written_rate = max(0, new[1] - old[1]) / elapsed
