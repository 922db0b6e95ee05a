"""Hosts as a grid of cells: the state is the glyph, the load is the colour. Wraps to the width, grouped, selectable."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rich.style import Style

from nagare.tui.renderables.canvas import Canvas, Lines
from nagare.tui.renderables.cell_text import cut
from nagare.tui.renderables.palette import Palette, make_style


class HeatCell(NamedTuple):
    """One host: ``key`` names it, ``ratio`` (0–1 or None) colours it while it is up."""

    key: str
    state: str = "up"
    ratio: float | None = None
    group: str = ""


@dataclass(frozen=True, slots=True)
class HeatView:
    """What of a grid is seen: the first line, the selected cell, and whether the grid has the focus."""

    selected: int | None = None
    top: int = 0
    focused: bool = False


_WHOLE = HeatView()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a cell of the grid stands."""

    row: int
    column: int
    index: int


@dataclass(frozen=True, slots=True)
class HeatLayout:
    """Places of all cells and the rows of group names, for drawing, keys and the mouse."""

    places: tuple[Place, ...]
    headings: tuple[tuple[int, str], ...]
    height: int
    pitch: int

    def hit(self, column: int, row: int) -> int | None:
        """Return the index of the cell at a position, or None."""
        return next((p.index for p in self.places if p.row == row and p.column <= column < p.column + self.pitch), None)

    def find(self, index: int) -> Place | None:
        """Return the place of a cell, or None when it is not laid out."""
        return next((place for place in self.places if place.index == index), None)

    def step(self, index: int, across: int, down: int) -> int:
        """Return the index of the cell reached from ``index`` by an arrow key; the same one at a border."""
        here = self.find(index)
        if here is None:
            return self.places[0].index if self.places else index
        if across:
            at = self.places.index(here) + across
            return self.places[at].index if 0 <= at < len(self.places) else index
        beyond = [place for place in self.places if (place.row - here.row) * down > 0]
        if not beyond:
            return index
        row = min((place.row for place in beyond), key=lambda row: abs(row - here.row))
        return min((p for p in beyond if p.row == row), key=lambda p: abs(p.column - here.column)).index


def lay_out(cells: Sequence[HeatCell], width: int, *, pitch: int = 2) -> HeatLayout:
    """Lay cells out in groups, in the order given; a heading row stands before each group when there are several."""
    groups: dict[str, list[int]] = {}
    for index, cell in enumerate(cells):
        groups.setdefault(cell.group, []).append(index)
    across = max(1, width // pitch)
    places: list[Place] = []
    headings: list[tuple[int, str]] = []
    row = 0
    for name, indices in groups.items():
        if len(groups) > 1:
            headings.append((row, f"{name or 'no group'} ({len(indices)})"))
            row += 1
        places += [Place(row + at // across, (at % across) * pitch, index) for at, index in enumerate(indices)]
        row += -(-len(indices) // across)
    return HeatLayout(tuple(places), tuple(headings), row, pitch)


def fit_pitch(count: int, width: int, height: int) -> int:
    """Return the widest pitch (4, 3, 2 or 1 cells) at which ``count`` cells fit."""
    return next((pitch for pitch in (4, 3, 2) if count <= max(1, width // pitch) * max(1, height)), 1)


def cell_colour(cell: HeatCell, palette: Palette) -> str:
    """Return a cell's colour: the gradient by load while up, else the state's."""
    if cell.state == "up" and cell.ratio is not None and math.isfinite(cell.ratio):
        return palette.ratio_colour(cell.ratio)
    return palette.state(cell.state).colour


def draw_heat_grid(
    cells: Sequence[HeatCell],
    layout: HeatLayout,
    size: tuple[int, int],
    palette: Palette,
    view: HeatView = _WHOLE,
    base: Style | None = None,
) -> Lines:
    """Return lines of ``size`` (width, height) from line ``view.top`` on, laid over ``base``; the selected cell is reversed."""
    width, height = size
    canvas = Canvas(width, height)
    for row, text in layout.headings:
        canvas.put(row - view.top, 0, cut(palette.text(text), width, palette.glyphs.more), make_style(palette.muted))
    looks: dict[tuple[str, str], int] = {}
    shown = [place for place in layout.places if 0 <= place.row - view.top < height]
    kinds = [looks.setdefault(_look_key(cells[place.index], palette), len(looks)) for place in shown]
    texts = [_look(state, colour, palette, layout.pitch) for state, colour in looks]
    canvas.put_each([place.row - view.top for place in shown], [place.column for place in shown], kinds, texts)
    chosen = layout.find(view.selected) if view.selected is not None else None
    if chosen is not None:
        text, style = _look(*_look_key(cells[chosen.index], palette), palette, layout.pitch)
        style += make_style(None, bold=True, reverse=True, underline=view.focused)
        canvas.put(chosen.row - view.top, chosen.column, text, style)
    return canvas.lines(base)


def _look_key(cell: HeatCell, palette: Palette) -> tuple[str, str]:
    return cell.state, cell_colour(cell, palette)


def _look(state: str, colour: str, palette: Palette, pitch: int) -> tuple[str, Style]:
    """Return a cell's text and style."""
    look = palette.state(state)
    text = palette.glyphs.cell * max(1, pitch - 1) if state == "up" else look.glyph
    return text, make_style(colour, bold=look.bold)
