"""Screen 9: shells on hosts, tiled or one at a time, with typing to several of them where a person asks for it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from textual.containers import Container
from textual.widget import Widget
from textual.widgets import Input, Static
from textual.worker import WorkerFailed

from nagare.config.places import Places
from nagare.lib.plain_text import plain
from nagare.tui.actions import actions_in
from nagare.tui.keymap import bindings_for, key_label
from nagare.tui.location import Location
from nagare.tui.screens.page import Page
from nagare.tui.screens.pick import Choice, Pick
from nagare.tui.screens.shell_asks import Confirmation
from nagare.tui.shells.asking import DialogAsker, confirmed, show
from nagare.tui.shells.links import KINDS, LinkPointed, place_of, safe_link, shown_links
from nagare.tui.widgets.terminal_pane import LEADER, TerminalPane
from nagare.tui.work import failure_text, start_work

if TYPE_CHECKING:
    from nagare.ssh.session import Session
    from nagare.ssh.terminal.core import TerminalCore

# More panes are no overview, and each holds a connection.
_PANES_LIMIT = 20
_SHOWN_LIMIT, _SHOWN_LINES, _LINE_LIMIT = 300, 8, 74
# After a no, so that a host that asks on and on leaves time to close its pane.
_QUIET_SECONDS = 5.0


class ShellsPage(Page):
    """Panes, the one with the keys, and which of them hear what is typed."""

    # The search line is closed at first: it must not take the keys of an empty page.
    AUTO_FOCUS = ""
    contexts = ("shell",)
    BINDINGS = bindings_for(contexts)
    DEFAULT_CSS = """
    ShellsPage #panes { layout: grid; grid-size: 1; height: 1fr; }
    ShellsPage #panes.-two { grid-size: 2; }
    ShellsPage.-small #panes.-two { grid-size: 1; }
    ShellsPage #none { height: 1fr; content-align: center middle; color: $nagare-muted; }
    ShellsPage #search { display: none; border: none; height: 1; padding: 0 1; background: $panel; }
    ShellsPage #search.-open { display: block; }
    """

    def __init__(self, location: Location) -> None:
        """Begin without a pane."""
        super().__init__(location)
        self._is_tabbed = False
        self._is_broadcast = False
        self._marked: set[TerminalPane] = set()
        self._last: TerminalPane | None = None

    def body(self) -> Iterable[Widget]:
        """Return the panes and the search line."""
        yield Static("No shell is open. Press x on a host: 2 shows them.", id="none")
        yield Container(id="panes")
        yield Input(
            placeholder="search upwards in this pane", compact=True, id="search", select_on_focus=False, disabled=True
        )

    def crumbs(self) -> tuple[tuple[str, str], ...]:
        """Return the breadcrumb."""
        return (("shells", "screen.shells"),)

    @property
    def panes(self) -> list[TerminalPane]:
        """The panes, in the order in which they were opened."""
        return list(self.query(TerminalPane))

    @property
    def pane(self) -> TerminalPane | None:
        """The pane that commands are for."""
        panes = self.panes
        if isinstance(self.focused, TerminalPane):
            self._last = self.focused
        return self._last if self._last in panes else next(iter(panes), None)

    @property
    def holds_keys(self) -> bool:
        """Whether all keys are for a host."""
        return isinstance(self.focused, TerminalPane)

    def open_count(self) -> int:
        """Return how many shells are open."""
        return sum(pane.is_open for pane in self.panes)

    async def close_all(self) -> None:
        """End every shell, at the same time; what goes wrong with one does not keep the others."""
        await asyncio.gather(*(pane.close() for pane in self.panes), return_exceptions=True)

    async def open(self, host: str) -> None:
        """Open a shell on ``host`` in a pane of its own."""
        if len(self.panes) >= _PANES_LIMIT:
            self.top.say(f"{_PANES_LIMIT} panes are open", "close one")
            return
        # Loaded with the first pane: a tenth of a second that nobody else has to wait for.
        try:
            await self.run_worker(_load, thread=True, name="load", exit_on_error=False).wait()
        except WorkerFailed as failed:
            self.top.say(failure_text(failed.error))
            return
        by_server = self.top.settings.ssh.via_server
        pane = TerminalPane(host, self._session, _core, self.top.clock, by_server=by_server)
        await self.query_one("#panes").mount(pane)
        self._arrange()
        pane.focus()

    def _session(self, *, by_server: bool) -> Session:
        from nagare.ssh.session import Session  # noqa: PLC0415  with the first pane

        top = self.top
        folder, settings = Places(top.settings.data).recordings, replace(top.settings.ssh, via_server=by_server)
        return Session(settings, folder, top.source.shells(), DialogAsker(top), top.clock)

    def _arrange(self) -> None:
        panes, current = self.panes, self.pane
        self.query_one("#none").display = not panes
        self.query_one("#panes").display = bool(panes)
        self.query_one("#panes").set_class(len(panes) > 1 and not self._is_tabbed, "-two")
        self._marked &= set(panes)
        self._is_broadcast = self._is_broadcast and bool(self._marked)
        for number, pane in enumerate(panes, 1):
            pane.display = not self._is_tabbed or pane is current
            is_heard = self._is_broadcast and pane in self._marked
            pane.set_class(pane in self._marked and not is_heard, "-marked")
            pane.set_class(is_heard, "-broadcast")
            words = [f"{number}/{len(panes)}"] if len(panes) > 1 else []
            words += [f"TYPING GOES TO {len(self._marked)} HOSTS"] if is_heard else []
            words += ["marked"] if pane in self._marked and not is_heard else []
            pane.border_subtitle = f" {' · '.join(words)} " if words else ""
        self.top.refresh_footer()

    def redraw(self) -> None:
        """Draw what came while the page was hidden, and give the keys to a pane."""
        self._arrange()
        for pane in self.panes:
            pane.flush()
        self.take_focus()

    def take_focus(self) -> None:
        """Give the keys to the pane that had them."""
        pane = self.pane
        if pane is not None:
            pane.focus()

    def footer_hint(self) -> str:
        """Say how to get out of a pane, and what the leader offers."""
        if self._flash:
            return self._flash
        pane = self.pane
        if pane is None or not self.holds_keys:
            return ""
        # It has to fit 80 columns, or nothing of it is shown.
        return f"{key_label(LEADER)} then  n next · t tabs · / search · y copy · x close · ? help · 2 hosts"

    def can(self, action: str) -> bool:
        """Tell whether there is a pane for it."""
        if action.startswith("shell.") and action != "shell.open":
            return bool(self.panes)
        return super().can(action)

    def run_widget_action(self, action_id: str) -> None:
        """Do what a key after the leader does: the way of the mouse and the palette."""
        pane = self.pane
        if pane is not None:
            self._start(partial(self._do, pane, action_id))

    def _start(self, job: Callable[[], Awaitable[None]]) -> None:
        start_work(self, partial(self._guarded, job), "shell command", exclusive=False)

    async def _guarded(self, job: Callable[[], Awaitable[None]]) -> None:
        try:
            await job()
        except Exception as error:  # noqa: BLE001  what fails with one pane must not end the others
            self.top.say(failure_text(error))

    async def on_terminal_pane_commanded(self, message: TerminalPane.Commanded) -> None:
        """Do what the key after the leader is for; keys of other screens lead there."""
        message.stop()
        # Its own before those of every screen: after the leader a key means what the footer says.
        for action in (*actions_in(("shell",)), *actions_in(("app",))):
            if message.key in action.keys:
                if action.where == "app":
                    await self.top.act(action.id)
                else:
                    self._start(partial(self._do, message.pane, action.id))
                return
        self._arrange()

    async def _do(self, pane: TerminalPane, action_id: str) -> None:
        match action_id:
            case "shell.next" | "shell.previous":
                panes = self.panes
                step = 1 if action_id == "shell.next" else -1
                self._last = panes[(panes.index(pane) + step) % len(panes)]
                self.set_focus(None)
                self._arrange()
                self._last.focus()
            case "shell.tabs":
                self._is_tabbed = not self._is_tabbed
            case "shell.search":
                self._open_search()
            case "shell.mark":
                self._marked ^= {pane}
            case "shell.broadcast":
                await self._switch_broadcast()
            case "shell.copy":
                self.top.copy_text(pane.shown_text())
            case "shell.links":
                await self._choose_link(pane)
            case "shell.up" | "shell.down":
                rows = max(pane.size.height - 1, 1)
                pane.scroll_rows(-rows if action_id == "shell.up" else rows)
            case "shell.close":
                await self._close(pane)
        self._arrange()

    async def _switch_broadcast(self) -> None:
        if self._is_broadcast:
            self._is_broadcast = False
            return
        names = ", ".join(pane.host for pane in self.panes if pane in self._marked)
        if not names:
            self.top.say("no pane is marked", "m after the leader marks one")
            return
        question = Confirmation(
            "Type to several hosts", f"All that you type goes to:\n\n{names}", "type to all of them"
        )
        self._is_broadcast = await confirmed(self.top, question)

    async def _close(self, pane: TerminalPane) -> None:
        if pane.is_open and not await confirmed(
            self.top, Confirmation("Close", f"The shell on {pane.host} ends.", "close it")
        ):
            return
        await pane.close()
        await pane.remove()
        self._arrange()
        self.take_focus()

    def on_terminal_pane_typed(self, message: TerminalPane.Typed) -> None:
        """Send what was typed, to all marked panes while that is asked for."""
        message.stop()
        for pane in self._heard_with(message.pane):
            message.send(pane)

    def _heard_with(self, pane: TerminalPane) -> list[TerminalPane]:
        """Return the panes that get what is typed in ``pane``."""
        is_heard = self._is_broadcast and pane in self._marked
        return [one for one in self.panes if one in self._marked] if is_heard else [pane]

    async def on_terminal_pane_pasted(self, message: TerminalPane.Pasted) -> None:
        """Ask before several lines are sent: a shell runs each of them."""
        message.stop()
        self._start(partial(self._paste, message.pane, message.text))

    async def _paste(self, pane: TerminalPane, text: str) -> None:
        lines = len(text.strip("\r\n").splitlines())
        names = ", ".join(one.host for one in self._heard_with(pane))
        question = Confirmation("Paste", f"{lines} lines for {names}:\n\n{_short(text)}", "paste them")
        if await confirmed(self.top, question):
            pane.paste(text)

    async def on_terminal_pane_wanted(self, message: TerminalPane.Wanted) -> None:
        """Ask before a host puts something into the clipboard: once at a time, and over no other page."""
        message.stop()
        pane = message.pane
        if self.top.page is self and self.top.clock.monotonic() >= pane.quiet_until:
            pane.quiet_until = math.inf
            self._start(partial(self._copy, pane, message.text))

    async def _copy(self, pane: TerminalPane, text: str) -> None:
        told = f"{pane.host} wants to copy:\n\n{_short(text)}"
        is_meant = await confirmed(self.top, Confirmation("Clipboard", told, "copy it", is_sudden=True))
        pane.quiet_until = self.top.clock.monotonic() + (0 if is_meant else _QUIET_SECONDS)
        if is_meant:
            self.top.copy_text(text)

    def on_link_pointed(self, message: LinkPointed) -> None:
        """Show where a link leads that was clicked; a second click of two finds the question there already."""
        message.stop()
        if self.is_active:
            self._start(partial(self._follow, message.pane, message.address))

    async def _choose_link(self, pane: TerminalPane) -> None:
        links = shown_links(pane.core) if pane.core is not None else []
        if not links:
            self.top.say("no link is shown here")
        elif len(links) == 1:
            await self._follow(pane, links[0])
        else:
            choices = [Choice(address, address, place_of(address)) for address in links]
            picked = await show(self.top, Pick("Links", choices, verb="shows where it leads"))
            if picked is not None:
                await self._follow(pane, picked.id)

    async def _follow(self, pane: TerminalPane, address: str) -> None:
        if not (link := safe_link(address)):
            self.top.say("this link is not followed", f"only {', '.join(KINDS)} are")
            return
        told = f"A program on {pane.host} leads to {place_of(link)}:\n\n{link}"
        if await confirmed(self.top, Confirmation("Link", told, "copy it")):
            self.top.copy_text(link)

    def on_terminal_pane_changed(self, message: TerminalPane.Changed) -> None:
        """Bring footer and frames up to what the panes are now."""
        message.stop()
        if self.is_ready:
            self._arrange()

    def _open_search(self) -> None:
        search = self.query_one("#search", Input)
        search.disabled = False
        search.add_class("-open")
        search.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Show the next place, upwards."""
        event.stop()
        pane = self._last
        if pane is not None and event.value:
            self.top.say(pane.find(event.value, -1), "Enter goes on, Esc ends")

    def step_back(self) -> bool:
        """Close the search line."""
        search = self.query_one("#search", Input)
        if not search.has_class("-open"):
            return False
        search.remove_class("-open")
        search.disabled = True
        self.take_focus()
        return True


def _short(text: str) -> str:
    """Return the begin of a text, and how much of it is not shown."""
    lines, shown, room = text.splitlines(), [], _SHOWN_LIMIT
    for line in lines[:_SHOWN_LINES]:
        if room:
            shown.append(plain(line[: min(room, _LINE_LIMIT)]))
            room -= len(shown[-1])
    more = [(len(lines) - len(shown), "line"), (sum(map(len, lines)) - sum(map(len, shown)), "letter")]
    told = " and ".join(f"{count} more {what}{'' if count == 1 else 's'}" for count, what in more if count)
    return "\n".join([*shown, *([f"… {told}"] if told else [])])


def _load() -> None:
    import_module("nagare.ssh.session")
    # The emulator comes with the first one that is made.
    _core(2, 1).close()


def _core(columns: int, rows: int) -> TerminalCore:
    from nagare.ssh.terminal.choice import make_core  # noqa: PLC0415  with the first pane

    return make_core(columns, rows)
