"""What of the model is the network: hosts as every screen judges them, and the newest row of each of their probes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from nagare.lib.plain_text import plain
from nagare.model.health import Level
from nagare.model.network.build import HostSeen, ProbeSeen, build_network

if TYPE_CHECKING:
    from nagare.model.network.graph import Network
    from nagare.tui.host_live import HostLive
    from nagare.tui.live_model import LiveModel
    from nagare.wire.network import NetworkView

_TEXT_LIMIT = 200
_COLUMNS = ("target", "kind", "success", "latency_seconds", "loss_ratio", "error")
_SILENT = (Level.DOWN, Level.STALE, Level.UNKNOWN)


def network_of(model: LiveModel, labels: Sequence[str], known: Mapping[str, Sequence[ProbeSeen]]) -> Network:
    """Return the network of the present, or of the moment that ``model`` is of; ``labels`` link hosts to what they hang on.

    ``known`` are probes by host, for hosts of which no row came yet.
    """
    probes = (
        probe
        for host in model.hosts.values()
        for probe in (probes_of(host) if "probe" in host.tables else known.get(host.name, ()))
    )
    return build_network([_host(host) for host in model.hosts.values()], probes, labels)


def probes_of(host: HostLive) -> Iterator[ProbeSeen]:
    """Yield the newest row of each probe of ``host``."""
    columns = host.columns("probe")
    count = len(columns.get("target", ()))
    cells = [columns.get(name) or [None] * count for name in _COLUMNS]
    for target, kind, success, latency, loss, error in zip(*cells, strict=False):
        yield ProbeSeen(
            host.name, plain(str(target), _TEXT_LIMIT), plain(str(kind), 20),
            success if isinstance(success, bool) else None, _number(latency), _number(loss), plain(str(error or ""), _TEXT_LIMIT),
        )  # fmt: skip


def probes_told(view: NetworkView) -> dict[str, list[ProbeSeen]]:
    """Return the probes that the server told of, by host."""
    names = {node.id: node.name for node in view.nodes}
    found: dict[str, list[ProbeSeen]] = {}
    for link in view.links:
        if link.target and link.lower in names:
            success = {"up": True, "slow": True, "down": False}.get(link.state)
            probe = ProbeSeen(
                names[link.lower], plain(link.target, _TEXT_LIMIT), plain(link.relation, 20), success, link.latency_seconds,
                link.loss_ratio, plain(link.error, _TEXT_LIMIT),
            )  # fmt: skip
            found.setdefault(probe.host, []).append(probe)
    return found


def _host(host: HostLive) -> HostSeen:
    labels = host.view.labels if host.view is not None else {}
    reason = host.reasons[0].text if host.reasons and host.level not in _SILENT else ""
    return HostSeen(host.name, host.level.value, labels, reason)


def _number(cell: object) -> float | None:
    return float(cell) if isinstance(cell, int | float) else None
