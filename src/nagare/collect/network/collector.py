"""Columns of ``network``: one row an interface, without the inner ends of virtual cables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from nagare.collect.collector import AbsentError, Root, Tables, Tick
from nagare.collect.network.link import Link, is_cable, read_link
from nagare.collect.network.traffic import Counts, find_primary, parse_traffic
from nagare.collect.reading.files import HotFile, find_bytes
from nagare.collect.reading.rates import Stopwatch
from nagare.collect.reading.rows import Row, RowLimit, columns_of

# Asking a driver for its speed takes the kernel's network lock, and routing tables can be long.
_SELDOM_SECONDS = 15.0
# A router with a full table must not cost a second a minute: the default route stands near the beginning.
_ROUTES_BYTES = 256 * 1024
INTERFACE_LIMIT = 200


class NetworkCollector:
    """Reads traffic, links and the default routes."""

    name: ClassVar[str] = "network"
    interval_seconds: ClassVar[float | None] = None
    is_slow: ClassVar[bool] = False

    def __init__(self, root: Root) -> None:
        """Read nothing yet."""
        self._root = root
        self._traffic = HotFile(root.proc / "net" / "dev")
        self._seldom = Stopwatch(_SELDOM_SECONDS)
        self._links: dict[str, Link] = {}
        self._primary: frozenset[str] = frozenset()
        self._before: Mapping[str, Counts] = {}
        self._before_at = 0.0
        self._limit = RowLimit("network", INTERFACE_LIMIT)

    def collect(self, tick: Tick) -> Tables:
        """Return one row an interface; rates are null at its first reading and after its counters began again."""
        try:
            found = parse_traffic(self._traffic.read())
        except OSError as error:
            raise AbsentError(f"cannot read {self._root.proc}/net/dev: {error.strerror}") from error
        if self._seldom.is_due(tick.monotonic):
            self._links.clear()
            self._primary = self._read_primary()
        elapsed = tick.monotonic - self._before_at
        watched = {name: counts for name, counts in found.items() if not is_cable(name) or name in self._primary}
        rows = [self._row(name, counts, elapsed) for name, counts in self._limit.cut(list(watched.items()))]
        self._before, self._before_at = watched, tick.monotonic
        return {"network": columns_of(rows)}

    def close(self) -> None:
        """Give the descriptor back."""
        self._traffic.close()

    def _read_primary(self) -> frozenset[str]:
        net = self._root.proc / "net"
        return find_primary(*(find_bytes(net / name, _ROUTES_BYTES) or b"" for name in ("route", "ipv6_route")))

    def _link(self, name: str) -> Link:
        link = self._links.get(name)
        if link is None:
            is_safe = name not in ("", ".", "..") and "/" not in name and "\0" not in name
            link = self._links[name] = read_link(self._root.sys / "class" / "net" / name) if is_safe else Link()
        return link

    def _row(self, name: str, counts: Counts, elapsed: float) -> Row:
        link = self._link(name)
        return {
            "interface": name,
            "received_bytes_total": counts.received_bytes,
            "sent_bytes_total": counts.sent_bytes,
            "received_packets_total": counts.received_packets,
            "sent_packets_total": counts.sent_packets,
            "received_errors_total": counts.received_errors,
            "sent_errors_total": counts.sent_errors,
            "received_drops_total": counts.received_drops,
            "sent_drops_total": counts.sent_drops,
            **_rates(counts, self._before.get(name), elapsed),
            "speed_bits_per_second": link.speed_bits_per_second,
            "duplex": link.duplex,
            "state": link.state,
            "mtu_bytes": link.mtu_bytes,
            "kind": link.kind,
            "primary": name in self._primary,
        }


def _rates(new: Counts, old: Counts | None, elapsed: float) -> dict[str, float | None]:
    # One counter that fell says that the interface was made anew: then no rate of it means anything.
    if old is None or elapsed <= 0 or any(after < before for after, before in zip(new, old, strict=True)):
        return dict.fromkeys(_RATE_NAMES)
    rises = Counts(*(after - before for after, before in zip(new, old, strict=True)))
    return {
        "received_bytes_per_second": rises.received_bytes / elapsed,
        "sent_bytes_per_second": rises.sent_bytes / elapsed,
        "received_packets_per_second": rises.received_packets / elapsed,
        "sent_packets_per_second": rises.sent_packets / elapsed,
        "errors_per_second": (rises.received_errors + rises.sent_errors) / elapsed,
        "drops_per_second": (rises.received_drops + rises.sent_drops) / elapsed,
    }


_RATE_NAMES = (
    "received_bytes_per_second", "sent_bytes_per_second", "received_packets_per_second",
    "sent_packets_per_second", "errors_per_second", "drops_per_second",
)  # fmt: skip
