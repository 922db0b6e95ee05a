"""Where the nodes of the network stand on a map of cells. Pure: structure and width in, places out; states move nothing.

Layers lie below each other, what depends on nothing at the top. Nodes that others hang on stand alone, so that lines can
leave them; the others stand in blocks of those that depend on the same. Blocks flow from left to right, in as many bands as
a layer needs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from nagare.model.network.graph import Network, Node
from nagare.tui.network.blocks import Bands, Block
from nagare.tui.network.wires import Wire, draw_wires, rails_wanted
from nagare.tui.widgets.row_order import natural_key

# Mark, glyph, blank, name, blank, word.
_AROUND_NAME = 3 + 1 + 7
_NAME_LEAST, _NAME_MOST = 6, 18
# " ▾1000" behind what others hang on.
COUNT_WIDTH = 6
_GAP = 2
# Blocks higher than this grow in width instead, as far as there is room.
_ROWS_WANTED = 6
_MOST_RAILS = 8


@dataclass(frozen=True, slots=True)
class Place:
    """The cells of one node: its row, its first column and its width; ``has_count`` where there is room for who hangs on it."""

    row: int
    column: int
    width: int
    has_count: bool = False


@dataclass(frozen=True, slots=True)
class MapLayout:
    """The whole map: its size, where each node stands, the blocks, and the lines between them."""

    width: int
    height: int
    chip_width: int
    places: Mapping[str, Place]
    blocks: tuple[Block, ...]
    wires: tuple[Wire, ...]

    def hit(self, column: int, row: int) -> str:
        """Return the node at a cell, empty where there is none."""
        for node, place in self.places.items():
            if place.row == row and place.column <= column < place.column + place.width:
                return node
        return ""

    def step(self, node: str, across: int, down: int) -> str:
        """Return the nearest node in a direction, ``node`` itself where there is none."""
        here = self.places.get(node)
        if here is None:
            return next(iter(self.places), "")
        if across:
            row = sorted((place.column, one) for one, place in self.places.items() if place.row == here.row)
            at = [one for _, one in row].index(node) + across
            return row[at][1] if 0 <= at < len(row) else node
        rows = {place.row for place in self.places.values() if (place.row - here.row) * down > 0}
        if not rows:
            return node
        nearest = min(rows, key=lambda row: abs(row - here.row))
        beside = ((abs(place.column - here.column), one) for one, place in self.places.items() if place.row == nearest)
        return min(beside)[1]


def lay_out(network: Network, width: int) -> MapLayout:
    """Return the map of ``network`` in ``width`` cells; higher than any screen where there are many nodes."""
    chip = _chip_width(network)
    blocks = _blocks(network, chip, max(chip + COUNT_WIDTH + 2, width))
    bands = _flow(blocks, max(chip + COUNT_WIDTH + 2, width))
    rails = min(_MOST_RAILS, rails_wanted(bands))
    if rails:
        # The margin takes room, so they flow anew; one line more or less in it changes nothing then.
        left = rails + 1
        room = max(chip + COUNT_WIDTH + 2, width - left)
        bands = _flow(_blocks(network, chip, room), room, left)
    bands, wires, height = draw_wires(bands, rails)
    placed = tuple(block for band in bands for block in band)
    places = {node: place for block in placed for node, place in _inside(block, chip)}
    far = max((block.column + block.width for block in placed), default=0)
    return MapLayout(max(width, far), height, chip, places, placed, wires)


def _chip_width(network: Network) -> int:
    longest = max((len(node.name) for node in network.nodes.values()), default=0)
    return _AROUND_NAME + min(_NAME_MOST, max(_NAME_LEAST, longest))


def _blocks(network: Network, chip: int, width: int) -> Bands:
    """Return the blocks of each layer, in the order of what they hang on, then by name; what is linked to nothing comes last."""

    def layer_of(node: Node) -> int:
        is_linked = node.id in network.uppers or node.id in network.lowers
        return node.layer if is_linked else len(network.nodes)

    nodes = sorted(network.nodes.values(), key=lambda node: (layer_of(node), natural_key(node.name), node.id))
    order: dict[str, tuple[int, int]] = {}
    layers: Bands = []
    for layer, held in groupby(nodes, key=layer_of):
        found: dict[tuple[tuple[str, ...], str], list[str]] = {}
        for node in held:
            # What others hang on stands alone.
            alone = node.id if node.id in network.lowers else ""
            found.setdefault((network.uppers.get(node.id, ()), alone), []).append(node.id)
        groups = sorted(found.items(), key=lambda item: (_above(item[0][0], order), not item[0][1]))
        for place, (_, group) in enumerate(groups):
            order |= dict.fromkeys(group, (layer, place))
        layers.append([_block(tuple(group), uppers, chip, width) for (uppers, _), group in groups])
    return layers


def _above(uppers: Sequence[str], order: Mapping[str, tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the places of those above a group, the lowest of them first."""
    return sorted((order[upper] for upper in uppers if upper in order), reverse=True)


def _block(nodes: tuple[str, ...], uppers: tuple[str, ...], chip: int, width: int) -> Block:
    if len(nodes) == 1:
        return Block(nodes, uppers, chip + COUNT_WIDTH, 1, 1)
    most = max(1, (width - 1) // (chip + 1))
    columns = min(most, len(nodes), max(2, math.ceil(len(nodes) / _ROWS_WANTED)))
    return Block(nodes, uppers, columns * (chip + 1) + 1, math.ceil(len(nodes) / columns) + 2, columns)


def _flow(layers: Bands, width: int, left: int = 0) -> Bands:
    """Put blocks beside each other, in a new band where there is no more room; rows are not known yet."""
    bands: Bands = []
    for layer in layers:
        at = width + 1
        for block in layer:
            if at + block.width > width:
                bands.append([])
                at = 0
            bands[-1].append(replace(block, column=at + left))
            at += block.width + _GAP
    return bands


def _inside(block: Block, chip: int) -> list[tuple[str, Place]]:
    if not block.is_framed:
        return [(block.nodes[0], Place(block.row, block.column, block.width, has_count=True))]
    return [
        (node, Place(block.row + 1 + at // block.columns, block.column + 1 + at % block.columns * (chip + 1), chip))
        for at, node in enumerate(block.nodes)
    ]
