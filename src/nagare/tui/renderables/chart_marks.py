"""What stands around and over the lines of a chart: hatching, events, crosshair, legend, words instead of lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo

import numpy as np
from rich.cells import cell_len

from nagare.lib.units import Unit
from nagare.tui.renderables.braille_raster import Samples
from nagare.tui.renderables.canvas import Canvas
from nagare.tui.renderables.cell_text import cells, cut
from nagare.tui.renderables.chart_frame import Frame, Plot
from nagare.tui.renderables.chart_model import Chart
from nagare.tui.renderables.event_marks import GAP_GLYPHS, crosshair_column, mark_legend
from nagare.tui.renderables.palette import Palette, make_style
from nagare.tui.renderables.time_axis import format_clock
from nagare.tui.renderables.value_axis import format_value

_SPACE = ord(" ")
_DECIMALS = re.compile(r"(\d\d+\.\d+)(.*)")


def draw_stale(canvas: Canvas, chart: Chart, plot: Plot, palette: Palette) -> None:
    """Hatch the blank cells of spans whose data is old."""
    style = make_style(palette.faint)
    for start, end in chart.stale:
        first = max(0, chart.window.column_of(start, plot.width))
        last = min(plot.width - 1, chart.window.column_of(end, plot.width))
        if first <= last:
            columns = slice(plot.left + first, plot.left + last + 1)
            canvas.fill_blank(slice(plot.top, plot.top + plot.height), columns, palette.glyphs.hatch, style)


def draw_gaps(canvas: Canvas, chart: Chart, plot: Plot, palette: Palette) -> None:
    """Say in the lowest row what became of time without rows, and at the top in a word where there is room for it.

    The row of a gap that was filled later is drawn too: who reads the chart then knows that nobody saw it at the time.
    """
    style = make_style(palette.muted)
    bottom = slice(plot.top + plot.height - 1, plot.top + plot.height)
    for gap in chart.gaps:
        first = max(0, chart.window.column_of(gap.start_ms, plot.width))
        last = min(plot.width - 1, chart.window.column_of(gap.end_ms, plot.width))
        if first > last or gap.kind not in GAP_GLYPHS:
            continue
        columns = slice(plot.left + first, plot.left + last + 1)
        canvas.fill_blank(bottom, columns, GAP_GLYPHS[gap.kind], style)
        left = plot.left + first + (last - first + 1 - len(gap.kind)) // 2
        word = slice(left, left + len(gap.kind))
        is_free = bool((canvas.codes[plot.top, word] == _SPACE).all())
        if is_free and last - first > len(gap.kind) and plot.height > 1:
            canvas.put(plot.top, left, gap.kind, style)


def value_at(samples: Samples, ts_ms: float, reach_ms: float) -> float | None:
    """Return the value of the sample nearest to a moment, within ``reach_ms``; None in a hole."""
    if samples.is_empty:
        return None
    at = int(np.abs(samples.ts_ms - ts_ms).argmin())
    return float(samples.values[at]) if abs(float(samples.ts_ms[at]) - ts_ms) <= reach_ms else None


def reach_ms(chart: Chart, plot: Plot) -> float:
    """Return how far from the crosshair a sample may stand to be its value."""
    return max(chart.step_ms * 1.5, chart.window.step_ms(max(1, plot.width)))


def draw_crosshair(canvas: Canvas, chart: Chart, plot: Plot, palette: Palette) -> None:
    """Draw the crosshair through the blank cells of its column."""
    column = crosshair_column(chart, plot)
    if column is not None:
        at = slice(plot.left + column, plot.left + column + 1)
        rows = slice(plot.top, plot.top + plot.height)
        canvas.fill_blank(rows, at, palette.glyphs.crosshair, make_style(palette.foreground))


def draw_crosshair_labels(canvas: Canvas, chart: Chart, shown: Sequence[Samples], plot: Plot, palette: Palette) -> None:
    """Write the values at the crosshair beside it, on the side with room; a short chart has no axis to say the time."""
    column, moment = crosshair_column(chart, plot), chart.crosshair_ms
    if column is None or moment is None:
        return
    labels = []
    if not plot.has_axis:
        labels.append((f" {format_clock(moment)} ", make_style(palette.foreground, palette.panel, bold=True)))
    for index, samples in enumerate(shown):
        value = format_value(value_at(samples, moment, reach_ms(chart, plot)), chart.unit)
        name = "" if len(shown) == 1 else f"{palette.series_glyph(index)} {cells(chart.lines[index].name)} "
        colour = chart.lines[index].colour or palette.series_colour(index)
        labels.append((palette.text(f" {name}{value} "), make_style(colour, palette.panel, bold=True)))
    widest = max((cell_len(text) for text, _ in labels), default=0)
    # The legend has the values too: a box that would hide much of the plot is left out.
    if widest * 3 > plot.width or len(labels) * 2 > plot.height:
        return
    left = plot.left + (column + 1 if plot.width - column - 1 >= widest else column - widest)
    for row, (text, style) in enumerate(labels):
        canvas.put(plot.top + row, left, text + " " * (widest - cell_len(text)), style)


def frame_of(
    chart: Chart,
    shown: Sequence[Samples],
    plot: Plot,
    palette: Palette,
    *,
    is_stack: bool = False,
    zone: tzinfo | None = None,
) -> Frame:
    """Return what the frame of a chart says."""
    return Frame(
        title=palette.text(chart.title),
        digit=chart.digit,
        focused=chart.focused,
        stale=chart.is_stale,
        right=window_text(chart, plot, palette, zone),
        legend=[*_legend(chart, shown, plot, palette, is_stack=is_stack), *mark_legend(chart, plot, palette)],
    )


def window_text(chart: Chart, plot: Plot, palette: Palette, zone: tzinfo | None = None) -> str:
    """Return what the frame says of the window; a past window says when it ends, a chart with keys has zoom buttons.

    The longest wording that fits beside the title is taken.
    """
    window, dot = chart.window, palette.glyphs.dot
    span, columns = window.label(), window.label(max(1, plot.width)).replace("·", dot)
    past = f"to {format_clock(window.end_ms, zone)}"
    words = (columns, span) if window.is_live else (f"{past} {dot} {columns}", f"{past} {dot} {span}", past)
    room = plot.left + plot.width - 8 - cell_len(cells(chart.title)) - len(chart.digit)
    texts = (f"- {text} +" if chart.is_interactive else text for text in words)
    return next((text for text in texts if len(text) <= room), "")


def _legend(
    chart: Chart, shown: Sequence[Samples], plot: Plot, palette: Palette, *, is_stack: bool
) -> list[tuple[str, str]]:
    """Return (text, colour) items: every line with its value, and of a single line also its least, mean and most."""
    rows = list(_legend_rows(chart, shown, plot, palette, is_stack=is_stack))
    names = _fit_legend(rows, plot.width + plot.left - 3, palette)
    if len(rows) == 1 and len(chart.lines) == 1:
        values = _inside(shown[0], chart).values
        figures = (("min", values.min()), ("avg", values.mean()), ("max", values.max())) if values.size else ()
        names += [
            (palette.text(f"{name} {format_value(float(figure), chart.unit)}"), palette.muted)
            for name, figure in figures
        ]
    return names


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of the legend before it is fitted."""

    marker: str
    name: str
    short: str
    value: str
    colour: str


