"""What any picture of the network is given to show, and what it has to be able to do: the seam of the map.

The flat map is one such picture. One with depth shows the same scene, and tells of the cursor by the same messages.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from nagare.model.network.graph import Network


@dataclass(frozen=True, slots=True)
class Scene:
    """The network with what is looked at in it: the node under the cursor, all above and below it, and what a filter found.

    ``matching`` is None where everything matches.
    """

    network: Network = field(default_factory=Network)
    cursor: str = ""
    above: frozenset[str] = frozenset()
    below: frozenset[str] = frozenset()
    matching: frozenset[str] | None = None

    def matches(self, node: str) -> bool:
        """Tell whether the filter found ``node``."""
        return self.matching is None or node in self.matching


def look_at(network: Network, cursor: str, matching: frozenset[str] | None = None) -> Scene:
    """Return the scene with the cursor on a node, or on nothing where there is no such node."""
    if cursor not in network.nodes:
        return Scene(network, matching=matching)
    return Scene(network, cursor, network.above(cursor), network.below(cursor), matching)


class Picture(Protocol):
    """A picture of the network. It posts ``NodeHighlighted`` when its cursor moves, and ``NodeChosen`` when a node is opened."""

    def show_scene(self, scene: Scene) -> None:
        """Show ``scene``; what stood somewhere stands there still, unless nodes or links came or went."""
        ...
