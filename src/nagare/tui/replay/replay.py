"""Which moment of the past the room shows, and the model of it, beside the live one that goes on.

The newest wish wins: a load that nobody waits for any more is ended. What was shown stays until the wanted moment is there,
so that a header never names a moment that the screen does not show. A few moments are kept for stepping back and forth.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING

from textual.timer import Timer
from textual.worker import WorkerCancelled

from nagare.errors import NagareError, NotFoundError, NotReadyError, PermissionDeniedError
from nagare.lib.plain_text import plain
from nagare.tui.alerts.watch import MOST_ALERTS
from nagare.tui.live_model import LiveModel
from nagare.tui.renderables.time_axis import format_moment
from nagare.tui.replay.alerts_then import alerts_at
from nagare.tui.replay.player import Player
from nagare.tui.replay.then import FleetThen, build_model
from nagare.tui.replay.verbs import interval_ms
from nagare.tui.source import FLEET_TABLES
from nagare.tui.work import start_work

if TYPE_CHECKING:
    from nagare.tui.app import TopApp
    from nagare.tui.feed import Feed
    from nagare.tui.screens.page import Page
    from nagare.wire.alerts import AlertView

# A key that is held down asks for the moment at which it rests.
_DEBOUNCE_SECONDS = 0.08
_KEPT = 24
_EVENTS_WANTED = 200
_TURNS_OF_MOST = 500
# A moment this young may still get rows: agents send in intervals, and late.
_SETTLED_MS = 60_000


class Replay:
    """The moment that one app shows. ``moment_ms`` and ``model`` are None while it shows now."""

    def __init__(self, feed: Feed, app: TopApp) -> None:
        """Prepare; nothing is asked yet."""
        self._feed = feed
        self._app = app
        self.moment_ms: int | None = None
        self.model: LiveModel | None = None
        self.wanted_ms: int | None = None
        self.note = ""
        self._kept: OrderedDict[int, tuple[LiveModel, str]] = OrderedDict()
        self._timer: Timer | None = None
        self.player = Player(app, partial(interval_ms, app))

    @property
    def is_loading(self) -> bool:
        """Whether another moment is wanted than the one that is shown."""
        return self.wanted_ms != self.moment_ms

    def look_at(self, moment_ms: int | None) -> None:
        """Show the room at ``moment_ms``, or now for None and for a moment that is not over yet."""
        if moment_ms is not None and moment_ms >= self._app.clock.now_ms():
            moment_ms = None
        if moment_ms == self.wanted_ms:
            return
        self.wanted_ms = moment_ms
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        kept = self._kept.get(moment_ms) if moment_ms is not None else None
        if moment_ms == self.moment_ms:
            return  # it is what stands there: what was on its way is not waited for any more
        if moment_ms is None:
            self._show(None, None, "")
        elif kept is not None:
            self._kept.move_to_end(moment_ms)
            self._show(moment_ms, *kept)
        else:
            self._timer = self._app.set_timer(_DEBOUNCE_SECONDS, self._begin)

    def look_again(self) -> None:
        """Ask anew for what could not be asked for: the server is there, or back."""
        if self.is_loading and self._timer is None:
            self._begin()

    def _begin(self) -> None:
        self._timer = None
        if self.wanted_ms is not None:
            start_work(self._app, partial(self._load, self.wanted_ms), "replay")

    async def _load(self, moment_ms: int) -> None:
        try:
            then = await self._ask(moment_ms)
        except NotReadyError:
            return  # the banner of the connection says so; it is asked again when the server is there
        except NagareError as error:
            self._feed.note_trouble(error)
            return
        # Rows of a large fleet are put in order beside the loop.
        build = partial(build_model, then, self._feed.model.watched)
        try:
            model = await self._app.run_worker(build, thread=True, name="replay-build", group="replay-build").wait()
        except WorkerCancelled:
            return  # the app ends
        if moment_ms == self.wanted_ms and model is not None:
            if self._app.clock.now_ms() - moment_ms > _SETTLED_MS:
                self._keep(moment_ms, model, then.note)
            self._show(moment_ms, model, then.note)

    async def _ask(self, moment_ms: int) -> FleetThen:
        source = self._feed.source
        views = [host.view for host in self._feed.model.hosts.values() if host.view is not None]
        rows = await source.fleet_rows(moment_ms, FLEET_TABLES, [view.name for view in views])
        events = await source.events(_EVENTS_WANTED, until_ms=moment_ms + 1)
        alerts = await self._alerts(moment_ms)
        return FleetThen(moment_ms, views, rows.tables, rows.seeds, rows.heard_ms, events, alerts, rows.note)

    async def _alerts(self, moment_ms: int) -> list[AlertView]:
        """Return the alerts as they stood; none where nobody may see them."""
        source, known = self._feed.source, dict(self._feed.model.alerts)
        try:
            changed = await source.alerts().alerts(MOST_ALERTS, since_ms=str(moment_ms))
            turns = await source.turns([alert.id for alert in changed[:_TURNS_OF_MOST]], moment_ms)
            silences = await source.silences().silences()
        except (PermissionDeniedError, NotFoundError):
            return []
        known |= {alert.id: alert for alert in changed}
        return alerts_at(moment_ms, known.values(), turns, silences)

    def _keep(self, moment_ms: int, model: LiveModel, note: str) -> None:
        self._kept[moment_ms] = (model, note)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)

    def _show(self, moment_ms: int | None, model: LiveModel | None, note: str) -> None:
        was, self.moment_ms, self.model, self.note = self.moment_ms, moment_ms, model, note
        self.follow_connection()
        if was is not None or moment_ms is not None:
            self._feed.room_changed()

    def follow_connection(self) -> None:
        """Have the past say how the connection stands now, and who asks."""
        if self.model is not None:
            self.model.connection = self._feed.model.connection
            self.model.caller = self._feed.model.caller

    def why_not(self) -> str:
        """Return why nothing may be changed while the past is shown, and the way out."""
        if self.moment_ms is None:
            return ""
        return f"this is {self.moment_text()}, not now: what changes something is done on the present · 0 back to live"

    def moment_text(self) -> str:
        """Return the moment that is shown, as people write it."""
        return self._text(self.moment_ms)

    def _text(self, moment_ms: int | None) -> str:
        return "" if moment_ms is None else format_moment(moment_ms, self._app.clock.now_ms(), self._app.zone)

    def window_text(self) -> str:
        """Return what the header says of the moment, empty while now is shown and nothing else is wanted."""
        loading = f"{self._text(self.wanted_ms)} loading" if self.is_loading and self.wanted_ms is not None else ""
        if self.moment_ms is None:
            return f"live, {loading}" if loading else ""
        if self.player.is_playing:
            # What is on its way is a part of playing: the moment that is shown says it all.
            return f"REPLAY {self.moment_text()}{self.player.told()} (live: 0)"
        return f"REPLAY {loading or self.moment_text()} (live: 0)"

    def notice(self, page: Page) -> tuple[str, str, str]:
        """Return what is to be said of the moment on ``page``: (state, sentence, action), an empty sentence for nothing."""
        if self.moment_ms is not None and not page.follows_time:
            return "info", f"this screen shows what is now, not {self.moment_text()} · 0 back to live", "time.live"
        return ("warn", plain(self.note), "") if self.note else ("", "", "")
