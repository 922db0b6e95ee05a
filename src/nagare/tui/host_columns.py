"""The columns of host lists, and how a host's state becomes a row of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Any

import numpy as np

from nagare.lib.plain_text import plain
from nagare.model.health import Level
from nagare.model.host_series import NAN
from nagare.tui.fleet_columns import FleetColumns
from nagare.tui.host_live import HostLive
from nagare.tui.renderables.table_cells import CellKind, ColumnSpec
from nagare.tui.ring import FloatArray, SlotArray
from nagare.tui.widgets.row_store import RowStore

_SILENT = (Level.DOWN, Level.UNKNOWN)
# A cell of a host at a moment (Unix milliseconds).
Cell = Callable[[HostLive, int], Any]
# Names and versions of a large fleet.
_plain = lru_cache(maxsize=1 << 14)(plain)
_SPARK_MS = 900_000
_NO_LABELS: Mapping[str, str] = MappingProxyType({})
_NO_POINTS: FloatArray = np.zeros(0)
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


def host_labels(host: HostLive) -> Mapping[str, str]:
    """Return what a filter may name beside the columns: ``role:db``."""
    return host.view.labels if host.view else _NO_LABELS


def age_seconds(host: HostLive, now_ms: int) -> float:
    """Return whole seconds since the host was heard, NaN when never."""
    return NAN if host.seen_ms is None else float(max(0, now_ms - host.seen_ms) // 1000)


def _why(host: HostLive) -> str:
    # Who sees that a host is silent, or ill, asks this first.
    if host.view is not None and host.view.maintenance:
        return f"maintenance: {plain(host.view.maintenance)}"
    return host.reasons[0].text if host.reasons and host.level not in _SILENT else ""


def _version(host: HostLive, _now_ms: int) -> str:
    return _plain(host.view.version) if host.view else ""


# What stands in each column: the newest value of a series, or what is made of a host.
_VALUES: Mapping[str, str] = MappingProxyType(
    {
        "cpu": "cpu.busy", "mem": "memory.used", "disk": "disk.used", "rx": "net.in", "tx": "net.out", "read": "io.read",
        "write": "io.write", "uptime": "load.uptime", **OPTIONAL_COLUMNS,
    }
)  # fmt: skip
_CURVES: Mapping[str, str] = MappingProxyType({"cpu_curve": "cpu.busy", "net_curve": "net.in"})
# Columns of words, which are read of each host.
_CELLS: Mapping[str, Cell] = MappingProxyType(
    {"state": lambda host, _now_ms: host.level, "why": lambda host, _now_ms: _why(host)}
)
# What changes only with what the server says of a host.
_SAID: Mapping[str, Cell] = MappingProxyType({"name": lambda host, _now_ms: _plain(host.name), "version": _version})


def write_hosts(store: RowStore, hosts: Sequence[HostLive], now_ms: int) -> None:
    """Write hosts into a list, a column at a time, those that it has; ``tell_curves`` tells the list its curves.

    A trend compares the newest two reports of a host, whenever the list was written last.
    """
    if not hosts:
        return
    names, fleet = [host.name for host in hosts], hosts[0].fleet
    slots = np.array([host.slot for host in hosts], dtype=np.intp)
    columns: dict[str, Sequence[Any] | FloatArray] = {
        key: fleet.newest[series_id][slots] for key, series_id in _VALUES.items() if key in store.columns
    }
    if "load" in store.columns:
        columns["load"] = _loads(fleet, slots)
    if "age" in store.columns:
        columns["age"] = _ages(fleet.seen_ms[slots], now_ms)
    columns |= {key: [cell(host, now_ms) for host in hosts] for key, cell in _CELLS.items() if key in store.columns}
    store.update_columns(names, columns, before={"cpu": fleet.before("cpu.busy", slots)})
    changed = [host for host in hosts if store.labels_of(host.name) is not host_labels(host)]
    said = {key: [cell(host, now_ms) for host in changed] for key, cell in _SAID.items() if key in store.columns}
    store.update_columns([host.name for host in changed], said, labels=list(map(host_labels, changed)))


def _loads(fleet: FleetColumns, slots: SlotArray) -> FloatArray:
    """Return the load of a minute over the cores, NaN where either is not known."""
    cores = fleet.newest["load.cores"][slots]
    found: FloatArray = np.full(len(slots), np.nan)
    return np.divide(fleet.newest["load.1"][slots], cores, out=found, where=cores > 0)


def _ages(seen_ms: FloatArray, now_ms: int) -> FloatArray:
    """Return ``age_seconds`` of many hosts."""
    return np.maximum(now_ms - seen_ms, 0) // 1000


def tell_curves(store: RowStore, hosts: Mapping[str, HostLive], now_ms: int) -> None:
    """Have a list ask for the curves of the hosts that it draws, of the time up to ``now_ms``."""

    def curve(series_id: str, name: str) -> FloatArray:
        host = hosts.get(name)
        return _NO_POINTS if host is None else host.ring(series_id).since(now_ms - _SPARK_MS)[1]

    store.told = {key: partial(curve, series_id) for key, series_id in _CURVES.items() if key in store.columns}


def write_ages(store: RowStore, hosts: Mapping[str, HostLive], now_ms: int) -> None:
    """Bring the ages of a list up to the second; a row whose age reads the same is not drawn again."""
    rows = [(name, host) for name in store.row_keys() if (host := hosts.get(name)) is not None]
    if not rows:
        return
    names, slots = [name for name, _ in rows], np.array([host.slot for _, host in rows], dtype=np.intp)
    ages, shown = _ages(rows[0][1].fleet.seen_ms[slots], now_ms), store.column(names, "age")
    changed = np.flatnonzero(~((ages == shown) | (np.isnan(ages) & np.isnan(shown)))).tolist()
    store.update_columns([names[index] for index in changed], {"age": ages[changed]})
