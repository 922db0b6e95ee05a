"""Overview: is anything wrong, since when? The fleet at a glance, its charts, who works hardest, what happened last."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from textual.containers import Container, Vertical
from textual.widget import Widget

from nagare.lib.plain_text import plain
from nagare.tui.chart_verbs import ChartVerbs
from nagare.tui.event_rows import EVENT_COLUMNS, event_marks, fill_events
from nagare.tui.health import Level
from nagare.tui.host_columns import age_seconds, write_host
from nagare.tui.keymap import bindings_for
from nagare.tui.location import Location
from nagare.tui.renderables.heat_grid import HeatCell
from nagare.tui.renderables.table_cells import CellKind, ColumnSpec
from nagare.tui.renderables.time_axis import format_clock
from nagare.tui.screens.list_page import ListPage
from nagare.tui.series import FLEET_CHARTS
from nagare.tui.widgets.alert_strip import AlertStrip
from nagare.tui.widgets.chart_board import ChartBoard
from nagare.tui.widgets.heat_grid_view import HeatGridView
from nagare.tui.widgets.host_inspector import HostInspector
from nagare.tui.widgets.live_table import LiveTable
from nagare.tui.widgets.live_table_messages import RowSelected
from nagare.tui.widgets.no_data import NoData

if TYPE_CHECKING:
    from nagare.tui.live_model import Changes

HOTTEST_COLUMNS = (
    ColumnSpec("state", "state", CellKind.STATE, 8, 0),
    ColumnSpec("name", "host", CellKind.TEXT, 12, 0, grow=True),
    ColumnSpec("cpu", "cpu", CellKind.RATIO, 7, 1, 0.90, 0.98, gradient=True, trend=True),
    ColumnSpec("cpu_curve", "15 min", CellKind.SPARK, 12, 3),
    ColumnSpec("mem", "mem", CellKind.RATIO, 6, 2, 0.90, 0.97, gradient=True),
    ColumnSpec("disk", "disk", CellKind.RATIO, 6, 4, 0.90, 0.97),
    ColumnSpec("rx", "net in", CellKind.RATE, 8, 5),
    ColumnSpec("tx", "net out", CellKind.RATE, 8, 6),
    ColumnSpec("age", "age", CellKind.AGE, 6, 7),
)
# More than a screen shows; beyond it the list of hosts is the place.
_HOTTEST = 100
# Header, strip and footer; then what other panels must keep.
_FRAME_ROWS = 3
_EVENT_ROWS = 5
_TWO_CHART_ROWS = 18
_INSPECTOR_FROM = 36


class OverviewPage(ChartVerbs, ListPage):
    """The first screen."""

    contexts: ClassVar[tuple[str, ...]] = ("list", "table", "grid", "chart", "crosshair")
    BINDINGS = bindings_for(contexts)
    DEFAULT_CSS = """
    OverviewPage #panels { height: 1fr; }
    OverviewPage #fleet { height: auto; max-height: 8; border-top: solid $nagare-faint; border-title-color: $foreground; }
    OverviewPage HeatGridView { height: auto; }
    OverviewPage LiveTable { height: 1fr; border-top: solid $nagare-faint; border-title-color: $foreground; }
    OverviewPage LiveTable:focus { border-top: heavy $foreground; border-title-style: bold reverse; }
    OverviewPage #left, OverviewPage #middle, OverviewPage #right { height: 1fr; width: 1fr; }

    OverviewPage.-small #middle, OverviewPage.-small #right { display: none; }
    OverviewPage.-low #middle, OverviewPage.-low #right { display: none; }
    OverviewPage.-medium #right { height: 5; }
    OverviewPage.-medium.-tall #right { height: 10; }
    OverviewPage HostInspector { height: 1fr; display: none; border-left: none; border-top: solid $nagare-faint; }
    OverviewPage.-wide #right { dock: right; width: 44; height: 100%; }
    OverviewPage.-wide #left { height: 14; }
    OverviewPage.-huge #panels { layout: horizontal; }
    OverviewPage.-huge #left { width: 68; height: 100%; }
    OverviewPage.-huge #right { width: 50; height: 100%; }
    OverviewPage.-huge #middle { height: 100%; }
    """

    def body(self) -> Iterable[Widget]:
        """Return strip, fleet, charts, hottest hosts and events."""
        yield AlertStrip()
        with Container(id="main"):
            yield NoData()
            with Container(id="panels"):
                with Vertical(id="left"):
                    with Vertical(id="fleet"):
                        yield HeatGridView(id="grid")
                    yield LiveTable(HOTTEST_COLUMNS, state_key="state", clock=self.top.clock, id="hottest")
                with Vertical(id="middle"):
                    yield ChartBoard(FLEET_CHARTS, self.top.clock, is_fleet=True, two_from=68, id="board")
                with Vertical(id="right"):
                    yield LiveTable(EVENT_COLUMNS, clock=self.top.clock, id="events")
                    yield HostInspector()

    @property
    def board(self) -> ChartBoard:
        """The fleet's charts."""
        return self.query_one("#board", ChartBoard)

    @property
    def _hottest(self) -> LiveTable:
        return self.query_one("#hottest", LiveTable)

    @property
    def _events(self) -> LiveTable:
        return self.query_one("#events", LiveTable)

    def table(self) -> LiveTable:
        """Return the list that has the focus, else the hottest hosts."""
        return self._events if self._events.has_focus else self._hottest

    def crumbs(self) -> tuple[tuple[str, str], ...]:
        """Return the breadcrumb."""
        return (("overview", "screen.overview"),)

    def on_mount(self) -> None:
        """Name the panels and take the keys."""
        self.query_one("#fleet").border_title = "Fleet"
        self._hottest.border_title = "Hottest hosts"
        self._hottest.sort_by("cpu")
        self._events.border_title = "Events"
        self._events.empty_text = "nothing happened yet"
        self._events.sort_by("ago", reverse=False)
        self._hottest.focus()
        self.call_after_refresh(self._share_room)

    def take_focus(self) -> None:
        """Give the keys to the hottest hosts, unless something has them."""
        table = self.find_part(LiveTable)
        if self.focused is None and table is not None:
            table.focus()

    def show(self, location: Location) -> None:
        """Show the fleet at the time of ``location``."""
        super().show(location)
        self.call_after_refresh(self._follow)

    def _follow(self) -> None:
        if not self.query(ChartBoard):
            return  # the page went while this waited for its turn
        self.board.follow(self.top.source.fleet_history, self.model.fleet_ring, self.time_window())

    def redraw(self) -> None:
        """Draw everything."""
        if not self.is_ready:
            return
        self._draw_hosts()
        self._draw_events()
        self._draw_strip()
        self.query_one(NoData).refresh_text()

    def update_live(self, changes: Changes) -> None:
        """Draw what changed."""
        if changes.fleet:
            self.query_one(NoData).refresh_text()
        if changes.hosts or changes.fleet:
            self._draw_hosts()
            self._draw_strip()
        if changes.events:
            self._draw_events()
        if changes.fleet and self.location.window.is_live:
            self.board.draw()
        if changes.connection:
            self._draw_connection()

    def _draw_connection(self) -> None:
        self.query_one(NoData).refresh_text()
        self._draw_strip()
        lost = self.top.feed.can_retry
        self.board.set_stale(self.model.connection.since_ms if lost else None)
        if not lost and self.model.connection.phase == "online":
            self.board.ask()

    def _draw_hosts(self) -> None:
        now_ms = self.top.clock.now_ms()
        table, hosts = self._hottest, self.model.hosts
        hottest = sorted(hosts.values(), key=lambda host: _heat(host.value("cpu.busy")), reverse=True)[:_HOTTEST]
        wanted = {host.name for host in hottest}
        for key in [key for key in table.store.row_keys() if key not in wanted]:
            table.store.remove(key)
        for host in hottest:
            write_host(table.store, host, now_ms)
        table.is_loading = not self.model.is_primed
        table.sync()
        grid = self.query_one(HeatGridView)
        grid.set_cells([HeatCell(host.name, host.level.value, host.value("cpu.busy")) for host in self.model.by_name()])
        self.board.set_single(len(hosts) <= 1)
        self._share_room()
        self._inspect()

    def _inspect(self) -> None:
        inspector = self.find_part(HostInspector)
        if inspector is not None and inspector.display and len(self.query(LiveTable)) > 1:
            host = self.model.hosts.get(self.host_at_cursor())
            inspector.inspect(host, self.top.clock.now_ms(), self.model.events)

    def on_live_table_row_highlighted(self) -> None:
        """The inspector follows the cursor."""
        self._inspect()

    def on_heat_grid_view_host_highlighted(self) -> None:
        """The inspector follows the grid's cursor."""
        self._inspect()

    def _draw_strip(self) -> None:
        strip, feed, count = self.query_one(AlertStrip), self.top.feed, len(self.model.hosts)
        if feed.can_retry and count:
            since = format_clock(self.model.connection.since_ms, self.top.zone)
            strip.entries = ((Level.STALE.value, "", f"not connected: these are the values of {since}"),)
            return
        strip.entries = tuple(
            (host.level.value, plain(host.name), feed.reason(host))
            for host in self.model.by_urgency()
            if host.level is not Level.UP
        )
        strip.calm = (
            f"{'the host is' if count == 1 else f'all {count} hosts are'} up, nothing needs a look" if count else ""
        )

    def _draw_events(self) -> None:
        fill_events(self._events, self.model.events, self.top.clock.now_ms())
        self.board.set_events(event_marks(self.model.events))

    def tick(self) -> None:
        """Let ages and the time axis go on."""
        now_ms = self.top.clock.now_ms()
        names = [key for key in self._hottest.store.row_keys() if key in self.model.hosts]
        ages = [age_seconds(self.model.hosts[name], now_ms) for name in names]
        self._hottest.store.update_columns(names, {"age": ages})
        self._hottest.sync()
        fill_events(self._events, self.model.events, now_ms)
        self._draw_strip()
        if self.location.window.is_live:
            self.board.draw()

    def on_resize(self) -> None:
        """Share the room anew."""
        self.call_after_refresh(self._share_room)

    def _share_room(self) -> None:
        """Give the lists what they need and the charts the rest."""
        if not self.is_ready or not self.query("#left"):
            return
        count, height = len(self.model.hosts), self.size.height
        grid, fleet, left = self.query_one(HeatGridView), self.query_one("#fleet"), self.query_one("#left")
        fleet.display = count > 1
        width = fleet.size.width or self.size.width
        lines = min(6, -(-count * 2 // width)) + 1
        grid.styles.height = lines
        needed = (lines + 1 if count > 1 else 0) + max(3, count + 2)
        is_sole = any(self.has_class(name) for name in ("-huge", "-tiny", "-small", "-low", "-flat"))
        # Charts keep the rows they need to be read; events keep a few below them where there is no room beside.
        spared = 9 + _EVENT_ROWS if self.has_class("-medium") else _TWO_CHART_ROWS
        left.styles.height = "1fr" if is_sole else max(3, min(needed, height - _FRAME_ROWS - spared))
        inspector = self.query_one(HostInspector)
        inspector.display = height >= _INSPECTOR_FROM and (self.has_class("-wide") or self.has_class("-huge"))

    def host_at_cursor(self) -> str:
        """Return the host under the cursor of the list or the grid."""
        grid = self.query_one(HeatGridView)
        if grid.has_focus:
            return grid.selected_key or ""
        if self._events.has_focus:
            return self._event_host(self._events.cursor_key or "")
        return self._hottest.cursor_key or ""

    def _event_host(self, event_id: str) -> str:
        return next((event.host for event in self.model.events if event.id == event_id), "")

    async def on_live_table_row_selected(self, message: RowSelected) -> None:
        """Go into the host of the row."""
        name = self._event_host(message.key) if message.table is self._events else message.key
        await self._open(name)

    async def on_heat_grid_view_host_chosen(self, message: HeatGridView.HostChosen) -> None:
        """Go into the host of the cell."""
        await self._open(message.host)

    async def on_alert_strip_host_clicked(self, message: AlertStrip.HostClicked) -> None:
        """Go into the host of the strip."""
        await self._open(message.host)

    async def _open(self, name: str) -> None:
        if name in self.model.hosts:
            await self.top.go(self.location.with_host(name))


def _heat(value: float) -> float:
    return value if value == value else -1.0
