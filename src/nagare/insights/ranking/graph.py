"""Who depends on whom, and what that says about causes: trouble travels from what is called to its callers.

A component whose dependency deviates too, and not later, is taken for a symptom of it, as far as what deviates is of a kind
that travels: latency and errors do, load travels the other way, a full disk stays where it is. What is left is weighed by how
much of the incident a component would explain. MicroRCA (Wu et al. 2020) walks such a graph at random; CIRCA (Li et al. 2022)
asks for what the parents do not explain. This does the second without learning anything from history.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

# Farther apart than that nobody is told to be the cause of another: explanations would be everywhere in a dense graph.
_MAX_STEPS = 12


@dataclass(frozen=True, slots=True)
class DependencyGraph:
    """``calls[a]`` holds what ``a`` depends on: callees of a service, the host of a container."""

    calls: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def of_edges(cls, edges: Iterable[tuple[str, str]]) -> DependencyGraph:
        """Return the graph of pairs (caller, callee); a component that calls itself says nothing."""
        calls: dict[str, set[str]] = {}
        for caller, callee in edges:
            if caller != callee:
                calls.setdefault(caller, set()).add(callee)
        return cls({caller: frozenset(callees) for caller, callees in calls.items()})

    def reversed(self) -> DependencyGraph:
        """Return who is called by whom."""
        return DependencyGraph.of_edges(
            (callee, caller) for caller, callees in self.calls.items() for callee in callees
        )

    def distances(self, start: str) -> dict[str, int]:
        """Return everything that ``start`` depends on, directly or not, with the number of steps to it."""
        found: dict[str, int] = {}
        edge, steps = {start}, 0
        while edge and steps < _MAX_STEPS:
            steps += 1
            edge = {callee for name in edge for callee in self.calls.get(name, ())} - found.keys() - {start}
            found.update(dict.fromkeys(edge, steps))
        return found
