"""A line chart as pixels: title, legend, axes with units and local times, lines with their gaps kept.

Scales, ticks and the cleaning of samples are those of the terminal's charts, so that both tell the same story.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo

import numpy as np
from numpy.typing import NDArray

from nagare.cli.chart.font import text_width
from nagare.cli.chart.raster import Raster, text_height
from nagare.tui.renderables.braille_chart import Chart
from nagare.tui.renderables.braille_raster import Samples, clean_samples, within
from nagare.tui.renderables.palette import Palette
from nagare.tui.renderables.time_axis import format_moment, local_time
from nagare.tui.renderables.value_axis import Scale, format_tick, format_value, make_scale

_MARGIN = 16
_GUTTER = 84
# Pixels a label needs beside its neighbour on the time axis.
_TICK_ROOM = 130
_INTERVALS = 5
LEAST_WIDTH = 240
LEAST_HEIGHT = 160
# About 300 MB while it is drawn; a poster of more pixels needs another tool.
MOST_PIXELS = 8_000_000


@dataclass(frozen=True, slots=True)
class _Plot:
    left: int
    top: int
    width: int
    height: int

    @property
    def bottom(self) -> int:
        return self.top + self.height


def draw_picture(chart: Chart, width: int, height: int, palette: Palette, zone: tzinfo | None = None) -> Raster:
    """Return the chart as a picture of exactly that size."""
    raster = Raster(width, height, palette.background)
    line = text_height()
    legend_rows = _legend_rows(chart, width, palette)
    top = _MARGIN + line + 8 + len(legend_rows) * (line + 4)
    plot = _Plot(_GUTTER, top + 4, width - _GUTTER - _MARGIN, height - top - 4 - 2 * line - _MARGIN)
    samples = [
        within(clean_samples(one.ts_ms, one.values, chart.step_ms), chart.window.start_ms, chart.window.end_ms)
        for one in chart.lines
    ]
    scale = _scale(chart, samples)
    raster.text(_MARGIN, _MARGIN, _cut(chart.title, width - 2 * _MARGIN), palette.foreground)
    for row, items in enumerate(legend_rows):
        _draw_legend(raster, items, _MARGIN + line + 8 + row * (line + 4), palette)
    _draw_grid(raster, plot, scale, chart, palette)
    _draw_times(raster, plot, chart, palette, zone)
    # The first line is the most important one: it is drawn last, on top.
    for index in range(len(samples) - 1, -1, -1):
        colour = chart.lines[index].colour or palette.series_colour(index)
        _draw_samples(raster, plot, samples[index], scale, chart, colour)
    if all(one.is_empty for one in samples):
        text = "no samples in this window"
        raster.text((width - text_width(text, 2)) / 2, plot.top + plot.height / 2 - line, text, palette.muted)
    return raster


def _scale(chart: Chart, samples: Sequence[Samples]) -> Scale:
    values = [one.values for one in samples if not one.is_empty]
    low = min((float(one.min()) for one in values), default=0.0)
    high = max((float(one.max()) for one in values), default=0.0)
    return make_scale(
        low if chart.low is None else chart.low, high if chart.high is None else chart.high, chart.unit, _INTERVALS
    )


def _draw_grid(raster: Raster, plot: _Plot, scale: Scale, chart: Chart, palette: Palette) -> None:
    for tick in scale.ticks:
        y = plot.bottom - scale.position(tick) * plot.height
        raster.fill(plot.left, y, plot.width, 1, palette.panel)
        text = format_tick(tick, chart.unit, scale.step)
        raster.text(plot.left - 8 - text_width(text, 2), y - 7, text, palette.muted)
    raster.fill(plot.left, plot.top, 1, plot.height, palette.faint)
    raster.fill(plot.left, plot.bottom, plot.width, 1, palette.faint)


def _draw_times(raster: Raster, plot: _Plot, chart: Chart, palette: Palette, zone: tzinfo | None) -> None:
    y = plot.bottom + 8
    for tick in chart.window.ticks(plot.width, zone, room=_TICK_ROOM):
        x = plot.left + (tick.ts_ms - chart.window.start_ms) / chart.window.span_ms * plot.width
        raster.fill(x, plot.bottom, 1, 5, palette.faint)
        wide = text_width(tick.text, 2)
        raster.text(min(max(plot.left - 20, x - wide / 2), raster.width - wide), y, tick.text, palette.muted)
    offset = f"{local_time(chart.window.end_ms, zone):%z}"
    span = f"{format_moment(chart.window.start_ms, 0, zone)} - {format_moment(chart.window.end_ms, 0, zone)}"
    text = f"{span} {offset}, {chart.window.label()}"
    raster.text(plot.left, y + text_height() + 2, _cut(text, plot.width), palette.muted)


def _draw_samples(raster: Raster, plot: _Plot, samples: Samples, scale: Scale, chart: Chart, colour: str) -> None:
    if samples.is_empty:
        return
    xs = plot.left + (samples.ts_ms - chart.window.start_ms) / chart.window.span_ms * plot.width
    share = np.clip((samples.values - scale.low) / (scale.high - scale.low), 0.0, 1.0)
    ys = plot.bottom - share * plot.height
    breaks = np.flatnonzero(~samples.joined) + 1
    for part_x, part_y in zip(np.split(xs, breaks), np.split(ys, breaks), strict=True):
        _draw_part(raster, plot, part_x, part_y, colour)


def _draw_part(
    raster: Raster, plot: _Plot, xs: NDArray[np.float64], ys: NDArray[np.float64], colour: str
) -> None:  # fmt: skip
    # Neighbours outside the window only give the line its slope at the edge.
    right = plot.left + plot.width
    if xs[0] < plot.left <= xs[-1]:
        ys = np.concatenate(([np.interp(plot.left, xs, ys)], ys[xs >= plot.left]))
        xs = np.concatenate(([plot.left], xs[xs >= plot.left]))
    if xs[0] <= right < xs[-1]:
        ys = np.concatenate((ys[xs <= right], [np.interp(right, xs, ys)]))
        xs = np.concatenate((xs[xs <= right], [right]))
    inside = (xs >= plot.left) & (xs <= right)
    raster.line(xs[inside], ys[inside], colour)


def _legend_rows(chart: Chart, width: int, palette: Palette) -> list[list[tuple[str, str, int]]]:
    """Return (text, colour, left) items, wrapped into rows, two at the most."""
    rows: list[list[tuple[str, str, int]]] = [[]]
    left = _MARGIN
    for index, line in enumerate(chart.lines):
        values = np.asarray(line.values, dtype=np.float64)
        known = values[np.isfinite(values)]
        last = format_value(float(known[-1]) if known.size else None, chart.unit)
        text = f"{line.name} {last}".strip()
        needed = 18 + text_width(text, 2) + 24
        if left + needed > width and rows[-1]:
            if len(rows) == 2:
                break
            rows.append([])
            left = _MARGIN
        rows[-1].append((_cut(text, width - left - 18), line.colour or palette.series_colour(index), left))
        left += needed
    return rows if rows[0] else []


def _draw_legend(raster: Raster, items: Sequence[tuple[str, str, int]], top: int, palette: Palette) -> None:
    for text, colour, left in items:
        raster.fill(left, top + 5, 12, 4, colour)
        raster.text(left + 18, top, text, palette.foreground)


def _cut(text: str, room: float) -> str:
    fitting = int((room + 2) // 12)
    return text if len(text) <= fitting else text[: max(0, fitting - 1)] + "…"
