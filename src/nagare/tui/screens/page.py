"""What every screen of the app shares: header, banner, body, footer, and the life of its data.

A page is told what changed and draws only that; it asks the outside through the app's source in workers, never while
drawing. Loads no numpy: the first paint waits for this file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar, TypeVar, cast

from textual.app import ComposeResult
from textual.containers import Container
from textual.screen import Screen
from textual.timer import Timer
from textual.widget import Widget

from nagare.tui.actions import ACTIONS
from nagare.tui.keymap import bindings_for
from nagare.tui.location import FITTED, Location, Window
from nagare.tui.permissions import why_not_allowed, why_not_now
from nagare.tui.widgets.banner import Banner
from nagare.tui.widgets.floor import Floor
from nagare.tui.widgets.footer import Footer
from nagare.tui.widgets.header import Header
from nagare.tui.widgets.line import Line
from nagare.tui.work import start_work

if TYPE_CHECKING:
    from nagare.tui.app import TopApp
    from nagare.tui.live_model import Changes, LiveModel


Part = TypeVar("Part", bound=Widget)
_FLASH_SECONDS = 4.0
# From 80 columns on there is room for two things side by side, from 120 on for an inspector, from 180 on for three.
_WIDTHS = [(0, "-tiny"), (40, "-small"), (80, "-medium"), (120, "-wide"), (180, "-huge")]
_HEIGHTS = [(0, "-flat"), (10, "-low"), (24, "-normal"), (36, "-tall"), (54, "-towering")]


class Page(Screen[None]):
    """One place of the app. ``contexts`` name the parts of the action table that hold here."""

    BINDINGS = bindings_for(("app",))
    DEFAULT_CSS = """
    Page > #body { height: 1fr; width: 1fr; }
    Page.-tiny > #body, Page.-flat > #body { display: none; }
    Page.-tiny > Floor, Page.-flat > Floor { display: block; }
    Page.-replay > Footer { background: $nagare-past; }
    Page.-replay LiveTable, Page.-replay #fleet { border-title-color: $accent; }
    """
    contexts: ClassVar[tuple[str, ...]] = ()
    # Whether the page can show a moment of the past; one that cannot shows the present, and says so.
    follows_time: ClassVar[bool] = False
    HORIZONTAL_BREAKPOINTS = _WIDTHS
    VERTICAL_BREAKPOINTS = _HEIGHTS

    def __init__(self, location: Location) -> None:
        """Begin at ``location``."""
        super().__init__()
        self.location = location
        self._is_put_together = False
        self._flash = ""
        self._flash_timer: Timer | None = None

    @property
    def is_ready(self) -> bool:
        """Whether its widgets stand: before that, and once they are being taken down, there is nothing to draw into."""
        return self._is_put_together and not self._pruning

    @property
    def top(self) -> TopApp:
        """The app, by its own type."""
        return cast("TopApp", self.app)

    @property
    def model(self) -> LiveModel:
        """The state behind the page: the present, or the moment that is replayed."""
        return self.top.feed.model_of(self)

    @property
    def moment_ms(self) -> int | None:
        """The moment of the past that the page shows, None for now."""
        return self.top.feed.replay.moment_ms if self.follows_time else None

    @property
    def now_ms(self) -> int:
        """The moment that ages count against: the one that is replayed, else now."""
        moment = self.moment_ms
        return self.top.clock.now_ms() if moment is None else moment

    def compose(self) -> ComposeResult:
        """Put header, banner, body and footer on top of each other."""
        yield Header()
        yield Banner()
        yield Floor()
        with Container(id="body"):
            yield from self.body()
        yield Footer()

    def body(self) -> Iterable[Widget]:
        """Return what stands between banner and footer."""
        raise NotImplementedError

    def crumbs(self) -> tuple[tuple[str, str], ...]:
        """Return the breadcrumb: (text, action of a click)."""
        raise NotImplementedError

    def show(self, location: Location) -> None:
        """Go to ``location``, which is of this page's kind."""
        self.location = location

    def redraw(self) -> None:
        """Draw everything again: the page was hidden, or its address changed."""

    def update_live(self, changes: Changes) -> None:
        """Draw again what ``changes`` touch."""

    def moment_changed(self) -> None:
        """Draw everything again: another moment is shown."""
        self.redraw()

    def take_window(self, window: Window) -> None:
        """Show another time: remember it, and have what shows time follow."""
        self.set_location(window=window)
        self.window_changed()

    def window_changed(self) -> None:
        """Follow a time that was chosen with what the page asks for by itself."""

    def tick(self) -> None:
        """Bring ages up to the second."""

    def footer_hint(self) -> str:
        """Return words that replace the keys: a passing remark, or help for a text field."""
        return self._flash

    def can(self, action: str) -> bool:
        """Tell whether ``action`` does something here and now; what does nothing is neither bound nor shown."""
        if action in ("time.on", "time.span_on"):
            return self.location.window.moment_ms is not None
        if action in ("time.play", "time.speed"):
            return self.location.window.moment_ms is not None and self.follows_time
        if action == "time.compare":
            return False
        if action == "time.live":
            return self.location.window != FITTED
        return action in ACTIONS and (action != "diagnose" or self.to_diagnose() is not None)

    def to_diagnose(self) -> tuple[str, str] | None:
        """Return the host, or the alert, that a diagnosis asked for here is of: neither for the whole fleet, None for nothing."""
        return (self.host_at_cursor(), "") if "targets" in self.contexts else None

    def why_not(self, action: str) -> str:
        """Return why the caller may not do ``action``, which is shown all the same; empty when nothing is in the way."""
        return why_not_allowed(action, self.model.caller) or why_not_now(action, self.top.feed.replay.why_not())

    @property
    def is_catching_up(self) -> bool:
        """Whether something of the moment that is shown is still on its way to the screen."""
        return False

    def take_focus(self) -> None:
        """Give the keys to the page's main panel, unless something has them."""

    def find_part(self, kind: type[Part]) -> Part | None:
        """Return the page's first widget of that kind; None while the page is put together or taken down."""
        return self.query_one_optional(kind)

    def run_widget_action(self, action_id: str) -> None:
        """Have a widget do what its own key would: the way of the mouse and the palette."""

    def step_back(self) -> bool:
        """Undo one step within the page; False when there is none."""
        return False

    @property
    def holds_keys(self) -> bool:
        """Whether every key is for what has the focus: none of the app's is bound then."""
        return False

    @property
    def is_typing(self) -> bool:
        """Whether letters are text now: the footer then names the other keys."""
        return False

    @property
    def is_at_floor(self) -> bool:
        """Whether the terminal has room for the counts alone."""
        return self.has_class("-tiny") or self.has_class("-flat")

    def notice(self) -> tuple[str, str, str] | None:
        """Return the page's own banner, or None for the connection's."""
        return None

    @property
    def window(self) -> Window:
        """The window that is shown: the address's, or the one that fits the data while none was chosen."""
        return self.location.window.fit(self.model.oldest_ms(self.location.host), self.top.clock.now_ms())

    def point_at(self, key: str) -> None:
        """Put the cursor of the page's list on a row, now or when it comes."""

    def host_at_cursor(self) -> str:
        """Return the host under the cursor, empty when there is none."""
        return ""

    def flash(self, text: str) -> None:
        """Say something in the footer for a few seconds: beside the data, not over it."""
        if self._flash_timer is not None:
            self._flash_timer.stop()
        self._flash = text
        self._flash_timer = self.set_timer(_FLASH_SECONDS, self._end_flash)
        self.top.refresh_footer()

    def _end_flash(self) -> None:
        self._flash = ""
        self._flash_timer = None
        self.top.refresh_footer()

    def value_to_copy(self) -> str:
        """Return the value under the cursor, empty when there is none."""
        return ""

    def set_location(self, **changes: object) -> None:
        """Remember a change of the address that came from this page itself."""
        self.location = replace(self.location, **changes)  # type: ignore[arg-type]  # the fields are the caller's business
        self.top.note_location(self.location)

    def on_mount(self) -> None:
        """Take drawing from here on."""
        self._is_put_together = True

    def on_unmount(self) -> None:
        """Take no drawing any more."""
        self._is_put_together = False

    def on_screen_resume(self) -> None:
        """Draw header and footer of this page."""
        self.top.refresh_frame()

    def on_descendant_focus(self) -> None:
        """Keys of the footer follow the focus."""
        self.top.refresh_footer()

    def on_line_clicked(self, message: Line.Clicked) -> None:
        """A click does what the key does."""
        message.stop()
        start_work(self, partial(self.top.act, message.action), "click", exclusive=False)
