"""The map as a drawing in SVG: a file that opens everywhere, with nothing from elsewhere in it."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from nagare.lib.plain_text import plain
from nagare.model.network.graph import Node
from nagare.model.network.states import worst_of
from nagare.tui.network.drawing import pair_states
from nagare.tui.network.layout import MapLayout, Place
from nagare.tui.network.scene import Scene
from nagare.tui.network.wires import Wire
from nagare.tui.renderables.palette import Palette

# Of one cell of the map.
_WIDTH, _HEIGHT = 8, 18
_MARGIN, _TITLE = 16, 40


def map_svg(layout: MapLayout, scene: Scene, palette: Palette, title: str) -> str:
    """Return the whole map; states stand as glyph, word and colour, as on the screen."""
    width, height = layout.width * _WIDTH + 2 * _MARGIN, layout.height * _HEIGHT + 2 * _MARGIN + _TITLE
    view = f'viewBox="0 0 {width} {height}" font-family="monospace" font-size="13"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" {view}>',
        f'<rect width="100%" height="100%" fill="{palette.background}"/>',
        f'<text x="{_MARGIN}" y="{_MARGIN + 12}" fill="{palette.foreground}" font-size="16" font-weight="bold">{_safe(title)}</text>',
        *_wires(layout, scene, palette),
        *_frames(layout, palette),
        *(line for one, place in layout.places.items() for line in _node(scene.network.nodes[one], place, palette)),
        "</svg>\n",
    ]
    return "\n".join(parts)


def _safe(text: str) -> str:
    return escape(plain(text))


def _x(column: float) -> float:
    return _MARGIN + column * _WIDTH


def _y(row: float) -> float:
    return _MARGIN + _TITLE + row * _HEIGHT


def _wires(layout: MapLayout, scene: Scene, palette: Palette) -> Iterator[str]:
    states = pair_states(scene.network)
    for wire in layout.wires:
        state = worst_of(states.get((lower, wire.upper), "up") for lower in wire.lowers)
        colour = palette.muted if state == "up" else palette.state(state).colour
        dash = "" if state == "up" else ' stroke-dasharray="6 4"'
        yield f'<polyline points="{_points(wire)}" fill="none" stroke="{colour}"{dash}/>'


def _points(wire: Wire) -> str:
    first, *inner, last = ((column + 0.5, row + 0.5) for column, row in wire.points)
    ends = [(first[0], first[1] - 0.5), *inner, (last[0], last[1] + 0.5)]
    return " ".join(f"{_x(column):g},{_y(row):g}" for column, row in ends)


def _frames(layout: MapLayout, palette: Palette) -> Iterator[str]:
    for block in layout.blocks:
        if block.is_framed:
            yield (
                f'<rect x="{_x(block.column):g}" y="{_y(block.row + 0.5):g}" width="{block.width * _WIDTH}"'
                f' height="{(block.height - 1) * _HEIGHT}" rx="6" fill="none" stroke="{palette.faint}"/>'
            )


def _node(node: Node, place: Place, palette: Palette) -> Iterator[str]:
    look, y = palette.state(node.state), _y(place.row) + 13
    behind = f"  {node.behind} behind" if place.has_count and node.behind else ""
    yield f'<text x="{_x(place.column + 1):g}" y="{y:g}" fill="{look.colour}">{_safe(look.glyph)}</text>'
    yield (
        f'<text x="{_x(place.column + 3):g}" y="{y:g}" fill="{palette.foreground}">{_safe(node.name)}'
        f'<tspan fill="{look.colour}" dx="6">{_safe(look.word)}</tspan><tspan fill="{palette.muted}">{behind}</tspan></text>'
    )
