"""Counts the notifications that reached nobody, on every screen: they lie there until somebody tries again or gives them up.

Asked for when the server comes, when an event tells of a new one, and every half minute: somebody else may have tried again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nagare.errors import NagareError, NotFoundError, PermissionDeniedError
from nagare.tui.live_model import Phase
from nagare.tui.notify.rows import DEAD
from nagare.tui.work import start_work

if TYPE_CHECKING:
    from nagare.tui.app import TopApp
    from nagare.tui.feed import Feed

# As the server calls its event of one that was given up.
DEAD_EVENT = "notification.dead"
# Of more nobody needs the number.
_MOST = 100
_EVERY_SECONDS = 30.0


class DeadWatch:
    """Follows the dead notifications of one feed."""

    def __init__(self, feed: Feed, app: TopApp) -> None:
        """Prepare; nothing is asked yet."""
        self._feed = feed
        self._app = app
        self._due = 0.0
        self._is_asking = False
        # Why there is no use in asking, until the server comes back.
        self._is_refused = False
        # What there was when somebody last asked; it stays while nobody can.
        self.count = 0

    @property
    def told(self) -> str:
        """The number as it is shown, empty for none."""
        return f"{_MOST - 1}+" if self.count >= _MOST else str(self.count or "")

    def start_anew(self) -> None:
        """Take notice that the server came, or came back."""
        self._is_refused = False
        self._due = 0.0

    def hurry(self) -> None:
        """Take notice that something happened to a notification."""
        self._due = 0.0
        self.ask_if_due()

    def ask_if_due(self) -> None:
        """Ask again when it is time."""
        is_online = self._feed.model.connection.phase is Phase.ONLINE
        if self._is_asking or self._is_refused or not is_online or self._app.clock.monotonic() < self._due:
            return
        self._is_asking = True
        self._due = self._app.clock.monotonic() + _EVERY_SECONDS
        start_work(self._app, self._ask, "dead", exclusive=False)

    async def _ask(self) -> None:
        try:
            self._take(len(await self._feed.source.notify().notifications(_MOST, state=DEAD)))
        except (PermissionDeniedError, NotFoundError):
            self._is_refused = True
            self._take(0)
        except NagareError:
            # What is known stays: the watch of alerts, which asks the same server more often, tells of the trouble.
            return
        finally:
            self._is_asking = False

    def _take(self, count: int) -> None:
        if count != self.count:
            self.count = count
            self._feed.model.changes.alerts = True
            self._feed.schedule()
