"""What pages share that ask the server by themselves: how far back they look, and when they ask anew.

Whether the server came, or came back, since a page looked last: then what it shows is asked for again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nagare.tui.live_model import Connection, Phase
from nagare.tui.location import Location, Window
from nagare.tui.screens.page import Page

if TYPE_CHECKING:
    from nagare.tui.live_model import Changes

# While nobody chose.
_USUAL = Window(7 * 86_400)


class Reconnecting(Page):
    """Mixed into pages that ask the server by themselves."""

    def __init__(self, location: Location) -> None:
        """Begin at ``location``."""
        super().__init__(location)
        self._connection: Connection | None = None

    def show(self, location: Location) -> None:
        """Go to ``location``, and ask by the connection there is."""
        super().show(location)
        self._connection = self.model.connection

    @property
    def window(self) -> Window:
        """How far back its lists go."""
        window = self.location.window
        return replace(_USUAL if window.is_fitted else window, end_ms=window.moment_ms, at_ms=None)

    def is_connected_anew(self, changes: Changes) -> bool:
        """Tell whether the server came, or came back, since the last time this was asked."""
        connection = self.model.connection
        if not changes.connection or connection is self._connection:
            return False
        self._connection = connection
        return connection.phase is Phase.ONLINE
