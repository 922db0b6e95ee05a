"""Draws the part of the map that is seen: nodes, frames and lines as cells. Its cost follows the viewport, not the fleet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from rich.style import Style

from nagare.model.network.graph import Network, Node
from nagare.model.network.states import worst_of
from nagare.tui.network.blocks import Block
from nagare.tui.network.layout import COUNT_WIDTH, MapLayout, Place
from nagare.tui.network.scene import Scene
from nagare.tui.network.wires import Wire
from nagare.tui.renderables.canvas import Canvas, Lines
from nagare.tui.renderables.cell_text import fit
from nagare.tui.renderables.palette import Palette, StateLook, make_style

_UP, _RIGHT, _DOWN, _LEFT = 1, 2, 4, 8
_ALL = 15
# By the sides a line leaves a cell on: light lines, heavy ones (the path of the cursor), and both in ASCII.
_LIGHT = " ╵╶└╷│┌├╴┘─┴┐┤┬┼"
_HEAVY = " ╹╺┗╻┃┏┣╸┛━┻┓┫┳╋"
_LIGHT_ASCII = " |-+||++-+-+++++"
_HEAVY_ASCII = " H=#HH##=#=#####"
_WORD_WIDTH = 7
# (lower, upper) -> state.
PairStates = Mapping[tuple[str, str], str]
# Above the cursor, below it, the cursor itself; a node that the filter left out.
_MARKS, _MARKS_ASCII = ("▴", "▾", "›", "·"), ("^", "v", ">", ".")


@dataclass(frozen=True, slots=True)
class Seen:
    """The part of the map that is drawn: its first column and row, and its size."""

    column: int
    row: int
    width: int
    height: int


def draw_map(
    layout: MapLayout, scene: Scene, states: PairStates, seen: Seen, palette: Palette, *, has_focus: bool = True
) -> Lines:
    """Return the lines of the part that is seen; ``states`` are those of the links, by their ends."""
    pen = _Pen(Canvas(seen.width, seen.height), seen, palette)
    pen.draw_wires(layout.wires, states, scene)
    for block in layout.blocks:
        if block.is_framed and _is_seen(block.row, block.height, seen):
            pen.draw_frame(block)
    for node_id, place in layout.places.items():
        node = scene.network.nodes.get(node_id)
        if node is not None and _is_seen(place.row, 1, seen):
            pen.draw_node(node, place, scene, has_focus=has_focus)
    return pen.canvas.lines()


def pair_states(network: Network) -> PairStates:
    """Return the worst state of the links between two nodes."""
    found: dict[tuple[str, str], str] = {}
    for link in network.links:
        ends = (link.lower, link.upper)
        found[ends] = worst_of((link.state, found.get(ends, "up")))
    return found


def _is_seen(row: int, height: int, seen: Seen) -> bool:
    return row < seen.row + seen.height and row + height > seen.row


class _Pen:
    """Writes into one canvas in the coordinates of the map."""

    def __init__(self, canvas: Canvas, seen: Seen, palette: Palette) -> None:
        self.canvas = canvas
        self._seen = seen
        self._palette = palette
        self._marks = _MARKS_ASCII if palette.ascii else _MARKS

    def _put(self, row: int, column: int, text: str, style: Style) -> None:
        self.canvas.put(row - self._seen.row, column - self._seen.column, text, style)

    # Lines

    def draw_wires(self, wires: Sequence[Wire], states: PairStates, scene: Scene) -> None:
        """Draw what is seen of the lines, those of the cursor's path over the others."""
        light, heavy, joints = self._grid(np.uint8), self._grid(np.uint8), self._grid(np.bool_)
        styles = np.full(light.shape, self.canvas.number(make_style(self._palette.faint)), dtype=np.int16)
        ends: list[tuple[Wire, StateLook]] = []
        up, down = scene.above | {scene.cursor}, scene.below | {scene.cursor}
        for wire in self._seen_ones(wires):
            state = worst_of(states.get((lower, wire.upper), "up") for lower in wire.lowers)
            look = self._palette.state(state)
            is_path = (wire.upper in scene.above and not up.isdisjoint(wire.lowers)) or (
                wire.upper in down and not scene.below.isdisjoint(wire.lowers)
            )
            colour = self._palette.accent if is_path else look.colour if state != "up" else self._palette.muted
            self._trace(
                wire, heavy if is_path else light, joints, styles, self.canvas.number(make_style(colour, bold=is_path))
            )
            if state != "up":
                ends.append((wire, look))
        self._ink(light, joints, styles, _LIGHT_ASCII if self._palette.ascii else _LIGHT)
        self._ink(heavy, joints, styles, _HEAVY_ASCII if self._palette.ascii else _HEAVY)
        for wire, look in ends:
            column, row = wire.points[-1]
            self._put(row, column, look.glyph, look.style)

    def _grid(self, kind: type[np.generic]) -> NDArray[np.uint8]:
        return np.zeros((self.canvas.height, self.canvas.width), dtype=kind)

    def _seen_ones(self, wires: Sequence[Wire]) -> Iterable[Wire]:
        first, last = self._seen.row, self._seen.row + self._seen.height
        return (wire for wire in wires if any(low <= last and high >= first for low, high in _spans(wire)))

    def _trace(
        self, wire: Wire, bits: NDArray[np.uint8], joints: NDArray[np.uint8], styles: NDArray[np.int16], number: int
    ) -> None:
        left, top = self._seen.column, self._seen.row
        for (column, row), (to_column, to_row) in pairwise(wire.points):
            if row == to_row:
                low, high = sorted((column, to_column))
                self._stroke(bits, styles, (row - top, row - top), (low - left, high - left), number)
            else:
                low, high = sorted((row, to_row))
                self._stroke(bits, styles, (low - top, high - top), (column - left, column - left), number)
            if 0 <= to_row - top < joints.shape[0] and 0 <= to_column - left < joints.shape[1]:
                joints[to_row - top, to_column - left] = True
        # A line begins at the node above it, and ends at the block below.
        for (column, row), bit in ((wire.points[0], _UP), (wire.points[-1], _DOWN)):
            if 0 <= row - top < bits.shape[0] and 0 <= column - left < bits.shape[1]:
                bits[row - top, column - left] |= bit
                styles[row - top, column - left] = number

    def _stroke(
        self, bits: NDArray[np.uint8], styles: NDArray[np.int16], rows: tuple[int, int], columns: tuple[int, int], number: int
    ) -> None:  # fmt: skip
        """Draw a straight line, ends included, as far as it lies on the canvas."""
        height, width = bits.shape
        (top, bottom), (left, right) = rows, columns
        if top == bottom and 0 <= top < height and right >= 0 and left < width:
            bits[top, max(0, left) : max(0, right)] |= _RIGHT
            bits[top, max(0, left + 1) : right + 1] |= _LEFT
            styles[top, max(0, left) : right + 1] = number
        elif left == right and 0 <= left < width and bottom >= 0 and top < height:
            bits[max(0, top) : max(0, bottom), left] |= _DOWN
            bits[max(0, top + 1) : bottom + 1, left] |= _UP
            styles[max(0, top) : bottom + 1, left] = number

    def _ink(self, bits: NDArray[np.uint8], joints: NDArray[np.uint8], styles: NDArray[np.int16], glyphs: str) -> None:
        """Turn sides into characters; where lines only cross, the one that goes down is drawn whole."""
        crossing = (bits == _ALL) & ~joints.astype(np.bool_)
        bits = np.where(crossing, _UP | _DOWN, bits)
        drawn = bits > 0
        codes = np.array([ord(glyph) for glyph in glyphs], dtype=np.uint32)
        self.canvas.codes[drawn] = codes[bits[drawn]]
        self.canvas.styles[drawn] = styles[drawn]

    # Frames and nodes

    def draw_frame(self, block: Block) -> None:
        """Draw the frame of a block; at its lower edge stands how many are in it."""
        frame, style = self._palette.glyphs.frame, make_style(self._palette.faint)
        bottom, right = block.row + block.height - 1, block.column + block.width - 1
        inner = block.width - 2
        self._put(block.row, block.column, frame[0] + frame[1] * inner + frame[2], style)
        for row in range(max(block.row + 1, self._seen.row), min(bottom, self._seen.row + self._seen.height)):
            self._put(row, block.column, frame[3], style)
            self._put(row, right, frame[3], style)
        count = f" {len(block.nodes)} "
        self._put(bottom, block.column, frame[4] + frame[1] * inner + frame[5], style)
        self._put(bottom, right - len(count) - 1, count, make_style(self._palette.muted))

    def draw_node(self, node: Node, place: Place, scene: Scene, *, has_focus: bool) -> None:
        """Draw a node: mark, glyph, name, word, and how many hosts hang on it where it stands alone."""
        palette, look = self._palette, self._palette.state(node.state)
        is_cursor = node.id == scene.cursor
        is_near = node.id in scene.above or node.id in scene.below
        if not scene.matches(node.id) and not is_cursor:
            self._put(
                place.row, place.column, f" {self._marks[3]} {node.name}"[: place.width], make_style(palette.faint)
            )
            return
        mark = 2 if is_cursor else 0 if node.id in scene.above else 1
        reverse = is_cursor and has_focus
        name = make_style(
            palette.foreground, bold=is_cursor or is_near or look.bold, reverse=reverse, underline=is_near
        )
        state = make_style(look.colour, bold=look.bold or is_cursor, reverse=reverse)
        room = place.width - 4 - _WORD_WIDTH - (COUNT_WIDTH if place.has_count else 0)
        self._put(
            place.row,
            place.column,
            self._marks[mark] if is_cursor or is_near else " ",
            make_style(palette.accent, bold=True),
        )
        self._put(place.row, place.column + 1, f"{look.glyph} ", state)
        self._put(place.row, place.column + 3, fit(node.name, room, palette.glyphs.more), name)
        self._put(place.row, place.column + 3 + room, f" {look.word:<{_WORD_WIDTH}}", state)
        if place.has_count and node.behind:
            count = f" {self._marks[1]}{node.behind}"
            self._put(place.row, place.column + 4 + room + _WORD_WIDTH, count, make_style(palette.muted))


def _spans(wire: Wire) -> Iterable[tuple[int, int]]:
    for (_, row), (_, to_row) in pairwise(wire.points):
        yield min(row, to_row), max(row, to_row)
