"""What pages share whose list the server is asked for again and again: one request at a time, and the last answer kept.

A page says how to ask, and how an item becomes a row. While the server is away, or refuses, the list says so itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual.containers import Container
from textual.widget import Widget

from nagare.errors import NagareError, PermissionDeniedError
from nagare.lib.plain_text import plain
from nagare.tui.connection import Reconnecting
from nagare.tui.live_model import Phase
from nagare.tui.location import Location, Window
from nagare.tui.renderables.table_cells import ColumnSpec
from nagare.tui.screens.list_page import ListPage
from nagare.tui.widgets.filter_bar import FilterBar
from nagare.tui.widgets.live_table import LiveTable
from nagare.tui.widgets.live_table_messages import SortChanged
from nagare.tui.widgets.tab_bar import TabBar
from nagare.tui.work import start_work

if TYPE_CHECKING:
    from nagare.tui.live_model import Changes

# The list is asked for again so often: soon while something moves, seldom while nothing does.
_SOON_SECONDS, _SELDOM_SECONDS = 2.0, 10.0
# Of a longer list only rows that are seen grow older every second, the others as often as it is asked for.
SHORT_LIST = 200
Lists = tuple[tuple[str, str], ...]


class PolledPage(Reconnecting, ListPage):
    """A list with its tab bar and its filter line. A column ``order`` sorts it and is never shown."""

    columns: ClassVar[Sequence[ColumnSpec]] = ()
    usual_sort: ClassVar[str] = "order"
    # Whether an event is a reason to ask at once.
    asks_after_events: ClassVar[bool] = True
    # The lists of the screen: page, and its tab behind a stroke, with their titles.
    lists: ClassVar[Lists] = (("commands", "Commands"), ("tasks", "Tasks"), ("schedules", "Schedules"))
    DEFAULT_CSS = """
    PolledPage #main { height: 1fr; }
    PolledPage LiveTable { height: 1fr; width: 1fr; }
    """

    def __init__(self, location: Location) -> None:
        """Begin at ``location``."""
        super().__init__(location)
        self._items: dict[str, Any] = {}
        self._is_known = False
        self._is_asking = False
        self._refusal = ""
        self._failed = False
        self._due = 0.0
        self._wanted_row = ""
        # What the rows were made of, and when (monotonic) all of them were made anew.
        self._written: Mapping[str, Any] = {}
        self._all_written = -math.inf

    @property
    def moves_always(self) -> bool:
        """Whether the list is asked for soon again whatever stands in it."""
        return False

    async def fetch_items(self) -> dict[str, Any]:
        """Return the items by their keys. Raises NagareError."""
        raise NotImplementedError

    def row_of(self, item: Any, now_ms: int) -> tuple[Mapping[str, Any], Mapping[str, str]]:
        """Return the cells of an item, and the labels that a filter may name beside them."""
        raise NotImplementedError

    def moves(self, item: Any) -> bool:
        """Tell whether an item changes by itself soon."""
        raise NotImplementedError

    def nothing(self) -> str:
        """Return what an empty list says."""
        raise NotImplementedError

    def body(self) -> Iterable[Widget]:
        """Return tabs, list and filter line."""
        yield TabBar()
        with Container(id="main"):
            yield LiveTable(self.columns, clock=self.top.clock, id="items")
        yield FilterBar()

    def items_table(self) -> LiveTable:
        """Return the list that is asked for."""
        return self.query_one("#items", LiveTable)

    def table(self) -> LiveTable:
        """Return the list that actions are about."""
        return self.items_table()

    def titles(self) -> Lists:
        """Return the lists of the screen with their titles, as they are now."""
        return self.lists

    def crumbs(self) -> tuple[tuple[str, str], ...]:
        """Return the breadcrumb."""
        return ((self.location.page, ""),)

    def on_mount(self) -> None:
        """Take the keys."""
        bar = self.query_one(TabBar)
        bar.tabs, bar.active = self.titles(), self.list_id
        table = self.items_table()
        table.border_title = self.location.page.removesuffix("s").capitalize()
        table.leave_out("order")
        table.focus()

    def take_focus(self) -> None:
        """Give the keys to the list, unless something has them."""
        table = self.find_part(LiveTable)
        if self.focused is None and table is not None:
            table.focus()

    def show(self, location: Location) -> None:
        """Filter and sort as the address says, and ask anew."""
        if _asked_of(location) != _asked_of(self.location):
            self._is_known = False
        super().show(location)
        self._refusal, self._due = "", 0.0
        self.call_after_refresh(self._apply_location)

    def _apply_location(self) -> None:
        if not self.query("#items"):
            return  # the page went while this waited for its turn
        bar = self.filter_bar
        if bar is not None:
            bar.put(self.location.filter)
        self.apply_filter(self.location.filter)
        column, _, direction = self.location.sort.partition(".")
        if column:
            self.items_table().sort_by(column, reverse=None if not direction else direction == "desc")
        else:
            self.items_table().sort_by(self.usual_sort, reverse=False)
        self._ask_if_due()

    # Asking

    def update_live(self, changes: Changes) -> None:
        """Ask again when the server came back, or when an event tells that something happened."""
        if self.is_connected_anew(changes):
            self._refusal, self._due = "", 0.0
        if changes.connection:
            self.redraw()
        if changes.events and self.asks_after_events:
            self._due = 0.0
        self._ask_if_due()

    def tick(self) -> None:
        """Let ages tick, and ask again when it is time."""
        self.redraw()
        self._ask_if_due()

    def _ask_if_due(self) -> None:
        is_online = self.model.connection.phase is Phase.ONLINE
        if self._is_asking or not is_online or self._refusal or self.top.clock.monotonic() < self._due:
            return
        self._is_asking = True
        start_work(self, self._ask, "items", exclusive=False)

    async def _ask(self) -> None:
        asked, wait = self._asked_now(), _SELDOM_SECONDS
        try:
            found = await self.fetch_items()
            if asked == self._asked_now():
                self._items, self._is_known = found, True
            else:
                wait = 0.0
            if self._failed:
                self._failed = False
                self.top.feed.clear_trouble()
        except PermissionDeniedError as error:
            self._refusal = plain(error.message)
        except NagareError as error:
            self._failed = True
            self.top.feed.note_trouble(error)
        finally:
            self._is_asking = False
            moves = self.moves_always or any(map(self.moves, self._items.values()))
            self._due = self.top.clock.monotonic() + (min(wait, _SOON_SECONDS) if moves else wait)
        self.redraw()
        if asked != self._asked_now():
            self._ask_if_due()

    def _asked_now(self) -> tuple[tuple[Window, str, str], int | None]:
        """Return what an answer that is asked for now will be of."""
        return _asked_of(self.location), self.moment_ms

    # Drawing

    def shown_items(self) -> Mapping[str, Any]:
        """Return what is a row: the items, unless a page folds them."""
        return self._items

    def redraw(self) -> None:
        """Draw everything."""
        if not self.is_ready or not self.query("#items"):
            return
        table, now_ms = self.items_table(), self.now_ms
        self.query_one(TabBar).tabs = self.titles()
        shown = self.shown_items()
        for key in table.store.row_keys() - shown.keys():
            table.store.remove(key)
        for key in self._rows_to_write(shown, table):
            cells, labels = self.row_of(shown[key], now_ms)
            table.store.update(key, cells, labels=labels)
        table.is_loading = not self._is_known and not self._refusal and self.model.connection.phase is Phase.ONLINE
        table.empty_text = self._empty_text()
        table.sync()
        if self._wanted_row and table.move_to(self._wanted_row):
            self._wanted_row = ""
        self.tell_matches()
        self.top.refresh_footer()

    def _rows_to_write(self, shown: Mapping[str, Any], table: LiveTable) -> list[str]:
        """Return the keys of the rows that are other than they were written: of a long list also those that are seen, whose ages go on."""
        now, written = self.top.clock.monotonic(), self._written
        if len(shown) <= SHORT_LIST or now - self._all_written >= _SELDOM_SECONDS or self.moment_ms is not None:
            self._all_written, keys = now, list(shown)
        else:
            seen = set(table.seen_keys())
            keys = [key for key, item in shown.items() if key in seen or written.get(key) is not item]
        self._written = dict(shown)
        return keys

    def _empty_text(self) -> str:
        if self._refusal:
            return self._refusal
        if not self._is_known:
            return f"not connected: {self.model.connection.reason or 'looking for the server'}"
        return self.nothing()

    def notice(self) -> tuple[str, str, str] | None:
        """Say how old the list is while the server is away, also where no host is known."""
        feed = self.top.feed
        if not feed.can_retry:
            return None
        return "down", f"the list is as it was: {self.model.connection.reason} · {feed.retry_text()}", "retry"

    # What a person does

    def item_at_cursor(self) -> Any:
        """Return the item under the cursor, None when there is none."""
        table = self.find_part(LiveTable)
        return self.shown_items().get(table.cursor_key or "") if table is not None else None

    def ask_anew(self) -> None:
        """Ask for the list now."""
        self._due = 0.0
        self._ask_if_due()

    def take_item(self, key: str, item: Any) -> None:
        """Show an item as it is now."""
        self._items[key] = item
        self._due = 0.0
        self.redraw()

    def point_at(self, key: str) -> None:
        """Put the cursor on an item, now or with the next answer."""
        self._wanted_row = "" if self.items_table().move_to(key) else key

    def on_live_table_row_highlighted(self) -> None:
        """The footer's keys follow the cursor."""
        self.top.refresh_footer()

    def on_live_table_sort_changed(self, message: SortChanged) -> None:
        """Remember the order in the address."""
        usual = message.column == self.usual_sort
        self.set_location(sort="" if usual else f"{message.column}.{'desc' if message.reverse else 'asc'}")

    async def do_list_next(self) -> None:
        """Show the next list."""
        await self._step_list(1)

    async def do_list_previous(self) -> None:
        """Show the previous list."""
        await self._step_list(-1)

    @property
    def list_id(self) -> str:
        """Which of the screen's lists is shown."""
        return "/".join(filter(None, (self.location.page, self.location.tab)))

    async def _step_list(self, step: int) -> None:
        names = [name for name, _ in self.lists]
        await self._show_list(names[(names.index(self.list_id) + step) % len(names)])

    async def _show_list(self, name: str) -> None:
        page, _, tab = name.partition("/")
        await self.top.go(Location(page, tab=tab, window=self.location.window))

    async def on_tab_bar_chosen(self, message: TabBar.Chosen) -> None:
        """Show the list that was clicked."""
        await self._show_list(message.tab)

    def window_changed(self) -> None:
        """Ask for the list of another time."""
        self._is_known = False
        self.show(self.location)
        self.redraw()

    def moment_changed(self) -> None:
        """Ask for the list as it was at another moment."""
        self._due = 0.0
        self.redraw()
        self._ask_if_due()


def _asked_of(location: Location) -> tuple[Window, str, str]:
    """Return what an answer depends on: one to another question is not shown."""
    return location.window, location.tab, location.incident
