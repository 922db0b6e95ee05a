"""Keeps the active alerts known on every screen: for the badge of the header, the strip of the overview, and the bell.

Asked for when the server comes, when an event tells of an alert, and every few seconds: a silence changes what people are told of
without any event. What is new since the last answer may ring; the first answer never does.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from nagare.errors import NagareError, NotFoundError, PermissionDeniedError
from nagare.lib.plain_text import plain
from nagare.tui.alerts.rows import by_need, host_of, is_bad, needs_somebody, summary_of
from nagare.tui.live_model import Phase
from nagare.tui.work import start_work

if TYPE_CHECKING:
    from nagare.tui.app import TopApp
    from nagare.tui.feed import Feed
    from nagare.wire.alerts import AlertView

# More than anybody reads; a list that is cut says so.
MOST_ALERTS = 2000
_EVERY_SECONDS = 10.0
# However many fire: one ring in so long, and it tells of all that came meanwhile.
_RING_SECONDS = 30.0


class AlertWatch:
    """Follows the alerts of one feed."""

    def __init__(self, feed: Feed, app: TopApp) -> None:
        """Prepare; nothing is asked yet."""
        self._feed = feed
        self._app = app
        self._due = 0.0
        self._is_asking = False
        # Why there is no use in asking, until the server comes back.
        self._is_refused = False
        self._has_failed = False
        self._seen: frozenset[tuple[str, str]] | None = None
        self._unrung: dict[str, AlertView] = {}
        self._quiet_until = 0.0
        # What the newest ring said, and how many there were.
        self.rung = ""
        self.rings = 0

    def start_anew(self) -> None:
        """Take notice that the server came, or came back."""
        self._is_refused = False
        self._due = 0.0

    def hurry(self) -> None:
        """Take notice that something happened to an alert."""
        self._due = 0.0
        self.ask_if_due()

    def ask_if_due(self) -> None:
        """Ask again when it is time, and ring for what waits for it."""
        now = self._app.clock.monotonic()
        self._ring(now)
        is_online = self._feed.model.connection.phase is Phase.ONLINE
        if self._is_asking or self._is_refused or not is_online or now < self._due:
            return
        self._is_asking = True
        start_work(self._app, self._ask, "alerts", exclusive=False)

    async def _ask(self) -> None:
        try:
            await self.fetch()
            if self._has_failed:
                self._has_failed = False
                self._feed.clear_trouble()
        except (PermissionDeniedError, NotFoundError):
            # A server that shows none, or that knows none yet: the screen of alerts says it.
            self._is_refused = True
            self._take([])
        except NagareError as error:
            # What is known stays; the next success clears it.
            self._has_failed = True
            self._feed.note_trouble(error)
        finally:
            self._is_asking = False
            self._due = self._app.clock.monotonic() + _EVERY_SECONDS

    async def fetch(self) -> list[AlertView]:
        """Return the active alerts as they are now, after everybody was told. Raises NagareError."""
        found = await self._feed.source.alerts().alerts(MOST_ALERTS, state="active")
        self._due = self._app.clock.monotonic() + _EVERY_SECONDS
        self._take(found)
        return found

    def _take(self, found: Iterable[AlertView]) -> None:
        model, alerts = self._feed.model, {alert.id: alert for alert in found}
        seen = frozenset((alert.id, alert.fired_at) for alert in alerts.values())
        if self._seen is not None:
            new = seen - self._seen
            self._unrung |= {one.id: one for one in alerts.values() if (one.id, one.fired_at) in new and _rings(one)}
        # What is over by now, or was taken in hand, need not ring any more.
        self._unrung = {key: alerts[key] for key in self._unrung if key in alerts and _rings(alerts[key])}
        self._seen = seen
        if alerts != model.alerts:
            model.alerts = alerts
            model.changes.alerts = True
            self._feed.schedule()
        self._ring(self._app.clock.monotonic())

    def _ring(self, now: float) -> None:
        if not self._unrung or now < self._quiet_until:
            return
        told, self._unrung = sorted(self._unrung.values(), key=by_need), {}
        self._quiet_until = now + _RING_SECONDS
        if not self._app.settings.top.bell:
            return
        self._app.bell()
        more = f" and {len(told) - 1} more" if len(told) > 1 else ""
        worst = told[0]
        on = f" on {plain(host_of(worst), 60)}" if host_of(worst) else ""
        text = self._app.palette.text(f"{plain(worst.name, 60)}{on}: {summary_of(worst)[:120]}{more}")
        self.rung, self.rings = text, self.rings + 1
        # No markup: names and summaries are foreign.
        self._app.notify(text, title="Alert", severity="error", timeout=8, markup=False)


def _rings(alert: AlertView) -> bool:
    return is_bad(alert) and needs_somebody(alert)
