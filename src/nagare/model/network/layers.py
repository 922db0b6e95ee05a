"""In which layer each node stands: what depends on nothing in the first, everything else below all it depends on. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping


def layers_of(
    nodes: Iterable[str], uppers: Mapping[str, tuple[str, ...]], lowers: Mapping[str, tuple[str, ...]]
) -> dict[str, int]:
    """Return the layer of each node, 0 at the top. Where nodes depend on each other in a circle, the first by name is the upper."""
    left = {node: len(uppers.get(node, ())) for node in nodes}
    layers: dict[str, int] = {}
    ready = sorted(node for node, count in left.items() if not count)
    # Those in circles, by how little they still wait for; entries that are out of date are passed over.
    waiting = [(count, node) for node, count in left.items() if count]
    heapq.heapify(waiting)
    while ready or waiting:
        if ready:
            node = heapq.heappop(ready)
        else:
            count, node = heapq.heappop(waiting)
            if node in layers or left[node] != count:
                continue
        layers[node] = 1 + max((layers[upper] for upper in uppers.get(node, ()) if upper in layers), default=-1)
        for lower in lowers.get(node, ()):
            if lower not in layers:
                left[lower] -= 1
                heapq.heappush(waiting, (left[lower], lower)) if left[lower] else heapq.heappush(ready, lower)
    return layers
