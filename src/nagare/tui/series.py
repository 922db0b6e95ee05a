"""What charts draw of a host and of the fleet, what lines are called, and the SQL of a series."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from nagare.lib.units import Unit
from nagare.model.host_series import SERIES, Across, Series


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
