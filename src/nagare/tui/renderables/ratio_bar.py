"""A horizontal bar with its number: both take their colour from the same value, so they can never disagree."""

from __future__ import annotations

import math

from rich.cells import cell_len
from rich.segment import Segment

from nagare.lib.units import NO_VALUE, format_ratio
from nagare.tui.renderables.cell_text import cut, fit
from nagare.tui.renderables.palette import Palette, make_style

_NUMBER_WIDTH = 6


def bar_text(ratio: float, width: int, palette: Palette) -> tuple[str, str]:
    """Return the filled and the empty part of a bar of ``width`` cells."""
    share = min(1.0, max(0.0, ratio)) if math.isfinite(ratio) else 0.0
    parts = palette.glyphs.bar_parts
    steps = round(share * width * (len(parts) + 1))
    whole, part = divmod(steps, len(parts) + 1)
    filled = palette.glyphs.bar_full * whole + (parts[part - 1] if part else "")
    return filled, palette.glyphs.bar_empty * (width - len(filled))


def ratio_bar(
    ratio: float | None, width: int, palette: Palette, *, label: str = "", text: str | None = None, dim: bool = False
) -> list[Segment]:
    """Return one line of ``width`` cells: label, bar, number. ``text`` stands for the number instead of a percentage."""
    width = max(0, width)
    known = ratio is not None and math.isfinite(ratio)
    value = ratio if ratio is not None and known else 0.0
    # What is stale is muted and not dimmed, or its number could not be read.
    colour = palette.ratio_colour(value) if known and not dim else palette.muted
    number = (text if text is not None else format_ratio(value)) if known else NO_VALUE
    right = (
        fit(number, min(width - 2, max(_NUMBER_WIDTH, len(number) + 1)), palette.glyphs.more, right=True)
        if width >= 10
        else ""
    )
    left = _label(palette.text(label), max(0, width - len(right) - 3), palette) if label else ""
    filled, empty = bar_text(value, max(0, width - cell_len(right) - cell_len(left)), palette)
    segments = [
        Segment(left, make_style(palette.muted)),
        Segment(filled, make_style(colour)),
        Segment(empty, make_style(palette.faint)),
        Segment(right, make_style(colour, bold=value >= 0.9 and not dim)),
    ]
    return [segment for segment in segments if segment.text]


def _label(text: str, room: int, palette: Palette) -> str:
    return cut(text, room - 1, palette.glyphs.more) + " " if room > 1 else ""
