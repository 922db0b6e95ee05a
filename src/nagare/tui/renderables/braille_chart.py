"""A framed chart of lines over time in braille: title and window in the frame, values, time, crosshair, events.

Draws what it is given and keeps nothing. It never joins samples across a gap, never loses a spike, hatches what is
stale, and works from 12 × 3 cells up; below that it draws what fits.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo

import numpy as np
from numpy.typing import NDArray
from rich.segment import Segment

from nagare.lib.units import Unit
from nagare.tui.renderables.braille_raster import (
    Floats,
    Samples,
    clean_samples,
    column_extremes,
    dot_rows,
    pack,
    raster,
    within,
)
from nagare.tui.renderables.canvas import Canvas, Lines, lines_text
from nagare.tui.renderables.chart_frame import Plot, draw_frame, draw_time_axis, draw_value_axis, place_plot
from nagare.tui.renderables.chart_marks import (
    draw_crosshair,
    draw_crosshair_labels,
    draw_gaps,
    draw_message,
    draw_stale,
    frame_of,
)
from nagare.tui.renderables.chart_model import Chart as Chart
from nagare.tui.renderables.chart_model import EventMark as EventMark
from nagare.tui.renderables.chart_model import Line as Line
from nagare.tui.renderables.event_marks import draw_events
from nagare.tui.renderables.palette import Palette, make_palette, make_style
from nagare.tui.renderables.value_axis import HUGE, TINY, Scale, make_scale


def draw_chart(chart: Chart, width: int, height: int, palette: Palette, zone: tzinfo | None = None) -> Lines:
    """Return the chart as exactly ``height`` lines of exactly ``width`` cells."""
    canvas = Canvas(width, height)
    plot = place_plot(width, height, events=bool(chart.events))
    cleaned = [clean_samples(line.ts_ms, line.values, chart.step_ms) for line in chart.lines]
    shown = [within(samples, chart.window.start_ms, chart.window.end_ms) for samples in cleaned]
    scale = _find_scale(chart, shown, plot)
    if plot.width and plot.height:
        _draw_lines(canvas, chart, shown, plot, scale, palette)
        draw_gaps(canvas, chart, plot, palette)
        draw_stale(canvas, chart, plot, palette)
        draw_crosshair(canvas, chart, plot, palette)
        if any(not samples.is_empty for samples in shown):
            draw_value_axis(canvas, plot, scale, chart.unit, palette)
        draw_events(canvas, chart, plot, palette)
        draw_crosshair_labels(canvas, chart, shown, plot, palette)
    if plot.has_axis:
        draw_time_axis(canvas, plot, chart.window, chart.crosshair_ms, palette, zone)
    if plot.has_frame:
        draw_frame(canvas, frame_of(chart, shown, plot, palette, zone=zone), palette)
    draw_message(canvas, chart, shown, plot, palette)
    return canvas.lines()


def chart_text(
    chart: Chart,
    width: int,
    height: int,
    palette: Palette | None = None,
    *,
    colour: bool = False,
    zone: tzinfo | None = None,
) -> list[str]:
    """Return the chart as lines of text for a plain terminal, with ANSI colours when ``colour``."""
    lines = draw_chart(chart, width, height, palette or make_palette(), zone)
    return ansi_text(lines) if colour else lines_text(lines)


def ansi_text(lines: Sequence[Sequence[Segment]]) -> list[str]:
    """Return lines as text with truecolour escapes."""
    return ["".join(s.style.render(s.text) if s.style else s.text for s in line) for line in lines]


def _find_scale(chart: Chart, shown: Sequence[Samples], plot: Plot) -> Scale:
    values = [samples.values for samples in shown if not samples.is_empty]
    low = chart.low if chart.low is not None else min((float(v.min()) for v in values), default=0.0)
    high = chart.high if chart.high is not None else max((float(v.max()) for v in values), default=0.0)
    intervals = 4 if plot.height >= 9 else 2 if plot.height >= 4 else 1
    if chart.low is not None and chart.high is not None and TINY < chart.high - chart.low < HUGE:
        step = (chart.high - chart.low) / intervals
        return Scale(low, high, tuple(low + step * index for index in range(intervals + 1)), step)
    return make_scale(low, high, chart.unit, intervals)


def _draw_lines(
    canvas: Canvas, chart: Chart, shown: Sequence[Samples], plot: Plot, scale: Scale, palette: Palette
) -> None:
    box = (slice(plot.top, plot.top + plot.height), slice(plot.left, plot.left + plot.width))
    codes, styles = canvas.codes[box], canvas.styles[box]
    single = len(chart.lines) == 1
    span = chart.window.raster(2 * plot.width)
    extremes = [column_extremes(samples, *span, 2 * plot.width) for samples in shown]
    # The first line is the most important one: it is drawn last, on top.
    for index in range(len(shown) - 1, -1, -1):
        drawn = _line_cells(extremes[index], scale, plot.height, palette, index, fill=single and chart.gradient)
        lit = drawn != 32
        merge = lit & (codes >= 0x2800) & (codes <= 0x28FF) & (drawn >= 0x2800)
        codes[:] = np.where(merge, codes | drawn, np.where(lit, drawn, codes))
        if chart.gradient and single:
            _colour_rows(canvas, styles, lit, scale, chart, palette)
        else:
            styles[lit] = canvas.number(make_style(_colour(chart, index, palette), dim=chart.is_stale))
    if not single and not palette.ascii:
        _draw_markers(canvas, chart, extremes, plot, scale, palette)


def _colour(chart: Chart, index: int, palette: Palette) -> str:
    return chart.lines[index].colour or palette.series_colour(index)


def _line_cells(
    extremes: tuple[Floats, Floats], scale: Scale, height: int, palette: Palette, index: int, *, fill: bool
) -> NDArray[np.uint32]:
    if palette.ascii:
        return _ascii_cells(extremes, scale, height, palette.series_glyph(index), fill=fill)
    low = dot_rows(extremes[0], scale.low, scale.high, 4 * height)
    high = dot_rows(extremes[1], scale.low, scale.high, 4 * height)
    return pack(raster(low, high, height, fill=fill))


def _ascii_cells(
    extremes: tuple[Floats, Floats], scale: Scale, height: int, glyph: str, *, fill: bool
) -> NDArray[np.uint32]:
    with np.errstate(invalid="ignore"):
        low = np.fmin(extremes[0][::2], extremes[0][1::2])
        high = np.fmax(extremes[1][::2], extremes[1][1::2])
    rows = np.arange(height - 1, -1, -1)[:, None]
    bottom = dot_rows(low, scale.low, scale.high, height)[None, :]
    top = dot_rows(high, scale.low, scale.high, height)[None, :]
    lit = (rows <= top) & (top >= 0) & ((rows >= bottom) | fill)
    return np.where(lit, np.uint32(ord(glyph)), np.uint32(32)).astype(np.uint32)


def _colour_rows(
    canvas: Canvas, styles: NDArray[np.int16], lit: NDArray[np.bool_], scale: Scale, chart: Chart, palette: Palette
) -> None:
    """Colour each row by the height it stands for."""
    height = styles.shape[0]
    for row in range(height):
        share = (height - row - 0.5) / height
        ratio = scale.low + share * (scale.high - scale.low) if chart.unit is Unit.RATIO else share
        colour = palette.ratio_colour(ratio)
        styles[row][lit[row]] = canvas.number(make_style(colour, dim=chart.is_stale))


def _draw_markers(
    canvas: Canvas, chart: Chart, extremes: Sequence[tuple[Floats, Floats]], plot: Plot, scale: Scale, palette: Palette
) -> None:
    """Put each line's marker on it every few columns, so that lines are told apart without colour."""
    every = max(12, plot.width // 4)
    for index in range(len(extremes) - 1, -1, -1):
        style = make_style(_colour(chart, index, palette), bold=True)
        columns = np.arange(every // 2 + index * max(1, every // (len(extremes) + 1)), plot.width, every)
        rows = dot_rows(extremes[index][1][2 * columns], scale.low, scale.high, 4 * plot.height)
        for column, row in zip(columns.tolist(), rows.tolist(), strict=True):
            if row >= 0:
                top = plot.top + plot.height - 1 - row // 4
                canvas.put(top, plot.left + column, palette.series_glyph(index), style)
