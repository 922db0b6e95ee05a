"""Nodes and links as rows of lists, and their columns. Names are foreign and made plain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nagare.lib.plain_text import plain
from nagare.model.health import URGENCY, Level
from nagare.model.host_series import NAN
from nagare.model.network.graph import Link, Network, Node, NodeKind
from nagare.tui.export import rows_csv
from nagare.tui.renderables.table_cells import CellKind, ColumnSpec

if TYPE_CHECKING:
    from nagare.tui.host_live import HostLive
    from nagare.tui.live_model import LiveModel

NODE_COLUMNS = (
    ColumnSpec("state", "state", CellKind.STATE, 7, 0, help="how it is: a host as everywhere, anything else by its probes or by who hangs on it"),
    ColumnSpec("name", "node", CellKind.TEXT, 14, 0, grow=True, help="a host, what hosts hang on, or what is probed"),
    ColumnSpec("is", "is", CellKind.TEXT, 9, 2, help="host, the label that names it, or how it is probed"),
    ColumnSpec("behind", "behind", CellKind.NUMBER, 6, 1, help="hosts that hang on it, over others too"),
    ColumnSpec("why", "why", CellKind.TEXT, 18, 1, grow=True, help="why it is so: what stands out, or the fallen node that explains it"),
    ColumnSpec("latency", "latency", CellKind.SECONDS, 8, 3, help="the longest of the newest probes that reach it"),
    ColumnSpec("loss", "loss", CellKind.RATIO, 6, 4, 0.05, 0.5, help="the greatest share of tries without an answer"),
    ColumnSpec("on", "hangs on", CellKind.TEXT, 14, 5, grow=True, help="what it depends on"),
    ColumnSpec("alerts", "alerts", CellKind.NUMBER, 6, 6, help="alerts of it that are active"),
    ColumnSpec("rx", "net in", CellKind.RATE, 8, 7, help="bytes received a second"),
    ColumnSpec("tx", "net out", CellKind.RATE, 8, 7, help="bytes sent a second"),
    ColumnSpec("order", "", CellKind.NUMBER, 1, 99, help="what fell first with most behind it, then what else needs a look"),
)  # fmt: skip
LINK_COLUMNS = (
    ColumnSpec("state", "state", CellKind.STATE, 7, 0, help="how it is: measured by a probe, or by the ends that a label joins"),
    ColumnSpec("way", "way", CellKind.TEXT, 8, 1, help="up to what it hangs on, down to what hangs on it, or on itself"),
    ColumnSpec("name", "node", CellKind.TEXT, 12, 0, grow=True, help="the other end"),
    ColumnSpec("by", "by", CellKind.TEXT, 10, 1, help="the label that says so, or the kind of the probe"),
    ColumnSpec("latency", "latency", CellKind.SECONDS, 8, 1, help="mean time to the answer"),
    ColumnSpec("loss", "loss", CellKind.RATIO, 6, 2, 0.05, 0.5, help="share of tries without an answer"),
    ColumnSpec("rx", "net in", CellKind.RATE, 8, 5, help="bytes received a second by the host below"),
    ColumnSpec("tx", "net out", CellKind.RATE, 8, 5, help="bytes sent a second by the host below"),
    ColumnSpec("target", "target", CellKind.TEXT, 14, 4, grow=True, help="what is probed, as configured"),
    ColumnSpec("error", "error", CellKind.TEXT, 14, 3, grow=True, help="why the last try failed"),
    ColumnSpec("order", "", CellKind.NUMBER, 1, 99, help="up before down, the worst first"),
)  # fmt: skip
_RANK = 1e6
_LINK_ORDER = ("down", "slow", "stale", "unknown", "up")
_MOST_NAMED = 4


def node_rows(network: Network, model: LiveModel) -> dict[str, dict[str, Any]]:
    """Return the cells of every node by its id."""
    probes: dict[str, list[Link]] = {}
    for link in network.links:
        if link.is_probe:
            probes.setdefault(link.upper, []).append(link)
    alerts = Counter(alert.labels.get("host", "") for alert in model.alerts.values())
    return {
        node.id: _node_row(node, network, model, probes.get(node.id, []), alerts) for node in network.nodes.values()
    }


def _node_row(
    node: Node, network: Network, model: LiveModel, probes: list[Link], alerts: Mapping[str, int]
) -> dict[str, Any]:
    host = model.hosts.get(node.name) if node.kind is NodeKind.HOST else None
    names = [network.nodes[upper].name for upper in network.uppers.get(node.id, ())]
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return {
        "state": node.state,
        "name": plain(node.name),
        "is": kind_of(node),
        "behind": float(node.behind) if node.behind else NAN,
        "why": why(node, network),
        "latency": max((link.latency_seconds for link in probes if link.latency_seconds is not None), default=NAN),
        "loss": max((link.loss_ratio for link in probes if link.loss_ratio is not None), default=NAN),
        "on": plain(", ".join(names[:_MOST_NAMED]) + more),
        "alerts": float(alerts[node.name]) if host is not None and alerts.get(node.name) else NAN,
        "rx": _rate(host, "net.in"),
        "tx": _rate(host, "net.out"),
        "order": order_of(node),
    }


def _rate(host: HostLive | None, series_id: str) -> float:
    """Return the traffic of a host; a silent one has none that is known."""
    return NAN if host is None or host.level in (Level.DOWN, Level.UNKNOWN) else host.value(series_id)


def kind_of(node: Node) -> str:
    """Return in a word what a node is: host, or the labels and kinds of probes by which it is known."""
    return "host" if node.kind is NodeKind.HOST else plain(", ".join(node.roles), 40)


def why(node: Node, network: Network) -> str:
    """Return why a node is as it is, the fallen node that explains it first."""
    if node.cause:
        return f"behind {plain(network.nodes[node.cause].name, 60)}, which is down"
    if node.state == "down" and not node.reason:
        return f"silent, {count_of(node.behind)} behind it" if node.behind else "silent"
    return plain(node.reason)


def count_of(hosts: int) -> str:
    """Return a number of hosts in words."""
    return "1 host" if hosts == 1 else f"{hosts} hosts"


def order_of(node: Node) -> float:
    """Return a node's place: what fell and explains others, then what needs a look, then what is explained, then the rest."""
    if node.state == "down" and not node.cause and node.behind:
        return -float(node.behind)
    urgency = URGENCY.index(Level(node.state)) if node.state in _LEVELS else len(URGENCY)
    # Before what is up, behind everything that nothing explains.
    rank = _EXPLAINED if node.cause else urgency * 2
    return rank * _RANK + node.layer + 1


