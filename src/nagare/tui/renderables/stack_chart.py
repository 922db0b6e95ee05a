"""A stacked area by half-blocks: parts of a whole over time, two values a cell in height (cpu modes, memory)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo

import numpy as np
from numpy.typing import NDArray
from rich.style import Style

from nagare.tui.renderables.braille_raster import Floats, Samples, clean_samples, column_extremes, within
from nagare.tui.renderables.canvas import Canvas, Lines
from nagare.tui.renderables.chart_frame import Plot, draw_frame, draw_time_axis, draw_value_axis, place_plot
from nagare.tui.renderables.chart_marks import draw_message, draw_stale, frame_of
from nagare.tui.renderables.chart_model import Chart
from nagare.tui.renderables.event_marks import crosshair_column, draw_events
from nagare.tui.renderables.palette import Palette, make_style
from nagare.tui.renderables.time_axis import TimeWindow
from nagare.tui.renderables.value_axis import make_scale


def stack_columns(shown: Sequence[Samples], window: TimeWindow, columns: int) -> Floats:
    """Return the middle height of each part in each column (parts × columns); NaN where nothing was measured."""
    parts = np.full((len(shown), columns), np.nan)
    for index, samples in enumerate(shown):
        low, high = column_extremes(samples, *window.raster(columns), columns)
        parts[index] = low / 2 + high / 2
    return np.asarray(np.maximum(parts, 0.0), dtype=np.float64)


def draw_stack(chart: Chart, width: int, height: int, palette: Palette, zone: tzinfo | None = None) -> Lines:
    """Return the stacked chart as exactly ``height`` lines of exactly ``width`` cells; the first part lies lowest."""
    canvas = Canvas(width, height)
    plot = place_plot(width, height, events=bool(chart.events))
    window = chart.window
    cleaned = [clean_samples(line.ts_ms, line.values, chart.step_ms) for line in chart.lines]
    shown = [within(samples, window.start_ms, window.end_ms) for samples in cleaned]
    if plot.width and plot.height:
        _draw_plot(canvas, chart, shown, plot, palette)
        draw_events(canvas, chart, plot, palette)
    if plot.has_axis:
        draw_time_axis(canvas, plot, window, chart.crosshair_ms, palette, zone)
    if plot.has_frame:
        draw_frame(canvas, frame_of(chart, shown, plot, palette, is_stack=True, zone=zone), palette)
    draw_message(canvas, chart, shown, plot, palette)
    return canvas.lines()


def _draw_plot(canvas: Canvas, chart: Chart, shown: Sequence[Samples], plot: Plot, palette: Palette) -> None:
    parts = stack_columns(shown, chart.window, plot.width)
    known = np.asarray(np.isfinite(parts).any(axis=0), dtype=np.bool_)
    tops = np.cumsum(np.nan_to_num(parts), axis=0)
    most = float(tops[-1].max()) if len(parts) else 0.0
    intervals = 4 if plot.height >= 9 else 2
    scale = make_scale(0.0, chart.high if chart.high is not None else most, chart.unit, intervals)
    span = scale.high - scale.low
    # Cut first: what is far outside of a narrow scale is more than a number holds, in parts of it.
    layers = _layers(np.clip(tops, 0.0, span) / span, known, 2 * plot.height)
    _draw_layers(canvas, layers, plot.left, plot.top, chart, palette)
    draw_stale(canvas, chart, plot, palette)
    _draw_crosshair(canvas, chart, plot, palette)
    if known.any():
        draw_value_axis(canvas, plot, scale, chart.unit, palette)


def _draw_crosshair(canvas: Canvas, chart: Chart, plot: Plot, palette: Palette) -> None:
    """Draw the crosshair over the areas too: they leave no blank cell to draw it in."""
    column = crosshair_column(chart, plot)
    if column is not None:
        rows, at = slice(plot.top, plot.top + plot.height), plot.left + column
        canvas.fill(rows, slice(at, at + 1), palette.glyphs.crosshair, make_style(palette.foreground, bold=True))


def _layers(tops: Floats, known: NDArray[np.bool_], rows: int) -> NDArray[np.int64]:
    """Return for each half row (bottom first) and column the part that fills it, or -1."""
    edges = np.rint(tops * rows).astype(np.int64)
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
    if palette.ascii or palette.mono:
        return palette.area_glyph(low), make_style(None if palette.mono else colours[low])
    if high < 0:
        return "▄", make_style(colours[low])
    if high == low:
        return "█", make_style(colours[low])
    return "▀", make_style(colours[high], colours[low])
