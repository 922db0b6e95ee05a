"""Screen 8: anything else? A statement over its answer, as rows or as a chart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.containers import Horizontal, Vertical
from textual.geometry import Offset
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static

from nagare.errors import NagareError
from nagare.lib.units import format_seconds
from nagare.tui.actions import ACTIONS
from nagare.tui.chart_verbs import CHART_METHODS
from nagare.tui.connection import Reconnecting
from nagare.tui.keymap import bindings_for
from nagare.tui.live_model import Phase
from nagare.tui.location import Location, Window, format_span
from nagare.tui.query.answer import Answer
from nagare.tui.query.charting import why_no_chart
from nagare.tui.query.faults import Fault
from nagare.tui.query.told import fault_text, figures, help_text
from nagare.tui.query_rows import QueryRows
from nagare.tui.renderables.table_cells import ColumnSpec
from nagare.tui.renderables.time_axis import format_moment
from nagare.tui.screens.list_page import ListPage
from nagare.tui.widgets.filter_bar import FilterBar
from nagare.tui.widgets.live_table import LiveTable
from nagare.tui.widgets.offer_list import OfferList
from nagare.tui.widgets.query_line import QueryLine, Standing
from nagare.tui.widgets.schema_pane import SchemaPane
from nagare.tui.widgets.sql_editor import SqlEditor
from nagare.tui.widgets.time_chart import TimeChart
from nagare.tui.work import start_work

if TYPE_CHECKING:
    from nagare.tui.live_model import Changes

# While nobody chose.
_USUAL = Window(3600)
_PULSE_SECONDS = 0.2
# What stands in the place of columns that are not known yet.
_SKELETON = tuple(ColumnSpec(f"c{number}", "", width=14) for number in range(5))


class QueryPage(QueryRows, Reconnecting, ListPage):
    """The field, the line with figures, and the answer."""

    contexts: ClassVar[tuple[str, ...]] = ("query", "list", "table", "chart", "crosshair", "targets")
    BINDINGS = bindings_for(contexts)
    follows_time = True
    DEFAULT_CSS = """
    QueryPage #asking { height: 1fr; width: 1fr; }
    QueryPage SqlEditor { height: 30%; min-height: 3; }
    QueryPage #answer { height: 1fr; }
    QueryPage #answer > * { height: 1fr; width: 1fr; }
    QueryPage #told { padding: 1 2; height: 1fr; }
    QueryPage SchemaPane { width: 56; display: none; }
    QueryPage.-huge SchemaPane { display: block; }
    QueryPage.-low SqlEditor, QueryPage.-normal SqlEditor { height: 4; }
    QueryPage.-low SqlEditor:focus, QueryPage.-normal SqlEditor:focus { height: 9; }
    """

    def __init__(self, location: Location) -> None:
        """Begin with nothing asked."""
        super().__init__(location)
        self._is_due = bool(location.sql)
        self._are_tables_known = False
        # What stands in the field, once it was changed.
        self._typed: str | None = None
        self._pulse: Timer | None = None

    def body(self) -> Iterable[Widget]:
        """Return field, figures, answer, what is offered, and the filter line."""
        with Horizontal(id="main"):
            with Vertical(id="asking"):
                yield SqlEditor(id="editor")
                yield QueryLine()
                with Vertical(id="answer"):
                    yield Static("", id="told", markup=False)
                    yield LiveTable((), clock=self.top.clock, id="rows")
                    yield TimeChart("answer", clock=self.top.clock, id="chart")
            yield SchemaPane()
        yield OfferList()
        yield FilterBar()

    @property
    def editor(self) -> SqlEditor:
        """The field."""
        return self.query_one(SqlEditor)

    def table(self) -> LiveTable | None:
        """Return the rows, while they are shown."""
        found = self.find_part(LiveTable)
        return found if found is not None and found.display and self._answer is not None else None

    def crumbs(self) -> tuple[tuple[str, str], ...]:
        """Return the breadcrumb."""
        return (("query", ""),)

    @property
    def window(self) -> Window:
        """What it looks at: an hour while nobody chose."""
        window = self.location.window
        return replace(_USUAL if window.is_fitted else window, end_ms=window.moment_ms, at_ms=None)

    @property
    def is_typing(self) -> bool:
        """Whether the field has the keys."""
        return isinstance(self.focused, SqlEditor)

    def can(self, action: str) -> bool:
        """Charts' keys hold while the chart is shown, those of hosts on a row with a host."""
        where = ACTIONS[action].where
        if where == "query" or action == "export":
            has = {"query.cancel": self._open_question is not None, "query.complete": self.is_typing}
            return has.get(action, self._answer is not None or action not in ("query.chart", "export"))
        if where in ("chart", "crosshair") and action not in ("time.choose", "chart.live"):
            return self._is_chart
        if where == "targets":
            return bool(self.host_at_cursor())
        return super().can(action)

    def run_widget_action(self, action_id: str) -> None:
        """Have the chart or the list do what its own key would."""
        if action_id in CHART_METHODS:
            method, arguments = CHART_METHODS[action_id]
            getattr(self.chart, method)(*arguments)
        else:
            super().run_widget_action(action_id)

    # Life

    def on_mount(self) -> None:
        """Take the keys."""
        self.editor.border_title = "Ask"
        self.table_widget.border_title = "Answer"
        self._draw_answer()
        self.editor.focus()
        start_work(self, self.recall, "recall")

    def on_unmount(self) -> None:
        """Keep what stands in the field."""
        if self._typed is not None:
            self.remember(self._typed)

    def take_focus(self) -> None:
        """Give the keys to the field, unless something has them."""
        if self.focused is None and self.is_ready:
            self.editor.focus()

    def show(self, location: Location) -> None:
        """Put the statement of the address into the field, and ask it."""
        is_other = bool(location.sql) and location.sql != self.location.sql
        self._is_due = self._is_due or is_other
        # Without one the field keeps what stands in it.
        super().show(location if location.sql else replace(location, sql=self.location.sql))
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        if not self.is_ready:
            return
        if self._is_due and self.editor.statement != self.location.sql:
            self.editor.put(self.location.sql)
        self._go_on()
        self.redraw()

    def _go_on(self) -> None:
        """Ask what waited for the server."""
        if self.model.connection.phase is not Phase.ONLINE:
            return
        if not self._are_tables_known:
            start_work(self, self._learn, "tables")
        if self._is_due and self._may_ask:
            self._is_due = False
            self.do_query_run()

    @property
    def _may_ask(self) -> bool:
        return not self.why_not("query.run")

    async def _learn(self) -> None:
        """Ask which tables there are: for what is offered while a statement is typed."""
        try:
            tables = await self.top.source.queries().tables()
        except NagareError:
            return  # what is typed is offered less; asking tells why
        self._are_tables_known = True
        self.editor.tables = tables
        self._draw_schema()

    def update_live(self, changes: Changes) -> None:
        """Learn anew what the server knows once it is back."""
        if self.is_connected_anew(changes):
            self._are_tables_known = False
        if changes.connection:
            self._go_on()
            self.redraw()

    def tick(self) -> None:
        """Let figures go on."""
        self._draw_line()

    # How it stands

    def begun(self) -> None:
        """Show that it runs; an answer of before stays until the next one is there."""
        self._fault, self._said = None, ""
        if self._pulse is None:
            self._pulse = self.set_interval(_PULSE_SECONDS, self._draw_line)
        if self._answer is None:
            table = self.table_widget
            table.show_columns(_SKELETON)
            table.is_loading = True
        self.redraw()

    def _end(self) -> None:
        if self._pulse is not None:
            self._pulse.stop()
            self._pulse = None
        self.table_widget.is_loading = False

    async def answered(self, answer: Answer) -> None:
        """Show an answer: as a chart again where one is shown, and it can be drawn."""
        self._end()
        self._fault, self._answer = None, answer
        table = self.table_widget
        table.show_columns(answer.columns)
        table.store.update_columns(answer.keys, answer.cells)
        table.empty_text = self._nothing()
        table.sync()
        bar = self.filter_bar
        if bar is not None:
            bar.put("")
        self._drawing = None
        if self._is_chart:
            await self._show_chart(is_chart=not why_no_chart(answer))
        self.redraw()
        if self.is_answer_wanted:
            self.is_answer_wanted = False
            self.call_after_refresh(self._focus_answer)

    def _nothing(self) -> str:
        return f"no rows in the {format_span(self.window.span_seconds)} looked at; t looks further back"

    def failed(self, sql: str, fault: Fault) -> None:
        """Say why there is no answer, with the cursor on the place, unless the text is another by now."""
        self._end()
        self._fault = fault
        if fault.line is not None and self.editor.statement == sql:
            self.editor.point_at(fault.line, fault.column)
            self.editor.focus()
        self.redraw()

    def ended(self, said: str) -> None:
        """Say how it ended."""
        if self.is_ready:
            self._end()
            self._said = said
            self.redraw()

    def redraw(self) -> None:
        """Draw everything but the rows."""
        if self.is_ready and self.query("#rows"):
            self._draw_answer()
            self._draw_line()
            self._draw_schema()
            self.top.refresh_frame()

    def _draw_answer(self) -> None:
        is_running = self._open_question is not None
        has_rows = self._fault is None and (self._answer is not None or is_running)
        shown = {"#chart": has_rows and self._is_chart, "#rows": has_rows and not self._is_chart, "#told": not has_rows}
        for part, is_shown in shown.items():
            self.query_one(part).display = is_shown
        if shown["#told"]:
            fault = self._fault
            text = help_text(self.why_not("query.run"), self.top.palette)
            if fault is not None:
                text = fault_text(self.location.sql, fault, self.top.palette)
            self.query_one("#told", Static).update(text)

    def _draw_line(self) -> None:
        if not self.is_ready or not self.query(QueryLine):
            return
        window = self.window
        words = f"{format_span(window.span_seconds)} live"
        if window.end_ms is not None:
            words = f"{format_span(window.span_seconds)} to {format_moment(window.end_ms, self.top.clock.now_ms(), self.top.zone)}"
        state, text = self._figures()
        self.query_one(QueryLine).standing = Standing(state, self.top.palette.text(text), f"t {words}")

    def _figures(self) -> tuple[str, str]:
        if self._open_question is not None:
            return "started", f"asking for {format_seconds(int(self.elapsed_seconds * 10) / 10)}; Esc ends it"
        if self._said:
            return "cancelled", self._said
        if self._fault is not None:
            return "warn", f"no answer{': ' + self._fault.where if self._fault.where else ''}"
        if self._answer is None:
            return "", "F5 runs what stands above"
        return ("warn" if self._answer.is_truncated else "done"), figures(self._answer, self.top.zone)

    def _draw_schema(self) -> None:
        pane = self.find_part(SchemaPane)
        if pane is not None and pane.display:
            pane.tell(self.editor.text, self.editor.tables)

    def notice(self) -> tuple[str, str, str] | None:
        """Say that the server is away, what was cut off, or what the answer cannot tell."""
        feed, answer = self.top.feed, self._answer
        if feed.can_retry and not self.model.hosts:
            return "down", f"no server to ask: {self.model.connection.reason} · {feed.retry_text()}", "retry"
        if feed.can_retry or feed.trouble is not None or answer is None or self._fault is not None:
            return None
        if answer.is_truncated:
            return (
                "warn",
                f"only the first {len(answer.rows):,} rows came; e writes all of them as Parquet",
                "export",
            )
        if answer.notes:
            return "info", " · ".join(answer.notes), ""
        if self._is_chart and self._drawing is not None and self._drawing.told:
            return "info", self._drawing.told, ""
        return None

    # What a person does

    def step_back(self) -> bool:
        """End what runs, leave the field for the answer, leave the chart, then the list's steps."""
        if self._open_question is not None:
            self.do_query_cancel()
            return True
        if self._fault is not None:
            self._fault = None
            self.redraw()
            return True
        if self.is_typing and (self._answer is not None or self.editor.text):
            self._leave_field()
            return True
        if self._is_chart:
            start_work(self, partial(self._show_chart, is_chart=False), "chart")
            return True
        return super().step_back()

    def on_text_area_changed(self) -> None:
        """Let what is shown beside the field follow it."""
        self._typed = self.editor.statement
        self._draw_schema()

    def on_sql_editor_offered(self) -> None:
        """Draw what is offered, below the begin of the word."""
        editor = self.editor
        offered = editor.offered
        at = editor.cursor_screen_offset
        back = max(0, editor.cursor_location[1] - (offered.start - _line_start(editor.text, offered.start)))
        self.query_one(OfferList).tell(offered.candidates, editor.chosen, Offset(at.x - back - 3, at.y))

    def on_offer_list_taken(self, message: OfferList.Taken) -> None:
        """Write what was clicked."""
        self.editor.take(message.place)
        self.editor.focus()


def _line_start(text: str, offset: int) -> int:
    return text.rfind("\n", 0, offset) + 1
