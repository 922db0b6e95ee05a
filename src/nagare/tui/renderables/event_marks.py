"""Marks on the time axis of a chart: what happened when. Several in one column fold to their number; a crosshair on one tells it.

Draws and finds only: where a mark leads is the business of pages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from rich.cells import cell_len
from rich.style import Style

from nagare.tui.renderables.canvas import Canvas
from nagare.tui.renderables.cell_text import cut
from nagare.tui.renderables.chart_frame import Plot
from nagare.tui.renderables.chart_model import Chart, EventMark, MarkKind
from nagare.tui.renderables.palette import Palette, make_style

# One sign for each, which every terminal has.
GAP_GLYPHS: Mapping[str, str] = MappingProxyType(
    {"down": "_", "dropped": "x", "buffered": "~", "thinned": ":", "late": "?"}
)
_ORDER = {kind: place for place, kind in enumerate(MarkKind)}
# More than one digit says no more to the eye.
_MANY = "+"
# Shorter words beside the crosshair say nothing.
_LEAST_TOLD = 8
# With less, the key that opens it would leave none for what it is.
_ROOM_FOR_KEY = 32


def mark_look(mark: EventMark, palette: Palette) -> tuple[str, Style]:
    """Return the glyph of a mark, and its style."""
    look = palette.state(mark.state)
    match mark.kind:
        case MarkKind.ALERT:
            return look.glyph, look.style
        case MarkKind.CHANGE:
            return palette.glyphs.change, make_style(look.colour, bold=True)
        case MarkKind.COMMAND:
            return palette.glyphs.command, look.style
        case MarkKind.GAP:
            return GAP_GLYPHS.get(mark.state, palette.glyphs.event), make_style(palette.muted)
        case _:
            return palette.glyphs.event, look.style


def fold_marks(chart: Chart, width: int, palette: Palette) -> dict[int, list[EventMark]]:
    """Return the marks of each column of a plot so many columns wide, in each what matters most first."""
    found: dict[int, list[EventMark]] = {}
    for mark in sorted(chart.events, key=lambda mark: (_ORDER[mark.kind], palette.state(mark.state).rank, -mark.ts_ms)):
        column = chart.window.column_of(mark.ts_ms, width)
        if 0 <= column < width and chart.window.contains(mark.ts_ms):
            found.setdefault(column, []).append(mark)
    return found


def count_of(marks: Sequence[EventMark]) -> int:
    """Return how many things marks stand for, with those that were left out."""
    return sum(1 + mark.more for mark in marks)


def crosshair_column(chart: Chart, plot: Plot) -> int | None:
    """Return the crosshair's column within the plot, or None when it is not shown."""
    if chart.crosshair_ms is None or not chart.window.contains(chart.crosshair_ms):
        return None
    return min(plot.width - 1, chart.window.column_of(chart.crosshair_ms, plot.width))


def marks_here(chart: Chart, plot: Plot, palette: Palette) -> list[EventMark]:
    """Return the marks that the crosshair stands on: those of its column, or of its second, what matters most first."""
    column, moment = crosshair_column(chart, plot), chart.crosshair_ms
    if column is None or moment is None or plot.event_row is None:
        return []
    folded = fold_marks(chart, plot.width, palette)
    second = moment // 1000
    # An address has whole seconds, which may lie in the column beside that of the mark.
    return folded.get(column) or [
        mark for marks in folded.values() for mark in marks if second in (mark.ts_ms // 1000, -(-mark.ts_ms // 1000))
    ]


def draw_events(canvas: Canvas, chart: Chart, plot: Plot, palette: Palette) -> None:
    """Draw the marks in their own row above the plot, and what the crosshair stands on beside it, where the chart has the keys."""
    if plot.event_row is None:
        return
    for column, marks in fold_marks(chart, plot.width, palette).items():
        glyph, style = mark_look(marks[0], palette)
        count = count_of(marks)
        if count > 1:
            glyph, style = str(count) if count < 10 else _MANY, style + make_style(bold=True)
        canvas.put(plot.event_row, plot.left + column, glyph, style)
    here = marks_here(chart, plot, palette) if chart.focused else []
    if here:
        _draw_told(canvas, chart, plot, here, palette)


def _draw_told(canvas: Canvas, chart: Chart, plot: Plot, here: Sequence[EventMark], palette: Palette) -> None:
    """Write the mark's words on the side of the crosshair that has more room."""
    column = crosshair_column(chart, plot) or 0
    right, left = plot.width - column - 1, column
    room = max(right, left)
    if plot.event_row is None or room < _LEAST_TOLD:
        return
    key = "Enter " if room >= _ROOM_FOR_KEY else ""
    text = f" {cut(palette.text(key + told_of(here, palette)), room - 2, palette.glyphs.more)} "
    at = plot.left + (column + 1 if right >= left else column - cell_len(text))
    canvas.put(plot.event_row, at, text, make_style(palette.foreground, palette.panel, bold=True))


def told_of(here: Sequence[EventMark], palette: Palette) -> str:
    """Return the words of the first mark, and how many stand beside it; the axis says when."""
    first, others = here[0], count_of(here) - 1
    glyph, _ = mark_look(first, palette)
    more = f"+{others} " if others else ""
    return f"{glyph} {more}{first.text or first.kind.value}"


def mark_legend(chart: Chart, plot: Plot, palette: Palette) -> list[tuple[str, str]]:
    """Return (text, colour) of each kind of mark that is drawn, and of the numbers that stand for several."""
    if plot.event_row is None:
        return []
    folded = fold_marks(chart, plot.width, palette)
    worst: dict[MarkKind, EventMark] = {}
    for marks in folded.values():
        for mark in marks:
            known = worst.get(mark.kind)
            if known is None or palette.state(mark.state).rank < palette.state(known.state).rank:
                worst[mark.kind] = mark
    items = [
        (f"{mark_look(worst[kind], palette)[0]} {kind.value}", palette.muted) for kind in MarkKind if kind in worst
    ]
    return [*items, ("2 several", palette.muted)] if any(count_of(marks) > 1 for marks in folded.values()) else items
