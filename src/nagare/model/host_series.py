"""The named values of a host, each defined once: the same definition reads its newest rows and writes SQL.

A series is one column of one table, over one row (``core = 'all'``) or over all rows of a moment (sum, max, uplink).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from nagare.lib.units import Unit

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
    Series("load.cores", "cores", "load", "cores", unit=Unit.COUNT),
    Series("load.uptime", "uptime", "load", "uptime_seconds", unit=Unit.SECONDS),
    Series("memory.used", "used", "memory", "used_ratio"),
    Series("memory.total", "total", "memory", "total_bytes", unit=Unit.BYTES),
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

# What the fleet's charts are of, and a host that is looked at keeps a short history of.
SPARK_SERIES = ("cpu.busy", "memory.used", "net.in", "net.out", "io.read", "io.write")
# Those of them that lists draw a curve of.
CURVE_SERIES = ("cpu.busy", "net.in")
# What lists show of every host; of the others the newest value is known of a host that is looked at.
LIST_SERIES = (
    *SPARK_SERIES, "disk.used", "load.1", "load.5", "load.15", "load.cores", "load.uptime", "memory.total", "gpu.busy",
    "sensor.temperature",
)  # fmt: skip


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


def series_by_table(ids: Iterable[str]) -> Mapping[str, tuple[Series, ...]]:
    """Return those series by the table that tells them."""
    found: dict[str, list[Series]] = {}
    for series_id in ids:
        found.setdefault(SERIES[series_id].table, []).append(SERIES[series_id])
    return MappingProxyType({table: tuple(own) for table, own in found.items()})
