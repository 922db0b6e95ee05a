"""Columns of ``memory``, and an event for each rise of the kernel's count of kills."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from nagare.collect.collector import AbsentError, Root, Tables, Tick
from nagare.collect.memory.meminfo import find_counters, memory_columns, parse_meminfo
from nagare.collect.memory.oom import KernelLog, kill_event, parse_victims
from nagare.collect.reading.files import HotFile, find_text, parse_integer
from nagare.collect.reading.own_cgroup import CgroupFile, Limits, find_own_groups, read_limits
from nagare.collect.reading.pressure import parse_pressure
from nagare.collect.reading.rates import Stopwatch, rate
from nagare.collect.reading.rows import Row, columns_of

_SWAP_IN, _SWAP_OUT, _MAJOR, _KILLS = b"pswpin", b"pswpout", b"pgmajfault", b"oom_kill"
_COUNTERS = (_SWAP_IN, _SWAP_OUT, _MAJOR, _KILLS)
_SELDOM_SECONDS = 30.0


class MemoryCollector:
    """Reads memory, swap, pressure, the agent's own limit, and notices kills."""

    name: ClassVar[str] = "memory"
    interval_seconds: ClassVar[float | None] = None
    is_slow: ClassVar[bool] = False

    def __init__(
        self, root: Root, *, kernel_log: Path = Path("/dev/kmsg"), page_bytes: int = os.sysconf("SC_PAGE_SIZE")
    ) -> None:
        """Open the kernel log at its end; read nothing else yet."""
        self._root = root
        self._page_bytes = page_bytes
        self._meminfo = HotFile(root.proc / "meminfo", is_single=True)
        self._vmstat = HotFile(root.proc / "vmstat")
        self._pressure = HotFile(root.proc / "pressure" / "memory", is_single=True)
        self._groups = find_own_groups(root)
        self._cgroup_used = CgroupFile(self._groups, "memory.current")
        self._seldom = Stopwatch(_SELDOM_SECONDS)
        self._limits = Limits(None, None)
        self._log = KernelLog(kernel_log)
        self._before: Mapping[bytes, int] = {}
        self._before_at = 0.0

    def collect(self, tick: Tick) -> Tables:
        """Return the one row, and an event when the kernel killed since the last call."""
        try:
            fields = parse_meminfo(self._meminfo.read())
        except OSError as error:
            raise AbsentError(f"cannot read {self._root.proc}/meminfo: {error.strerror}") from error
        if self._seldom.is_due(tick.monotonic):
            self._limits = read_limits(self._groups)
        counters = find_counters(self._vmstat.find() or b"", _COUNTERS)
        some, full = parse_pressure(self._pressure.find())
        row = memory_columns(fields) | {
            "swap_in_bytes_per_second": self._page_rate(_SWAP_IN, counters, tick),
            "swap_out_bytes_per_second": self._page_rate(_SWAP_OUT, counters, tick),
            "page_faults_major_total": counters.get(_MAJOR),
            "oom_kills_total": counters.get(_KILLS),
            "pressure_some_ratio": some,
            "pressure_full_ratio": full,
            "limit_bytes": self._limits.memory_bytes,
            "cgroup_used_bytes": parse_integer(self._cgroup_used.find() or b""),
        }
        events = self._kills(counters)
        self._before, self._before_at = counters, tick.monotonic
        tables = {"memory": columns_of([row])}
        return tables | {"events": columns_of(events)} if events else tables

    def close(self) -> None:
        """Give the descriptors back."""
        for file in (self._meminfo, self._vmstat, self._pressure, self._cgroup_used, self._log):
            file.close()

    def _page_rate(self, name: bytes, counters: Mapping[bytes, int], tick: Tick) -> float | None:
        new, old = counters.get(name), self._before.get(name)
        pages = None if new is None or old is None else rate(new, old, tick.monotonic - self._before_at)
        return None if pages is None else pages * self._page_bytes

    def _kills(self, counters: Mapping[bytes, int]) -> list[Row]:
        new, old = counters.get(_KILLS), self._before.get(_KILLS)
        if new is None or old is None or new <= old:
            return []
        boot_id = find_text(self._root.proc / "sys" / "kernel" / "random" / "boot_id", 64) or "unknown"
        return [kill_event(boot_id, new, new - old, parse_victims(self._log.read())[-(new - old) :])]
