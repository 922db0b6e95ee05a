"""Columns of ``load``: load averages, tasks, sessions, file handles and the state of the clock."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, NamedTuple

from nagare.collect.collector import AbsentError, Root, Tables, Tick
from nagare.collect.cpu.stat import parse_stat
from nagare.collect.reading.files import HotFile, find_bytes, list_names, parse_integer
from nagare.collect.reading.kernel_clock import UNKNOWN, ClockState, read_clock
from nagare.collect.reading.rates import Stopwatch
from nagare.collect.reading.rows import columns_of

_SELDOM_SECONDS = 60.0
# One record of utmp(5) on 64-bit Linux; the type of a login session.
_UTMP_BYTES = 384
_USER_PROCESS = 7


class Averages(NamedTuple):
    """The fields of ``/proc/loadavg``; None for what does not parse."""

    load1: float | None
    load5: float | None
    load15: float | None
    running: int | None
    threads: int | None


def parse_loadavg(text: bytes) -> Averages:
    """Return the fields of ``/proc/loadavg``."""
    fields = text.split()
    try:
        one, five, fifteen = (float(field) for field in fields[:3])
        running, threads = (int(part) for part in fields[3].split(b"/"))
    except (ValueError, IndexError):
        return Averages(None, None, None, None, None)
    return Averages(one, five, fifteen, running, threads)


def parse_uptime(text: bytes | None) -> float | None:
    """Return the seconds since boot of ``/proc/uptime``."""
    try:
        return float((text or b"").split(b" ", 1)[0])
    except ValueError:
        return None


def parse_file_handles(text: bytes | None) -> tuple[int | None, int | None]:
    """Return (open, limit) of ``/proc/sys/fs/file-nr``."""
    fields = (text or b"").split()
    if len(fields) != 3:
        return None, None
    opened, unused, limit = (parse_integer(field) for field in fields)
    return (None if opened is None or unused is None else opened - unused), limit


def count_sessions(run: Path) -> int | None:
    """Return the login sessions, from utmp, else from systemd-logind; None where neither is kept."""
    raw = find_bytes(run / "utmp", 2**20)
    if raw is not None:
        types = (raw[at : at + 2] for at in range(0, len(raw) - _UTMP_BYTES + 1, _UTMP_BYTES))
        return sum(int.from_bytes(kind, "little") == _USER_PROCESS for kind in types)
    sessions = run / "systemd" / "sessions"
    if not sessions.is_dir():
        return None
    return sum(not name.endswith(".ref") for name in list_names(sessions))


class LoadCollector:
    """Reads load averages and counts of tasks."""

    name: ClassVar[str] = "load"
    interval_seconds: ClassVar[float | None] = None
    is_slow: ClassVar[bool] = False

    def __init__(self, root: Root, *, clock: Callable[[], ClockState] | None = None) -> None:
        """Read nothing yet; ``clock`` is asked for the clock's state, by default the kernel of a live tree."""
        self._root = root
        self._clock = clock or (read_clock if root.proc == Path("/proc") else lambda: UNKNOWN)
        self._loadavg = HotFile(root.proc / "loadavg", is_single=True)
        self._stat = HotFile(root.proc / "stat", is_single=True)
        self._uptime = HotFile(root.proc / "uptime", is_single=True)
        self._handles = HotFile(root.proc / "sys" / "fs" / "file-nr", is_single=True)
        self._seldom = Stopwatch(_SELDOM_SECONDS)
        self._users: int | None = None
        self._clock_state = UNKNOWN

    def collect(self, tick: Tick) -> Tables:
        """Return the one row."""
        try:
            averages = parse_loadavg(self._loadavg.read())
        except OSError as error:
            raise AbsentError(f"cannot read {self._root.proc}/loadavg: {error.strerror}") from error
        if self._seldom.is_due(tick.monotonic):
            self._users = count_sessions(self._root.run)
            self._clock_state = self._clock()
        stat = parse_stat(self._stat.find() or b"")
        handles, handles_limit = parse_file_handles(self._handles.find())
        row = {
            "load1": averages.load1,
            "load5": averages.load5,
            "load15": averages.load15,
            "cores": sum(core != "all" for core in stat.cores) or None,
            "processes": sum(name.isdigit() for name in list_names(self._root.proc)),
            "threads": averages.threads,
            "running": averages.running if stat.running is None else stat.running,
            "blocked": stat.blocked,
            "uptime_seconds": parse_uptime(self._uptime.find()),
            "users": self._users,
            "file_handles": handles,
            "file_handles_limit": handles_limit,
            "clock_offset_seconds": self._clock_state.offset_seconds,
            "clock_synchronized": self._clock_state.is_synchronized,
        }
        return {"load": columns_of([row])}

    def close(self) -> None:
        """Give the descriptors back."""
        for file in (self._loadavg, self._stat, self._uptime, self._handles):
            file.close()
