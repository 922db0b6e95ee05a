"""What the lists of screen 4 share: one row of tabs, keys that lead to each of them, and a mark where something reached nobody."""

from __future__ import annotations

from nagare.tui.location import Location
from nagare.tui.screens.polled_page import Lists, PolledPage

NOTIFICATIONS = "notifications"
LISTS: Lists = (
    ("alerts", "Active"), ("alerts/acknowledged", "Acknowledged"), ("alerts/pending", "Pending"), ("alerts/history", "History"),
    ("incidents", "Incidents"), (NOTIFICATIONS, "Notifications"), ("silences", "Silences"), ("rules", "Rules"), ("routes", "Routes"),
    ("heartbeats", "Heartbeats"),
)  # fmt: skip


class AlertLists(PolledPage):
    """One of the lists of screen 4."""

    lists = LISTS

    def titles(self) -> Lists:
        """Return the lists; that of notifications says how many reached nobody."""
        dead = self.top.feed.dead.told
        if not dead:
            return self.lists
        mark = f"{self.top.palette.state('dead').glyph}{dead}"
        return tuple((name, f"{title} {mark}" if name == NOTIFICATIONS else title) for name, title in self.lists)

    async def do_list_incidents(self) -> None:
        """Show the incidents."""
        await self._go_to("incidents")

    async def do_list_notifications(self) -> None:
        """Show the notifications."""
        await self._go_to(NOTIFICATIONS)

    async def do_list_routes(self) -> None:
        """Show the routes."""
        await self._go_to("routes")

    async def do_list_heartbeats(self) -> None:
        """Show the heartbeats."""
        await self._go_to("heartbeats")

    async def _go_to(self, page: str) -> None:
        await self.top.go(Location(page, window=self.location.window))
