"""What keeps the state fresh: follows the source, primes the model after each connection, repaints no more than asked.

The only place that both waits for the outside and writes the model. Draws nothing itself: it tells the app's page what
changed, at most ``frames_per_second`` times a second.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

from textual.timer import Timer

from nagare.errors import NagareError
from nagare.lib.clock import Clock
from nagare.lib.plain_text import plain
from nagare.lib.units import format_seconds
from nagare.model.health import Level
from nagare.model.host_series import CURVE_SERIES, LIST_SERIES, SERIES
from nagare.tui.alerts.rows import SEVERITY_STATES, needs_somebody, severity_of
from nagare.tui.alerts.watch import AlertWatch
from nagare.tui.history import seed_span
from nagare.tui.host_columns import age_seconds
from nagare.tui.host_live import HostLive
from nagare.tui.live_model import FLEET_INTERVAL_MS, Changes, Connection, LiveModel, Phase
from nagare.tui.location import format_span
from nagare.tui.notify.watch import DEAD_EVENT, DeadWatch
from nagare.tui.renderables.time_axis import format_clock, local_time
from nagare.tui.replay.replay import Replay
from nagare.tui.source import Connected, Disconnected, Found, Missing, Source, SourceEvent
from nagare.tui.toasts import NOTIFICATION, Notifications, show_message
from nagare.tui.widgets.header import HeaderFacts
from nagare.tui.work import start_work
from nagare.wire.live import Digests, EventFrame, MessageFrame, Rows

if TYPE_CHECKING:
    from nagare.tui.app import TopApp
    from nagare.tui.screens.page import Page
    from nagare.wire.alerts import AlertView

# What lists show at once, of hosts that were heard a moment ago; of the others the next report tells.
_SEED_SERIES = tuple(name for name in LIST_SERIES if SERIES[name].table not in ("sensor", "gpu"))
_NEWEST_MS = 120_000
_EVENTS_WANTED = 200
# A thousand hosts are drawn once a second, a hundred of them ten times.
_HOST_SECONDS, _SLOWEST_SECONDS = 0.001, 1.0
_SHOWN_COUNTS = (Level.UP, Level.WARN, Level.CRIT, Level.STALE, Level.DOWN, Level.UNKNOWN)


class Feed:
    """Follows one source for one app."""

    def __init__(self, source: Source, clock: Clock, frames_per_second: float, app: TopApp) -> None:
        """Prepare; ``start`` begins."""
        self.source = source
        self.model = LiveModel()
        self.trouble: tuple[str, str] | None = None
        self.alerts = AlertWatch(self, app)
        self.dead = DeadWatch(self, app)
        self.replay = Replay(self, app)
        self._notifications = Notifications(app)
        self._clock = clock
        self._frame_seconds = 1 / frames_per_second
        self._app = app
        self._painted = self._hosts_painted = 0.0
        # Whether all that came of hosts since they were painted is of some among many.
        self._hosts_can_wait = True
        self._timer: Timer | None = None
        # Whether that timer waits for the pace of the fleet, which something else need not.
        self.is_waiting = False
        self._alert_counts: tuple[Mapping[str, AlertView], tuple[tuple[str, int], ...]] = ({}, ())
        self._fleet_sampled_ms = 0

    def start(self) -> None:
        """Follow the source from here on."""
        self.model.set_connection(Connection(since_ms=self._clock.now_ms()))
        start_work(self._app, self._follow, "feed")
        self._app.set_interval(1.0, self._tick, name="ages")

    async def _follow(self) -> None:
        async with aclosing(self.source.follow()) as events:
            async for event in events:
                self.take(event)

    def take(self, event: SourceEvent) -> None:
        """Take one event in and have it painted."""
        now_ms = self._clock.now_ms()
        match event:
            case Connected(hello):
                state = Connection(Phase.ONLINE, now_ms, url=self.model.connection.url, version=hello.version)
                self.model.set_connection(state)
                start_work(self._app, self._prime, "prime")
                for watch in (self.alerts, self.dead):
                    watch.start_anew()
                    watch.ask_if_due()
            case Found(url):
                self.model.set_connection(replace(self.model.connection, phase=Phase.CONNECTING, url=url))
            case Disconnected(reason, seconds):
                self._lose(Phase.LOST, plain(reason), "", seconds, now_ms)
            case Missing(reason, hint, seconds):
                self._lose(Phase.MISSING, plain(reason), plain(hint), seconds, now_ms)
            case Rows():
                self.model.apply(event, now_ms)
                can_wait = event.host != self._app.page.location.host
                self._hosts_can_wait = self._hosts_can_wait and can_wait
                self.schedule(can_wait=can_wait)
                return
            case Digests():
                self.model.apply(event, now_ms)
                self.schedule(can_wait=True)
                return
            case _:
                self.model.apply(event, now_ms)
                self._say(event)
        self.schedule()

    def _say(self, event: SourceEvent) -> None:
        """Tell in passing what comes to be told."""
        if isinstance(event, MessageFrame):
            show_message(self._app, event)
        elif isinstance(event, EventFrame) and event.event.kind == NOTIFICATION:
            self._notifications.show(event.event)
        elif isinstance(event, EventFrame) and event.event.kind.startswith("alert."):
            self.alerts.hurry()
        elif isinstance(event, EventFrame) and event.event.kind == DEAD_EVENT:
            self.dead.hurry()

    def _lose(self, phase: Phase, reason: str, hint: str, seconds: float, now_ms: int) -> None:
        was = self.model.connection
        since_ms = was.since_ms if was.phase in (Phase.LOST, Phase.MISSING) else (self.model.newest_ms or now_ms)
        retry_at = now_ms + round(seconds * 1000)
        self.model.set_connection(Connection(phase, since_ms, reason, hint, retry_at, was.url, was.version))

    async def _prime(self) -> None:
        """Ask for what happened before: hosts, events, short histories. What fails is told, the rest stands."""
        now_ms = self._clock.now_ms()
        try:
            views = await self.source.hosts()
            for view in views:
                self.model.put_host(view, now_ms)
            self.model.keep_only([view.name for view in views])
            self.model.is_primed = True
            self.model.changes.fleet = True
            self.schedule()
            self.model.put_newest(await self.source.newest(_SEED_SERIES, now_ms - _NEWEST_MS))
            self.schedule()
            self.model.caller = await self.source.caller()
            self.model.add_events(await self.source.events(_EVENTS_WANTED))
            self.model.seed(await self.source.seed(CURVE_SERIES, seed_span(now_ms, len(views))))
            self.trouble = None
            self.replay.look_again()
        except NagareError as error:
            self.model.is_primed = True
            self.note_trouble(error)
        self.schedule()

    def note_trouble(self, error: NagareError) -> None:
        """Keep an error for the banner; the next success clears it."""
        self.trouble = (plain(error.message), plain(error.hint))
        self.model.changes.connection = True
        self.schedule()

    def clear_trouble(self) -> None:
        """Forget the error: it was seen, or what failed works again."""
        if self.trouble is not None:
            self.trouble = None
            self.model.changes.connection = True
            self.schedule()

    def schedule(self, *, can_wait: bool = False) -> None:
        """Have the changes painted, at once or when the next frame is due; what ``can_wait`` is one host of many."""
        if self._timer is not None:
            if can_wait or not self.is_waiting:
                return
            self._timer.stop()
        pace, since = (self.pace_seconds, self._hosts_painted) if can_wait else (self._frame_seconds, self._painted)
        due = since + pace - self._clock.monotonic()
        self.is_waiting = can_wait
        self._timer = self._app.set_timer(max(0.001, min(due, pace)), self._paint)

    @property
    def pace_seconds(self) -> float:
        """The least time between two frames for what single hosts report: a frame of a list costs what the list is long."""
        return max(self._frame_seconds, min(_SLOWEST_SECONDS, len(self.model.hosts) * _HOST_SECONDS))

    @property
    def _can_draw(self) -> bool:
        # While the app ends, its page loses its widgets before it is told.
        return self._app.is_running and self._app.page.is_ready

    def _paint(self) -> None:
        self.model.settle(self._clock.now_ms())
        changes = self.model.take_changes()
        is_early = self._clock.monotonic() - self._hosts_painted < self.pace_seconds
        if is_early and not self.is_waiting and self._hosts_can_wait and not changes.fleet:
            # An event is told at once, but a thousand hosts are not drawn again for it: they have their turn.
            self.model.changes.hosts, changes.hosts = changes.hosts, set()
        self._paint_settled(changes)
        if self.model.changes:
            self.schedule(can_wait=True)

    def _paint_settled(self, changes: Changes) -> None:
        if self._timer is not None:
            self._timer.stop()
        self._timer = None
        self._painted = self._clock.monotonic()
        if not self.model.changes:
            self._hosts_painted, self._hosts_can_wait = self._painted, True
        self.replay.follow_connection()
        if changes and self._can_draw:
            if self._app.page.moment_ms is not None:
                # The page shows a moment that does not change any more; only how the connection stands does.
                changes = Changes(connection=changes.connection)
            self._app.page.update_live(changes)
            self._app.refresh_frame()

    def model_of(self, page: Page) -> LiveModel:
        """Return the state that ``page`` shows: the present, or the moment that is replayed."""
        past = self.replay.model
        return past if past is not None and page.follows_time else self.model

    def room_changed(self) -> None:
        """Have everything drawn anew: another moment is shown."""
        if self._can_draw:
            self._app.page.moment_changed()
            self._app.refresh_frame()

    def _tick(self) -> None:
        now_ms = self._clock.now_ms()
        self.model.settle(now_ms)
        if self.model.connection.phase is Phase.ONLINE and now_ms - self._fleet_sampled_ms >= FLEET_INTERVAL_MS:
            self._fleet_sampled_ms = now_ms
            self.model.sample_fleet(now_ms)
            self.model.changes.fleet = True
        self.alerts.ask_if_due()
        self.dead.ask_if_due()
        if self._can_draw:
            self._app.page.tick()
        if self.model.changes:
            # In the same frame as the ages.
            self._paint_settled(self.model.take_changes())
        else:
            self._app.refresh_frame()

    @property
    def can_retry(self) -> bool:
        """Whether there is a wait that can be cut short."""
        return self.model.connection.phase in (Phase.LOST, Phase.MISSING)

    def header_facts(self, page: Page) -> HeaderFacts:
        """Return what the header says."""
        now_ms, model = self._clock.now_ms(), self._shown
        counts = model.counts()
        mode = "live" if self.replay.moment_ms is None else "replay"
        text = self.replay.window_text() or f"live {format_span(page.window.span_seconds)}"
        if mode == "live" and (
            self.can_retry or counts[Level.UP] + counts[Level.WARN] + counts[Level.CRIT] == 0 < len(model.hosts)
        ):
            mode = "stale"
        return HeaderFacts(
            page.crumbs(), text, self._age(page.now_ms), self._clock_text(now_ms), mode,
            self.counts(), self.alert_counts(), self.dead.told,
        )  # fmt: skip

    @property
    def _shown(self) -> LiveModel:
        return self.model_of(self._app.page)

    def counts(self) -> tuple[tuple[str, int], ...]:
        """Return (state, number of hosts) of every state that occurs, and of "up" always."""
        counts = self._shown.counts()
        return tuple((level.value, counts[level]) for level in _SHOWN_COUNTS if counts[level] or level is Level.UP)

    def alert_counts(self) -> tuple[tuple[str, int], ...]:
        """Return (state, number) of the alerts that need somebody, by severity, the worst first."""
        alerts = self._shown.alerts
        if alerts is not self._alert_counts[0]:
            # An answer is never changed: counted once, however often the header is drawn.
            counts = Counter(severity_of(alert) for alert in alerts.values() if needs_somebody(alert))
            told = tuple((state, counts[state]) for state in reversed(SEVERITY_STATES) if counts[state])
            self._alert_counts = (alerts, told)
        return self._alert_counts[1]

    def worst(self) -> tuple[str, str, str] | None:
        """Return (state, host, reason) of the host that most needs a look, None when none does."""
        host = next(iter(self._shown.to_look_at()), None)
        if host is None:
            return None
        return host.level.value, host.name, self.reason(host)

    def reason(self, host: HostLive) -> str:
        """Return in a few words why ``host`` needs a look."""
        if host.level is Level.UNKNOWN:
            return "never heard"
        if host.level in (Level.DOWN, Level.STALE):
            return f"silent for {format_seconds(age_seconds(host, self._app.page.now_ms))}"
        return host.reasons[0].text if host.reasons else host.level.value

    def _clock_text(self, now_ms: int) -> str:
        moment = local_time(now_ms, self._app.zone)
        offset = f"{moment:%z}"
        return f"{moment:%H:%M:%S}" + ("Z" if offset == "+0000" else offset.removesuffix("00"))

    def _age(self, now_ms: int) -> str:
        newest = self._shown.newest_ms
        if newest is None:
            return ""
        return f"{format_seconds(max(0, now_ms - newest) // 1000)} ago"

    def notice(self) -> tuple[str, str, str]:
        """Return the banner: (state, sentence, action); an empty sentence when all is well."""
        connection = self.model.connection
        if self.can_retry and self.model.hosts:
            since = format_clock(connection.since_ms, self._app.zone)
            return "down", f"no data since {since}: {connection.reason} · {self.retry_text()}", "retry"
        if self.trouble is not None:
            return "warn", f"{self.trouble[0]} · d shows it all", "error.show"
        return self.replay.notice(self._app.page)

    def retry_text(self) -> str:
        """Return when the next try comes, and the key that hurries it."""
        retry_at = self.model.connection.retry_at_ms
        if retry_at is None or retry_at <= self._clock.now_ms():
            return "trying now"
        return f"retry in {-((self._clock.now_ms() - retry_at) // 1000)} s (r now)"
