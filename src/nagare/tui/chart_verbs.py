"""What pages with charts share: the window in the address, the keys of charts from anywhere, the choice of a time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nagare.tui.chart_export import ChartExport
from nagare.tui.marks.verbs import MarkVerbs
from nagare.tui.series import COMPARED_DAYS
from nagare.tui.time_choice import from_time_window, to_time_window

if TYPE_CHECKING:
    from nagare.tui.location import Window
    from nagare.tui.renderables.time_axis import TimeWindow
    from nagare.tui.widgets.chart_board import ChartBoard

CHART_METHODS = {
    "chart.left": ("action_move_crosshair", (-1,)),
    "chart.right": ("action_move_crosshair", (1,)),
    "chart.pan_left": ("action_pan", (-1,)),
    "chart.pan_right": ("action_pan", (1,)),
    "chart.zoom_in": ("action_zoom_in", ()),
    "chart.zoom_out": ("action_zoom_out", ()),
    "chart.live": ("action_go_live", ()),
    "chart.clear": ("action_clear_crosshair", ()),
    "chart.mark_back": ("action_step_mark", (-1,)),
    "chart.mark_on": ("action_step_mark", (1,)),
    "chart.mark": ("action_open_mark", ()),
}


class ChartVerbs(MarkVerbs, ChartExport):
    """Mixed into pages that have a ``board``."""

    @property
    def has_board(self) -> bool:
        """Whether the page's charts are there: they are not while it is put together or taken down."""
        return self.query_one_optional("#board") is not None

    @property
    def window(self) -> Window:
        """The window that is shown; a crosshair holds one that grows."""
        window = super().window
        if window.is_fitted and self.has_board and self.board.crosshair_ms is not None:
            return replace(window, span_seconds=round(self.board.window.span_ms / 1000))
        return window

    def can(self, action: str) -> bool:
        """Compare where there are charts, and go to marks where there are some."""
        if action in ("chart.mark_back", "chart.mark_on"):
            return self.has_board and self.board.has_marks
        return self.has_board if action == "time.compare" else super().can(action)

    @property
    def is_catching_up(self) -> bool:
        """Whether the past of the charts is on its way."""
        return self.has_board and self.board.is_asking

    def time_window(self) -> TimeWindow:
        """Return the window as charts want it."""
        return to_time_window(self.window, self.top.clock.now_ms())

    def fit_window(self) -> None:
        """Let a window that nobody chose grow with the data."""
        board, wanted = self.board, self.time_window()
        if self.location.window.is_fitted and board.window.span_ms != wanted.span_ms:
            board.set_window(wanted)
            self.top.refresh_frame()

    def run_widget_action(self, action_id: str) -> None:
        """Have the chart with the focus, or the first one, do what its own key would."""
        chart = self.board.active()
        if action_id in CHART_METHODS and chart is not None:
            if action_id.startswith("chart.mark"):
                chart.focus()  # it tells of the mark, and Enter is for it then
            method, arguments = CHART_METHODS[action_id]
            getattr(chart, method)(*arguments)
            return
        super().run_widget_action(action_id)

    def do_time_compare(self) -> None:
        """Show beside each chart's first line what it was a day before, then a week before, then nothing."""
        days = (*COMPARED_DAYS, 0)
        self.board.compare(days[(days.index(self.board.compared_days) + 1) % len(days)])
        told = COMPARED_DAYS.get(self.board.compared_days, "")
        self.top.say(f"the dim line is {told}" if told else "compared with nothing")

    def window_changed(self) -> None:
        """Show the charts of another time, with the crosshair on the moment that is looked at."""
        if self.query("#board"):
            self.board.set_crosshair(self.location.window.at_ms)
            self.board.set_window(self.time_window())
            self.time_changed()

    def time_changed(self) -> None:
        """Follow a change of window or crosshair with what else shows that time."""

    def on_chart_board_moved(self, message: ChartBoard.Moved) -> None:
        """Remember a window that was chosen in the address; one that nobody chose grows on without a crosshair."""
        window = from_time_window(message.window) if message.is_other_window else self.location.window
        at_ms = None if message.crosshair_ms is None else message.crosshair_ms // 1000 * 1000
        self.set_location(window=replace(window, at_ms=at_ms))
        self.fit_window()
        self.time_changed()

    def on_chart_board_nothing_before(self) -> None:
        """Say that no line is drawn of the time that was chosen."""
        told = COMPARED_DAYS.get(self.board.compared_days, "")
        if told:
            self.top.say(f"nothing is kept of {told}: there is no line to compare with")

    def on_chart_board_failed(self, message: ChartBoard.Failed) -> None:
        """Say what could not be asked for."""
        self.top.feed.note_trouble(message.error)
