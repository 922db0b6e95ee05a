"""A stacked area by half-blocks: parts of a whole over time, two values a cell in height (cpu modes, memory)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo

import numpy as np
from numpy.typing import NDArray
from rich.style import Style

from nagare.tui.renderables.braille_chart import Chart
from nagare.tui.renderables.braille_raster import Floats, clean_samples, column_extremes, within
from nagare.tui.renderables.canvas import Canvas, Lines
from nagare.tui.renderables.chart_frame import Frame, draw_frame, draw_time_axis, draw_value_axis, place_plot
from nagare.tui.renderables.palette import Palette, make_style
from nagare.tui.renderables.time_axis import TimeWindow
from nagare.tui.renderables.value_axis import format_value, make_scale


def stack_columns(chart: Chart, columns: int) -> Floats:
    """Return the mean height of each part in each column (parts × columns); NaN where nothing was measured."""
    window: TimeWindow = chart.window
    parts = np.full((len(chart.lines), columns), np.nan)
    for index, line in enumerate(chart.lines):
        samples = within(clean_samples(line.ts_ms, line.values, chart.step_ms), window.start_ms, window.end_ms)
        low, high = column_extremes(samples, window.start_ms, window.end_ms, columns)
        parts[index] = low / 2 + high / 2
    return np.asarray(np.maximum(parts, 0.0), dtype=np.float64)


def draw_stack(chart: Chart, width: int, height: int, palette: Palette, zone: tzinfo | None = None) -> Lines:
    """Return the stacked chart as exactly ``height`` lines of exactly ``width`` cells; the first part lies lowest."""
    canvas = Canvas(width, height)
    plot = place_plot(width, height)
    if plot.width and plot.height:
        parts = stack_columns(chart, plot.width)
        known = np.asarray(np.isfinite(parts).any(axis=0), dtype=np.bool_)
        tops = np.cumsum(np.nan_to_num(parts), axis=0)
        most = float(tops[-1].max()) if len(parts) else 0.0
        scale = make_scale(
            0.0, chart.high if chart.high is not None else most, chart.unit, 4 if plot.height >= 9 else 2
        )
        layers = _layers(tops / (scale.high - scale.low), known, 2 * plot.height)
        _draw_layers(canvas, layers, plot.left, plot.top, chart, palette)
        draw_value_axis(canvas, plot, scale, chart.unit, palette)
        if plot.has_axis:
            draw_time_axis(canvas, plot, chart.window, chart.crosshair_ms, palette, zone)
    if plot.has_frame:
        right = chart.window.label(max(1, plot.width))
        right = right.replace("·", "-") if palette.ascii else right
        frame = Frame(chart.title, chart.digit, chart.focused, chart.is_stale, right, _stack_legend(chart, palette))
        draw_frame(canvas, frame, palette)
    return canvas.lines()


def _layers(tops: Floats, known: NDArray[np.bool_], rows: int) -> NDArray[np.int64]:
    """Return for each half row (bottom first) and column the part that fills it, or -1."""
    edges = np.rint(np.clip(tops, 0.0, 1.0) * rows).astype(np.int64)
    height = np.arange(rows)[:, None]
    layers = np.full((rows, tops.shape[1]), -1, dtype=np.int64)
    for index in range(tops.shape[0] - 1, -1, -1):
        layers[height < edges[index][None, :]] = index
    layers[:, ~known] = -1
    return layers


def _draw_layers(
    canvas: Canvas, layers: NDArray[np.int64], left: int, top: int, chart: Chart, palette: Palette
) -> None:
    colours = [line.colour or palette.series_colour(index) for index, line in enumerate(chart.lines)]
    rows = layers.shape[0] // 2
    for row in range(rows):
        upper, lower = layers[2 * (rows - 1 - row) + 1], layers[2 * (rows - 1 - row)]
        for column, (high, low) in enumerate(zip(upper.tolist(), lower.tolist(), strict=True)):
            glyph, style = _half_block(high, low, colours, palette)
            if glyph != " ":
                canvas.codes[top + row, left + column] = ord(glyph)
                canvas.styles[top + row, left + column] = canvas.number(style)


def _half_block(high: int, low: int, colours: Sequence[str], palette: Palette) -> tuple[str, Style]:
    if low < 0:
        return " ", Style.null()
    if palette.ascii:
        return palette.series_glyph(low), make_style(colours[low])
    if high < 0:
        return "▄", make_style(colours[low])
    if high == low:
        return "█", make_style(colours[low])
    return "▀", make_style(colours[high], colours[low])


def _stack_legend(chart: Chart, palette: Palette) -> list[tuple[str, str]]:
    items = []
    for index, line in enumerate(chart.lines):
        samples = clean_samples(line.ts_ms, line.values, chart.step_ms)
        shown = within(samples, chart.window.start_ms, chart.window.end_ms)
        if not shown.is_empty:
            glyph = palette.series_glyph(index) if palette.ascii else palette.glyphs.cell
            text = f"{glyph} {line.name} {format_value(float(shown.values[-1]), chart.unit)}"
            items.append((text, line.colour or palette.series_colour(index)))
    return items
