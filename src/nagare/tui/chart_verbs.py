"""What pages with charts share: the window in the address, the keys of charts from anywhere, the choice of a time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nagare.tui.screens.page import Page
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
}


class ChartVerbs(Page):
    """Mixed into pages that have a ``board``."""

    @property
    def board(self) -> ChartBoard:
        """The page's charts."""
        raise NotImplementedError

    @property
    def window(self) -> Window:
        """The window that is shown; a crosshair holds one that grows."""
        window = super().window
        if window.is_fitted and self.query("#board") and self.board.crosshair_ms is not None:
            return replace(window, span_seconds=round(self.board.window.span_ms / 1000))
        return window

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
            method, arguments = CHART_METHODS[action_id]
            getattr(chart, method)(*arguments)
            return
        super().run_widget_action(action_id)

    def do_time_choose(self) -> None:
        """Choose a window."""
        from nagare.tui.screens.time_choice import TimeChoice  # noqa: PLC0415  loaded when shown

        choice = TimeChoice(self.window.span_seconds, self.top.clock.now_ms(), self.top.zone)
        self.app.push_screen(choice, self._take_time)

    def _take_time(self, window: Window | None) -> None:
        if window is not None:
            self.board.set_crosshair(None)
            self.set_location(window=window)
            self.board.set_window(self.time_window())
            self.time_changed()

    def time_changed(self) -> None:
        """Follow a change of window or crosshair with what else shows that time."""

    def on_chart_board_moved(self, message: ChartBoard.Moved) -> None:
        """Remember a window that was chosen in the address; one that nobody chose grows on without a crosshair."""
        if message.is_other_window:
            self.set_location(window=from_time_window(message.window))
        self.fit_window()
        self.time_changed()

    def on_chart_board_failed(self, message: ChartBoard.Failed) -> None:
        """Say what could not be asked for."""
        self.top.feed.note_trouble(message.error)


def point_at_moment(page: Page, at_ms: int) -> None:
    """Put the crosshair of ``page`` on a moment, where it has charts; behind what it has queued to show itself."""
    if isinstance(page, ChartVerbs) and page.is_ready and page.query("#board"):
        page.board.set_crosshair(at_ms)
        page.time_changed()
