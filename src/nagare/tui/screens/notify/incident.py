"""One incident: its alerts as they are now, and its notifications, each a list under one line of what matters about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from textual.containers import Container
from textual.widget import Widget

from nagare.errors import NotFoundError
from nagare.lib.plain_text import plain
from nagare.model.alert.alert import AlertState
from nagare.tui.alert_verbs import AlertVerbs
from nagare.tui.alerts.rows import ALERT_COLUMNS, alert_row
from nagare.tui.incident_verbs import IncidentVerbs
from nagare.tui.keymap import bindings_for
from nagare.tui.location import INCIDENT_PAGES, Location
from nagare.tui.notify.rows import labels_text, newest_first
from nagare.tui.notify.told import incident_facts
from nagare.tui.screens.alert_lists import AlertLists
from nagare.tui.screens.list_page import marked_keys
from nagare.tui.screens.notify.notifications import NoticeList
from nagare.tui.screens.polled_page import Lists
from nagare.tui.widgets.fact_line import FactLine
from nagare.tui.widgets.filter_bar import FilterBar
from nagare.tui.widgets.live_table import LiveTable
from nagare.tui.widgets.live_table_messages import RowSelected
from nagare.tui.widgets.tab_bar import TabBar

if TYPE_CHECKING:
    from nagare.tui.live_model import Changes
    from nagare.wire.alerts import AlertView
    from nagare.wire.notify import IncidentDetail

_NEW = frozenset({AlertState.FIRING, AlertState.REOPENED})


class IncidentPart(AlertLists):
    """A list of things of one incident."""

    # Pages of one incident, with their titles.
    lists: ClassVar[Lists] = (("incident", "Alerts"), ("deliveries", "Notifications"), ("timeline", "Timeline"))

    def __init__(self, location: Location) -> None:
        """Begin at ``location``."""
        super().__init__(location)
        self._detail: IncidentDetail | None = None
        self._gone = ""

    def body(self) -> Iterable[Widget]:
        """Return tabs, what matters of the incident, list and filter line."""
        yield TabBar()
        yield FactLine()
        with Container(id="main"):
            yield LiveTable(self.columns, clock=self.top.clock, id="items")
        yield FilterBar()

    def titles(self) -> Lists:
        """Return the parts of the incident."""
        return self.lists

    def on_mount(self) -> None:
        """Name the list by what stands in it."""
        self.table().border_title = dict(self.lists)[self.location.page]

    def show(self, location: Location) -> None:
        """Begin with an empty list where another incident is wanted."""
        if location.incident != self.location.incident:
            self._items, self._detail, self._gone = {}, None, ""
        super().show(location)

    @property
    def moves_always(self) -> bool:
        """Much happens in one that is open."""
        return self._detail is not None and self._detail.incident.is_open

    async def fetch_detail(self) -> IncidentDetail | None:
        """Return the incident as it is now, None where there is none."""
        wanted = self.location.incident
        try:
            found = await self.top.source.notify().incident(wanted)
        except NotFoundError as error:
            self._gone = plain(error.message)
            return None
        if wanted == self.location.incident:
            self._detail = found
        return found

    def nothing(self) -> str:
        """Say that nothing of it is kept, or that it is none."""
        return self._gone or "nothing of it is kept any more"

    def crumbs(self) -> tuple[tuple[str, str], ...]:
        """Return the breadcrumb, down to the incident."""
        name = plain(self.location.incident[:8]) if self._detail is None else labels_text(self._detail.incident)[:40]
        return (("alerts", "screen.alerts"), ("incidents", "list.incidents"), (name, ""))

    def redraw(self) -> None:
        """Draw the line of what matters, too."""
        line = self.find_part(FactLine)
        if line is not None and self._detail is not None:
            line.standing, line.facts = incident_facts(self._detail.incident, self.top.clock.now_ms())
        elif line is not None:
            line.standing, line.facts = ("unknown", f" {self._gone}") if self._gone else ("", ""), ()
        super().redraw()
        if self.is_ready:
            self.top.refresh_frame()

    def update_live(self, changes: Changes) -> None:
        """Ask again when something happened to an alert."""
        if changes.alerts:
            self._due = 0.0
        super().update_live(changes)

    async def _show_list(self, name: str) -> None:
        tab = next(tab for tab, page in INCIDENT_PAGES.items() if page == name)
        await self.top.go(self.location.with_incident(self.location.incident, tab))


class AlertsOfIncident(AlertVerbs, IncidentPart):
    """What pages do to alerts of an incident."""

    def can(self, action: str) -> bool:
        """Its alerts are few: they are not folded."""
        return action != "alert.group" and super().can(action)

    def alerts_changed(self) -> None:
        """Ask for all of them anew."""
        table = self.find_part(LiveTable)
        if table is not None:
            table.clear_marks()
        self.top.feed.alerts.hurry()
        self.ask_anew()


class IncidentPage(AlertsOfIncident):
    """The alerts of one incident."""

    contexts: ClassVar[tuple[str, ...]] = ("list", "table", "lists", "alarms", "alerts")
    BINDINGS = bindings_for(contexts)
    columns = ALERT_COLUMNS

    async def fetch_items(self) -> dict[str, Any]:
        """Return its alerts as they are now."""
        detail = await self.fetch_detail()
        return {alert.id: alert for alert in detail.alerts} if detail is not None else {}

    def row_of(self, item: Any, now_ms: int) -> tuple[Mapping[str, Any], Mapping[str, str]]:
        """Return the cells of an alert."""
        return alert_row(item, now_ms, ascii_only=self.top.use_ascii), item.labels

    def moves(self, item: Any) -> bool:  # noqa: ARG002  the incident moves, or does not
        """Tell that none is the reason to ask again soon."""
        return False

    def chosen_alerts(self) -> list[AlertView]:
        """Return the marked alerts, else the one under the cursor."""
        table = self.find_part(LiveTable)
        if table is None:
            return []
        keys = marked_keys(table) or [table.cursor_key or ""]
        return [self._items[key] for key in keys if key in self._items]

    def on_live_table_row_selected(self, message: RowSelected) -> None:
        """Show everything about the alert."""
        if message.key in self._items:
            self.tell_alert(self._items[message.key])


class DeliveriesPage(IncidentVerbs, NoticeList, IncidentPart):
    """The notifications of one incident."""

    contexts: ClassVar[tuple[str, ...]] = ("list", "table", "lists", "alarms", "incidents", "notices")
    BINDINGS = bindings_for(contexts)

    async def fetch_items(self) -> dict[str, Any]:
        """Return its notifications."""
        detail = await self.fetch_detail()
        return dict(newest_first(detail.notifications)) if detail is not None else {}

    def chosen_incident(self) -> str:
        """Return the incident that is shown."""
        return self.location.incident if self._detail is not None else ""

    def incident_changed(self) -> None:
        """Ask for it anew."""
        self.ask_anew()

    def is_in_need(self) -> bool:
        """Tell whether an alert of it is in nobody's hands."""
        return self._detail is not None and any(alert.state in _NEW for alert in self._detail.alerts)

    def can(self, action: str) -> bool:
        """It is the incident itself that is shown."""
        return action != "notice.incident" and super().can(action)
