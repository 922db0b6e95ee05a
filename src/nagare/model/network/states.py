"""How links are, and nodes of which nothing is measured: judged by their probes, or by the hosts that hang on them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from nagare.model.network.graph import NodeKind

# Bounds a person would name without thinking: half a second is felt, one try in twenty lost is no accident.
SLOW_SECONDS = 0.5
LOSSY_RATIO = 0.05
_SILENT = frozenset({"stale", "down", "unknown"})
# One host that fell alone says nothing of what it hangs on.
_TOGETHER_LEAST = 2


def probe_state(
    success: bool | None, latency_seconds: float | None, loss_ratio: float | None, host_state: str  # noqa: FBT001  a value of a row
) -> str:  # fmt: skip
    """Return up, slow or down; stale where the host that probes is silent, unknown where it cannot try."""
    if host_state in _SILENT:
        return "stale"
    if success is None:
        return "unknown"
    if not success:
        return "down"
    is_slow = (latency_seconds or 0.0) >= SLOW_SECONDS or (loss_ratio or 0.0) >= LOSSY_RATIO
    return "slow" if is_slow else "up"


def label_state(lower: str, upper: str) -> str:
    """Return how a link is that only a label tells of, by the states of its ends."""
    if upper == "down":
        return "down"
    return "stale" if lower in _SILENT else "unknown" if upper == "unknown" else "up"


def target_state(probes: Sequence[str]) -> tuple[str, str]:
    """Return how a node is by the states of the probes that lead to it, and why."""
    counts = Counter(probes)
    told = counts["up"] + counts["slow"] + counts["down"]
    if not told:
        return "unknown", "no host tells of it" if probes else ""
    if counts["down"] == told:
        return "down", f"no answer to {_of(told, 'probe')}"
    if counts["down"]:
        return "warn", f"{counts['down']} of {told} probes get no answer"
    return ("warn", f"slow, or loses tries, for {counts['slow']} of {told}") if counts["slow"] else ("up", "")


def thing_state(hosts: Sequence[str]) -> tuple[str, str]:
    """Return how a thing is by the states of the hosts that hang on it: who is heard is not cut off."""
    counts = Counter(hosts)
    down, heard = counts["down"], len(hosts) - sum(counts[state] for state in _SILENT)
    if down == len(hosts) and down >= _TOGETHER_LEAST:
        return "down", f"all {down} hosts on it are down"
    if down >= _TOGETHER_LEAST and down * 2 >= len(hosts):
        return "warn", f"{down} of {len(hosts)} hosts on it are down"
    return ("up", "") if heard else ("unknown", "nothing on it tells of it")


def _of(count: int, what: str) -> str:
    return f"the only {what}" if count == 1 else f"any of {count} {what}s"


def counts_behind(
    kinds: Mapping[str, NodeKind], layers: Mapping[str, int], uppers: Mapping[str, tuple[str, ...]]
) -> dict[str, int]:
    """Return how many hosts hang on each node, over others too."""
    # One bit a host: the union of what hangs on those below is one operation.
    masks = dict.fromkeys(kinds, 0)
    for place, node in enumerate(sorted(kinds, key=lambda node: (-layers[node], node))):
        own = 1 << place if kinds[node] is NodeKind.HOST else 0
        for upper in uppers.get(node, ()):
            if layers[upper] < layers[node]:
                masks[upper] |= masks[node] | own
    return {node: mask.bit_count() for node, mask in masks.items()}


def causes_of(
    states: Mapping[str, str], layers: Mapping[str, int], uppers: Mapping[str, tuple[str, ...]]
) -> dict[str, str]:
    """Return for nodes that are silent the fallen node that explains it: the uppermost they hang on."""
    causes: dict[str, str] = {}
    for node in sorted(states, key=lambda node: (layers[node], node)):
        if states[node] in _SILENT:
            fallen = (up for up in uppers.get(node, ()) if layers[up] < layers[node] and states[up] == "down")
            found = min((causes.get(upper, upper) for upper in fallen), key=lambda one: (layers[one], one), default="")
            if found:
                causes[node] = found
    return causes


def worst_of(states: Iterable[str]) -> str:
    """Return the worst state of links; up where there is none."""
    return min(states, key=_WORST.index, default="up")


_WORST = ("down", "slow", "stale", "unknown", "up")
