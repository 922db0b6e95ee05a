"""Incidents: alerts that people hear of together. What nobody has in hand stands first."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from nagare.lib.plain_text import plain
from nagare.tui.incident_verbs import IncidentVerbs
from nagare.tui.keymap import bindings_for
from nagare.tui.notify.rows import INCIDENT_COLUMNS, incident_row
from nagare.tui.screens.alert_lists import AlertLists
from nagare.tui.widgets.live_table_messages import RowSelected
from nagare.tui.work import start_work

if TYPE_CHECKING:
    from nagare.tui.live_model import Changes
    from nagare.wire.notify import IncidentView

_MOST_OPEN, _MOST_OVER = 1000, 200


class IncidentsPage(IncidentVerbs, AlertLists):
    """The list of incidents."""

    contexts: ClassVar[tuple[str, ...]] = ("list", "table", "lists", "alarms", "incidents")
    BINDINGS = bindings_for(contexts)
    columns = INCIDENT_COLUMNS

    async def fetch_items(self) -> dict[str, Any]:
        """Return those that are open, and the newest that are over."""
        calls = self.top.source.notify()
        found = [*await calls.incidents(_MOST_OPEN, "open"), *await calls.incidents(_MOST_OVER, "over")]
        return {incident.id: incident for incident in found}

    def row_of(self, item: Any, now_ms: int) -> tuple[Mapping[str, Any], Mapping[str, str]]:
        """Return the cells of an incident; ``is:open`` and ``is:over`` filter as the command line says."""
        return incident_row(item, now_ms), {**item.labels, "is": "open" if item.is_open else "over"}

    def moves(self, item: Any) -> bool:
        """Tell whether it is open."""
        return bool(item.is_open)

    def nothing(self) -> str:
        """Say that there is none."""
        return "no incident: nobody had to be told of an alert; P shows who would be"

    def crumbs(self) -> tuple[tuple[str, str], ...]:
        """Return the breadcrumb."""
        return (("alerts", "screen.alerts"), ("incidents", ""))

    def notice(self) -> tuple[str, str, str] | None:
        """Say how many wait for somebody."""
        notice = super().notice()
        if notice is not None or self.top.feed.trouble is not None:
            return notice
        waiting = sum(1 for one in self._items.values() if one.is_open and one.waiting_at)
        words = "incident waits" if waiting == 1 else "incidents wait"
        return ("info", f"{waiting} {words} for somebody: a takes all alerts of one in hand", "") if waiting else None

    def update_live(self, changes: Changes) -> None:
        """Ask again when something happened to an alert."""
        if changes.alerts:
            self._due = 0.0
        super().update_live(changes)

    def chosen_incident(self) -> str:
        """Return the incident under the cursor."""
        incident: IncidentView | None = self.item_at_cursor()
        return incident.id if incident is not None else ""

    def incident_changed(self) -> None:
        """Ask for it anew."""
        self.ask_anew()

    def is_in_need(self) -> bool:
        """Tell whether it is open: only then there may be something to take in hand."""
        incident: IncidentView | None = self.item_at_cursor()
        return incident is not None and incident.is_open

    def value_to_copy(self) -> str:
        """Return the whole id, which the column may cut."""
        return plain(self.chosen_incident())

    def on_live_table_row_selected(self, message: RowSelected) -> None:
        """Go into the incident."""
        location = self.location.with_incident(message.key)
        start_work(self, partial(self.top.go, location), "click", exclusive=False)
