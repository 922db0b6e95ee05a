"""An answer as rows, and what they lead to: a host at a time, a row as a whole; and as a chart."""

from __future__ import annotations

from dataclasses import replace

from nagare.tui.location import Location, Window, around
from nagare.tui.query.answer import moment_ms
from nagare.tui.query.charting import Drawing, draw_answer, why_no_chart
from nagare.tui.query_export import QueryExport
from nagare.tui.renderables.time_axis import TimeWindow
from nagare.tui.run_verb import RunVerb
from nagare.tui.screens.list_page import ListPage
from nagare.tui.widgets.live_table import LiveTable
from nagare.tui.widgets.live_table_messages import RowSelected
from nagare.tui.widgets.time_chart import TimeChart
from nagare.tui.widgets.time_window import WindowChanged

_HOST_SPAN_SECONDS = 900


class QueryRows(QueryExport, RunVerb, ListPage):
    """Mixed into the page with the field."""

    def __init__(self, location: Location) -> None:
        """Begin with rows, not with a chart."""
        super().__init__(location)
        self._drawing: Drawing | None = None
        self._is_chart = False

    @property
    def table_widget(self) -> LiveTable:
        """The list of rows, shown or not."""
        return self.query_one("#rows", LiveTable)

    def wanted_places(self) -> list[int]:
        """Return which rows of the answer are meant."""
        return [int(key) for key in self._wanted_keys(self.table_widget)]

    def row_at_cursor(self) -> int | None:
        """Return the row of the answer under the cursor, while the list has the keys."""
        table = self.find_part(LiveTable)
        if table is None or not table.has_focus or table.cursor_key is None or self._answer is None:
            return None
        return int(table.cursor_key)

    def host_at_cursor(self) -> str:
        """Return the host of the row under the cursor; empty where it has none."""
        row, answer = self.row_at_cursor(), self._answer
        place = None if answer is None else answer.column("host")
        if row is None or answer is None or place is None:
            return ""
        name = answer.rows[row][place]
        return name if isinstance(name, str) and name in self.model.hosts else ""

    def on_live_table_row_highlighted(self) -> None:
        """The footer's keys follow the cursor."""
        self.top.refresh_footer()

    async def on_live_table_row_selected(self, message: RowSelected) -> None:
        """Open the host of the row at the row's time; a row without one as a whole."""
        host, answer = self.host_at_cursor(), self._answer
        if answer is None:
            return
        if not host:
            from nagare.tui.screens.row_detail import RowDetail  # noqa: PLC0415  loaded when shown

            self.app.push_screen(RowDetail(self.table_widget, message.key))
            return
        place = answer.first_of("TIMESTAMP")
        at_ms = None if place is None else moment_ms(answer.rows[int(message.key)][place])
        await self.top.go(replace(self.location, window=self._around(at_ms)).with_host(host))

    def _around(self, at_ms: int | None) -> Window:
        """Return the time around a moment, which is looked at, and stands in the middle unless it is too new."""
        if at_ms is None:
            return Window(_HOST_SPAN_SECONDS)
        return around(at_ms, _HOST_SPAN_SECONDS, self.top.clock.now_ms())

    # The chart

    @property
    def chart(self) -> TimeChart:
        """The answer as a chart."""
        return self.query_one(TimeChart)

    def _focus_answer(self) -> None:
        (self.chart if self._is_chart else self.table_widget).focus()

    def _leave_field(self) -> None:
        """Give the keys to the answer; without one to nobody, so that no half of a statement is lost by one key too many."""
        if self._answer is not None:
            self._focus_answer()
        else:
            self.set_focus(None)

    async def do_query_chart(self) -> None:
        """Show the answer as a chart, or as rows again."""
        answer = self._answer
        if answer is None:
            return
        reason = why_no_chart(answer)
        if reason and not self._is_chart:
            self.top.say(reason)
            return
        await self._show_chart(is_chart=not self._is_chart)

    async def _show_chart(self, *, is_chart: bool) -> None:
        answer = self._answer
        if is_chart and answer is not None and self._drawing is None:
            self._drawing = drawing = await self._off_loop(draw_answer, answer)
            chart = self.chart
            chart.title, chart.window, chart.crosshair_ms = drawing.title, drawing.window, None
            chart.set_lines(drawing.lines, drawing.unit, 0)
        self._is_chart = is_chart
        had_keys = not self.is_typing
        self.redraw()
        if had_keys:
            self.call_after_refresh(self._focus_answer)

    def on_time_chart_window_changed(self, message: WindowChanged) -> None:
        """Stay where the answer is: going live means all of it."""
        drawing = self._drawing
        if drawing is None or not message.window.is_live:
            return
        is_same_span = abs(message.window.span_ms - drawing.window.span_ms) <= 1
        self.chart.window = drawing.window if is_same_span else replace(message.window, is_live=False)

    def shown_window(self) -> TimeWindow | None:
        """Return the window of the chart that is shown, None while none is."""
        return self.chart.window if self._is_chart else None
