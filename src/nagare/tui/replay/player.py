"""Plays the room forward from a moment of the past, at the pace of the clock or faster, until now.

A step is taken only when the page shows the one before: what comes late is left out, so that nothing queues up and the moment
that is shown keeps the pace. While another screen, or a dialogue, has the terminal, time stands still and nothing is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from textual.timer import Timer

from nagare.tui.location import Window

if TYPE_CHECKING:
    from nagare.tui.app import TopApp

SPEEDS = (1, 10, 60)
# How often it looks whether a step is due; faster would only ask the server for what no eye can follow.
_TICK_SECONDS = 0.25
# Where in the window the moment stands after the window moved: the rest is what is to come.
_LEAD_SHARE = 0.75


class Player:
    """Plays one app. ``is_playing`` while time goes on; ``speed`` is how many seconds pass in one."""

    def __init__(self, app: TopApp, interval_ms: Callable[[], int]) -> None:
        """Prepare; ``interval_ms`` is the distance of samples, below which no step shows anything new."""
        self._app = app
        self._interval_ms = interval_ms
        self._timer: Timer | None = None
        self._speed = SPEEDS[1]
        # Where it went on from: the moment, and the clock of then. The moment that it asked for last.
        self._from_ms = 0
        self._from_seconds = 0.0
        self._asked_ms: int | None = None

    @property
    def is_playing(self) -> bool:
        """Whether time goes on."""
        return self._timer is not None

    @property
    def speed(self) -> int:
        """How many seconds pass in one."""
        return self._speed

    def play(self) -> None:
        """Go on from the moment that is looked at; does nothing at the present."""
        if self._timer is None and self._app.page.location.window.moment_ms is not None:
            self._asked_ms = None
            self._timer = self._app.set_interval(_TICK_SECONDS, self.tick, name="play")

    def pause(self) -> None:
        """Stop at the moment that is shown: one that is still on its way is let go."""
        if self._timer is None:
            return
        self._timer.stop()
        self._timer = None
        window, shown = self._app.page.location.window, self._app.feed.replay.moment_ms
        if shown is not None and self._asked_ms == window.moment_ms != shown:
            self._app.page.take_window(_at(window, shown, self._app.clock.now_ms()))

    def next_speed(self) -> None:
        """Take the next pace, from the moment that is looked at on."""
        self._speed = SPEEDS[(SPEEDS.index(self._speed) + 1) % len(SPEEDS)]
        self._asked_ms = None

    def tick(self) -> None:
        """Take the next step, if it is due and the page is done with the one before."""
        app, page = self._app, self._app.page
        if self._timer is None:
            return
        window = page.location.window
        if window.moment_ms is None:
            self.pause()  # somebody went back to live
            return
        if not page.follows_time or app.screen is not page:
            self._asked_ms = None
            return
        if window.moment_ms != self._asked_ms:
            # It begins, or somebody chose another moment: from exactly there.
            self._from_ms = self._asked_ms = window.moment_ms
            self._from_seconds = app.clock.monotonic()
        if not (app.feed.replay.is_loading or page.is_catching_up):
            self._step(window)

    def _step(self, window: Window) -> None:
        interval_ms, now_ms = self._interval_ms(), self._app.clock.now_ms()
        passed_ms = (self._app.clock.monotonic() - self._from_seconds) * 1000 * self._speed
        moment_ms = self._from_ms + int(passed_ms // interval_ms) * interval_ms
        if moment_ms + interval_ms > now_ms:
            self.pause()
            self._app.page.take_window(window.live())
            self._app.say("this is now: nothing further to play")
        elif moment_ms != self._asked_ms:
            self._asked_ms = moment_ms
            self._app.page.take_window(_at(window, moment_ms, now_ms))
            # An address has whole seconds, as has the moment of it.
            self._asked_ms = self._app.page.location.window.moment_ms

    def told(self) -> str:
        """Return what the header says of the pace, empty while time stands still."""
        if not self.is_playing:
            return ""
        return f" {self._app.palette.glyphs.command} {self._speed}x"


def _at(window: Window, moment_ms: int, now_ms: int) -> Window:
    """Return the window that looks at the moment; one that it leaves moves on, so that there is room for what comes."""
    start_ms, end_ms = window.bounds_ms(now_ms)
    if start_ms <= moment_ms < end_ms:
        return replace(window, at_ms=moment_ms)
    end_ms = (moment_ms + round(window.span_seconds * 1000 * _LEAD_SHARE)) // 1000 * 1000
    return replace(window, at_ms=moment_ms, end_ms=None if end_ms >= now_ms else end_ms)