_EXPLAINED = 2 * URGENCY.index(Level.UP) - 1
_LEVELS = frozenset(level.value for level in Level)


def links_csv(network: Network) -> str:
    """Return all links as CSV."""
    names = ("lower", "upper", "by", "target", "state", "latency_seconds", "loss_ratio", "error")
    rows = (
        (network.nodes[link.lower].name, network.nodes[link.upper].name, link.relation, link.target, link.state,
         link.latency_seconds, link.loss_ratio, link.error)
        for link in network.links
    )  # fmt: skip
    return rows_csv(names, rows)


def link_row(link: Link, network: Network, model: LiveModel, seen_from: str) -> dict[str, Any]:
    """Return the cells of a link as seen from one of its ends."""
    is_own, is_up = link.lower == link.upper, link.lower == seen_from
    other = network.nodes[link.upper if is_up else link.lower]
    lower = model.hosts.get(network.nodes[link.lower].name)
    return {
        "state": link.state,
        "way": "itself" if is_own else "up" if is_up else "down",
        "name": plain(other.name),
        "by": plain(link.relation),
        "latency": NAN if link.latency_seconds is None else link.latency_seconds,
        "loss": NAN if link.loss_ratio is None else link.loss_ratio,
        "rx": NAN if link.is_probe else _rate(lower, "net.in"),
        "tx": NAN if link.is_probe else _rate(lower, "net.out"),
        "target": plain(link.target),
        "error": plain(link.error),
        "order": (0 if is_up else 1) * _RANK + _LINK_ORDER.index(link.state),
    }
