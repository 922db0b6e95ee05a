"""``nagare top``: the app that holds the state, moves between pages and runs the action table.

Order of a start: the frame and a skeleton are painted before numpy or the network library are loaded; then come the
pages, then the connection. Nothing blocks the loop: answers arrive in workers, screens draw from ``live_model``.
"""

from __future__ import annotations

import inspect
from datetime import tzinfo
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.css.query import NoMatches
from textual.screen import Screen
from textual.worker import WorkerCancelled, WorkerFailed

from nagare.config.settings import Settings
from nagare.errors import NagareError
from nagare.lib.clock import Clock, SystemClock
from nagare.tui.actions import ACTIONS
from nagare.tui.footer_keys import draw_footer
from nagare.tui.frame import draw_frame
from nagare.tui.keymap import check_keys
from nagare.tui.location import Location, format_location, parse_location
from nagare.tui.looks import DressedApp, first_theme
from nagare.tui.pages import load_rest, make_page
from nagare.tui.renderables.palette import Palette, make_palette
from nagare.tui.screens.page import Page
from nagare.tui.screens.start import StartPage
from nagare.tui.verbs import AppVerbs
from nagare.tui.work import start_work

if TYPE_CHECKING:
    from nagare.tui.feed import Feed
    from nagare.tui.live_model import LiveModel
    from nagare.tui.source import Source

_HISTORY_LIMIT = 100


