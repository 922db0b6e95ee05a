"""Rows of a terminal as strips: one segment a run, with the cursor and what a search found laid over them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

if TYPE_CHECKING:
    from nagare.ssh.terminal.core import CellStyle, Colour, Run

# Controls would steer the terminal outside, and those of direction turn its whole line around, frames of others with it.
_HARMFUL = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_CURSOR = Style(reverse=True)
_FOUND = Style(bgcolor=Color.from_rgb(230, 159, 0), color=Color.from_rgb(0, 0, 0), bold=True)


def strip_of(runs: Sequence[Run], base: Style, width: int, cursor: int | None, found: tuple[int, int] | None) -> Strip:
    """Return a row of ``width`` cells; ``cursor`` is its column, ``found`` the column and width of what was searched."""
    if all(run.text.isascii() and run.text.isprintable() for run in runs):
        # As most are: a letter is a cell, which need not be measured.
        strip = Strip(
            [Segment(run.text, base + style_of(run.style)) for run in runs], sum(len(run.text) for run in runs)
        )
    else:
        strip = Strip([Segment(_HARMFUL.sub("", run.text), base + style_of(run.style)) for run in runs])
    strip = strip.adjust_cell_length(width, base)
    if found is not None:
        strip = _over(strip, found[0], found[1], _FOUND)
    return strip if cursor is None else _over(strip, cursor, 1, _CURSOR)


def _over(strip: Strip, column: int, width: int, style: Style) -> Strip:
    length = strip.cell_length
    if not 0 <= column < length:
        return strip
    cuts = [cut for cut in (column, min(column + width, length), length) if cut > 0]
    parts = list(strip.divide(cuts))
    at = 1 if column > 0 else 0
    # A wide letter is taken whole.
    parts[at] = Strip(
        [Segment(part.text, (part.style or Style()) + style) for part in parts[at] if cell_len(part.text)]
    )
    return Strip.join(parts)


@lru_cache(maxsize=4096)
def style_of(style: CellStyle) -> Style:
    """Return a cell's style for the terminal that draws it."""
    return Style(
        color=_colour(style.foreground),
        bgcolor=_colour(style.background),
        bold=style.bold or None,
        dim=style.faint or None,
        italic=style.italic or None,
        underline=style.underline > 0 or None,
        underline2=style.underline == 2 or None,
        blink=style.blink or None,
        reverse=style.inverse or None,
        strike=style.strike or None,
        overline=style.overline or None,
    )


def _colour(colour: Colour) -> Color | None:
    if colour is None:
        return None
    return Color.from_ansi(colour) if isinstance(colour, int) else Color.from_rgb(*colour)
