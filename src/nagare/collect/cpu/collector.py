"""Columns of ``cpu``: one row a core and the row 'all'. It knows the files, ``stat`` knows what they mean."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import ClassVar

from nagare.collect.collector import AbsentError, Root, Tables, Tick
from nagare.collect.cpu.frequency import read_frequencies
from nagare.collect.cpu.stat import CoreTimes, Stat, mode_ratios, parse_stat
from nagare.collect.reading.files import HotFile
from nagare.collect.reading.own_cgroup import CgroupFile, Limits, find_field, find_own_groups, read_limits
from nagare.collect.reading.pressure import parse_pressure
from nagare.collect.reading.rates import Stopwatch
from nagare.collect.reading.rows import Row, columns_of
from nagare.model.columns import Cell

_MODES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest")
_MODE_COLUMNS = tuple(f"{mode}_ratio" for mode in _MODES)
_UNKNOWN_MODES: Mapping[str, float | None] = dict.fromkeys((*_MODE_COLUMNS, "busy_ratio"))
_IDLE, _IOWAIT = _MODES.index("idle"), _MODES.index("iowait")
# Frequencies and limits change seldom or cost much; in between the last reading stands.
_SELDOM_SECONDS = 30.0


class CpuCollector:
    """Reads core times, frequency, pressure and the agent's own CPU limit."""

    name: ClassVar[str] = "cpu"
    interval_seconds: ClassVar[float | None] = None
    is_slow: ClassVar[bool] = False

    def __init__(self, root: Root, *, ticks_per_second: int | None = None) -> None:
        """Read nothing yet."""
        self._root = root
        self._ticks_per_second = ticks_per_second or os.sysconf("SC_CLK_TCK")
        self._stat = HotFile(root.proc / "stat", is_single=True)
        self._pressure = HotFile(root.proc / "pressure" / "cpu", is_single=True)
        groups = find_own_groups(root)
        self._groups = groups
        self._cgroup_stat = CgroupFile(groups, "cpu.stat")
        self._seldom = Stopwatch(_SELDOM_SECONDS)
        self._frequencies: Mapping[str, float] = {}
        self._limits = Limits(None, None)
        self._before: Mapping[str, CoreTimes] = {}

    def collect(self, tick: Tick) -> Tables:
        """Return one row a core and 'all'; ratios are over the time since the last call."""
        try:
            stat = parse_stat(self._stat.read())
        except OSError as error:
            raise AbsentError(f"cannot read {self._root.proc}/stat: {error.strerror}") from error
        if self._seldom.is_due(tick.monotonic):
            self._frequencies = read_frequencies(self._root, (core for core in stat.cores if core != "all"))
            self._limits = read_limits(self._groups)
        whole = self._whole(stat)
        rows = [self._row(core, times, whole) for core, times in stat.cores.items()]
        self._before = stat.cores
        return {"cpu": columns_of(rows)}

    def close(self) -> None:
        """Give the descriptors back."""
        for file in (self._stat, self._pressure, self._cgroup_stat):
            file.close()

    def _whole(self, stat: Stat) -> dict[str, Cell]:
        throttled = find_field(self._cgroup_stat.find(), b"throttled_usec")
        return {
            "frequency_hertz": sum(self._frequencies.values()) / len(self._frequencies) if self._frequencies else None,
            "pressure_some_ratio": parse_pressure(self._pressure.find())[0],
            "context_switches_total": stat.context_switches,
            "interrupts_total": stat.interrupts,
            "limit_cores": self._limits.cores,
            "throttled_seconds_total": None if throttled is None else throttled / 1e6,
        }

    def _row(self, core: str, times: CoreTimes, whole: dict[str, Cell]) -> Row:
        ratios = mode_ratios(times, self._before.get(core))
        row: dict[str, Cell] = {"core": core}
        if ratios is None:
            row.update(_UNKNOWN_MODES)
        else:
            row.update(zip(_MODE_COLUMNS, ratios, strict=True))
            row["busy_ratio"] = max(0.0, 1.0 - ratios[_IDLE] - ratios[_IOWAIT])
        row["seconds_total"] = times.busy / self._ticks_per_second
        if core == "all":
            return row | whole
        return row | dict.fromkeys(whole) | {"frequency_hertz": self._frequencies.get(core)}
