"""Columns of ``process``: the top by CPU, then by memory, then by input/output, each process once."""

from __future__ import annotations

import heapq
import os
from collections.abc import Callable, Iterable
from typing import ClassVar

from nagare.collect.collector import AbsentError, Root, Tables, Tick
from nagare.collect.cpu.stat import parse_stat
from nagare.collect.memory.meminfo import parse_meminfo
from nagare.collect.process.details import Details, read_details, read_file_handles
from nagare.collect.process.scan import Scanner, Seen
from nagare.collect.reading.files import find_bytes
from nagare.collect.reading.rates import Stopwatch
from nagare.collect.reading.rows import Row, clean_text, columns_of

_SELDOM_SECONDS = 600.0


class ProcessCollector:
    """Scans all processes and returns the top ones."""

    name: ClassVar[str] = "process"
    interval_seconds: ClassVar[float | None] = None
    is_slow: ClassVar[bool] = False

    def __init__(self, root: Root, *, top: int = 10, command_lines: str = "masked") -> None:
        """Keep ``top`` by each of CPU, memory and input/output; read nothing yet."""
        self._root = root
        self._top = top
        self._command_lines = command_lines
        self._ticks_per_second = os.sysconf("SC_CLK_TCK")
        self._page_bytes = os.sysconf("SC_PAGE_SIZE")
        self._scanner = Scanner(str(root.proc), self._ticks_per_second)
        self._seldom = Stopwatch(_SELDOM_SECONDS)
        self._boot_time: int | None = None
        self._total_bytes: int | None = None

    def collect(self, tick: Tick) -> Tables:
        """Return one row a top process; CPU and input/output are null at its first reading."""
        try:
            self._scanner.scan(tick.monotonic)
        except OSError as error:
            raise AbsentError(f"cannot list {self._root.proc}: {error.strerror}") from error
        if self._seldom.is_due(tick.monotonic):
            self._boot_time = parse_stat(find_bytes(self._root.proc / "stat", 2**20) or b"").boot_time
            self._total_bytes = parse_meminfo(find_bytes(self._root.proc / "meminfo") or b"").get(b"MemTotal")
        chosen = choose_top(self._scanner.seen.values(), self._top)
        rows = [self._row(rank, process, tick.monotonic) for rank, process in enumerate(chosen, 1)]
        return {"process": columns_of(rows)}

    def close(self) -> None:
        """Give the descriptor back."""
        self._scanner.close()

    def _row(self, rank: int, process: Seen, now: float) -> Row:
        folder = f"{self._root.proc}/{process.pid}"
        stat, details = process.stat, self._details(process, folder, now)
        memory = max(0, stat.resident_pages) * self._page_bytes
        return {
            "rank": rank,
            "pid": int(process.pid),
            "name": clean_text(stat.name, 255),
            "user": details.user,
            "cpu_ratio": process.cpu_ratio,
            "memory_bytes": memory,
            "memory_ratio": memory / self._total_bytes if self._total_bytes else None,
            "read_bytes_per_second": process.read_rate,
            "written_bytes_per_second": process.written_rate,
            "threads": stat.threads,
            "file_handles": read_file_handles(folder) or details.file_handles,
            "state": clean_text(stat.state, 1),
            "command": details.command,
            "container": details.container,
            "unit": details.unit,
            "started_at_seconds": self._started_at(stat.started_ticks),
            "cpu_seconds_total": stat.cpu_ticks / self._ticks_per_second,
        }

    def _started_at(self, ticks: int) -> float | None:
        return None if self._boot_time is None else self._boot_time + ticks / self._ticks_per_second

    def _details(self, process: Seen, folder: str, now: float) -> Details:
        details = process.details
        if details is None or now >= details.due or details.name != process.stat.name:
            details = process.details = read_details(folder, process.stat.name, self._command_lines, now)
        return details


def choose_top(processes: Iterable[Seen], count: int) -> list[Seen]:
    """Return the top by CPU, then those by memory, then those by input/output, each once, best rank first.

    Zero is no rank: an idle machine shows its largest processes, not a random choice of sleeping ones.
    """
    everything = list(processes)
    measures: tuple[Callable[[Seen], float], ...] = (
        lambda process: process.cpu_ratio or 0.0,
        lambda process: float(process.stat.resident_pages),
        lambda process: process.io_rate,
    )
    chosen: dict[str, Seen] = {}
    for measure in measures:
        for process in heapq.nlargest(count, everything, key=measure):
            if measure(process) > 0:
                chosen.setdefault(process.pid, process)
    return list(chosen.values())
