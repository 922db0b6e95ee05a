"""A shell in a pane: bytes of a host into an emulator, its changed rows into strips, and keys back to the host.

Drawing is bounded: rows that changed are drawn again at most thirty times a second, twice as often while a key waits for its
echo, and none while the pane is hidden. All keys belong to the host but one, the leader, after which one key is for the page.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.content import Content
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.timer import Timer

from nagare.errors import NagareError
from nagare.lib.plain_text import plain
from nagare.tui.shells.calls import Begin
from nagare.tui.shells.cells import strip_of
from nagare.tui.shells.pace import Pace, draw_now
from nagare.tui.shells.sending import send_key, send_paste
from nagare.tui.widgets.pane_mouse import PaneMouse
from nagare.tui.work import failure_text, start_work

if TYPE_CHECKING:
    from nagare.lib.clock import Clock
    from nagare.ssh.session import Session
    from nagare.ssh.terminal.core import Cursor, Found, TerminalCore


LEADER = "ctrl+right_square_bracket"
_TITLE_LIMIT = 60


class TerminalPane(PaneMouse, can_focus=True):
    """One host's shell; it keeps its text when the connection is gone, and opens another on Enter, or by the server on ``v``."""

    HELP = "A shell on a host. All keys go there; after `Ctrl+]` the next one is for this screen."
    DEFAULT_CSS = """
    TerminalPane {
        background: $background; color: $foreground; border: round $nagare-faint; border-title-color: $foreground;
        &:focus { border: heavy $foreground; border-title-style: bold reverse; }
        &.-marked { border: round $warning; }
        &.-broadcast { border: heavy $error; border-title-color: $error; border-title-style: bold reverse; }
    }
    """

    class Commanded(Message):
        """A key after the leader, for the page."""

        def __init__(self, pane: TerminalPane, key: str) -> None:
            """Keep the pane and the key."""
            super().__init__()
            self.pane = pane
            self.key = key

    class Typed(Message):
        """Something for the host, which a broadcast gives to others too: called with each pane that shall have it."""

        def __init__(self, pane: TerminalPane, send: Callable[[TerminalPane], None]) -> None:
            """Keep the pane and how to send."""
            super().__init__()
            self.pane = pane
            self.send = send

    class Pasted(Message):
        """Several lines were pasted, which a person has to mean."""

        def __init__(self, pane: TerminalPane, text: str) -> None:
            """Keep the pane and the text."""
            super().__init__()
            self.pane = pane
            self.text = text

    class Wanted(Message):
        """The host wants something in the clipboard."""

        def __init__(self, pane: TerminalPane, text: str) -> None:
            """Keep the pane and the text."""
            super().__init__()
            self.pane = pane
            self.text = text

    class Changed(Message):
        """The pane's shell came or went."""

    ALLOW_SELECT: ClassVar[bool] = False

    def __init__(
        self, host: str, begin: Begin, make_core: Callable[[int, int], TerminalCore], clock: Clock, *, by_server: bool
    ) -> None:
        """Show a shell on ``host``; ``begin`` makes a session for each connection, ``by_server`` is the way it goes at first."""
        super().__init__()
        self._pace = Pace(clock.monotonic)
        self.by_server, self._is_offered = by_server, False
        self.host = host
        self._begin = begin
        self._make_core = make_core
        self._core: TerminalCore | None = None
        self._session: Session | None = None
        self._strips: dict[int, Strip] = {}
        self._cursor: Cursor | None = None
        self._timer: Timer | None = None
        self._found: Found | None = None
        self.is_led, self.note = False, "opening"
        # Until then (monotonic seconds) the host asks for no clipboard.
        self.quiet_until = 0.0
        self._told = self._failure = ""

    @property
    def is_open(self) -> bool:
        """Whether the shell takes keys."""
        return self._session is not None and not self.note

    @property
    def core(self) -> TerminalCore | None:
        """The emulator, from the first size on."""
        return self._core

    def on_mount(self) -> None:
        """Tell what it is; the first size may have come before anybody listened."""
        self._tell()
        self.call_after_refresh(self.fit)

    def on_unmount(self) -> None:
        """Free the emulator."""
        if self._core is not None:
            self._core.close()
            self._core = None

    def on_resize(self) -> None:
        """Take the size."""
        self.fit()

    def fit(self) -> None:
        """Give emulator and host the size; the first one begins the shell."""
        columns, rows = self.size
        if not columns or not rows:
            return
        self._strips.clear()
        if self._core is None:
            self._core = self._make_core(columns, rows)
            self.reconnect()
            return
        if self._core.size == (columns, rows):
            return
        self._core.resize(columns, rows)
        if self._session is not None:
            self._session.resize(columns, rows)
        self.refresh()

    def reconnect(self) -> None:
        """Open a shell; what was shown stays above it."""
        start_work(self, self._run, "shell")

    async def _run(self) -> None:
        self.note, self._failure, self._is_offered = "opening", "", False
        self._tell()
        try:
            why, hint = await self._live(), ""
        except Exception as error:  # noqa: BLE001  whatever ends a shell must not end the dashboard with it
            why, hint = failure_text(error), error.hint if isinstance(error, NagareError) else ""
        self._end(why, hint)

    async def _live(self) -> str:
        """Open the shell, show it to its end, and return why it ended."""
        assert self._core is not None
        session = self._session = self._begin(by_server=self.by_server)
        await session.open(self.host, *self._core.size)
        session.resize(*self._core.size)
        self.note = ""
        self._tell()
        start_work(self, partial(self._keep_told, session), "told")
        try:
            while chunk := await session.read():
                self._take(chunk)
                # What is there already is read without a wait: keys come before the rest of a flood.
                await asyncio.sleep(0)
            status = (await session.close()).status
            return self._failure or session.why or f"ended with status {status if status is not None else '?'}"
        finally:
            self.workers.cancel_group(self, "told")
            await session.close()

    async def _keep_told(self, session: Session) -> None:
        try:
            await session.keep_told()
        except Exception as error:  # noqa: BLE001  as above
            # A shell that is not on record any more does not go on.
            self._failure = failure_text(error)
            await session.shell.close()

    def _take(self, chunk: bytes) -> None:
        if self._core is None or self._session is None:
            return
        self._core.feed(chunk)
        if replies := self._core.take_replies():
            self._session.shell.write(replies)
        if (text := self._core.take_clipboard()) is not None:
            self.post_message(self.Wanted(self, text))
        self._arm()

    def _end(self, why: str, hint: str = "") -> None:
        self._is_offered = self._session is not None and self._session.may_go_by_server
        self._session = None
        self.note = plain(why, 300)
        if self._core is not None:
            # What the dead program asked for must not bind the next one, or the mouse would type into it. Saved first, the
            # cursor stays where no program had the other screen to leave: what is told lies over no text.
            ways = "Enter tries again · v goes by the server" if self._is_offered else "Enter opens it again"
            told = f" {self.note}{' · ' + plain(hint, 300) if hint else ''} · {ways} "
            self._core.feed(b"\x1b7\x1b[?1049l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?2004l\x1b[?1l\x1b[?25h")
            self._core.feed(f"\x1b[0m\r\n\x1b[7m{told}\x1b[0m\r\n".encode())
        self._arm()
        self._tell()

    def _tell(self) -> None:
        title = plain(self._core.title, _TITLE_LIMIT) if self._core is not None else ""
        way = ["by the server"] if self.by_server else []
        words = [self.host, *way, *([self.note.partition(":")[0]] if self.note else []), *([title] if title else [])]
        self.border_title = Content(f" {' · '.join(words)} ")
        self.post_message(self.Changed())

    def _arm(self) -> None:
        if not (self.is_attached and self.screen.is_current and self.display):
            return
        wait = self._pace.wait_seconds()
        if not wait:
            self._draw()
        elif self._timer is None:
            self._timer = self.set_timer(wait, self._draw)

    def _draw(self) -> None:
        self.flush()
        if self._pace.is_awaited:
            draw_now(self)
            self._pace.shown()

    def flush(self) -> None:
        """Draw the rows that changed since the last time."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        self._pace.drawn()
        if self._core is None:
            return
        dirty = set(self._core.dirty_rows())
        cursor = self._core.cursor
        if cursor != self._cursor:
            dirty |= {cursor.row, *([self._cursor.row] if self._cursor else [])}
            self._cursor = cursor
        for row in dirty:
            self._strips.pop(row, None)
        if dirty:
            self.refresh(*_regions(dirty, self.size.width))
        title = f"{self.host} {self._core.title} {self.note}"
        if title != self._told:
            self._told = title
            self._tell()

    def render_line(self, y: int) -> Strip:
        """Return a row, drawn when it changed."""
        if not y and (self._core is None or self._core.size != self.size):
            # A size that the library found beside a layout is told by no event; who is drawn has one.
            self.call_next(self.fit)
        if y not in self._strips:
            self._draw_missing()
        return self._strips.get(y) or Strip.blank(self.size.width, self.rich_style)

    def _draw_missing(self) -> None:
        """Draw the rows that are not kept: they are read from the emulator in one walk."""
        core, base, width = self._core, self.rich_style, self.size.width
        if core is None:
            return
        cursor, above, found = core.cursor, core.scrolled[0], self._found
        cursor_row = cursor.row if cursor.is_shown and self.has_focus and self.is_open else -1
        rows = range(min(self.size.height, core.size[1]))
        for y, runs in core.rows([y for y in rows if y not in self._strips]).items():
            column = cursor.column if y == cursor_row else None
            place = (found.column, found.width) if found is not None and found.row == above + y else None
            self._strips[y] = strip_of(runs, base, width, column, place)

    def on_focus(self) -> None:
        """Draw the cursor."""
        self._redraw()

    def on_blur(self) -> None:
        """Draw it no more."""
        self.is_led = False
        self._redraw()

    def _redraw(self) -> None:
        self._strips.clear()
        self.refresh()

    def on_show(self) -> None:
        """Draw what came while the pane was hidden."""
        self.fit()
        self.flush()
        self._redraw()

    def on_key(self, event: events.Key) -> None:
        """Send a key to the host; the one after the leader is the page's."""
        event.stop()
        event.prevent_default()
        if self.is_led:
            self.is_led = False
            if event.key == LEADER:
                self._send_key(LEADER, None)
            else:
                self.post_message(self.Commanded(self, event.key))
        elif event.key == LEADER:
            self.is_led = True
            self.post_message(self.Changed())
        elif self.is_open:
            self._send_key(event.key, event.character)
        elif event.key == "enter" and self._session is None:
            self.reconnect()
        elif event.key == "v" and self._session is None and self._is_offered:
            self.by_server = True
            self.reconnect()
        elif event.key == "escape":
            self.post_message(self.Commanded(self, "escape"))

    def _send_key(self, key: str, character: str | None) -> None:
        self.post_message(self.Typed(self, partial(send_key, key=key, character=character)))

    def send(self, keys: bytes) -> None:
        """Send bytes to the host, and show the end of what it wrote."""
        if self._core is not None and self._session is not None and self.is_open and keys:
            self._session.shell.write(keys)
            self._pace.typed()
            if self._found is not None or self._core.scrolled[0] + self._core.size[1] < self._core.scrolled[1]:
                self._found = None
                self.scroll_rows(10**6)

    def on_paste(self, event: events.Paste) -> None:
        """Send one line; several are asked about."""
        event.stop()
        if "\n" in event.text.strip("\n") or "\r" in event.text.strip("\r\n"):
            self.post_message(self.Pasted(self, event.text))
        else:
            self.paste(event.text)

    def paste(self, text: str) -> None:
        """Send pasted text as the program there wants it."""
        self.post_message(self.Typed(self, partial(send_paste, text=text)))

    def scroll_rows(self, rows: int) -> None:
        """Move the view in the scrollback."""
        if self._core is not None:
            self._core.scroll(rows)
            self.flush()

    def find(self, needle: str, way: int) -> str:
        """Show the next place of ``needle``, up (-1) or down (1) from the last one; return what to say of it."""
        if self._core is None:
            return ""
        places = list(self._core.search(needle))
        if not places:
            self._found = None
            self._redraw()
            return f"{needle[:40]} stands nowhere here"
        known = places.index(self._found) if self._found in places else (len(places) if way < 0 else -1)
        at = (known + way) % len(places)
        self._found = places[at]
        self._core.scroll_to(max(self._found.row - self._core.size[1] // 2, 0))
        self.flush()
        self._redraw()
        return f"{at + 1} of {len(places)}"

    def shown_text(self) -> str:
        """Return the rows that are shown, without blanks at their ends."""
        if self._core is None:
            return ""
        rows = self._core.rows(range(self._core.size[1]))
        return "\n".join("".join(run.text for run in rows[row]).rstrip() for row in sorted(rows)).rstrip("\n")

    async def close(self) -> None:
        """End the shell."""
        if self._session is not None:
            await self._session.close()


def _regions(rows: set[int], width: int) -> list[Region]:
    """Return what to draw of ``rows``: from the first to the last where most of those between are among them."""
    first, last = min(rows), max(rows)
    if 2 * len(rows) > last - first:
        return [Region(0, first, width, last - first + 1)]
    return [Region(0, row, width, 1) for row in rows]
