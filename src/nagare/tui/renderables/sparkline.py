"""A line of block eighths for a table cell: fixed scale, newest value at the right, gaps stay blank."""

from __future__ import annotations

import math
from collections.abc import Iterable

from nagare.tui.renderables.palette import Palette


def sparkline(
    values: Iterable[float | None], width: int, palette: Palette, *, low: float = 0.0, high: float | None = 1.0
) -> str:
    """Return exactly ``width`` cells of the last values; ``high`` None scales to their greatest.

    Twice as many values as cells or more are folded by their greatest, so that no spike is lost. Plain loops: at the size of a table
    cell they take a third of the time of arrays.
    """
    if width <= 0:
        return ""
    # An array gives its numbers as Python floats at once.
    listed = values.tolist() if hasattr(values, "tolist") else list(values)
    numbers = [math.nan if value is None else float(value) for value in listed]
    if len(numbers) > width:
        numbers = _fold(numbers, width)
    if high is None:
        high = max((number for number in numbers if math.isfinite(number)), default=0.0)
    return _levels(numbers, low, high, palette.glyphs.spark).rjust(width)


def _fold(numbers: list[float], width: int) -> list[float]:
    """Return the greatest of each of ``width`` equal groups, the newest last; NaN where one has none.

    The oldest values that fill no whole group are left out, so that the line always takes its full width.
    """
    group = len(numbers) // width
    folded = []
    for start in range(len(numbers) - group * width, len(numbers), group):
        known = [number for number in numbers[start : start + group] if math.isfinite(number)]
        folded.append(max(known, default=math.nan))
    return folded


def _levels(numbers: list[float], low: float, high: float, levels: str) -> str:
    top = len(levels) - 1
    span = high - low
    # A span that overflows or is not positive cannot tell values apart: all are low.
    scale = len(levels) / span if span > 0 and math.isfinite(span) and span > 1e-300 else 0.0
    characters = []
    for number in numbers:
        if math.isfinite(number):
            share = min(max(number, low), high) - low if scale else 0.0
            characters.append(levels[min(top, max(0, int(share * scale)))])
        else:
            characters.append(" ")
    return "".join(characters)
