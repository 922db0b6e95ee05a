"""Nodes and links as values: hosts, things that hosts name as what they hang on, and targets that are probed."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class NodeKind(StrEnum):
    """What a node is: a registered host, a thing that a label names, or an address that is probed."""

    HOST = "host"
    THING = "thing"
    TARGET = "target"


@dataclass(frozen=True, slots=True)
class Node:
    """One node. ``state``: up, warn, crit, stale, down, unknown; ``reason`` says in a few words why it is so.

    ``roles`` are the labels that name it and the kinds of probes that reach it. ``layer`` is 0 for what depends on nothing.
    ``behind`` counts the hosts that hang on it, over others too. ``cause`` is the id of the fallen node that explains why
    this one is not up, empty where none does.
    """

    id: str
    kind: NodeKind
    name: str
    state: str
    reason: str = ""
    roles: tuple[str, ...] = ()
    layer: int = 0
    behind: int = 0
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """``lower`` depends on ``upper``, or probes it (both are ids of nodes; the same for what a host probes on itself).

    ``state``: up, slow, down, stale, unknown. ``relation`` is the label, or the kind of the probe; ``target`` is what is
    probed, as configured, empty for a label. ``loss_ratio`` is the share of tries without an answer.
    """

    id: str
    lower: str
    upper: str
    relation: str
    state: str
    target: str = ""
    latency_seconds: float | None = None
    loss_ratio: float | None = None
    error: str = ""

    @property
    def is_probe(self) -> bool:
        """Whether it is measured, and not only named by a label."""
        return bool(self.target)


@dataclass(frozen=True, slots=True)
class Network:
    """Nodes by id, the links, and who is next to whom: ``uppers`` of a node it depends on, its ``lowers`` depend on it."""

    nodes: Mapping[str, Node] = field(default_factory=dict)
    links: Sequence[Link] = ()
    uppers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    lowers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def links_of(self, node_id: str) -> list[Link]:
        """Return the links that a node is an end of: first those to what it depends on."""
        up = [link for link in self.links if link.lower == node_id]
        return up + [link for link in self.links if link.upper == node_id and link.lower != node_id]

    def above(self, node_id: str) -> frozenset[str]:
        """Return all that a node depends on, over others too."""
        return _reached(node_id, self.uppers)

    def below(self, node_id: str) -> frozenset[str]:
        """Return all that depends on a node, over others too."""
        return _reached(node_id, self.lowers)

    def roots(self) -> list[Node]:
        """Return the fallen nodes that no other explains and that hosts hang on: those with most behind them first."""
        found = [node for node in self.nodes.values() if node.state == "down" and not node.cause and node.behind]
        return sorted(found, key=lambda node: (-node.behind, node.layer, node.id))


def _reached(start: str, next_to: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    found: set[str] = set()
    waiting = deque(next_to.get(start, ()))
    while waiting:
        one = waiting.popleft()
        if one not in found and one != start:
            found.add(one)
            waiting.extend(next_to.get(one, ()))
    return frozenset(found)
