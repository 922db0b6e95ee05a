"""Load of each core, from 1 to 256 of them: bars with names while there is room, then single columns of eighths."""

from __future__ import annotations

import math
from collections.abc import Sequence

from nagare.lib.units import format_ratio
from nagare.tui.renderables.canvas import Canvas, Lines
from nagare.tui.renderables.cell_text import fit
from nagare.tui.renderables.palette import Palette, make_style
from nagare.tui.renderables.ratio_bar import bar_text

_BAR_MIN = 14


def draw_core_grid(ratios: Sequence[float | None], width: int, height: int, palette: Palette) -> Lines:
    """Return exactly ``height`` lines: one bar a core in as many columns as needed, else one eighth a core."""
    canvas = Canvas(width, height)
    if not ratios or width < 1 or height < 1:
        return canvas.lines()
    across = -(-len(ratios) // height)
    if width // across >= _BAR_MIN:
        _draw_bars(canvas, ratios, across, palette)
    else:
        _draw_columns(canvas, ratios, palette)
    return canvas.lines()


def _draw_bars(canvas: Canvas, ratios: Sequence[float | None], across: int, palette: Palette) -> None:
    pitch = canvas.width // across
    digits = len(str(len(ratios) - 1))
    rows = -(-len(ratios) // across)
    for core, ratio in enumerate(ratios):
        row, left = core % rows, core // rows * pitch
        known = ratio is not None and math.isfinite(ratio)
        value = ratio if ratio is not None and known else 0.0
        colour = palette.ratio_colour(value) if known else palette.muted
        number = fit(format_ratio(value) if known else "-", 6, right=True)
        room = pitch - digits - 1 - 6 - (2 if across > 1 else 0)
        filled, empty = bar_text(value, max(1, room), palette)
        canvas.put(row, left, str(core).rjust(digits), make_style(palette.muted))
        canvas.put(row, left + digits + 1, filled, make_style(colour))
        canvas.put(row, left + digits + 1 + len(filled), empty, make_style(palette.faint))
        canvas.put(row, left + digits + 1 + max(1, room), number, make_style(colour), 6)


def _draw_columns(canvas: Canvas, ratios: Sequence[float | None], palette: Palette) -> None:
    """Draw one column of eighths a core; cores that still do not fit are folded by the busiest of neighbours."""
    values = [ratio if ratio is not None and math.isfinite(ratio) else 0.0 for ratio in ratios]
    fold = -(-len(values) // (canvas.width * canvas.height))
    if fold > 1:
        values = [max(values[at : at + fold]) for at in range(0, len(values), fold)]
    bands = -(-len(values) // canvas.width)
    tall = max(1, canvas.height // bands)
    per_band = -(-len(values) // bands)
    for index, value in enumerate(values):
        band, column = divmod(index, per_band)
        _draw_column(canvas, band * tall, column, tall, value, palette)


def _draw_column(canvas: Canvas, top: int, column: int, tall: int, value: float, palette: Palette) -> None:
    levels = palette.glyphs.spark
    style = make_style(palette.ratio_colour(value))
    steps = max(1, round(min(1.0, max(0.0, value)) * tall * len(levels)))
    for up in range(tall):
        level = min(len(levels), steps - up * len(levels))
        if level <= 0:
            break
        canvas.put(top + tall - 1 - up, column, levels[level - 1], style)
