"""The named values that the interface draws, each defined once: the same definition reads a live frame and writes SQL.

A series is one column of one table, over one row (``core = 'all'``) or over all rows of a moment (sum, max, mean).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from nagare.tui.renderables.value_axis import Unit

NAN = float("nan")


class Across(StrEnum):
    """How the rows of one moment become one value."""

    ONE = "one"
    SUM = "sum"
    MAX = "max"
    # The interface of the default route when one is marked, else all but the loopback: no byte is counted twice.
    UPLINK = "uplink"


_SUMMED = (Across.SUM, Across.UPLINK)
_NUMBERS = (int, float)


@dataclass(frozen=True, slots=True)
class Series:
    """One line: where it is read from and how."""

    id: str
    label: str
    table: str
    column: str
    across: Across = Across.ONE
    unit: Unit = Unit.RATIO
    # Only rows with this key take part: ("core", "all").
    only: tuple[str, str] | None = None
    # What it is called where a legend has little room; empty for the label.
    short: str = ""


@dataclass(frozen=True, slots=True)
class ChartSpec:
    """One chart: its lines share a unit and, when ``top`` is given, at least that much of the axis."""

    id: str
    title: str
    series: tuple[str, ...]
    unit: Unit
    top: float | None = None
    # Left out while nothing of it is known: most hosts have no GPU.
    is_optional: bool = False


_ALL = ("core", "all")
_SERIES = (
    Series("cpu.busy", "busy", "cpu", "busy_ratio", only=_ALL),
    Series("cpu.user", "user", "cpu", "user_ratio", only=_ALL),
    Series("cpu.system", "system", "cpu", "system_ratio", only=_ALL, short="sys"),
    Series("cpu.iowait", "iowait", "cpu", "iowait_ratio", only=_ALL, short="io"),
    Series("cpu.steal", "steal", "cpu", "steal_ratio", only=_ALL),
    Series("cpu.pressure", "for cpu", "cpu", "pressure_some_ratio", only=_ALL, short="cpu"),
    Series("load.1", "1 m", "load", "load1", unit=Unit.COUNT),
    Series("load.5", "5 m", "load", "load5", unit=Unit.COUNT),
    Series("load.15", "15 m", "load", "load15", unit=Unit.COUNT),
    Series("memory.used", "used", "memory", "used_ratio"),
    Series("memory.swap", "swap", "memory", "swap_used_ratio"),
    Series("memory.pressure", "for memory", "memory", "pressure_some_ratio", short="mem"),
    Series("disk.used", "fullest", "disk", "used_ratio", Across.MAX),
    Series("disk.inodes", "inodes", "disk", "inodes_used_ratio", Across.MAX),
    Series("io.read", "read", "disk_io", "read_bytes_per_second", Across.SUM, Unit.RATE),
    Series("io.write", "write", "disk_io", "written_bytes_per_second", Across.SUM, Unit.RATE),
    Series("io.busy", "busiest", "disk_io", "utilization_ratio", Across.MAX),
    Series("net.in", "in", "network", "received_bytes_per_second", Across.UPLINK, Unit.RATE),
    Series("net.out", "out", "network", "sent_bytes_per_second", Across.UPLINK, Unit.RATE),
    Series("gpu.busy", "busiest", "gpu", "utilization_ratio", Across.MAX),
    Series("gpu.memory", "memory", "gpu", "memory_used_ratio", Across.MAX),
    Series("gpu.temperature", "hottest", "gpu", "temperature_celsius", Across.MAX, Unit.CELSIUS),
    Series("sensor.temperature", "hottest", "sensor", "value", Across.MAX, Unit.CELSIUS, ("kind", "temperature")),
)
SERIES: Mapping[str, Series] = MappingProxyType({series.id: series for series in _SERIES})

# What every host keeps a short history of: the sparklines of lists and the fleet's charts.
SPARK_SERIES = ("cpu.busy", "memory.used", "net.in", "net.out", "io.read", "io.write")
# What lists show of every host; of the others the newest value is read when somebody asks for it.
LIST_SERIES = frozenset({*SPARK_SERIES, "disk.used", "load.1", "gpu.busy", "sensor.temperature"})
# What is read of every frame of the fleet: what those need, and what ``health`` judges. Of the last table all is kept.
BRIEF_COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "cpu": ("core", "busy_ratio"),
        "memory": ("used_ratio", "pressure_full_ratio", "total_bytes"),
        "load": ("load1", "load5", "load15", "cores", "uptime_seconds"),
        "disk": ("mount", "read_only", "used_ratio", "inodes_used_ratio"),
        "disk_io": ("read_bytes_per_second", "written_bytes_per_second"),
        "network": ("interface", "primary", "received_bytes_per_second", "sent_bytes_per_second"),
        "gpu": ("utilization_ratio",),
        "sensor": ("kind", "value"),
        "unit": ("name", "active_state"),
        "smart": ("device", "passed"),
        "probe": ("target", "success"),
        "agent": (),
    }
)

HOST_CHARTS = (
    ChartSpec("cpu", "CPU", ("cpu.busy", "cpu.system", "cpu.iowait"), Unit.RATIO, 1.0),
    ChartSpec("memory", "Memory", ("memory.used", "memory.swap"), Unit.RATIO, 1.0),
    ChartSpec("net", "Network", ("net.in", "net.out"), Unit.RATE),
    ChartSpec("io", "Disk I/O", ("io.read", "io.write"), Unit.RATE),
    ChartSpec("load", "Load", ("load.1", "load.5", "load.15"), Unit.COUNT),
    ChartSpec("busy", "Disk busy", ("io.busy",), Unit.RATIO, 1.0),
    ChartSpec("space", "Disk space", ("disk.used", "disk.inodes"), Unit.RATIO, 1.0),
    ChartSpec("waits", "Tasks that wait", ("cpu.pressure", "memory.pressure"), Unit.RATIO, 1.0, is_optional=True),
    ChartSpec("gpu", "GPU", ("gpu.busy", "gpu.memory"), Unit.RATIO, 1.0, is_optional=True),
    ChartSpec("heat", "Temperature", ("sensor.temperature", "gpu.temperature"), Unit.CELSIUS, is_optional=True),
)
# Over the fleet a ratio has a mean and a greatest host (``.max``); a rate has its sum.
FLEET_CHARTS = (
    ChartSpec("cpu", "CPU", ("cpu.busy.max", "cpu.busy"), Unit.RATIO, 1.0),
    ChartSpec("memory", "Memory", ("memory.used.max", "memory.used"), Unit.RATIO, 1.0),
    ChartSpec("net", "Network", ("net.in", "net.out"), Unit.RATE),
    ChartSpec("io", "Disk I/O", ("io.read", "io.write"), Unit.RATE),
)
# What charts can be compared with: days before -> what the line is called.
COMPARED_DAYS: Mapping[int, str] = MappingProxyType({1: "a day before", 7: "a week before"})
FLEET_SERIES = tuple(dict.fromkeys(name.removesuffix(".max") for chart in FLEET_CHARTS for name in chart.series))


def labels_of(series_id: str, *, fleet: bool = False) -> tuple[str, str]:
    """Return the name of a line in a legend, and the one for a narrow legend."""
    if fleet and SERIES[series_id.removesuffix(".max")].unit is Unit.RATIO:
        return ("highest host", "max") if series_id.endswith(".max") else ("mean", "mean")
    series = SERIES[series_id]
    return series.label, series.short or series.label


def read_value(series: Series, columns: Mapping[str, Sequence[object]]) -> float:
    """Return the value of ``series`` in the rows of one moment; NaN when nothing there is known."""
    cells = columns.get(series.column)
    if not cells:
        return NAN
    if series.only is not None:
        key, wanted = series.only
        cells = [cell for cell, name in zip(cells, columns.get(key, ()), strict=False) if name == wanted]
    elif series.across is Across.UPLINK:
        cells = _uplink(cells, columns)
    if len(cells) == 1:
        # As nearly always: this is asked ten times for every report of every host.
        cell = cells[0]
        return float(cell) if isinstance(cell, _NUMBERS) else NAN
    known = [float(cell) for cell in cells if isinstance(cell, _NUMBERS) and cell == cell]
    if not known:
        return NAN
    return sum(known) if series.across in _SUMMED else max(known)


def _uplink(cells: Sequence[object], columns: Mapping[str, Sequence[object]]) -> Sequence[object]:
    marked = [cell for cell, primary in zip(cells, columns.get("primary", ()), strict=False) if primary is True]
    if marked:
        return marked
    return [cell for cell, name in zip(cells, columns.get("interface", ()), strict=False) if name != "lo"]


def is_summed(series: Series) -> bool:
    """Tell whether the rows of one moment are added up."""
    return series.across in _SUMMED


def sql_value(series: Series, end: str = "") -> str:
    """Return the SQL aggregate that gives ``series`` over the rows of one host and moment; ``end`` picks a rollup's column."""
    column = f"{series.column}{end}"
    match series.across:
        case Across.SUM:
            value = f"sum({column})"
        case Across.UPLINK:
            value = (
                f"coalesce(sum({column}) filter (where \"primary\"), sum({column}) filter (where interface <> 'lo'))"
            )
        case _:
            value = f"max({column})"
    if series.only is not None:
        key, wanted = series.only
        value += f" filter (where {key} = '{wanted}')"
    return value
