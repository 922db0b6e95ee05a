"""Routes: who hears of which alerts, together with which others, and how often. Pure.

The tree and its times are Alertmanager's (``docs/configuration.md`` of prometheus/alertmanager), so that who moves can keep them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nagare.model.alert.matcher import Matcher, all_match

# Groups by everything: each alert for itself.
EVERYTHING = "..."


@dataclass(frozen=True, slots=True)
class Route:
    """One node. Durations are seconds; what a node does not say, its parent does.

    ``path`` tells it from every other, and stays the same when others come and go: the matchers from the root down to it.
    ``receiver`` names a receiver, a rotation or an escalation.
    """

    path: str
    receiver: str
    matchers: tuple[Matcher, ...] = ()
    group_by: tuple[str, ...] = ("alertname", "host")
    group_wait_seconds: float = 30.0
    group_interval_seconds: float = 300.0
    repeat_interval_seconds: float = 14_400.0
    # Names of the times in which nobody is told on this node.
    mutes: tuple[str, ...] = ()
    goes_on: bool = False
    routes: tuple[Route, ...] = ()

    def walk(self) -> Iterator[Route]:
        """Yield the node and all below it."""
        yield self
        for route in self.routes:
            yield from route.walk()


def routes_for(root: Route, labels: Mapping[str, str]) -> list[Route]:
    """Return the nodes that an alert with those labels goes to: the deepest that match, the first of siblings unless it goes on."""
    if not all_match(root.matchers, labels):
        return []
    found: list[Route] = []
    for route in root.routes:
        below = routes_for(route, labels)
        found += below
        if below and not route.goes_on:
            break
    return found or [root]


def group_labels(route: Route, labels: Mapping[str, str]) -> dict[str, str]:
    """Return the labels by which an alert is grouped on ``route``."""
    if EVERYTHING in route.group_by:
        return dict(sorted(labels.items()))
    return {name: labels[name] for name in sorted(route.group_by) if labels.get(name)}
