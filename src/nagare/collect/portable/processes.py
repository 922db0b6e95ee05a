"""The top processes through psutil."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from nagare.collect.collector import Tick
from nagare.collect.portable.source import PortableCollector, load_psutil
from nagare.collect.process.command import mask_command
from nagare.collect.reading.rows import TEXT_LIMIT
from nagare.model.columns import Cell
from nagare.model.tables import PROCESS, Table

_ASKED = ("pid", "name", "username", "cpu_times", "memory_info", "num_threads", "create_time", "status")


class PortableProcessCollector(PortableCollector):
    """Reads all processes and returns the top ones by CPU, then by memory."""

    name: ClassVar[str] = "process"
    table: ClassVar[Table] = PROCESS

    def __init__(self, *, top: int = 10, command_lines: str = "masked", load: Callable[[], Any] = load_psutil) -> None:
        """Keep ``top`` by each of CPU and memory."""
        super().__init__(load)
        self._top = top
        self._command_lines = command_lines
        self._before: dict[tuple[int, float], float] = {}
        self._before_at = 0.0

    def rows(self, psutil: Any, tick: Tick) -> Sequence[dict[str, Cell]]:
        """Return one row a top process."""
        elapsed, total = tick.monotonic - self._before_at, psutil.virtual_memory().total
        seen: list[tuple[dict[str, Cell], Any]] = []
        after: dict[tuple[int, float], float] = {}
        for process in psutil.process_iter(_ASKED):
            row = _row(process.info, total)
            key, seconds = (process.info["pid"], process.info["create_time"]), row["cpu_seconds_total"]
            if isinstance(seconds, float):
                after[key] = seconds
                if key in self._before and elapsed > 0:
                    row["cpu_ratio"] = max(0.0, seconds - self._before[key]) / elapsed
            seen.append((row, process))
        self._before, self._before_at = after, tick.monotonic
        chosen = self._choose(seen)
        for rank, (row, process) in enumerate(chosen, 1):
            row |= {"rank": rank, "command": self._command(psutil, process)}
        return [row for row, _ in chosen]

    def _choose(self, seen: list[tuple[dict[str, Cell], Any]]) -> list[tuple[dict[str, Cell], Any]]:
        chosen: dict[Cell, tuple[dict[str, Cell], Any]] = {}
        for column in ("cpu_ratio", "memory_bytes"):
            for pair in heapq.nlargest(self._top, seen, key=lambda pair: _number(pair[0].get(column))):
                if _number(pair[0].get(column)) > 0:
                    chosen.setdefault(pair[0]["pid"], pair)
        return list(chosen.values())

    def _command(self, psutil: Any, process: Any) -> str | None:
        if self._command_lines == "off":
            return None
        try:
            words = [str(word) for word in process.cmdline()]
        except psutil.Error:
            return None
        if not words:
            return None
        return (" ".join(words) if self._command_lines == "full" else mask_command(words))[:TEXT_LIMIT]


def _number(value: Cell) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _row(told: dict[str, Any], total: int) -> dict[str, Cell]:
    times, memory = told["cpu_times"], told["memory_info"]
    return {
        "pid": told["pid"],
        "name": told["name"],
        "user": told["username"],
        "memory_bytes": None if memory is None else memory.rss,
        "memory_ratio": None if memory is None or not total else memory.rss / total,
        "threads": told["num_threads"],
        "state": str(told["status"] or "")[:1].upper() or None,
        "started_at_seconds": told["create_time"],
        "cpu_seconds_total": None if times is None else float(times.user + times.system),
    }
