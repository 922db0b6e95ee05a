"""A framed chart of lines over time in braille: title and window in the frame, values, time, crosshair, events.

Draws what it is given and keeps nothing. It never joins samples across a gap, never loses a spike, hatches what is
stale, and works from 12 × 3 cells up; below that it draws what fits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo

import numpy as np
from numpy.typing import ArrayLike, NDArray
from rich.cells import cell_len
from rich.segment import Segment

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
from nagare.tui.renderables.canvas import Canvas, Lines, cells, cut, lines_text
from nagare.tui.renderables.chart_frame import (
    Frame,
    Plot,
    draw_frame,
    draw_time_axis,
    draw_value_axis,
    place_plot,
)
from nagare.tui.renderables.palette import Palette, make_palette, make_style
from nagare.tui.renderables.time_axis import TimeWindow, format_clock
from nagare.tui.renderables.value_axis import HUGE, TINY, Scale, Unit, format_value, make_scale


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its name in the legend, stamps in Unix milliseconds, values; NaN is a hole."""

    name: str
    ts_ms: ArrayLike
    values: ArrayLike
    colour: str = ""


@dataclass(frozen=True, slots=True)
class EventMark:
    """A moment to mark above the plot, and the state whose colour it has."""

    ts_ms: int
    state: str = "info"


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything a chart shows.

    ``step_ms`` is the expected distance of samples (0: found from the data). ``low`` and ``high`` fix the scale.
    ``gradient`` colours by height and fills the area of a single line. ``stale`` are spans to hatch. ``message``
    replaces the plot's middle: loading, empty, an error.
    """

    window: TimeWindow
    lines: tuple[Line, ...] = ()
    unit: Unit = Unit.COUNT
    step_ms: float = 0
    title: str = ""
    digit: str = ""
    low: float | None = None
    high: float | None = None
    gradient: bool = False
    stale: tuple[tuple[int, int], ...] = ()
    events: tuple[EventMark, ...] = ()
    crosshair_ms: int | None = None
    focused: bool = False
    message: str = ""
    is_loading: bool = False
    is_stale: bool = False


def draw_chart(chart: Chart, width: int, height: int, palette: Palette, zone: tzinfo | None = None) -> Lines:
    """Return the chart as exactly ``height`` lines of exactly ``width`` cells."""
    canvas = Canvas(width, height)
    plot = place_plot(width, height, events=bool(chart.events))
    cleaned = [clean_samples(line.ts_ms, line.values, chart.step_ms) for line in chart.lines]
    shown = [within(samples, chart.window.start_ms, chart.window.end_ms) for samples in cleaned]
    scale = _find_scale(chart, shown, plot)
    if plot.width and plot.height:
        _draw_lines(canvas, chart, shown, plot, scale, palette)
        _draw_stale(canvas, chart, plot, palette)
        _draw_crosshair(canvas, chart, plot, palette)
        if any(not samples.is_empty for samples in shown):
            draw_value_axis(canvas, plot, scale, chart.unit, palette)
        _draw_events(canvas, chart, plot, palette)
        _draw_crosshair_labels(canvas, chart, shown, plot, palette)
    if plot.has_axis:
        draw_time_axis(canvas, plot, chart.window, chart.crosshair_ms, palette, zone)
    if plot.has_frame:
        draw_frame(canvas, _frame_of(chart, shown, plot, palette), palette)
    _draw_message(canvas, chart, shown, plot, palette)
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
    # The first line is the most important one: it is drawn last, on top.
    for index in range(len(shown) - 1, -1, -1):
        colour = chart.lines[index].colour or palette.series_colour(index)
        extremes = column_extremes(shown[index], chart.window.start_ms, chart.window.end_ms, 2 * plot.width)
        drawn = _line_cells(extremes, scale, plot.height, palette, index, fill=single and chart.gradient)
        lit = drawn != 32
        merge = lit & (codes >= 0x2800) & (codes <= 0x28FF) & (drawn >= 0x2800)
        codes[:] = np.where(merge, codes | drawn, np.where(lit, drawn, codes))
        if chart.gradient and single:
            _colour_rows(canvas, styles, lit, scale, chart, palette)
        else:
            styles[lit] = canvas.number(make_style(colour, dim=chart.is_stale))
    if not single and not palette.ascii:
        _draw_markers(canvas, chart, shown, plot, scale, palette)


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
    canvas: Canvas, chart: Chart, shown: Sequence[Samples], plot: Plot, scale: Scale, palette: Palette
) -> None:
    """Put each line's marker on it every few columns, so that lines are told apart without colour."""
    every = max(12, plot.width // 4)
    for index in range(len(shown) - 1, -1, -1):
        samples = shown[index]
        if samples.is_empty:
            continue
        position = (samples.ts_ms - chart.window.start_ms) * (plot.width / chart.window.span_ms)
        wanted = np.arange(every // 2 + index * max(1, every // (len(shown) + 1)), plot.width, every)
        at = np.clip(np.searchsorted(position, wanted), 0, position.size - 1)
        style = make_style(chart.lines[index].colour or palette.series_colour(index), bold=True)
        rows = dot_rows(samples.values[at], scale.low, scale.high, 4 * plot.height)
        for column, row in zip(position[at].astype(int).tolist(), rows.tolist(), strict=True):
            if 0 <= column < plot.width and row >= 0:
                top = plot.top + plot.height - 1 - row // 4
                canvas.put(top, plot.left + column, palette.series_glyph(index), style)


def _draw_stale(canvas: Canvas, chart: Chart, plot: Plot, palette: Palette) -> None:
    style = make_style(palette.faint)
    for start, end in chart.stale:
        first = max(0, chart.window.column_of(start, plot.width))
        last = min(plot.width - 1, chart.window.column_of(end, plot.width))
        if first <= last:
            columns = slice(plot.left + first, plot.left + last + 1)
            canvas.fill_blank(slice(plot.top, plot.top + plot.height), columns, palette.glyphs.hatch, style)


def _draw_events(canvas: Canvas, chart: Chart, plot: Plot, palette: Palette) -> None:
    if plot.event_row is None:
        return
    # The worst of the events in one column is drawn last.
    for event in sorted(chart.events, key=lambda event: -palette.state(event.state).rank):
        column = chart.window.column_of(event.ts_ms, plot.width)
        if 0 <= column < plot.width and chart.window.contains(event.ts_ms):
            style = palette.state(event.state).style
            canvas.put(plot.event_row, plot.left + column, palette.glyphs.event, style)


def value_at(samples: Samples, ts_ms: float, reach_ms: float) -> float | None:
    """Return the value of the sample nearest to a moment, within ``reach_ms``; None in a hole."""
    if samples.is_empty:
        return None
    at = int(np.abs(samples.ts_ms - ts_ms).argmin())
    return float(samples.values[at]) if abs(float(samples.ts_ms[at]) - ts_ms) <= reach_ms else None


def _reach(chart: Chart, plot: Plot) -> float:
    return max(chart.step_ms * 1.5, chart.window.step_ms(max(1, plot.width)))


def _crosshair_column(chart: Chart, plot: Plot) -> int | None:
    if chart.crosshair_ms is None or not chart.window.contains(chart.crosshair_ms):
        return None
    return min(plot.width - 1, chart.window.column_of(chart.crosshair_ms, plot.width))


def _draw_crosshair(canvas: Canvas, chart: Chart, plot: Plot, palette: Palette) -> None:
    column = _crosshair_column(chart, plot)
    if column is not None:
        at = slice(plot.left + column, plot.left + column + 1)
        rows = slice(plot.top, plot.top + plot.height)
        canvas.fill_blank(rows, at, palette.glyphs.crosshair, make_style(palette.foreground))


def _draw_crosshair_labels(
    canvas: Canvas, chart: Chart, shown: Sequence[Samples], plot: Plot, palette: Palette
) -> None:
    """Write the values at the crosshair beside it, on the side with room; a short chart has no axis to say the time."""
    column, moment = _crosshair_column(chart, plot), chart.crosshair_ms
    if column is None or moment is None:
        return
    labels = []
    if not plot.has_axis:
        labels.append((f" {format_clock(moment)} ", make_style(palette.foreground, palette.panel, bold=True)))
    for index, samples in enumerate(shown):
        value = format_value(value_at(samples, moment, _reach(chart, plot)), chart.unit)
        name = "" if len(shown) == 1 else f"{palette.series_glyph(index)} {cells(chart.lines[index].name)} "
        colour = chart.lines[index].colour or palette.series_colour(index)
        labels.append((f" {name}{value} ", make_style(colour, palette.panel, bold=True)))
    widest = max((cell_len(text) for text, _ in labels), default=0)
    # The legend has the values too: a box that would hide much of the plot is left out.
    if widest * 3 > plot.width or len(labels) * 2 > plot.height:
        return
    left = plot.left + (column + 1 if plot.width - column - 1 >= widest else column - widest)
    for row, (text, style) in enumerate(labels):
        canvas.put(plot.top + row, left, text + " " * (widest - cell_len(text)), style)


def _frame_of(chart: Chart, shown: Sequence[Samples], plot: Plot, palette: Palette) -> Frame:
    return Frame(
        title=chart.title,
        digit=chart.digit,
        focused=chart.focused,
        stale=chart.is_stale,
        right=_window_text(chart, plot, palette),
        legend=_legend(chart, shown, plot, palette),
    )


def _window_text(chart: Chart, plot: Plot, palette: Palette) -> str:
    text = chart.window.label(max(1, plot.width))
    return text.replace("·", "-") if palette.ascii else text


def _legend(chart: Chart, shown: Sequence[Samples], plot: Plot, palette: Palette) -> list[tuple[str, str]]:
    """Return (text, colour) items: every line with its value, and of a single line also its least, mean and most."""
    items: list[tuple[str, str]] = []
    single = len(shown) == 1
    for index, (line, samples) in enumerate(zip(chart.lines, shown, strict=True)):
        if samples.is_empty:
            continue
        value: float | None = float(samples.values[-1])
        if chart.crosshair_ms is not None:
            value = value_at(samples, chart.crosshair_ms, _reach(chart, plot))
        colour = line.colour or palette.series_colour(index)
        if single and chart.gradient and chart.unit is Unit.RATIO and value is not None:
            colour = palette.ratio_colour(value)
        marker = "" if single else palette.series_glyph(index) + " "
        items.append((f"{marker}{line.name} {format_value(value, chart.unit)}".strip(), colour))
    if single and items:
        values = shown[0].values
        figures = (("min", values.min()), ("avg", values.mean()), ("max", values.max()))
        items += [(f"{name} {format_value(float(figure), chart.unit)}", palette.muted) for name, figure in figures]
    return items


def _draw_message(canvas: Canvas, chart: Chart, shown: Sequence[Samples], plot: Plot, palette: Palette) -> None:
    message = chart.message
    if not message and all(samples.is_empty for samples in shown):
        message = "loading…" if chart.is_loading else "no data in this window" if plot.width > 24 else "no data"
    if not message or not plot.height or not plot.width:
        return
    if chart.is_loading:
        _draw_silhouette(canvas, plot, palette)
    text = cut(f" {message} ", plot.width, palette.glyphs.more).replace("…", palette.glyphs.ellipsis)
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
