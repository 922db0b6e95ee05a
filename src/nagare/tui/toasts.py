"""What others say to whoever watches, shown in passing: messages of people, and notifications on the channel of terminals."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from textual.notifications import SeverityLevel

from nagare.lib.plain_text import plain
from nagare.model.event import Severity
from nagare.wire.events import EventView
from nagare.wire.live import MessageFrame

if TYPE_CHECKING:
    from nagare.tui.app import TopApp

# As the channel of terminals calls its events.
NOTIFICATION = "notification"
_NOTIFICATION_SECONDS = 12.0
_SHOWN_AT_ONCE = 3
# What comes within it is told as one.
_HELD_SECONDS = 1.0
_LONGEST_SECONDS = 600.0
_TEXT_LIMIT = 500


def show_message(app: TopApp, frame: MessageFrame) -> None:
    """Show a message with the name of who sent it."""
    seconds = max(1.0, min(frame.lasts_seconds, _LONGEST_SECONDS))
    _show(app, frame.text, plain(frame.sender, 100) or "Message", "information", seconds)


class Notifications:
    """What the channel of terminals was told: a few at a time, and in one more line how many others there were.

    A bad quarter of an hour brings dozens, which together would cover what they are about.
    """

    def __init__(self, app: TopApp) -> None:
        """Begin with none shown."""
        self._app = app
        # When those that are shown go, by the machine's clock.
        self._until: deque[float] = deque(maxlen=_SHOWN_AT_ONCE)
        self._held = 0
        self._worst = 0
        self._told_until = 0.0

    def show(self, event: EventView) -> None:
        """Show a notification, or count it while others stand there."""
        now = self._app.clock.monotonic()
        # While the line about others stands there, what comes is one of them.
        is_room = self._told_until <= now and (len(self._until) < _SHOWN_AT_ONCE or self._until[0] <= now)
        if is_room and not self._held:
            self._until.append(now + _NOTIFICATION_SECONDS)
            _show(self._app, event.text, "Notification", _level(event.severity), _NOTIFICATION_SECONDS)
            return
        self._held += 1
        self._worst = max(self._worst, event.severity)
        if self._held == 1:
            # One such line at a time: what comes while it stands is counted in the next one.
            self._app.set_timer(max(_HELD_SECONDS, self._told_until - now), self._show_held)

    def _show_held(self) -> None:
        count, worst = self._held, self._worst
        self._held = self._worst = 0
        self._told_until = self._app.clock.monotonic() + _NOTIFICATION_SECONDS
        text = f"and {count} more · 4 shows what needs you, N what was told"
        _show(self._app, text, "Notifications", _level(worst), _NOTIFICATION_SECONDS)


def _show(app: TopApp, text: str, title: str, level: SeverityLevel, seconds: float) -> None:
    if app.settings.top.bell:
        app.bell()
    # No markup: it is foreign.
    shown = app.palette.text(plain(text, _TEXT_LIMIT))
    app.notify(shown, title=app.palette.text(title), severity=level, timeout=seconds, markup=False)


def _level(severity: int) -> SeverityLevel:
    if severity >= Severity.HIGH:
        return "error"
    return "warning" if severity == Severity.WARNING else "information"
