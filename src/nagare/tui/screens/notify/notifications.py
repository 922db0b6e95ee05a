"""Notifications: what was told to whom, and what became of it. What reached nobody stands first, however old it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from nagare.lib.plain_text import plain
from nagare.tui.jobs.rows import moment_ms
from nagare.tui.keymap import bindings_for
from nagare.tui.location import format_span
from nagare.tui.notice_verbs import NoticeVerbs
from nagare.tui.notify.rows import DEAD, NOTICE_COLUMNS, WAITING, newest_first, notice_row
from nagare.tui.notify.told import stands_still
from nagare.tui.screens.alert_lists import AlertLists
from nagare.tui.screens.list_page import marked_keys
from nagare.tui.screens.polled_page import PolledPage
from nagare.tui.widgets.live_table import LiveTable
from nagare.tui.widgets.live_table_messages import RowSelected

if TYPE_CHECKING:
    from nagare.tui.live_model import Changes
    from nagare.wire.notify import NotificationView

_MOST = 1000


class NoticeList(NoticeVerbs, PolledPage):
    """A list whose rows are notifications."""

    columns = NOTICE_COLUMNS

    def row_of(self, item: Any, now_ms: int) -> tuple[Mapping[str, Any], Mapping[str, str]]:
        """Return the cells of a notification, and its labels."""
        return notice_row(item, now_ms), item.labels

    def moves(self, item: Any) -> bool:
        """Tell whether it still waits."""
        return not stands_still(item)

    def chosen_notices(self) -> list[NotificationView]:
        """Return the marked notifications, else the one under the cursor."""
        table = self.find_part(LiveTable)
        if table is None:
            return []
        keys = marked_keys(table) or [table.cursor_key or ""]
        return [self._items[key] for key in keys if key in self._items]

    def notices_changed(self) -> None:
        """Ask for all of them anew."""
        table = self.find_part(LiveTable)
        if table is not None:
            table.clear_marks()
        self.ask_anew()

    def on_live_table_row_selected(self, message: RowSelected) -> None:
        """Show the whole notification with its tries."""
        if message.key in self._items:
            self.tell_notice(message.key)


class NotificationsPage(NoticeList, AlertLists):
    """The list of notifications."""

    contexts: ClassVar[tuple[str, ...]] = ("list", "table", "lists", "alarms", "notices")
    BINDINGS = bindings_for(contexts)

    async def fetch_items(self) -> dict[str, Any]:
        """Return those of the shown time, and whatever is dead or waits: of those none is too old to be seen."""
        start_ms, end_ms = self.window.bounds_ms(self.top.clock.now_ms())
        calls = self.top.source.notify()
        stuck = await calls.notifications(_MOST, state=f"{DEAD},{WAITING}")
        made = await calls.notifications(_MOST, since_ms=str(start_ms))
        return newest_first(
            stuck, (one for one in made if self.window.is_live or (moment_ms(one.made_at) or 0) <= end_ms)
        )

    def nothing(self) -> str:
        """Say for which time nobody was told anything."""
        span = format_span(self.window.span_seconds)
        return f"nobody was told anything in the {span} shown, and nothing waits; t looks further back, P shows who would be told"

    def crumbs(self) -> tuple[tuple[str, str], ...]:
        """Return the breadcrumb."""
        return (("alerts", "screen.alerts"), ("notifications", ""))

    def notice(self) -> tuple[str, str, str] | None:
        """Say how many reached nobody, or that the list is cut."""
        notice = super().notice()
        if notice is not None or self.top.feed.trouble is not None:
            return notice
        dead = [one for one in self._items.values() if one.state == DEAD]
        if dead:
            channels = ", ".join(sorted({one.channel for one in dead})[:3])
            return (
                "warn",
                f"{len(dead)} reached nobody ({plain(channels, 80)}): T tries again, X gives up",
                "screen.undelivered",
            )
        return ("warn", f"only the newest {_MOST} are shown", "") if len(self._items) >= _MOST else None

    def update_live(self, changes: Changes) -> None:
        """Ask again when something happened to an alert or a notification."""
        if changes.alerts:
            self._due = 0.0
        super().update_live(changes)
