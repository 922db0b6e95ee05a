"""Overview: is anything wrong, since when? The fleet at a glance, its charts, who works hardest, what happened last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual.containers import Container, Vertical
from textual.widget import Widget

from nagare.lib.plain_text import plain
from nagare.model.health import Level
from nagare.tui.alerts.rows import alert_entries
from nagare.tui.chart_verbs import ChartVerbs
from nagare.tui.event_rows import EVENT_COLUMNS, age_events, fill_events
from nagare.tui.host_columns import tell_curves, write_ages, write_hosts
from nagare.tui.keymap import bindings_for
from nagare.tui.location import Location
from nagare.tui.renderables.heat_grid import HeatCell
from nagare.tui.renderables.table_cells import CellKind, ColumnSpec
from nagare.tui.renderables.time_axis import format_clock
from nagare.tui.ring import Ring
from nagare.tui.screens.list_page import ListPage
from nagare.tui.screens.overview_room import Room, share_above_charts, share_alone
from nagare.tui.series import FLEET_CHARTS
from nagare.tui.widgets.alert_strip import AlertStrip, StripEntry
from nagare.tui.widgets.chart_board import ChartBoard
from nagare.tui.widgets.heat_grid_view import HeatGridView
from nagare.tui.widgets.host_inspector import HostInspector
from nagare.tui.widgets.live_table import LiveTable
from nagare.tui.widgets.live_table_messages import RowSelected
from nagare.tui.widgets.no_data import NoData
from nagare.tui.widgets.top_processes import Columns, TopProcesses, process_of

if TYPE_CHECKING:
    from nagare.tui.live_model import Changes
    from nagare.wire.alerts import AlertView

HOTTEST_COLUMNS = (
    ColumnSpec("state", "state", CellKind.STATE, 7, 0),
    ColumnSpec("name", "host", CellKind.TEXT, 11, 0, grow=True),
    ColumnSpec("cpu", "cpu", CellKind.RATIO, 7, 1, 0.90, 0.98, gradient=True, trend=True),
    ColumnSpec("cpu_curve", "lately", CellKind.SPARK, 9, 3),
    ColumnSpec("mem", "mem", CellKind.RATIO, 6, 2, 0.90, 0.97, gradient=True),
    ColumnSpec("disk", "disk", CellKind.RATIO, 6, 4, 0.90, 0.97),
    ColumnSpec("rx", "net in", CellKind.RATE, 8, 5),
    ColumnSpec("tx", "net out", CellKind.RATE, 8, 6),
    ColumnSpec("age", "age", CellKind.AGE, 6, 7),
)
# More than a screen shows; beyond it the list of hosts is the place.
_HOTTEST = 100
# Header, strip and footer.
_FRAME_ROWS = 3
_EVENT_ROWS = (5, 10)
_TALL_FROM = 36


class OverviewPage(ChartVerbs, ListPage):
    """The first screen."""

    contexts: ClassVar[tuple[str, ...]] = ("list", "table", "grid", "chart", "crosshair")
    follows_time = True
    BINDINGS = bindings_for(contexts)
    DEFAULT_CSS = """
    OverviewPage #panels { height: 1fr; }
    OverviewPage #fleet { height: auto; max-height: 8; border-top: solid $nagare-faint; border-title-color: $foreground; }
    OverviewPage HeatGridView { height: auto; }
    OverviewPage TopProcesses { display: none; }
    OverviewPage LiveTable { height: 1fr; border-top: solid $nagare-faint; border-title-color: $foreground; }
    OverviewPage LiveTable:focus { border-top: heavy $foreground; border-title-style: bold reverse; }
    OverviewPage #left, OverviewPage #middle, OverviewPage #right { height: 1fr; width: 1fr; }

    OverviewPage.-small #middle, OverviewPage.-small #right { display: none; }
    OverviewPage.-low #middle, OverviewPage.-low #right { display: none; }
    OverviewPage.-medium #right { height: 5; }
    OverviewPage.-medium.-tall #right { height: 10; }
    OverviewPage HostInspector { height: 1fr; display: none; border-left: none; border-top: solid $nagare-faint; }
    OverviewPage.-wide #right { dock: right; width: 42; height: 100%; }
    OverviewPage.-wide #left { height: 14; }
    OverviewPage.-huge #panels { layout: horizontal; }
    OverviewPage.-huge #left { width: 42%; height: 100%; }
    OverviewPage.-huge #right { width: 44; height: 100%; }
    OverviewPage.-huge #middle { height: 100%; }
    """

    def __init__(self, location: Location) -> None:
        """Begin at ``location``."""
        super().__init__(location)
        # The strip's entries of the alerts, which are sorted once an answer.
        self._entries: tuple[Mapping[str, AlertView], tuple[StripEntry, ...]] = ({}, ())

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
                    yield TopProcesses(self._fetch_processes, self.top.clock, id="processes")
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
    def _processes(self) -> TopProcesses:
        return self.query_one(TopProcesses)

    async def _fetch_processes(self) -> Columns:
        return await self.top.source.processes(self.moment_ms)

    @property
    def _events(self) -> LiveTable:
        return self.query_one("#events", LiveTable)

    def table(self) -> LiveTable:
        """Return the list that has the focus, else the hottest hosts."""
        return next((table for table in (self._events, self._processes) if table.has_focus), self._hottest)

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
        self.board.follow(self.top.source.fleet_history, self._ring, self.time_window())
        self.board.set_crosshair(self.location.window.at_ms)

    def _ring(self, series_id: str) -> Ring:
        # A crosshair on a live window looks at the past of charts that go on.
        model = self.top.feed.model if self.location.window.is_live else self.model
        return model.fleet_ring(series_id)

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
            self._ask_processes()
        if changes.events:
            self._draw_events()
        if changes.alerts:
            self._draw_strip()
        if changes.fleet or changes.hosts:
            self.fit_window()
        if changes.fleet:
            self.board.draw()
        if changes.connection:
            self._draw_connection()

    def _draw_connection(self) -> None:
        self.query_one(NoData).refresh_text()
        self._draw_strip()
        lost = self.top.feed.can_retry
        self.board.set_stale(self.model.connection.since_ms if lost else None)
        self._processes.set_stale(is_stale=lost)
        if not lost and self.model.connection.phase == "online":
            self.board.ask()

    def _draw_hosts(self) -> None:
        now_ms, named = self.now_ms, self.model.by_name()
        table, hosts, busy = self._hottest, self.model.hosts, self.model.newest("cpu.busy", named)
        hottest = [
            named[at] for at in sorted(range(len(named)), key=lambda at: _heat(busy[at]), reverse=True)[:_HOTTEST]
        ]
        wanted = {host.name for host in hottest}
        for key in [key for key in table.store.row_keys() if key not in wanted]:
            table.store.remove(key)
        tell_curves(table.store, hosts, now_ms)
        write_hosts(table.store, hottest, now_ms)
        table.is_loading = not self.model.is_primed
        table.sync()
        grid = self.query_one(HeatGridView)
        grid.set_cells([HeatCell(host.name, host.level.value, value) for host, value in zip(named, busy, strict=True)])
        self.board.set_hosts(len(hosts), max((host.interval_seconds for host in named), default=5.0))
        self._share_room()
        self._inspect()

    def _inspect(self) -> None:
        inspector = self.find_part(HostInspector)
        if inspector is not None and inspector.display and len(self.query(LiveTable)) > 1:
            host = self.model.hosts.get(self.host_at_cursor())
            inspector.inspect(host, self.now_ms, self.model.events)

    def on_live_table_row_highlighted(self) -> None:
        """The inspector follows the cursor."""
        self._inspect()

    def on_heat_grid_view_host_highlighted(self) -> None:
        """The inspector follows the grid's cursor."""
        self._inspect()

    def _draw_strip(self) -> None:
        strip, feed, count = self.query_one(AlertStrip), self.top.feed, len(self.model.hosts)
        if feed.can_retry and count and self.moment_ms is None:
            since = format_clock(self.model.connection.since_ms, self.top.zone)
            strip.counts = ()
            strip.entries = (StripEntry(Level.STALE.value, "", f"not connected: these are the values of {since}"),)
            return
        strip.counts = feed.alert_counts()
        if self._entries[0] is not self.model.alerts:
            self._entries = (self.model.alerts, tuple(alert_entries(self.model.alerts.values())))
        strip.entries = (*self._entries[1], *(
            StripEntry(host.level.value, plain(host.name), feed.reason(host))
            for host in self.model.to_look_at()
        ))  # fmt: skip
        strip.calm = (
            f"{'the host is' if count == 1 else f'all {count} hosts are'} up, nothing needs a look" if count else ""
        )

    def _draw_events(self) -> None:
        fill_events(self._events, self.model.events, self.now_ms)
        self.draw_marks()

    def moment_changed(self) -> None:
        """Draw everything at another moment, and ask who used the machines then."""
        self.redraw()
        self.fit_window()
        self.board.draw()
        self._processes.ask_anew()

    def step_back(self) -> bool:
        """Take the crosshair away, then the list's steps."""
        if self.board.crosshair_ms is not None:
            self.take_window(replace(self.location.window, at_ms=None))
            return True
        return super().step_back()

    def tick(self) -> None:
        """Let ages and the time axis go on."""
        now_ms = self.now_ms
        write_ages(self._hottest.store, self.model.hosts, now_ms)
        self._hottest.sync()
        age_events(self._events, self.model.events, now_ms)
        self._draw_strip()
        if self.location.window.is_live:
            self.fit_window()
            self.board.advance()

    def on_resize(self) -> None:
        """Share the room anew."""
        self.call_after_refresh(self._share_room)

    def _share_room(self) -> None:
        """Give the lists what they need and the charts the rest."""
        if not self.is_ready or self.query_one_optional("#left") is None:
            return
        count, fleet = len(self.model.hosts), self.query_one("#fleet")
        width = fleet.size.width or self.size.width
        room = self._find_room(count, width, self.query_one("#main").size.height or self.size.height - _FRAME_ROWS)
        fleet.display = room.grid > 0
        self.query_one(HeatGridView).styles.height = max(2, room.grid)
        self.query_one("#left").styles.height = _rows(room.total)
        self._hottest.styles.height = _rows(room.hosts)
        processes = self._processes
        processes.styles.height = _rows(room.processes)
        processes.display = room.has_processes and count > 0
        # With one host its name in every row says nothing.
        for table in (processes, self._events):
            table.leave_out("standing", *(() if count > 1 else ("host",)))
        inspector = self.query_one(HostInspector)
        inspector.display = self.size.height >= _TALL_FROM and (self.has_class("-wide") or self.has_class("-huge"))

    def _find_room(self, count: int, width: int, height: int) -> Room:
        if any(self.has_class(name) for name in ("-huge", "-tiny", "-small", "-low", "-flat")):
            return share_alone(count, width, height)
        events = _EVENT_ROWS[self.size.height >= _TALL_FROM] if self.has_class("-medium") else 0
        return share_above_charts(count, width, height, events)

    def _ask_processes(self) -> None:
        """Ask for what is new, while there is somebody to answer."""
        if self.model.connection.phase == "online" and self.model.hosts:
            self._processes.ask()

    def on_top_processes_failed(self, message: TopProcesses.Failed) -> None:
        """Say what could not be asked for."""
        self.top.feed.note_trouble(message.error)

    def to_diagnose(self) -> tuple[str, str]:
        """Return the whole fleet."""
        return "", ""

    def host_at_cursor(self) -> str:
        """Return the host under the cursor of the list or the grid."""
        grid = self.query_one(HeatGridView)
        if grid.has_focus:
            return grid.selected_key or ""
        if self._events.has_focus:
            return self._event_host(self._events.cursor_key or "")
        if self._processes.has_focus:
            return process_of(self._processes.cursor_key or "")[0]
        return self._hottest.cursor_key or ""

    def _event_host(self, event_id: str) -> str:
        return next((event.host for event in self.model.events if event.id == event_id), "")

    async def on_live_table_row_selected(self, message: RowSelected) -> None:
        """Go into the host of the row; a process opens among the processes of its host."""
        if message.table is self._processes:
            host, key = process_of(message.key)
            if host in self.model.hosts:
                await self.top.go(self.location.with_host(host, "processes"))
                self.top.page.point_at(key)
            return
        name = self._event_host(message.key) if message.table is self._events else message.key
        await self._open(name)

    async def on_heat_grid_view_host_chosen(self, message: HeatGridView.HostChosen) -> None:
        """Go into the host of the cell."""
        await self._open(message.host)

    async def on_alert_strip_host_clicked(self, message: AlertStrip.HostClicked) -> None:
        """Go into the host of the strip."""
        await self._open(message.host)

    async def on_alert_strip_alert_clicked(self, message: AlertStrip.AlertClicked) -> None:
        """Go to the alert of the strip."""
        await self.top.go(Location("alerts", window=self.location.window))
        self.top.page.point_at(message.alert_id)

    async def _open(self, name: str) -> None:
        if name in self.model.hosts:
            await self.top.go(self.location.with_host(name))


def _rows(count: int | None) -> int | str:
    return "1fr" if count is None else count


def _heat(value: float) -> float:
    return value if value == value else -1.0
