"""A chart that can be focused, zoomed, panned and read with a crosshair. It draws its own frame.

It asks for another window by a message and changes nothing itself when its owner shares the window among charts:
the owner sets ``window`` and ``crosshair_ms``. Colours and cells come from ``renderables``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from nagare.lib.clock import Clock, SystemClock
from nagare.lib.units import Unit
from nagare.tui.renderables.braille_chart import Chart, EventMark, Line, draw_chart
from nagare.tui.renderables.chart_frame import Frame, Plot, find_right, place_plot
from nagare.tui.renderables.chart_marks import window_text
from nagare.tui.renderables.chart_model import GapMark
from nagare.tui.renderables.event_marks import crosshair_column, fold_marks, marks_here
from nagare.tui.renderables.stack_chart import draw_stack
from nagare.tui.renderables.theme import find_palette
from nagare.tui.renderables.time_axis import MINUTE, TimeWindow
from nagare.tui.widgets.time_window import CrosshairMoved, MarkOpened, MarksEnd, WindowChanged

ChartState = Literal["ready", "loading", "error"]

_ZOOM = 1.5
_PAN_SHARE = 0.2


class TimeChart(Widget, can_focus=True):
    """One chart over time."""

    HELP = "`←` `→` move the crosshair, Shift pans, `+` `-` zoom around it, `(` `)` go to marks, End goes back to live. Click to point."

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "move_crosshair(-1)", "Crosshair", show=False, id="chart.left"),
        Binding("right", "move_crosshair(1)", "Crosshair", show=False, id="chart.right"),
        Binding("shift+left", "pan(-1)", "Pan back", show=False, id="chart.pan_left"),
        Binding("shift+right", "pan(1)", "Pan on", show=False, id="chart.pan_right"),
        Binding("plus,equals_sign", "zoom_in", "Zoom in", id="chart.zoom_in"),
        Binding("minus", "zoom_out", "Zoom out", id="chart.zoom_out"),
        Binding("end", "go_live", "Live", id="chart.live"),
        Binding("left_parenthesis", "step_mark(-1)", "Mark before", show=False, id="chart.mark_back"),
        Binding("right_parenthesis", "step_mark(1)", "Mark after", show=False, id="chart.mark_on"),
        Binding("enter", "open_mark", "Open mark", show=False, id="chart.mark"),
        Binding("escape", "clear_crosshair", "Clear", show=False, id="chart.clear"),
    ]

    DEFAULT_CSS = """
    TimeChart {
        background: $background;
        color: $foreground;
        min-height: 3;
    }
    """

    window: reactive[TimeWindow | None] = reactive(None, init=False)
    crosshair_ms: reactive[int | None] = reactive(None, init=False)
    title: reactive[str] = reactive("", init=False)
    digit: reactive[str] = reactive("", init=False)
    state: reactive[ChartState] = reactive("ready", init=False)
    is_stale: reactive[bool] = reactive(default=False, init=False)
    message: reactive[str] = reactive("", init=False)

    WindowChanged = WindowChanged
    CrosshairMoved = CrosshairMoved
    MarkOpened = MarkOpened
    MarksEnd = MarksEnd

    def __init__(
        self,
        title: str = "",
        *,
        digit: str = "",
        window: TimeWindow | None = None,
        stacked: bool = False,
        clock: Clock | None = None,
        id: str | None = None,  # noqa: A002  textual's own name
    ) -> None:
        """Make a chart; ``stacked`` draws parts of a whole. Without a window it shows the last 15 minutes, live."""
        super().__init__(id=id)
        self._clock = clock or SystemClock()
        self._stacked = stacked
        self._strips: list[Strip] = []
        self._strips_key: object = None
        self._chart = Chart(window=window or TimeWindow.live(15 * MINUTE, self._clock.now_ms()))
        self.set_reactive(TimeChart.title, title)
        self.set_reactive(TimeChart.digit, digit)
        self.set_reactive(TimeChart.window, self._chart.window)

    # What the owner calls

    def on_hide(self, event: events.Hide) -> None:
        """Keep the keys when it is shown again by the time it hears of it: they would go to the last of its neighbours."""
        if all(node.display for node in self.ancestors_with_self):
            event.prevent_default()

    def set_lines(
        self,
        lines: Sequence[Line],
        unit: Unit | None = None,
        step_ms: float | None = None,
        *,
        low: float | None = None,
        high: float | None = None,
        gradient: bool | None = None,
    ) -> None:
        """Show other lines; what is not given stays as it was. ``gradient`` fills a single line by height."""
        chart = self._chart
        self._chart = replace(
            chart,
            lines=tuple(lines),
            unit=chart.unit if unit is None else unit,
            step_ms=chart.step_ms if step_ms is None else step_ms,
            low=chart.low if low is None else low,
            high=chart.high if high is None else high,
            gradient=chart.gradient if gradient is None else gradient,
        )
        self._repaint()

    def set_events(self, marks: Sequence[EventMark]) -> None:
        """Mark moments above the plot."""
        self._put(events=tuple(marks))

    def set_gaps(self, gaps: Sequence[GapMark]) -> None:
        """Say of which spans it is known why nothing came in time."""
        self._put(gaps=tuple(gaps))

    def set_stale_spans(self, spans: Sequence[tuple[int, int]]) -> None:
        """Hatch spans (from, to) for which the data is old."""
        self._put(stale=tuple(spans))

    def _put(self, **told: Any) -> None:
        if any(getattr(self._chart, name) != value for name, value in told.items()):
            self._chart = replace(self._chart, **told)
            self._repaint()

    @property
    def lines(self) -> tuple[Line, ...]:
        """The lines shown."""
        return self._chart.lines

    @property
    def chart(self) -> Chart:
        """Everything that is drawn, as a value: for exports."""
        return replace(
            self._chart,
            window=self.window or self._chart.window,
            title=self.title,
            digit=self.digit,
            crosshair_ms=self.crosshair_ms,
            focused=self.has_focus,
            is_loading=self.state == "loading",
            is_stale=self.is_stale,
            message=self.message,
        )

    # Painting

    def _repaint(self) -> None:
        self._strips_key = None
        self.refresh()

    def watch_window(self, window: TimeWindow | None) -> None:
        """Repaint in the new window."""
        if window is None:
            self.window = self._chart.window
        else:
            self._chart = replace(self._chart, window=window)
        self._repaint()

    def watch_crosshair_ms(self) -> None:
        """Repaint with the crosshair elsewhere."""
        self._repaint()

    def watch_title(self) -> None:
        """Repaint the frame."""
        self._repaint()

    def watch_digit(self) -> None:
        """Repaint the frame."""
        self._repaint()

    def watch_state(self) -> None:
        """Repaint in the new state."""
        self._repaint()

    def watch_is_stale(self) -> None:
        """Repaint dim or not."""
        self._repaint()

    def watch_message(self) -> None:
        """Repaint with the words."""
        self._repaint()

    def notify_style_update(self) -> None:
        """Forget what is painted: the theme or the focus changed."""
        super().notify_style_update()
        self._strips_key = None

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return the lines of a region; styles are looked up once for all of them."""
        self._prepare()
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """Return one line of the chart; all lines are drawn at once and kept until something changes."""
        if self._strips_key is None:
            self._prepare()
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width, self.rich_style)

    def _prepare(self) -> None:
        base, palette = self.rich_style, find_palette(self)
        key = (self.size, self.has_focus, base, palette)
        if self._strips_key != key:
            draw = draw_stack if self._stacked else draw_chart
            lines = draw(self.chart, self.size.width, self.size.height, palette)
            self._strips = [Strip(line, self.size.width).apply_style(base) for line in lines]
            self._strips_key = key

    # The crosshair and the window

    @property
    def _plot(self) -> Plot:
        return place_plot(self.size.width, self.size.height, events=bool(self._chart.events))

    @property
    def _shown(self) -> TimeWindow:
        return self.window or self._chart.window

    def _set_crosshair(self, ts_ms: int | None) -> None:
        if ts_ms != self.crosshair_ms:
            self.crosshair_ms = ts_ms
            self.post_message(CrosshairMoved(self, ts_ms))

    def _set_window(self, window: TimeWindow) -> None:
        if window != self.window:
            self.window = window
            self.post_message(WindowChanged(self, window))

    def action_move_crosshair(self, columns: int) -> None:
        """Move the crosshair by columns; at the border the window moves with it."""
        width = max(1, self._plot.width)
        window = self._shown
        if self.crosshair_ms is None or not window.contains(self.crosshair_ms):
            self._set_crosshair(window.ts_of(width - 1 if columns < 0 else 0, width))
            return
        column = window.column_of(self.crosshair_ms, width) + columns
        if not 0 <= column < width:
            self.action_pan(1 if columns > 0 else -1)
            window = self._shown
            column = min(max(0, window.column_of(self.crosshair_ms, width) + columns), width - 1)
        self._set_crosshair(window.ts_of(column, width))

    def action_pan(self, direction: int) -> None:
        """Move the window by a fifth of it; its end reaching now makes it live again."""
        window = self._shown.pan(round(direction * self._shown.span_ms * _PAN_SHARE))
        self._set_window(window.clamp(0, self._clock.now_ms()))

    def action_zoom_in(self) -> None:
        """Show less time, around the crosshair."""
        self._zoom(1 / _ZOOM)

    def action_zoom_out(self) -> None:
        """Show more time, around the crosshair."""
        self._zoom(_ZOOM)

    def _zoom(self, factor: float, around_ms: int | None = None) -> None:
        around = around_ms if around_ms is not None else self.crosshair_ms
        window = self._shown
        if around is not None and window.contains(around) and window.is_live:
            # A crosshair holds the moment in place: the window stops following the clock.
            window = replace(window, is_live=False)
        self._set_window(window.zoom(factor, around).clamp(0, self._clock.now_ms()))

    def action_go_live(self) -> None:
        """Follow the clock again."""
        self._set_crosshair(None)
        self._set_window(self._shown.go_live(self._clock.now_ms()))

    def action_clear_crosshair(self) -> None:
        """Take the crosshair away."""
        self._set_crosshair(None)

    def action_step_mark(self, direction: int) -> None:
        """Put the crosshair on the next mark before it or after it; without one on the last, or the first, of the window."""
        width, chart = max(1, self._plot.width), self.chart
        folded = fold_marks(chart, width, find_palette(self))
        start = width if direction < 0 else -1
        at = crosshair_column(chart, self._plot)
        here = start if at is None else at
        further = [column for column in folded if (column - here) * direction > 0]
        if not further:
            self.post_message(MarksEnd(self))
            return
        column = min(further, key=lambda column: abs(column - here))
        ts_ms = folded[column][0].ts_ms
        # A whole second, from which on it was known, where the column has one.
        second = -(-ts_ms // 1000) * 1000
        self._set_crosshair(second if self._shown.column_of(second, width) == column else ts_ms)

    @property
    def marks_here(self) -> list[EventMark]:
        """The marks under the crosshair, what matters most first."""
        return marks_here(self.chart, self._plot, find_palette(self))

    def action_open_mark(self) -> None:
        """Go where the marks under the crosshair lead."""
        here = self.marks_here
        if here:
            self.post_message(MarkOpened(self, here))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002  the signature is textual's
        """Let Escape pass to the screen while there is no crosshair to clear, and Enter while there is no mark under it."""
        if action == "open_mark":
            return self.crosshair_ms is not None and bool(self.marks_here)
        return self.crosshair_ms is not None if action == "clear_crosshair" else True

    def _ts_under(self, event: events.MouseEvent) -> int | None:
        offset = event.get_content_offset(self)
        plot = self._plot
        if offset is None or not plot.width or not plot.left <= offset.x < plot.left + plot.width:
            return None
        return self._shown.ts_of(offset.x - plot.left, plot.width)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Move the crosshair with the mouse, once there is one."""
        if self.crosshair_ms is not None or event.button:
            ts_ms = self._ts_under(event)
            if ts_ms is not None:
                self._set_crosshair(ts_ms)

    def on_click(self, event: events.Click) -> None:
        """Put the crosshair where the click is; ``-`` and ``+`` in the frame zoom."""
        offset = event.get_content_offset(self)
        if offset is not None and offset.y == 0:
            self._click_frame(offset.x)
            return
        ts_ms = self._ts_under(event)
        if ts_ms is not None:
            event.stop()
            if offset is not None and offset.y == self._plot.event_row and self._is_here(ts_ms):
                self.action_open_mark()
            self._set_crosshair(ts_ms)

    def _is_here(self, ts_ms: int) -> bool:
        """Tell whether the crosshair stands in the column of that moment."""
        width = self._plot.width
        return crosshair_column(self.chart, self._plot) == self._shown.column_of(ts_ms, width)

    def _click_frame(self, x: int) -> None:
        palette = find_palette(self)
        text = window_text(self.chart, self._plot, palette)
        at = find_right(Frame(self.title, self.digit, right=text), self.size.width, palette)
        if at is not None and at - 1 <= x <= at + 1:
            self.action_zoom_out()
        elif at is not None and abs(x - (at + len(text) - 1)) <= 1:
            self.action_zoom_in()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Zoom in around the mouse."""
        self._wheel(event, 1 / _ZOOM)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Zoom out around the mouse."""
        self._wheel(event, _ZOOM)

    def _wheel(self, event: events.MouseEvent, factor: float) -> None:
        event.stop()
        event.prevent_default()
        self._zoom(factor, self._ts_under(event))
