"""Hosts: every host beside the others, live; filter, sort, mark, and go into one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from textual.containers import Container, Horizontal
from textual.widget import Widget

from nagare.tui.host_columns import HOST_COLUMNS, OPTIONAL_COLUMNS, tell_curves, write_ages, write_hosts
from nagare.tui.keymap import bindings_for
from nagare.tui.location import Location
from nagare.tui.run_verb import RunVerb
from nagare.tui.screens.list_page import ListPage, marked_keys
from nagare.tui.view_verbs import ViewVerbs
from nagare.tui.widgets.filter_bar import FilterBar
from nagare.tui.widgets.host_inspector import HostInspector
from nagare.tui.widgets.live_table import LiveTable
from nagare.tui.widgets.live_table_messages import RowSelected, SortChanged
from nagare.tui.widgets.no_data import NoData

if TYPE_CHECKING:
    from nagare.tui.live_model import Changes


class HostsPage(RunVerb, ViewVerbs, ListPage):
    """The list of all hosts, with an inspector beside it where there is room."""

    contexts = ("list", "table", "targets", "hosts")
    follows_time = True
    BINDINGS = bindings_for(contexts)
    DEFAULT_CSS = """
    HostsPage #main { height: 1fr; }
    HostsPage LiveTable { height: 1fr; width: 1fr; }
    HostsPage HostInspector { width: 36; display: none; }
    HostsPage.-wide HostInspector, HostsPage.-huge HostInspector { display: block; }
    HostsPage.-huge HostInspector { width: 46; }
    """

    def __init__(self, location: Location) -> None:
        """Begin at ``location``."""
        super().__init__(location)
        # Optional columns of which some host had a value: they stay, so that the list does not dance.
        self._seen: set[str] = set()

    def body(self) -> Iterable[Widget]:
        """Return list, inspector and filter line."""
        with Container(id="main"):
            yield NoData()
            with Horizontal(id="panels"):
                yield LiveTable(HOST_COLUMNS, state_key="state", clock=self.top.clock, id="hosts")
                yield HostInspector()
        yield FilterBar()

    def table(self) -> LiveTable:
        """Return the list of hosts."""
        return self.query_one("#hosts", LiveTable)

    def crumbs(self) -> tuple[tuple[str, str], ...]:
        """Return the breadcrumb."""
        return (("hosts", "screen.hosts"),)

    def on_mount(self) -> None:
        """Take the keys."""
        self.table().focus()

    def take_focus(self) -> None:
        """Give the keys to the list, unless something has them."""
        table = self.find_part(LiveTable)
        if self.focused is None and table is not None:
            table.focus()

    def show(self, location: Location) -> None:
        """Filter and sort as the address says."""
        super().show(location)
        self.call_after_refresh(self._apply_location)

    def _apply_location(self) -> None:
        if not self.query("#hosts"):
            return  # the page went while this waited for its turn
        bar, table = self.filter_bar, self.table()
        if bar is not None:
            bar.put(self.location.filter)
        self.apply_filter(self.location.filter)
        column, _, direction = self.location.sort.partition(".")
        table.sort_by(column or "state", reverse=None if not direction else direction == "desc")

    def redraw(self) -> None:
        """Write every host into the list."""
        self._write_rows(self._all_names())

    def update_live(self, changes: Changes) -> None:
        """Write the hosts that changed."""
        self._write_rows(self._all_names() if changes.fleet else changes.hosts)
        if changes.connection:
            self.query_one(NoData).refresh_text()

    def _all_names(self) -> list[str]:
        # In this order those stand that are alike in what the list is sorted by.
        return [host.name for host in self.model.by_name()]

    def _write_rows(self, names: Iterable[str]) -> None:
        if not self.is_ready:
            return
        table, hosts = self.table(), self.model.hosts
        changed = [hosts[name] for name in names if name in hosts]
        tell_curves(table.store, hosts, self.now_ms)
        write_hosts(table.store, changed, self.now_ms)
        newest = self.model.fleet_columns.newest
        for key in OPTIONAL_COLUMNS.keys() - self._seen:
            if not np.isnan(newest[OPTIONAL_COLUMNS[key]]).all():
                self._seen.add(key)
        table.leave_out(*(OPTIONAL_COLUMNS.keys() - self._seen))
        for name in table.store.row_keys() - hosts.keys():
            table.store.remove(name)
        table.is_loading = not self.model.is_primed
        table.sync()
        self.query_one(NoData).refresh_text()
        self._inspect()
        self.tell_matches()

    def tick(self) -> None:
        """Let ages tick; a host that is silent grows old without any frame."""
        table = self.table()
        before = table.store.version
        write_ages(table.store, self.model.hosts, self.now_ms)
        if table.store.version != before:
            table.sync()

    def host_at_cursor(self) -> str:
        """Return the host under the cursor."""
        return self.table().cursor_key or ""

    def targets(self) -> list[str]:
        """Return the marked hosts in their order, else the one under the cursor."""
        return marked_keys(self.table()) or super().targets()

    def on_live_table_row_highlighted(self) -> None:
        """The inspector follows the cursor."""
        self._inspect()

    def _inspect(self) -> None:
        inspector = self.find_part(HostInspector)
        if inspector is not None and inspector.display and self.find_part(LiveTable) is not None:
            inspector.inspect(self.model.hosts.get(self.host_at_cursor()), self.now_ms, self.model.events)

    async def on_live_table_row_selected(self, message: RowSelected) -> None:
        """Go into the host."""
        await self.top.go(self.location.with_host(message.key))

    def on_live_table_sort_changed(self, message: SortChanged) -> None:
        """Remember the order in the address."""
        direction = "desc" if message.reverse else "asc"
        usual = message.column == "state" and not message.reverse
        self.set_location(sort="" if usual else f"{message.column}.{direction}")
