"""One host: what happened on this box at that minute? Charts over time, and lists at the crosshair's moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual.containers import Container, Horizontal
from textual.timer import Timer
from textual.widget import Widget

from nagare.errors import InputError, NagareError
from nagare.lib.nearest import did_you_mean
from nagare.lib.plain_text import plain
from nagare.model.health import Level
from nagare.tui.agent_verb import AgentVerb
from nagare.tui.chart_verbs import ChartVerbs
from nagare.tui.history import Points, Span
from nagare.tui.host_columns import age_seconds
from nagare.tui.host_live import HostLive
from nagare.tui.host_tabs import OPTIONAL_TABS, TAB_TITLES
from nagare.tui.keymap import bindings_for
from nagare.tui.location import Location
from nagare.tui.replay.then import newest_ring
from nagare.tui.ring import Ring
from nagare.tui.run_verb import RunVerb
from nagare.tui.screens.list_page import ListPage
from nagare.tui.screens.row_detail import RowDetail
from nagare.tui.series import HOST_CHARTS
from nagare.tui.widgets.chart_board import ChartBoard
from nagare.tui.widgets.filter_bar import FilterBar
from nagare.tui.widgets.host_inspector import HostInspector
from nagare.tui.widgets.host_pane import HostPane, Moment
from nagare.tui.widgets.host_panes import make_pane
from nagare.tui.widgets.host_summary import HostSummary
from nagare.tui.widgets.live_table import LiveTable
from nagare.tui.widgets.live_table_messages import RowSelected
from nagare.tui.widgets.no_data import NoData
from nagare.tui.widgets.tab_bar import TabBar
from nagare.tui.work import start_work

if TYPE_CHECKING:
    from nagare.tui.live_model import Changes

# A crosshair that runs along under a held key asks once it rests.
_DEBOUNCE_SECONDS = 0.2
Columns = Mapping[str, Sequence[Any]]


class HostPage(AgentVerb, RunVerb, ChartVerbs, ListPage):
    """Everything about one host."""

    contexts: ClassVar[tuple[str, ...]] = ("host", "list", "table", "chart", "crosshair", "targets")
    follows_time = True
    BINDINGS = bindings_for(contexts)
    DEFAULT_CSS = """
    HostPage #main { height: 1fr; }
    HostPage #panes { height: 1fr; width: 1fr; }
    HostPage HostInspector { width: 36; display: none; }
    HostPage.-wide HostInspector, HostPage.-huge HostInspector { display: block; }
    HostPage.-huge HostInspector { width: 48; }
    HostPage.-flat HostSummary { display: none; }
    """

    def __init__(self, location: Location) -> None:
        """Begin at ``location``."""
        super().__init__(location)
        self._followed = ""
        self._past: dict[str, Columns] = {}
        self._past_ms: int | None = None
        self._asked: set[tuple[str, str]] = set()
        self._timer: Timer | None = None
        self._wanted_row = self._latest_of = ""

    def body(self) -> Iterable[Widget]:
        """Return summary, tabs, panes, inspector and filter line."""
        yield HostSummary()
        yield TabBar()
        with Container(id="main"):
            yield NoData()
            with Horizontal(id="panels"):
                with Container(id="panes"):
                    yield ChartBoard(HOST_CHARTS, self.top.clock, id="board")
                yield HostInspector()
        yield FilterBar()

    @property
    def board(self) -> ChartBoard:
        """The host's charts."""
        return self.query_one("#board", ChartBoard)

    @property
    def host(self) -> HostLive:
        """The host; one of which nothing is known when the name is wrong."""
        return self.model.hosts.get(self.location.host) or HostLive(self.location.host)

    @property
    def pane(self) -> HostPane | None:
        """The pane that is shown, None on the timeline."""
        return self.query_one_optional(f"#pane-{self.location.tab}", HostPane)

    def table(self) -> LiveTable | None:
        """Return the list that is shown."""
        pane = self.pane
        return pane.main_table() if pane is not None else None

    def crumbs(self) -> tuple[tuple[str, str], ...]:
        """Return the breadcrumb."""
        return (("hosts", "screen.hosts"), (plain(self.location.host), ""))

    def can(self, action: str) -> bool:
        """Charts' keys hold on the timeline only."""
        if (action.startswith("chart.") or action == "time.compare") and self.location.tab != "timeline":
            return False
        if action.startswith("host."):
            return len(self.model.hosts) > 1
        return super().can(action)

    def show(self, location: Location) -> None:
        """Show the host, the tab and the time of ``location``."""
        super().show(location)
        self.call_after_refresh(self._show)

    async def _show(self) -> None:
        if not self.is_ready:
            return  # the page went while this waited for its turn
        location = self.location
        bar = self.filter_bar
        if bar is not None:
            bar.put(location.filter)
        if self._followed != location.host:
            self._followed = self.top.feed.model.watched = location.host
            self._past, self._past_ms = {}, None
            self.top.source.watch(location.host)
            self.board.set_gaps(())
            self.board.follow(partial(self._history, location.host), self._ring, self.time_window())
        elif self.board.window != self.time_window():
            self.board.set_window(self.time_window())
        self.board.set_crosshair(location.window.at_ms)
        await self._show_tab()

    async def _history(self, host: str, series_ids: Sequence[str], span: Span) -> Points:
        points = await self.top.source.host_history(host, series_ids, span)
        # Last: a chart without them is better than none.
        gaps = await self.top.source.gaps(host)
        if host == self.location.host:
            self.board.set_gaps(gaps)
        return points

    def _ring(self, series_id: str) -> Ring:
        if self.location.window.is_live:
            # A crosshair on a live window looks at the past of a chart that goes on.
            return (self.top.feed.model.hosts.get(self.location.host) or self.host).ring(series_id)
        return newest_ring(self.host, series_id)

    async def _show_tab(self) -> None:
        tab = self.location.tab
        panes = self.query_one("#panes")
        if tab != "timeline" and self.pane is None:
            await panes.mount(make_pane(tab, self.top.clock))
            if not self.is_ready:
                return
        for child in panes.children:
            child.display = child.id in (f"pane-{tab}", "board" if tab == "timeline" else "")
        self._draw_tabs()
        self.apply_filter(self.location.filter)
        self.redraw()
        self.time_changed()
        self.set_focus(None)
        self.take_focus()
        self.top.refresh_frame()

    def take_focus(self) -> None:
        """Give the keys to the list or the first chart, unless something has them."""
        if self.focused is not None or not self.query(ChartBoard):
            return
        pane, chart = self.pane, self.board.active()
        if self.location.tab == "timeline" and chart is not None:
            chart.focus()
        elif pane is not None:
            pane.take_focus()

    def _draw_tabs(self) -> None:
        bar = self.query_one(TabBar)
        host, active = self.host, self.location.tab
        bar.tabs = tuple(
            (tab, title)
            for tab, title in TAB_TITLES
            if tab == active or tab not in OPTIONAL_TABS or any(host.has_rows(name) for name in OPTIONAL_TABS[tab])
        )
        bar.active = active

    def redraw(self) -> None:
        """Draw everything."""
        if not self.is_ready:
            return
        host, now_ms = self.host, self.now_ms
        self._ask_once(host.name)
        self.query_one(HostSummary).tell(host, age_seconds(host, now_ms))
        self.query_one(NoData).refresh_text()
        inspector = self.query_one(HostInspector)
        if inspector.display:
            inspector.inspect(host, now_ms, self.model.events)
        self.draw_marks()
        if self.location.tab == "timeline":
            stale = host.level in (Level.STALE, Level.DOWN) or self.top.feed.can_retry
            self.board.set_stale(host.seen_ms if stale and self.location.window.is_live else None)
            self.fit_window()
            self.board.draw_news()
        else:
            self._draw_pane()

    def _draw_pane(self) -> None:
        pane = self.pane
        if not self.is_ready or pane is None or not pane.is_mounted:
            return
        host, now_ms = self.host, self.now_ms
        if self.moment_ms is None:
            tables = {name: host.columns(name) for name in pane.wanted}
            is_loading = any((host.name, name) not in self._asked and not tables[name] for name in pane.wanted)
        else:
            tables, is_loading = self._past, self._past_ms != self.moment_ms
        own = [event for event in self.model.events if event.host == host.name]
        pane.tell(Moment(tables, own, now_ms, host, is_loading))
        self.tell_matches()
        table = pane.main_table()
        if self._wanted_row and not is_loading and table is not None:
            table.move_to(self._wanted_row)
            self._wanted_row = ""

    def point_at(self, key: str) -> None:
        """Put the cursor of the list on a row once its rows are there."""
        self._wanted_row = key

    def update_live(self, changes: Changes) -> None:
        """Draw what changed."""
        if changes.connection and self.model.connection.phase == "online":
            # What was asked for before there was anybody to answer, or before the server was lost.
            self._latest_of = ""
            self.board.ask()
        if changes.connection or changes.events or changes.fleet or self.location.host in changes.hosts:
            self._draw_tabs()
            self.redraw()

    def tick(self) -> None:
        """Let ages and the time axis go on."""
        if not self.is_ready:
            return
        host, now_ms = self.host, self.now_ms
        self.query_one(HostSummary).tell(host, age_seconds(host, now_ms))
        inspector = self.query_one(HostInspector)
        if inspector.display:
            inspector.inspect(host, now_ms, self.model.events)
        if self.location.tab == "timeline" and self.location.window.is_live:
            self.fit_window()
            self.board.advance()

    def moment_changed(self) -> None:
        """Show the host at another moment, and ask for the rows of its lists."""
        self._draw_tabs()
        self.redraw()
        self.time_changed()

    def _ask_once(self, name: str) -> None:
        """Ask for the newest rows of a host as soon as the host is known: an address may open before it is."""
        if (
            self.moment_ms is None
            and name in self.model.hosts
            and self._latest_of != name
            and self.model.connection.phase == "online"
        ):
            self._latest_of = name
            start_work(self, partial(self._ask_latest, name), "latest")

    async def _ask_latest(self, name: str) -> None:
        """Ask for rows that frames bring seldom: drives once an hour, units once a minute."""
        host = self.model.hosts.get(name)
        for table in _SELDOM:
            if host is None or table in host.tables:
                continue
            try:
                self.model.put_latest(host, table, await self.top.source.rows(table, name))
            except InputError:
                pass  # an older server does not know the table
            except NagareError as error:
                self.top.feed.note_trouble(error)
                return
            finally:
                self._asked.add((name, table))
        if self.location.host == name and self.is_ready:
            self._draw_tabs()
            self.redraw()

    def time_changed(self) -> None:
        """Lists show the moment of the crosshair, once it rests."""
        self.top.refresh_frame()
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        if self.moment_ms is None or self.pane is None or not self.pane.wanted:
            self._draw_pane()
        elif self._past_ms != self.moment_ms or not all(name in self._past for name in self.pane.wanted):
            self._timer = self.set_timer(_DEBOUNCE_SECONDS, self._ask_past)

    @property
    def is_catching_up(self) -> bool:
        """Whether charts, or the rows of the list, are on their way."""
        is_list = self.pane is not None and bool(self.pane.wanted)
        return (is_list and self.moment_ms not in (None, self._past_ms)) or super().is_catching_up

    def _ask_past(self) -> None:
        self._timer = None
        start_work(self, self._load_past, "past")

    async def _load_past(self) -> None:
        pane, moment_ms, name = self.pane, self.moment_ms, self.location.host
        if pane is None or moment_ms is None:
            return
        try:
            found = {table: await self.top.source.rows(table, name, moment_ms) for table in pane.wanted}
        except NagareError as error:
            self.top.feed.note_trouble(error)
            found = {}
        if self._past_ms != moment_ms:
            self._past = {}
        self._past, self._past_ms = self._past | found, moment_ms
        self._draw_pane()

    def notice(self) -> tuple[str, str, str] | None:
        """Say that there is no such host."""
        if self.model.is_primed and self.location.host not in self.model.hosts and self.model.hosts:
            near = did_you_mean(self.location.host, self.model.hosts)
            return "unknown", f"no host is named {plain(self.location.host)}; {near or 'Esc goes back'}", "back"
        return None

    def host_at_cursor(self) -> str:
        """Return this host."""
        return self.location.host

    def step_back(self) -> bool:
        """Take the crosshair away, then the list's steps, then back to the timeline."""
        if self.board.crosshair_ms is not None:
            self.take_window(replace(self.location.window, at_ms=None))
            self.fit_window()
            return True
        return super().step_back()

    def on_live_table_row_selected(self, message: RowSelected) -> None:
        """Show the whole row."""
        if isinstance(message.table, LiveTable):
            event = next((event for event in self.model.events if event.id == message.key), None)
            further = [(plain(name), plain(value)) for name, value in sorted(event.attributes.items())] if event else []
            self.app.push_screen(RowDetail(message.table, message.key, further))

    async def do_tab_next(self) -> None:
        """Show the next tab."""
        await self._step_tab(1)

    async def do_tab_previous(self) -> None:
        """Show the previous tab."""
        await self._step_tab(-1)

    async def _step_tab(self, step: int) -> None:
        # A fast finger is here before the tabs are.
        tabs = [tab for tab, _ in self.query_one(TabBar).tabs] or [
            tab for tab, _ in TAB_TITLES if tab not in OPTIONAL_TABS
        ]
        place = tabs.index(self.location.tab) if self.location.tab in tabs else 0
        await self._choose_tab(tabs[(place + step) % len(tabs)])

    async def _choose_tab(self, tab: str) -> None:
        self.set_location(tab=tab, filter="", sort="")
        bar = self.filter_bar
        if bar is not None:
            bar.put("")
        await self._show_tab()

    async def on_tab_bar_chosen(self, message: TabBar.Chosen) -> None:
        """Show the tab that was clicked."""
        await self._choose_tab(message.tab)

    async def do_host_next(self) -> None:
        """Show the next host by name, same tab and time."""
        await self._step_host(1)

    async def do_host_previous(self) -> None:
        """Show the previous host by name, same tab and time."""
        await self._step_host(-1)

    async def _step_host(self, step: int) -> None:
        names = [host.name for host in self.model.by_name()]
        place = names.index(self.location.host) if self.location.host in names else 0
        await self.top.go(self.location.with_host(names[(place + step) % len(names)], self.location.tab))


# Everything but what comes with every frame of the fleet.
_SELDOM = ("process", "gpu", "gpu_process", "container", "sensor", "smart", "unit", "probe", "agent", "disk", "cpu", "disk_io", "network")  # fmt: skip
