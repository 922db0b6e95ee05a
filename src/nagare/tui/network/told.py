"""The network in words: what the map's last line says of a node, and what stands above everything when something fell."""

from __future__ import annotations

from collections.abc import Sequence

from nagare.lib.plain_text import plain
from nagare.model.network.graph import Network, Node
from nagare.tui.network.rows import count_of, kind_of
from nagare.tui.renderables.palette import Palette

_MOST_NAMED = 3


def caption(network: Network, node: Node | None, palette: Palette) -> str:
    """Return what the last line of the map says: of the node under the cursor, else of all."""
    if node is None:
        return f"{len(network.nodes)} nodes, {len(network.links)} links"
    look = palette.state(node.state)
    uppers = [network.nodes[upper].name for upper in network.uppers.get(node.id, ())]
    parts = [f"{look.glyph} {node.name} {look.word}", kind_of(node)]
    if node.cause:
        parts.append(f"behind {network.nodes[node.cause].name}, which is down")
    elif node.reason:
        parts.append(node.reason)
    if node.behind:
        parts.append(f"{count_of(node.behind)} behind it")
    if uppers:
        more = f" and {len(uppers) - _MOST_NAMED} more" if len(uppers) > _MOST_NAMED else ""
        parts.append(f"hangs on {', '.join(uppers[:_MOST_NAMED])}{more}")
    return plain(f" {palette.glyphs.dot} ".join(parts), 400)


def fall_text(roots: Sequence[Node]) -> str:
    """Return what is to be said of what fell: the first with most behind it, and how many others there are."""
    first = roots[0]
    more = f" · {len(roots) - 1} more fell" if len(roots) > 1 else ""
    return f"{plain(first.name, 60)} is down, and {count_of(first.behind)} behind it{more} · R goes there"


def unlinked_text(labels: Sequence[str]) -> str:
    """Return how links come to be, where there are none."""
    named = ", ".join(labels[:3])
    return (
        f"no links yet: give hosts a label such as {plain(named, 80)}, or agents something to probe ([[agent.probes]])"
    )
