"""Placeholders while something loads: the shape of what comes, never a spinner alone."""

from __future__ import annotations

from collections.abc import Sequence

from nagare.tui.renderables.canvas import Canvas, Lines
from nagare.tui.renderables.palette import Palette, make_style

# Shares of a column that the bars take, so that rows look like text and not like a wall.
_SHARES = (0.8, 0.55, 0.7, 0.4, 0.62, 0.5, 0.75, 0.45)


def draw_skeleton(columns: Sequence[tuple[int, int]], width: int, height: int, palette: Palette) -> Lines:
    """Return bars in columns given as (left, width), fading out after the first rows."""
    canvas = Canvas(width, height)
    style = make_style(palette.faint)
    for row in range(min(height, 8)):
        for number, (left, room) in enumerate(columns):
            length = max(1, round(room * _SHARES[(row * 3 + number) % len(_SHARES)]))
            canvas.put(row, left, palette.glyphs.skeleton * length, style, width - left)
    return canvas.lines()
