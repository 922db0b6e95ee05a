"""The actions that hold on every page: moving about, help, palette, copying, leaving."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from nagare.tui.location import Location
from nagare.tui.replay.verbs import TimeVerbs
from nagare.tui.theme_verbs import ThemeVerbs
from nagare.tui.work import start_work

if TYPE_CHECKING:
    from nagare.tui.app import TopApp
    from nagare.tui.screens.diagnose import DiagnosePage
    from nagare.tui.screens.shell_asks import Confirmation
    from nagare.tui.screens.shells import ShellsPage

# A server that is away must not hold up who leaves.
_CLOSING_SECONDS = 5.0


class AppVerbs(TimeVerbs, ThemeVerbs):
    """Methods named ``do_<action id>``, of one app."""

    def __init__(self, app: TopApp) -> None:
        """Act on ``app``."""
        self._app = app
        self._leaving: Confirmation | None = None

    async def do_screen_overview(self) -> None:
        """Show the overview at the present time."""
        await self._app.go(Location("overview", window=self._app.page.location.window))

    async def do_screen_hosts(self) -> None:
        """Show the hosts."""
        await self._app.go(Location("hosts", window=self._app.page.location.window))

    async def do_screen_alerts(self) -> None:
        """Show the alerts that need somebody, the cursor on the worst of the host that was under it."""
        from nagare.tui.alerts.rows import worst_of  # noqa: PLC0415  after the first paint

        host = self._app.page.host_at_cursor()
        worst = worst_of(self._app.model.alerts.values(), host) if host else None
        await self._app.go(Location("alerts", window=self._app.page.location.window))
        if worst is not None:
            self._app.page.point_at(worst.id)

    async def do_screen_network(self) -> None:
        """Show what depends on what."""
        await self._app.go(Location("network", window=self._app.page.location.window))

    async def do_screen_undelivered(self) -> None:
        """Show the notifications that reached nobody."""
        window = self._app.page.location.window
        await self._app.go(Location("notifications", filter="state:dead", window=window))

    async def do_screen_commands(self) -> None:
        """Show the commands."""
        await self._app.go(Location("commands", window=self._app.page.location.window))

    async def do_screen_query(self) -> None:
        """Show the field for queries, with what stands in it."""
        await self._app.go(Location("query", window=self._app.page.location.window))

    async def do_screen_diagnose(self) -> None:
        """Show the diagnoses."""
        await self._app.go(Location("diagnose", window=self._app.page.location.window))

    async def do_diagnose(self) -> None:
        """Ask what is wrong with the host or the alert under the cursor, or with the whole fleet, in the time that is shown."""
        page = self._app.page
        subject, window = page.to_diagnose(), page.window
        if subject is None:
            return
        # A list of alerts goes back a week by itself: that is no time in which somebody looks for trouble.
        is_usual = page.location.window.is_fitted and "alerts" in page.contexts
        await self.do_screen_diagnose()
        cast("DiagnosePage", self._app.page).diagnose(subject, None if is_usual else window)

    async def do_screen_shells(self) -> None:
        """Show the shells."""
        await self._app.go(Location("shells", window=self._app.page.location.window))

    async def do_shell_open(self) -> None:
        """Open a shell on the host under the cursor."""
        host = self._app.page.host_at_cursor()
        if not host:
            self._app.say("no host is under the cursor")
            return
        await self.do_screen_shells()
        await self._shells().open(host)

    def has_shells(self) -> bool:
        """Tell whether there are panes, open or not."""
        return self._app.is_screen_installed("shells") and bool(self._shells().panes)

    def _shells(self) -> ShellsPage:
        return cast("ShellsPage", self._app.get_screen("shells"))

    async def do_screen_host(self) -> None:
        """Show the host under the cursor, the last one opened, or the worst one."""
        known = self._app.model.hosts
        name = next((name for name in (self._app.page.host_at_cursor(), self._app.model.watched) if name in known), "")
        worst = self._app.model.by_urgency()
        name = name or (worst[0].name if worst else "")
        if not name:
            self._app.say("no host yet", "start an agent: nagare agent")
            return
        await self._app.go(self._app.page.location.with_host(name))

    async def do_back(self) -> None:
        """Go one step back: within the page, then to the page above it."""
        if self._app.page.step_back():
            return
        location = self._app.page.location
        if location.page == "host":
            await self._app.go(self._parent(location), remember=True)
        elif location.page == "job":
            await self._app.go(Location("commands", window=location.window))
            self._app.page.point_at(location.job)
        elif location.incident:
            await self._app.go(Location("incidents", window=location.window))
            self._app.page.point_at(location.incident)
        elif location.page != "overview":
            await self._app.go(Location("overview", window=location.window))

    def _parent(self, location: Location) -> Location:
        """Return where the host was opened from, when that was a list; else the host list."""
        for past in reversed(self._app.past):
            if past.page == "diagnose":
                return past
            if past.page != "host":
                return replace(past, window=location.window)
        return Location("hosts", window=location.window)

    async def do_history_back(self) -> None:
        """Show the place before this one."""
        if self._app.past:
            await self._app.go(self._app.past.pop(), remember=False)

    def do_retry(self) -> None:
        """Ask the server again now."""
        self._app.source.retry_now()

    def do_panel_next(self) -> None:
        """Give the keys to the next panel."""
        self._app.page.focus_next()

    def do_panel_previous(self) -> None:
        """Give the keys to the previous panel."""
        self._app.page.focus_previous()

    def do_help(self) -> None:
        """Show the keys of this page."""
        from nagare.tui.screens.help import HelpScreen  # noqa: PLC0415  loaded when shown

        self._app.push_screen(HelpScreen(self._app.page))

    def do_palette(self) -> None:
        """Find any action by name."""
        from nagare.tui.widgets.command_palette import open_palette  # noqa: PLC0415  loaded when shown

        open_palette(self._app)

    def do_jump(self) -> None:
        """Jump to a host or a page by name."""
        from nagare.tui.widgets.command_palette import open_jump  # noqa: PLC0415  loaded when shown

        open_jump(self._app)

    def do_error_show(self) -> None:
        """Show the whole text of the last error."""
        from nagare.tui.screens.error import ErrorScreen  # noqa: PLC0415  loaded when shown

        if self._app.feed.trouble is not None:
            self._app.push_screen(ErrorScreen(*self._app.feed.trouble))

    def do_copy(self) -> None:
        """Copy the value under the cursor, else the address."""
        self._app.copy_text(self._app.page.value_to_copy() or self._app.address)

    def do_copy_location(self) -> None:
        """Copy the address."""
        self._app.copy_text(self._app.address)

    def do_quit(self) -> None:
        """Leave; asks while shells are open."""
        count = self._shells().open_count() if self._app.is_screen_installed("shells") else 0
        if not count:
            self._app.exit(0)
            return
        from nagare.tui.screens.shell_asks import Confirmation  # noqa: PLC0415  loaded when shown

        told = f"{count} {'shell is' if count == 1 else 'shells are'} open, and will end."
        if self._leaving is None or self._leaving not in self._app.screen_stack:
            self._leaving = Confirmation("Quit", told, "quit")
            self._app.push_screen(self._leaving, self._quit_if)

    def _quit_if(self, is_meant: bool | None) -> None:  # noqa: FBT001  the library's signature
        if is_meant:
            start_work(self._app, self._leave, "quit")

    async def _leave(self) -> None:
        # Their ends are put on record while there is still a loop to do it.
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSING_SECONDS):
                await self._shells().close_all()
        self._app.exit(0)