class TopApp(DressedApp):
    """The terminal interface of one installation."""

    TITLE = "nagare top"
    CSS_PATH = "theme.tcss"
    ENABLE_COMMAND_PALETTE = False
    # The framework's own Ctrl+C only says how to quit, its Ctrl+Q leaves without a question and takes the key from a shell.
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+c,ctrl+q", "act('quit')", show=False, priority=True)]

    def __init__(
        self,
        settings: Settings,
        location: Location,
        *,
        source: Source | None = None,
        clock: Clock | None = None,
        zone: tzinfo | None = None,
    ) -> None:
        """Prepare; nothing is loaded, read or opened before the first paint. Raises ConfigError for unusable keys."""
        self.settings = settings
        self.wanted = location
        self.use_ascii = settings.top.ascii
        super().__init__()
        self.clock: Clock = clock or SystemClock()
        self.zone = zone
        self.verbs = AppVerbs(self)
        self.past: list[Location] = []
        self.page: Page = StartPage(location)
        self._source = source
        self._pages: dict[str, Page] = {}
        self._feed: Feed | None = None
        # The keys that differ from the table's: a person's own, and defaults that made room for them.
        self.own_keys = check_keys(settings.top.keys)
        self.set_keymap(self.own_keys)
        self.dress(settings.top.theme)
        self.set_class(self.use_ascii, "-ascii")

    @property
    def palette(self) -> Palette:
        """The colours and glyphs in use."""
        return make_palette(self.theme, ascii_only=self.use_ascii)

    @property
    def feed(self) -> Feed:
        """What keeps the state fresh; there after the first paint."""
        if self._feed is None:
            raise RuntimeError("BUG: the feed is asked for before the first paint")
        return self._feed

    @property
    def model(self) -> LiveModel:
        """The state behind the page: the present, or the moment that is replayed."""
        return self.feed.model_of(self.page)

    @property
    def source(self) -> Source:
        """Where everything comes from."""
        return self.feed.source

    def get_default_screen(self) -> Screen[Any]:
        """Begin with the skeleton."""
        return self.page

    def on_mount(self) -> None:
        """Load the rest once the first frame stands."""
        self.refresh_frame()
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        start_work(self, self._open, "open")

    async def _open(self) -> None:
        # numpy and the network library cost more than the whole first paint: they come after it, beside the loop.
        await self.run_worker(load_rest, thread=True, name="load").wait()
        from nagare.tui.feed import Feed  # noqa: PLC0415  after the first paint
        from nagare.tui.source import ServerSource  # noqa: PLC0415  after the first paint

        source = self._source or ServerSource(self.settings, self.clock)
        self._feed = Feed(source, self.clock, self.settings.top.frames_per_second, self)
        await self.go(self.wanted, remember=False)
        self._feed.start()

    async def go(self, location: Location, *, remember: bool = True) -> None:
        """Show ``location``; the present one is remembered for the way back."""
        if remember and self.page.location != location:
            self.past = [*self.past[-_HISTORY_LIMIT:], self.page.location]
        page = self._pages.get(location.page)
        if page is None:
            page = self._pages[location.page] = make_page(location)
            self.install_screen(page, location.page)
        if page is not self.page:
            before, self.page = self.page, page
            if isinstance(before, StartPage):
                await self.push_screen(location.page)  # it can be covered, not replaced
                before.give_keys(self)
            else:
                await self.switch_screen(location.page)
        page.show(location)
        self._follow_time(location)
        page.redraw()
        self.refresh_frame()

    def _follow_time(self, location: Location) -> None:
        if self._feed is not None:
            self._feed.replay.look_at(location.window.moment_ms)

    def note_location(self, location: Location) -> None:
        """Take notice that a page moved by itself."""
        self.wanted = location
        self._follow_time(location)
        self.refresh_frame()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Bind only what does something here and now."""
        if action == "act" and parameters:
            return not self.page.holds_keys and self.can(str(parameters[0]))
        return super().check_action(action, parameters)

    def can(self, action_id: str) -> bool:
        """Tell whether the action does something here and now."""
        if self._feed is None:
            return action_id == "quit"
        if action_id in ("retry", "error.show"):
            return bool(self.feed.trouble if action_id == "error.show" else self.feed.can_retry)
        try:
            return self._find_method(action_id) is not None and self.page.can(action_id)
        except NoMatches:
            return False  # the page is being put together or taken down

    def _find_method(self, action_id: str) -> Any:
        if self._feed is not None and (reason := self.page.why_not(action_id)):
            return partial(self.say, reason)
        method = ACTIONS[action_id].method
        found = getattr(self.page, method, None) or getattr(self.verbs, method, None)
        if found is None and ACTIONS[action_id].where in self.page.contexts:
            return partial(self.page.run_widget_action, action_id)
        return found

    async def action_act(self, action_id: str) -> None:
        """Run an action of the table: what every key, click and palette entry leads to."""
        await self.act(action_id)

    def _handle_exception(self, error: Exception) -> None:
        # Who waits for other work hears that it was cancelled, as all work is where the app ends: nothing failed.
        if not (isinstance(error, WorkerFailed) and isinstance(error.error, WorkerCancelled)):
            super()._handle_exception(error)

    def _fatal_error(self) -> None:
        # The framework would print a page of source with the values of variables, secrets among them. ``run_top``
        # raises the failure once the terminal is its owner's again; the command line says it in one sentence.
        self._close_messages_no_wait()

    @property
    def failure(self) -> Exception | None:
        """The bug that ended the app, if one did."""
        failed = self._exception
        return failed.error if isinstance(failed, WorkerFailed) and isinstance(failed.error, Exception) else failed

    async def action_quit(self) -> None:
        """Leave as by the key, also where the framework asks for it."""
        await self.act("quit")

    async def act(self, action_id: str) -> None:
        """Run an action where it lives: on the page, else on the app."""
        if action_id not in ACTIONS or not self.can(action_id):
            return
        try:
            outcome = self._find_method(action_id)()
            if inspect.isawaitable(outcome):
                await outcome
        except NagareError as error:
            self.say(error.message, error.hint)
        self.refresh_footer()

    def refresh_frame(self) -> None:
        """Draw header, banner and footer of the present page."""
        if self._feed is not None and self.is_running and self.page.is_ready:
            draw_frame(self)

    def refresh_footer(self) -> None:
        """Draw the keys of the present mode."""
        if self._feed is not None:
            draw_footer(self)

    def copy_text(self, text: str) -> None:
        """Copy ``text`` by the terminal's own clipboard sequence (OSC 52)."""
        self.copy_to_clipboard(text)
        lines = text.count("\n") + 1
        self.say(f"copied {lines} lines" if lines > 1 else f"copied {text[:60]}")

    def say(self, text: str, hint: str = "") -> None:
        """Say something in passing, beside the data and not over it."""
        self.page.flash(f"{text} · {hint}" if hint else text)

    @property
    def address(self) -> str:
        """The address of what is shown."""
        return format_location(self.page.location)


def run_top(settings: Settings, location: str | None) -> int:
    """Open the interface at ``location`` and return the exit code. Raises InputError, ConfigError before it opens."""
    app = TopApp(settings, parse_location(location or "overview"))
    app.dress(first_theme(settings.top, app.console.color_system))
    outcome = app.run(mouse=settings.top.mouse)
    if app.failure is not None:
        raise app.failure
    return outcome or app.return_code or 0
