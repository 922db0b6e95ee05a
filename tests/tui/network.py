"""A far end that tells of a network: gateways and switches by labels, and a few probes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nagare.errors import NagareError
from nagare.model.network.build import USUAL_LABELS
from nagare.wire.hosts import HostView
from nagare.wire.network import LinkView, NetworkView
from nagare.wire.replaced import replaced


@dataclass
class FleetNetwork:
    """Answers which labels link hosts; hosts get the labels that the test gives them."""

    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    links: list[LinkView] = field(default_factory=list)
    fails: NagareError | None = None
    asked: int = 0

    def labelled(self, view: HostView) -> HostView:
        """Return ``view`` with the labels that link its host."""
        return replaced(view, labels={**view.labels, **self.labels.get(view.name, {})})

    async def network(self) -> NetworkView:
        """Return the labels that link hosts."""
        self.asked += 1
        if self.fails is not None:
            raise self.fails
        return NetworkView(list(USUAL_LABELS), [], self.links, [])
