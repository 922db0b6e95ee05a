"""Puts the network together from what is known: hosts with their labels, and the newest probes. Pure, the same for any order.

A label such as ``switch`` or ``depends_on`` names what a host hangs on: a registered host, or a thing that nothing is
measured of. A probe leads to a registered host, to such a thing, or to an address of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from nagare.model.network.graph import Link, Network, Node, NodeKind
from nagare.model.network.layers import layers_of
from nagare.model.network.names import endpoint_of, is_local, names_in
from nagare.model.network.states import causes_of, counts_behind, label_state, probe_state, target_state, thing_state

_HOST, _THING, _TARGET = (f"{kind.value}/" for kind in NodeKind)
# Labels that name what a host hangs on, where nothing else is known.
USUAL_LABELS = ("depends_on", "upstream", "gateway", "switch", "hypervisor", "rack")
# State, and why it is so.
_Told = tuple[str, str]


@dataclass(frozen=True, slots=True)
class HostSeen:
    """A registered host: its state (up, warn, crit, stale, down, unknown), why, and its labels."""

    name: str
    state: str
    labels: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ProbeSeen:
    """The newest row of one probe of a host; ``success`` is None where that kind cannot be tried there."""

    host: str
    target: str
    kind: str
    success: bool | None
    latency_seconds: float | None = None
    loss_ratio: float | None = None
    error: str = ""


@dataclass(slots=True)
class _Draft:
    """Ends of links before states are known."""

    hosts: Mapping[str, HostSeen]
    kinds: dict[str, NodeKind] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    roles: dict[str, dict[str, None]] = field(default_factory=dict)
    # Id of a link -> (lower, upper, relation, probe).
    ends: dict[str, tuple[str, str, str, ProbeSeen | None]] = field(default_factory=dict)

    def add_node(self, kind: NodeKind, prefix: str, name: str) -> str:
        node_id = prefix + name
        if node_id not in self.kinds:
            self.kinds[node_id], self.names[node_id] = kind, name
        return node_id

    def add_link(self, lower: str, upper: str, relation: str, probe: ProbeSeen | None = None) -> None:
        what = f" {probe.target}" if probe else ""
        self.ends.setdefault(f"{lower} {relation} {upper}{what}", (lower, upper, relation, probe))
        self.roles.setdefault(upper, {})[relation] = None


def build_network(hosts: Iterable[HostSeen], probes: Iterable[ProbeSeen], labels: Sequence[str]) -> Network:
    """Return the network of ``hosts``, linked by those of ``labels`` that they have, and by ``probes``."""
    known = {host.name: host for host in sorted(hosts, key=lambda host: host.name)}
    draft = _Draft(known)
    for name in known:
        draft.add_node(NodeKind.HOST, _HOST, name)
    for host in known.values():
        _link_labels(draft, host, labels)
    for probe in sorted(probes, key=lambda probe: (probe.host, probe.kind, probe.target)):
        if probe.host in known:
            _link_probe(draft, probe)
    return _judged(draft)


def _link_labels(draft: _Draft, host: HostSeen, labels: Sequence[str]) -> None:
    lower = _HOST + host.name
    for label in labels:
        for name in names_in(host.labels.get(label, "")):
            if name != host.name:
                kind, prefix = (NodeKind.HOST, _HOST) if name in draft.hosts else (NodeKind.THING, _THING)
                draft.add_link(lower, draft.add_node(kind, prefix, name), label)


def _link_probe(draft: _Draft, probe: ProbeSeen) -> None:
    name, lower = endpoint_of(probe.target, probe.kind), _HOST + probe.host
    if is_local(name) or name == probe.host:
        upper = lower
    elif name in draft.hosts:
        upper = _HOST + name
    elif _THING + name in draft.kinds:
        upper = _THING + name
    else:
        upper = draft.add_node(NodeKind.TARGET, _TARGET, name)
    draft.add_link(lower, upper, probe.kind, probe)


def _judged(draft: _Draft) -> Network:
    pairs = sorted({(lower, upper) for lower, upper, _, _ in draft.ends.values() if lower != upper})
    uppers, lowers = _beside(pairs), _beside((upper, lower) for lower, upper in pairs)
    layers = layers_of(draft.kinds, uppers, lowers)
    states = {_HOST + name: (host.state, host.reason) for name, host in draft.hosts.items()}
    states |= _judged_by_others(draft, states, uppers, lowers)
    behind = counts_behind(draft.kinds, layers, uppers)
    causes = causes_of({node_id: state for node_id, (state, _) in states.items()}, layers, uppers)
    nodes = {
        node_id: Node(node_id, kind, draft.names[node_id], *states[node_id], tuple(draft.roles.get(node_id, ())),
                      layers[node_id], behind[node_id], causes.get(node_id, ""))
        for node_id, kind in sorted(draft.kinds.items())
    }  # fmt: skip
    return Network(nodes, tuple(_links(draft, nodes)), uppers, lowers)


def _judged_by_others(
    draft: _Draft, hosts: Mapping[str, _Told], uppers: Mapping[str, tuple[str, ...]], lowers: Mapping[str, tuple[str, ...]]
) -> dict[str, _Told]:  # fmt: skip
    """Return how things and targets are: what is probed by its probes, other things by the hosts that hang on them."""
    probed = _probes(draft, hosts)
    found = {one: target_state(probed.get(one, ())) for one, kind in draft.kinds.items() if kind is not NodeKind.HOST}
    fallen = {one for one, (state, _) in (*hosts.items(), *found.items()) if state == "down"}
    for one, kind in draft.kinds.items():
        if kind is NodeKind.THING and found[one][0] == "unknown":
            # Who fell with something that is known to be down says nothing of what else it hangs on.
            own = [low for low in lowers.get(one, ()) if not _falls_with(low, fallen, hosts, uppers)]
            found[one] = thing_state([hosts[low][0] for low in own])
    fallen |= {one for one, (state, _) in found.items() if state == "down"}
    for one in [
        one for one in found if draft.kinds[one] is NodeKind.THING and found[one][0] == "warn" and one not in probed
    ]:
        # Nor does who fell with a thing that is down as a whole.
        own = [low for low in lowers.get(one, ()) if not _falls_with(low, fallen, hosts, uppers)]
        found[one] = thing_state([hosts[low][0] for low in own])
    return found


def _falls_with(
    host: str, fallen: AbstractSet[str], hosts: Mapping[str, _Told], uppers: Mapping[str, tuple[str, ...]]
) -> bool:
    return hosts[host][0] == "down" and not fallen.isdisjoint(uppers.get(host, ()))


def _beside(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for one, other in pairs:
        found.setdefault(one, []).append(other)
    return {one: tuple(sorted(others)) for one, others in found.items()}


def _probes(draft: _Draft, states: Mapping[str, _Told]) -> dict[str, list[str]]:
    """Return the states of the probes that lead to each node."""
    found: dict[str, list[str]] = {}
    for lower, upper, _, probe in draft.ends.values():
        if probe is not None and lower != upper:
            found.setdefault(upper, []).append(_state_of(probe, states[lower][0]))
    return found


def _state_of(probe: ProbeSeen, host_state: str) -> str:
    return probe_state(probe.success, probe.latency_seconds, probe.loss_ratio, host_state)


def _links(draft: _Draft, nodes: Mapping[str, Node]) -> Iterable[Link]:
    for link_id, (lower, upper, relation, probe) in sorted(draft.ends.items()):
        if probe is None:
            yield Link(link_id, lower, upper, relation, label_state(nodes[lower].state, nodes[upper].state))
            continue
        state = _state_of(probe, nodes[lower].state)
        yield Link(
            link_id, lower, upper, relation, state, probe.target, probe.latency_seconds, probe.loss_ratio, probe.error
        )  # fmt: skip
