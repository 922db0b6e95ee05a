"""The columns of host lists, and how a host's state becomes a row of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from nagare.lib.plain_text import plain
from nagare.tui.health import Level
from nagare.tui.live_model import HostLive
from nagare.tui.renderables.table_cells import CellKind, ColumnSpec
from nagare.tui.series import NAN
from nagare.tui.widgets.row_store import RowStore

_SILENT = (Level.DOWN, Level.UNKNOWN)
_SPARK_MS = 900_000
# Columns of things that most fleets do not have.
OPTIONAL_COLUMNS: Mapping[str, str] = MappingProxyType({"gpu": "gpu.busy", "temp": "sensor.temperature"})

# Narrow terminals keep the low priorities: state, name, cpu with its curve, memory, age.
HOST_COLUMNS = (
    ColumnSpec("state", "state", CellKind.STATE, 7, 0, help="how alive the host is, and whether something needs a look"),
    ColumnSpec("name", "host", CellKind.TEXT, 12, 0, grow=True, help="name of the host"),
    ColumnSpec("cpu", "cpu", CellKind.RATIO, 7, 1, 0.90, 0.98, gradient=True, trend=True, help="busy share of all cores"),
    ColumnSpec("cpu_curve", "lately", CellKind.SPARK, 9, 2, help="cpu of the last quarter of an hour at the most"),
    ColumnSpec("mem", "mem", CellKind.RATIO, 6, 2, 0.90, 0.97, gradient=True, help="memory in use"),
    ColumnSpec("disk", "disk", CellKind.RATIO, 6, 4, 0.90, 0.97, help="the fullest file system"),
    ColumnSpec("load", "load/c", CellKind.RATIO, 6, 5, 1.5, 4.0, help="load average of a minute over the cores: 100% is one task a core"),
    ColumnSpec("rx", "net in", CellKind.RATE, 8, 6, help="bytes received a second"),
    ColumnSpec("net_curve", "lately", CellKind.SPARK, 9, 9, spark_high=None, help="traffic in of the last quarter of an hour at the most"),
    ColumnSpec("tx", "net out", CellKind.RATE, 8, 6, help="bytes sent a second"),
    ColumnSpec("read", "read", CellKind.RATE, 8, 10, help="bytes read from disks a second"),
    ColumnSpec("write", "write", CellKind.RATE, 8, 10, help="bytes written to disks a second"),
    ColumnSpec("gpu", "gpu", CellKind.RATIO, 6, 11, gradient=True, help="the busiest GPU"),
    ColumnSpec("temp", "temp", CellKind.CELSIUS, 6, 12, 85.0, 95.0, help="the hottest sensor"),
    ColumnSpec("age", "age", CellKind.AGE, 6, 3, help="time since the host was last heard"),
    ColumnSpec("uptime", "uptime", CellKind.AGE, 7, 13, help="time since its last boot"),
    ColumnSpec("why", "needs a look", CellKind.TEXT, 16, 8, grow=True, help="that it is in maintenance, else the worst of what stands out"),
    ColumnSpec("version", "agent", CellKind.TEXT, 9, 14, help="version of its agent"),
)  # fmt: skip


def host_row(host: HostLive, now_ms: int) -> dict[str, Any]:
    """Return the cells of one host."""
    return {
        "state": host.level.value,
        "name": plain(host.name),
        "cpu": host.value("cpu.busy"),
        "cpu_curve": host.ring("cpu.busy").since(now_ms - _SPARK_MS)[1],
        "mem": host.value("memory.used"),
        "disk": host.value("disk.used"),
        "load": load_per_core(host),
        "rx": host.value("net.in"),
        "net_curve": host.ring("net.in").since(now_ms - _SPARK_MS)[1],
        "tx": host.value("net.out"),
        "read": host.value("io.read"),
        "write": host.value("io.write"),
        "gpu": host.value("gpu.busy"),
        "temp": host.value("sensor.temperature"),
        "age": age_seconds(host, now_ms),
        "uptime": _number(host.first("load", "uptime_seconds")),
        "why": _why(host),
        "version": plain(host.view.version) if host.view else "",
    }


def write_host(store: RowStore, host: HostLive, now_ms: int) -> None:
    """Write a host into a list. A trend compares the newest two reports of the host, whenever the list was written last."""
    store.update(host.name, {"cpu": _value_before(host, "cpu.busy")})
    store.update(host.name, host_row(host, now_ms), labels=host_labels(host))


def host_labels(host: HostLive) -> Mapping[str, str]:
    """Return what a filter may name beside the columns: ``role:db``."""
    return host.view.labels if host.view else {}


def load_per_core(host: HostLive) -> float:
    """Return the load of a minute over the cores, NaN when either is not known."""
    cores = _number(host.first("load", "cores"))
    return host.value("load.1") / cores if cores and not math.isnan(cores) else NAN


def age_seconds(host: HostLive, now_ms: int) -> float:
    """Return whole seconds since the host was heard, NaN when never."""
    return NAN if host.seen_ms is None else float(max(0, now_ms - host.seen_ms) // 1000)


def _value_before(host: HostLive, series_id: str) -> float:
    values = host.ring(series_id).points()[1]
    return float(values[-2]) if len(values) > 1 else NAN


def _why(host: HostLive) -> str:
    # Who sees that a host is silent, or ill, asks this first.
    if host.view is not None and host.view.maintenance:
        return f"maintenance: {plain(host.view.maintenance)}"
    return host.reasons[0].text if host.reasons and host.level not in _SILENT else ""


def _number(cell: object) -> float:
    return float(cell) if isinstance(cell, int | float) else NAN
