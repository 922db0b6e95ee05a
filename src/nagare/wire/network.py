"""The network over HTTP: what depends on what, and how each of it is."""

from __future__ import annotations

import msgspec


class NodeView(msgspec.Struct, frozen=True):
    """A host, a thing that hosts name in a label, or a target that is probed.

    ``kind``: host, thing, target. ``state``: up, warn, stale, down, unknown; ``reason`` says why, of what is no host.
    ``roles`` are the labels that name it and the kinds of probes that reach it. ``layer`` is 0 for what depends on nothing.
    ``behind`` counts the hosts that hang on it, over others too. ``cause`` is the id of the fallen node that explains why
    this one is silent.
    """

    id: str
    kind: str
    name: str
    state: str
    reason: str
    roles: list[str]
    layer: int
    behind: int
    cause: str


class LinkView(msgspec.Struct, frozen=True):
    """``lower`` depends on ``upper``, or probes it: ids of nodes.

    ``state``: up, slow, down, stale, unknown. ``relation`` is the label, or the kind of the probe; ``target`` what is probed,
    empty for a label. ``loss_ratio`` is the share of tries without an answer.
    """

    id: str
    lower: str
    upper: str
    relation: str
    state: str
    target: str
    latency_seconds: float | None
    loss_ratio: float | None
    error: str


class NetworkView(msgspec.Struct, frozen=True):
    """``GET /api/v1/network``: ``labels`` are those by which hosts are linked; ``roots`` the fallen nodes that no other explains."""

    labels: list[str]
    nodes: list[NodeView]
    links: list[LinkView]
    roots: list[str]
