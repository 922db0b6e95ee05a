"""CPU, load and memory through psutil."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, ClassVar

from nagare.collect.collector import Tick
from nagare.collect.portable.source import PortableCollector
from nagare.model.columns import Cell
from nagare.model.tables import CPU, LOAD, MEMORY, Table

_MODES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest")


class PortableCpuCollector(PortableCollector):
    """Reads core times."""

    name: ClassVar[str] = "cpu"
    table: ClassVar[Table] = CPU
    _before: dict[str, Any] | None = None

    def rows(self, psutil: Any, tick: Tick) -> Sequence[dict[str, Cell]]:  # noqa: ARG002  the times are their own clock
        """Return one row a core and 'all'."""
        after = {"all": psutil.cpu_times()} | {str(at): times for at, times in enumerate(psutil.cpu_times(percpu=True))}
        before, self._before = self._before or {}, after
        stats = psutil.cpu_stats()
        rows = [_cpu_row(core, times, before.get(core)) for core, times in after.items()]
        rows[0] |= {"context_switches_total": stats.ctx_switches, "interrupts_total": stats.interrupts}
        return rows


def _cpu_row(core: str, new: Any, old: Any) -> dict[str, Cell]:
    times = {mode: float(getattr(new, mode)) for mode in _MODES if hasattr(new, mode)}
    idle = times.get("idle", 0.0) + times.get("iowait", 0.0)
    row: dict[str, Cell] = {"core": core, "seconds_total": sum(times.values()) - idle}
    if old is None:
        return row
    rises = {mode: max(0.0, seconds - float(getattr(old, mode))) for mode, seconds in times.items()}
    total = sum(rises.values())
    if total <= 0:
        return row
    row |= {f"{mode}_ratio": rise / total for mode, rise in rises.items()}
    row["busy_ratio"] = max(0.0, 1.0 - (rises.get("idle", 0.0) + rises.get("iowait", 0.0)) / total)
    return row


class PortableLoadCollector(PortableCollector):
    """Reads load averages and counts."""

    name: ClassVar[str] = "load"
    table: ClassVar[Table] = LOAD

    def rows(self, psutil: Any, tick: Tick) -> Sequence[dict[str, Cell]]:
        """Return the one row."""
        one, five, fifteen = psutil.getloadavg()
        return [
            {
                "load1": one,
                "load5": five,
                "load15": fifteen,
                "cores": os.cpu_count(),
                "processes": len(psutil.pids()),
                "uptime_seconds": tick.now_ms / 1000 - psutil.boot_time(),
            }
        ]


class PortableMemoryCollector(PortableCollector):
    """Reads memory and swap."""

    name: ClassVar[str] = "memory"
    table: ClassVar[Table] = MEMORY

    def rows(self, psutil: Any, tick: Tick) -> Sequence[dict[str, Cell]]:  # noqa: ARG002  only gauges
        """Return the one row."""
        memory, swap = psutil.virtual_memory(), psutil.swap_memory()
        used = memory.total - memory.available
        return [
            {
                "total_bytes": memory.total,
                "available_bytes": memory.available,
                "used_bytes": used,
                "used_ratio": used / memory.total if memory.total else None,
                "free_bytes": memory.free,
                "swap_total_bytes": swap.total,
                "swap_used_bytes": swap.used,
                "swap_used_ratio": swap.used / swap.total if swap.total else None,
            }
        ]
