"""The frame of a chart and its two axes. Lines of the frame carry the title, the window and the legend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import tzinfo

from rich.cells import cell_len
from rich.style import Style

from nagare.lib.units import Unit
from nagare.tui.renderables.canvas import Canvas
from nagare.tui.renderables.cell_text import cut
from nagare.tui.renderables.palette import Palette, make_style
from nagare.tui.renderables.time_axis import TimeWindow, format_clock
from nagare.tui.renderables.value_axis import Scale, format_ticks

_SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True, slots=True)
class Frame:
    """What the frame says: title and jump digit on the left, ``right`` at the other end, the legend below."""

    title: str = ""
    digit: str = ""
    focused: bool = False
    stale: bool = False
    right: str = ""
    legend: Sequence[tuple[str, str]] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Plot:
    """Where the plot lies within the chart's cells."""

    left: int
    top: int
    width: int
    height: int
    has_frame: bool
    has_axis: bool
    event_row: int | None = None

    def holds(self, column: int, row: int) -> bool:
        """Tell whether a cell of the chart lies in the plot."""
        return self.left <= column < self.left + self.width and self.top <= row < self.top + self.height


def place_plot(width: int, height: int, *, events: bool = False, value_axis: bool = True) -> Plot:
    """Return where the plot of a chart of that size lies: frame from 12 × 3, time axis from 5 rows."""
    has_frame = width >= 12 and height >= 3
    has_axis = height >= 5 and width >= 16
    border = 1 if has_frame else 0
    gutter = 6 if value_axis and width >= 24 else 0
    rows = max(0, height - 2 * border - int(has_axis))
    event_row = border if events and rows >= 4 else None
    top = border + int(event_row is not None)
    return Plot(
        left=border + gutter,
        top=top,
        width=max(0, width - 2 * border - gutter),
        height=max(0, rows - int(event_row is not None)),
        has_frame=has_frame,
        has_axis=has_axis,
        event_row=event_row,
    )


def draw_frame(canvas: Canvas, frame: Frame, palette: Palette) -> None:
    """Draw the border around the whole canvas; focus changes its shape and reverses the title, not its hue."""
    width, height = canvas.width, canvas.height
    if width < 2 or height < 2:
        return
    style = _border_style(frame, palette)
    shape = palette.glyphs.frame_focused if frame.focused else palette.glyphs.frame
    canvas.put(0, 0, shape[0] + shape[1] * (width - 2) + shape[2], style)
    canvas.put(height - 1, 0, shape[4] + shape[1] * (width - 2) + shape[5], style)
    for column in (0, width - 1):
        canvas.fill(slice(1, height - 1), slice(column, column + 1), shape[3], style)
    _draw_title(canvas, frame, palette)
    at = find_right(frame, width, palette)
    if at is not None:
        canvas.put(0, at - 1, f" {frame.right} ", make_style(palette.muted))
    _draw_legend(canvas, frame, palette)


def _border_style(frame: Frame, palette: Palette) -> Style:
    if frame.stale:
        return make_style(palette.state("warn").colour)
    return make_style(palette.foreground if frame.focused else palette.faint)


def find_right(frame: Frame, width: int, palette: Palette) -> int | None:
    """Return the column where ``frame.right`` begins, or None when the title leaves no room for it."""
    at = width - 3 - cell_len(frame.right)
    return at if frame.right and at > 3 + cell_len(_title(frame, width, palette)) else None


def _title(frame: Frame, width: int, palette: Palette) -> str:
    if not frame.title and not frame.digit:
        return ""
    digit = frame.digit if palette.ascii else frame.digit.translate(_SUPERSCRIPT)
    return f" {digit}{cut(frame.title, max(0, width - 6 - len(digit)), palette.glyphs.more)} "


def _draw_title(canvas: Canvas, frame: Frame, palette: Palette) -> None:
    style = make_style(palette.foreground, bold=True, reverse=frame.focused)
    canvas.put(0, 2, _title(frame, canvas.width, palette), style, canvas.width - 3)


def _draw_legend(canvas: Canvas, frame: Frame, palette: Palette) -> None:
    column, end = 2, canvas.width - 2
    for text, colour in frame.legend:
        item = f" {text} "
        if column + cell_len(item) > end:
            if column == 2 and end - column > 6:
                canvas.put(canvas.height - 1, column, cut(item, end - column, palette.glyphs.more), make_style(colour))
            return
        column += canvas.put(canvas.height - 1, column, item, make_style(colour))


def draw_value_axis(canvas: Canvas, plot: Plot, scale: Scale, unit: Unit, palette: Palette) -> None:
    """Draw tick labels left of the plot and a faint dotted line through blank cells at each inner tick."""
    room = plot.left - 1 - int(plot.has_frame)
    texts = format_ticks(scale, unit, room)
    for tick, label in zip(scale.ticks, texts, strict=True):
        share = scale.position(tick)
        row = plot.top + plot.height - 1 - min(plot.height - 1, max(0, round(share * (plot.height - 1))))
        if room >= 4:
            text = palette.text(label)
            canvas.put(row, plot.left - 1 - len(text), text, make_style(palette.muted))
        if 0 < share < 1:
            columns = slice(plot.left, plot.left + plot.width)
            canvas.fill_blank(slice(row, row + 1), columns, palette.glyphs.grid, make_style(palette.faint))


def draw_time_axis(
    canvas: Canvas,
    plot: Plot,
    window: TimeWindow,
    crosshair_ms: int | None,
    palette: Palette,
    zone: tzinfo | None = None,
) -> None:
    """Draw round local times below the plot, and the crosshair's own time among them."""
    row, end = plot.top + plot.height, plot.left + plot.width
    taken: list[tuple[int, int]] = []
    if crosshair_ms is not None and window.contains(crosshair_ms):
        text = f" {format_clock(crosshair_ms, zone)} "
        at = _centred(text, window.column_of(crosshair_ms, plot.width), plot)
        canvas.put(row, at, text, make_style(palette.foreground, bold=True, reverse=True), end - at)
        taken.append((at, at + len(text)))
    for tick in window.ticks(plot.width, zone, room=14):
        at = _centred(tick.text, window.column_of(tick.ts_ms, plot.width), plot)
        stop = at + len(tick.text)
        if stop <= end and all(stop < left or at > right for left, right in taken):
            canvas.put(row, at, tick.text, make_style(palette.muted))
            taken.append((at, stop + 1))


def _centred(text: str, column: int, plot: Plot) -> int:
    return max(plot.left, min(plot.left + column - len(text) // 2, plot.left + plot.width - len(text)))
