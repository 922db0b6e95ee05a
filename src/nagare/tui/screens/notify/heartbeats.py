"""Heartbeats: signs of life that work which runs by itself owes the server. What is missing or failed stands first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from nagare.lib.plain_text import plain
from nagare.tui.keymap import bindings_for
from nagare.tui.location import Location
from nagare.tui.notify.rows import HEARTBEAT_COLUMNS, heartbeat_row
from nagare.tui.screens.alert_lists import AlertLists
from nagare.tui.screens.row_detail import RowDetail
from nagare.tui.widgets.live_table import LiveTable
from nagare.tui.widgets.live_table_messages import RowSelected


class HeartbeatsPage(AlertLists):
    """The list of heartbeats."""

    contexts: ClassVar[tuple[str, ...]] = ("list", "table", "lists", "alarms")
    BINDINGS = bindings_for(contexts)
    columns = HEARTBEAT_COLUMNS

    def __init__(self, location: Location) -> None:
        """Begin at ``location``."""
        super().__init__(location)
        self._places: dict[str, int] = {}

    async def fetch_items(self) -> dict[str, Any]:
        """Return those that are waited for."""
        found = sorted(await self.top.source.heartbeats().heartbeats(), key=lambda beat: beat.name)
        self._places = {beat.name: place for place, beat in enumerate(found)}
        return {beat.name: beat for beat in found}

    def row_of(self, item: Any, now_ms: int) -> tuple[Mapping[str, Any], Mapping[str, str]]:
        """Return the cells of a heartbeat."""
        return heartbeat_row(item, now_ms, self._places.get(item.name, 0)), {}

    def moves(self, item: Any) -> bool:
        """Tell whether it is late: somebody waits for it now."""
        return item.state in ("late", "missing")

    def nothing(self) -> str:
        """Say that there is none, and how one is made."""
        return "no heartbeat is waited for: a table [[heartbeat]] in the file of notifications makes one"

    def crumbs(self) -> tuple[tuple[str, str], ...]:
        """Return the breadcrumb."""
        return (("alerts", "screen.alerts"), ("heartbeats", ""))

    def on_live_table_row_selected(self, message: RowSelected) -> None:
        """Show the whole heartbeat."""
        beat = self._items.get(message.key)
        if beat is not None and isinstance(message.table, LiveTable):
            further = [("seen", plain(beat.seen_at) or "never"), ("due", plain(beat.due_at))]
            further += [("the work itself", "said that it failed" if beat.is_failed else "")]
            further += [("send one", f"nagare heartbeats send {plain(beat.name)}")]
            self.app.push_screen(RowDetail(message.table, message.key, [pair for pair in further if pair[1]]))
