"""Disks and networks through psutil."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from nagare.collect.collector import Tick
from nagare.collect.portable.source import PortableCollector
from nagare.collect.reading.rates import rate
from nagare.model.columns import Cell
from nagare.model.tables import DISK, NETWORK, Table


class PortableDiskCollector(PortableCollector):
    """Reads the space of local file systems; psutil names physical ones only."""

    name: ClassVar[str] = "disk"
    table: ClassVar[Table] = DISK

    def rows(self, psutil: Any, tick: Tick) -> Sequence[dict[str, Cell]]:  # noqa: ARG002  only gauges
        """Return one row a file system."""
        rows: dict[str, dict[str, Cell]] = {}
        for part in psutil.disk_partitions(all=False):
            try:
                usage = psutil.disk_usage(part.mountpoint)
            except OSError:
                continue
            if usage.total and part.device not in rows:
                rows[part.device] = _disk_row(part, usage)
        return list(rows.values())


def _disk_row(part: Any, usage: Any) -> dict[str, Cell]:
    return {
        "mount": part.mountpoint,
        "device": part.device,
        "fstype": part.fstype,
        "total_bytes": usage.total,
        "used_bytes": usage.used,
        "available_bytes": usage.free,
        "used_ratio": usage.used / (usage.used + usage.free) if usage.used + usage.free > 0 else None,
        "read_only": "ro" in part.opts.split(","),
    }


class PortableNetworkCollector(PortableCollector):
    """Reads the traffic of interfaces."""

    name: ClassVar[str] = "network"
    table: ClassVar[Table] = NETWORK
    _before: dict[str, Any] | None = None
    _before_at: float = 0.0

    def rows(self, psutil: Any, tick: Tick) -> Sequence[dict[str, Cell]]:
        """Return one row an interface."""
        after, links = psutil.net_io_counters(pernic=True), psutil.net_if_stats()
        elapsed = tick.monotonic - self._before_at
        before = self._before or {}
        rows = [_network_row(name, counts, before.get(name), elapsed) for name, counts in after.items()]
        for row in rows:
            link = links.get(row["interface"])
            if link is not None:
                row |= {
                    "speed_bits_per_second": link.speed * 1_000_000 or None,
                    "state": "up" if link.isup else "down",
                    "mtu_bytes": link.mtu,
                }
        self._before, self._before_at = after, tick.monotonic
        return rows


def _network_row(name: str, new: Any, old: Any, elapsed: float) -> dict[str, Cell]:
    row: dict[str, Cell] = {
        "interface": name,
        "received_bytes_total": new.bytes_recv,
        "sent_bytes_total": new.bytes_sent,
        "received_packets_total": new.packets_recv,
        "sent_packets_total": new.packets_sent,
        "received_errors_total": new.errin,
        "sent_errors_total": new.errout,
        "received_drops_total": new.dropin,
        "sent_drops_total": new.dropout,
    }
    if old is None:
        return row
    return row | {
        "received_bytes_per_second": rate(new.bytes_recv, old.bytes_recv, elapsed),
        "sent_bytes_per_second": rate(new.bytes_sent, old.bytes_sent, elapsed),
        "received_packets_per_second": rate(new.packets_recv, old.packets_recv, elapsed),
        "sent_packets_per_second": rate(new.packets_sent, old.packets_sent, elapsed),
        "errors_per_second": rate(new.errin + new.errout, old.errin + old.errout, elapsed),
        "drops_per_second": rate(new.dropin + new.dropout, old.dropin + old.dropout, elapsed),
    }
