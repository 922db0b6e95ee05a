"""What others say to whoever watches, shown in passing: messages of people, and notifications on the channel of terminals."""

from __future__ import annotations

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
_LONGEST_SECONDS = 600.0
_TEXT_LIMIT = 500


def show_message(app: TopApp, frame: MessageFrame) -> None:
    """Show a message with the name of who sent it."""
    seconds = max(1.0, min(frame.lasts_seconds, _LONGEST_SECONDS))
    _show(app, frame.text, plain(frame.sender, 100) or "Message", "information", seconds)


def show_notification(app: TopApp, event: EventView) -> None:
    """Show what the channel of terminals was told."""
    _show(app, event.text, "Notification", _level(event.severity), _NOTIFICATION_SECONDS)


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