def _fit_legend(rows: Sequence[_Row], room: int, palette: Palette) -> list[tuple[str, str]]:
    """Return the items with names in full, else the short ones with round values, else cut, else none."""
    full = _legend_items([(row, row.name, row.value) for row in rows])
    if len(rows) < 2:
        return full
    longest = max(cell_len(row.short) for row in rows)
    # One or two letters of a name say nothing.
    cuts = (
        _legend_items([(row, cut(row.short, length, palette.glyphs.more), _brief(row.value)) for row in rows])
        for length in (*range(longest, 2, -1), 0)
    )
    last: list[tuple[str, str]] = full
    for last in (full, *cuts):
        if sum(cell_len(text) + 2 for text, _ in last) <= room:
            return last
    return last


def _legend_items(parts: Sequence[tuple[_Row, str, str]]) -> list[tuple[str, str]]:
    return [(" ".join(part for part in (row.marker, name, value) if part), row.colour) for row, name, value in parts]


def _brief(value: str) -> str:
    """Return a value without its decimals where two digits stand before them."""
    found = _DECIMALS.fullmatch(value)
    return f"{float(found[1]):.0f}{found[2]}" if found else value


def _legend_rows(
    chart: Chart, shown: Sequence[Samples], plot: Plot, palette: Palette, *, is_stack: bool
) -> Iterator[_Row]:
    for index, (line, samples) in enumerate(zip(chart.lines, shown, strict=True)):
        inside = _inside(samples, chart)
        if inside.is_empty:
            continue
        value: float | None = float(inside.values[-1])
        if chart.crosshair_ms is not None:
            value = value_at(samples, chart.crosshair_ms, reach_ms(chart, plot))
        colour = line.colour or palette.series_colour(index)
        if len(shown) == 1 and chart.gradient and chart.unit is Unit.RATIO and value is not None:
            colour = palette.ratio_colour(value)
        marker = palette.area_glyph(index) if is_stack else palette.series_glyph(index) if len(shown) > 1 else ""
        name = palette.text(cells(line.name))
        short = palette.text(cells(line.short)) if line.short else name
        yield _Row(marker, name, short, palette.text(format_value(value, chart.unit)), colour)


def _inside(samples: Samples, chart: Chart) -> Samples:
    """Leave out the neighbours beyond the window, which only lines at its edges need."""
    return samples.between(chart.window.start_ms, chart.window.end_ms)


def draw_message(canvas: Canvas, chart: Chart, shown: Sequence[Samples], plot: Plot, palette: Palette) -> None:
    """Say in the plot what there is instead of lines."""
    message = chart.message
    if not message and all(samples.is_empty for samples in shown):
        message = "loading…" if chart.is_loading else "no data in this window" if plot.width > 24 else "no data"
    if not message or not plot.height or not plot.width:
        return
    if chart.is_loading:
        _draw_silhouette(canvas, plot, palette)
    text = message.replace("…", palette.glyphs.ellipsis)
    text = cut(palette.text(f" {text} "), plot.width, palette.glyphs.more)
    left = plot.left + max(0, plot.width - cell_len(text)) // 2
    canvas.put(plot.top + (plot.height - 1) // 2, left, text, make_style(palette.muted), plot.left + plot.width - left)


def _draw_silhouette(canvas: Canvas, plot: Plot, palette: Palette) -> None:
    """Draw the shape of a chart to come."""
    columns = np.arange(plot.width)
    tops = plot.height * (0.35 + 0.12 * np.sin(columns / 6.0) + 0.06 * np.sin(columns / 2.3))
    rows = np.arange(plot.height - 1, -1, -1)[:, None]
    box = (slice(plot.top, plot.top + plot.height), slice(plot.left, plot.left + plot.width))
    lit = (rows < np.maximum(1, np.rint(tops))[None, :]) & (canvas.codes[box] == 32)
    canvas.codes[box][lit] = ord(palette.glyphs.hatch)
    canvas.styles[box][lit] = canvas.number(make_style(palette.faint))
