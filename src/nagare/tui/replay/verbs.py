"""The keys of time, the same on every page: choose a window, step, and come back to now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nagare.tui.location import FITTED

if TYPE_CHECKING:
    from nagare.tui.app import TopApp
    from nagare.tui.location import Window

# While no host is known: the usual interval of reports.
_USUAL_INTERVAL_SECONDS = 5.0


class TimeVerbs:
    """Methods named ``do_time_...``, of one app."""

    _app: TopApp

    def do_time_choose(self) -> None:
        """Choose a window."""
        from nagare.tui.screens.time_choice import TimeChoice  # noqa: PLC0415  loaded when shown

        choice = TimeChoice(self._app.page.window.span_seconds, self._app.clock.now_ms(), self._app.zone)
        self._app.push_screen(choice, self._take)

    def do_time_live(self) -> None:
        """Show the present in a window of the same length; where that is shown, in one that nobody chose."""
        window = self._app.page.location.window
        self._take(FITTED if window.moment_ms is None else window.live())

    def do_time_back(self) -> None:
        """Show the room one interval before."""
        self._step(-interval_ms(self._app))

    def do_time_on(self) -> None:
        """Show the room one interval later."""
        self._step(interval_ms(self._app))

    def do_time_span_back(self) -> None:
        """Show the room a whole window before."""
        self._step(-self._span_ms())

    def do_time_span_on(self) -> None:
        """Show the room a whole window later."""
        self._step(self._span_ms())

    def do_time_play(self) -> None:
        """Play the past forward from the moment that is looked at, or stop there."""
        player = self._app.feed.replay.player
        if player.is_playing:
            player.pause()
        else:
            player.play()
        self._app.refresh_frame()

    def do_time_speed(self) -> None:
        """Play at the next pace."""
        player = self._app.feed.replay.player
        player.next_speed()
        player.play()
        self._app.refresh_frame()

    def _step(self, delta_ms: int) -> None:
        self._take(self._app.page.location.window.moved(delta_ms, self._app.clock.now_ms()))

    def _span_ms(self) -> int:
        return self._app.page.window.span_seconds * 1000

    def _take(self, window: Window | None) -> None:
        if window is not None:
            self._app.page.take_window(window)


def interval_ms(app: TopApp) -> int:
    """Return the interval of the host that is looked at, else the shortest of all; whole seconds."""
    hosts = app.feed.model.hosts
    host = hosts.get(app.page.location.host)
    known = [host.interval_seconds] if host is not None else [one.interval_seconds for one in hosts.values()]
    return max(1, round(min(known, default=_USUAL_INTERVAL_SECONDS))) * 1000
