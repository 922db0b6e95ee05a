"""The network: what depends on what, by the labels of hosts and by their probes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from nagare.lib.plain_text import plain
from nagare.model.network.build import HostSeen, ProbeSeen, build_network
from nagare.model.network.graph import Link, Node
from nagare.model.principal import Permission
from nagare.server.route import Call, Route
from nagare.server.sight import sees, sight_of
from nagare.wire.network import LinkView, NetworkView, NodeView
from nagare.wire.sql import SqlRequest

if TYPE_CHECKING:
    from nagare.wire.hosts import HostView

# A probe that said nothing for so long says nothing of now; the longest interval that makes sense has room in it.
_RECENT_MS = 900_000
_TEXT_LIMIT = 500
# What a host or a probe weighs, as work, beside the bytes of a body.
_ROW_BYTES = 500
_PROBES = (
    "SELECT host, target, kind, arg_max(success, ts), arg_max(latency_seconds, ts), arg_max(loss_ratio, ts),"
    " arg_max(coalesce(error, ''), ts) FROM probe GROUP BY host, target, kind"
)


async def get_network(call: Call) -> NetworkView:
    """Return the network as far as the caller sees its hosts; a host that they do not see is a thing by its name."""
    services, fleet = call.services, call.services.fleet
    labels = services.settings.diagnosis.links
    hosts = [view for view in fleet.views() if sees(call.principal, fleet, Permission.HOSTS_READ, view.name)]
    probes = await _probes(call) if call.principal.may(Permission.METRICS_READ) else []
    # A large fleet is put together beside the loop.
    made = partial(_view, [_host(view) for view in hosts], probes, labels)
    return await services.bodies.work((len(hosts) + len(probes)) * _ROW_BYTES, made)


def _view(hosts: Sequence[HostSeen], probes: Sequence[ProbeSeen], labels: Sequence[str]) -> NetworkView:
    network = build_network(hosts, probes, labels)
    return NetworkView(
        list(labels),
        [_node(node) for node in network.nodes.values()],
        [_link(link) for link in network.links],
        [node.id for node in network.roots()],
    )


async def _probes(call: Call) -> list[ProbeSeen]:
    """Return the newest row of each probe of the hosts whose metrics the caller sees."""
    sight, now_ms = sight_of(call.principal, call.services.fleet), call.services.clock.now_ms()
    request = SqlRequest(_PROBES, since_ms=now_ms - _RECENT_MS)
    reply = await call.services.store.query(request, hosts=sight.hosts, hidden=sight.hidden)
    return [_probe(row) for row in reply.rows]


def _probe(row: Sequence[Any]) -> ProbeSeen:
    host, target, kind, error = (plain(str(row[at]), _TEXT_LIMIT) for at in (0, 1, 2, 6))
    return ProbeSeen(host, target, kind, row[3], row[4], row[5], error)


def _host(view: HostView) -> HostSeen:
    return HostSeen(view.name, view.state, view.labels)


def _node(node: Node) -> NodeView:
    return NodeView(
        node.id, node.kind.value, node.name, node.state, node.reason, list(node.roles), node.layer, node.behind, node.cause
    )  # fmt: skip


def _link(link: Link) -> LinkView:
    return LinkView(
        link.id, link.lower, link.upper, link.relation, link.state, link.target, link.latency_seconds, link.loss_ratio, link.error
    )  # fmt: skip


ROUTES = (
    Route(
        "GET",
        "/api/v1/network",
        get_network,
        "What depends on what, and how it is",
        Permission.HOSTS_READ,
        reply=NetworkView,
        refuses=(504,),
        is_scoped=True,
    ),
)
