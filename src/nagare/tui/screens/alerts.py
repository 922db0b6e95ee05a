"""Alerts: what needs somebody, what is in hand, what was. The worst that nobody has in hand stands first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from nagare.lib.plain_text import plain
from nagare.model.alert.alert import AlertState
from nagare.tui.alert_verbs import AlertVerbs
from nagare.tui.alerts.rows import (
    ALERT_COLUMNS,
    Group,
    GroupBy,
    alert_row,
    fold,
    group_row,
    group_value,
    host_of,
)
from nagare.tui.alerts.watch import MOST_ALERTS
from nagare.tui.jobs.rows import moment_ms
from nagare.tui.keymap import bindings_for
from nagare.tui.location import Location, format_span
from nagare.tui.renderables.time_axis import format_moment
from nagare.tui.screens.alert_lists import AlertLists
from nagare.tui.screens.list_page import marked_keys
from nagare.tui.screens.polled_page import SHORT_LIST
from nagare.tui.widgets.live_table import LiveTable
from nagare.tui.widgets.live_table_messages import RowSelected
from nagare.tui.widgets.tab_bar import TabBar

if TYPE_CHECKING:
    from nagare.tui.live_model import Changes
    from nagare.wire.alerts import AlertView

_MOST_PAST = 1000
# Of those that ended, so many are looked through for the last one before a moment of the past.
_LAST_MOST = 200
_OVER = ",".join((AlertState.RESOLVED, AlertState.CLOSED))


class AlertsPage(AlertVerbs, AlertLists):
    """The lists of alerts."""

    contexts: ClassVar[tuple[str, ...]] = ("list", "table", "lists", "alarms", "alerts")
    BINDINGS = bindings_for(contexts)
    columns = ALERT_COLUMNS
    follows_time = True

    def __init__(self, location: Location) -> None:
        """Begin at ``location``."""
        super().__init__(location)
        self._by = GroupBy.NONE
        # The one group that is looked into.
        self._inside: tuple[GroupBy, str] | None = None
        self._folded: tuple[Mapping[str, AlertView], GroupBy, Mapping[str, Group]] | None = None
        self._last: AlertView | None = None

    def show(self, location: Location) -> None:
        """Begin with an empty list where another one is wanted."""
        if location.tab != self.location.tab:
            self._items = {}
        super().show(location)
        bar = self.find_part(TabBar)
        if bar is not None:
            bar.active = self.list_id

    @property
    def moves_always(self) -> bool:
        """Alerts come by themselves; where there are many, the watch over all of them tells."""
        return self.location.tab != "history" and not self._is_left_to_watch

    @property
    def _is_left_to_watch(self) -> bool:
        """Whether the list is of active alerts, which are known on every screen, and too long to be asked for twice."""
        return self.location.tab not in ("history", "pending") and len(self.model.alerts) > SHORT_LIST

    async def fetch_items(self) -> dict[str, Any]:
        """Return the alerts of the list."""
        if self.location.tab == "history":
            return await self._fetch_past()
        if self.location.tab == "pending":
            return await self._fetch_pending()
        active = await self.top.feed.alerts.fetch() if self.moment_ms is None else self.model.alerts.values()
        found = self._wanted_of(active)
        if not found and not self.location.tab:
            self._last = await self._fetch_last()
        return found

    def _wanted_of(self, active: Iterable[AlertView]) -> dict[str, Any]:
        return {alert.id: alert for alert in active if alert.state in self._wanted_states}

    async def _fetch_pending(self) -> dict[str, Any]:
        if self.moment_ms is not None:
            return {}  # which conditions held then is not kept
        waiting = await self.top.source.alerts().alerts(MOST_ALERTS, state=AlertState.PENDING)
        return {alert.id: alert for alert in waiting}

    async def _fetch_last(self) -> AlertView | None:
        """Return the alert that ended last, before the moment that is shown."""
        moment = self.moment_ms
        over = await self.top.source.alerts().alerts(1 if moment is None else _LAST_MOST, state=_OVER)
        return next((alert for alert in over if moment is None or _ended_ms(alert) <= moment), None)

    @property
    def _wanted_states(self) -> tuple[AlertState, ...]:
        return (AlertState.ACKNOWLEDGED,) if self.location.tab else (AlertState.FIRING, AlertState.REOPENED)

    async def _fetch_past(self) -> dict[str, Any]:
        start_ms, end_ms = self.window.bounds_ms(self.top.clock.now_ms())
        found = await self.top.source.alerts().alerts(_MOST_PAST, state=_OVER, since_ms=str(start_ms))
        return {alert.id: alert for alert in found if (moment_ms(alert.starts_at) or 0) <= end_ms}

    def shown_items(self) -> Mapping[str, Any]:
        """Return the alerts, or the groups that they are folded into."""
        items: Mapping[str, AlertView] = self._items
        if self._inside is not None:
            by, value = self._inside
            return {key: alert for key, alert in items.items() if group_value(alert, by) == value}
        if not self._by:
            return items
        # Folded once an answer: the footer asks for what is chosen at every key.
        if self._folded is None or self._folded[0] is not items or self._folded[1] is not self._by:
            self._folded = (items, self._by, fold(items.values(), self._by))
        return self._folded[2]

    def row_of(self, item: Any, now_ms: int) -> tuple[Mapping[str, Any], Mapping[str, str]]:
        """Return the cells of an alert or of a group."""
        ascii_only = self.top.use_ascii
        if isinstance(item, Group):
            return group_row(item, now_ms, ascii_only=ascii_only), {}
        return alert_row(item, now_ms, ascii_only=ascii_only), item.labels

    def moves(self, item: Any) -> bool:  # noqa: ARG002  the list itself moves, or does not
        """Tell that none is the reason to ask again soon."""
        return False

    def nothing(self) -> str:
        """Say that nothing needs anybody, and since when; or for which time there is nothing."""
        if self.location.tab == "history":
            return f"no alert ended in the {format_span(self.window.span_seconds)} shown; t looks further back"
        if self.location.tab == "pending":
            if self.moment_ms is not None:
                return "which conditions were about to become an alert is not kept; 0 shows those of now"
            return "no condition holds that would soon be an alert"
        if self.location.tab:
            return "nobody has an alert in hand"
        if self._last is None:
            return "nothing needs you: no alert fired yet; the tab Rules shows what is looked for"
        since = format_moment(_ended_ms(self._last), self.top.clock.now_ms(), self.top.zone)
        about = f"{plain(self._last.name, 60)} {plain(host_of(self._last), 60)}".strip()
        return f"nothing needs you since {since}, when {about} ended"

    def crumbs(self) -> tuple[tuple[str, str], ...]:
        """Return the breadcrumb, down to the group that is looked into."""
        crumbs = [("alerts", "screen.alerts")]
        crumbs += [(self.location.tab, "")] if self.location.tab else []
        crumbs += [(plain(self._inside[1] or "none", 40), "")] if self._inside is not None else []
        return tuple(crumbs)

    def notice(self) -> tuple[str, str, str] | None:
        """Say what is folded, or that a list is cut."""
        notice = super().notice()
        if notice is not None or self.top.feed.trouble is not None:
            return notice
        most = _MOST_PAST if self.location.tab == "history" else MOST_ALERTS
        if len(self.model.alerts if self.location.tab != "history" else self._items) >= most:
            return "warn", f"only the newest {most} are shown", ""
        if self._by and self._inside is None:
            return "info", f"folded by {self._by}: Enter looks into a group, b folds otherwise", "alert.group"
        return None

    def update_live(self, changes: Changes) -> None:
        """Draw what others did to alerts, too."""
        is_left = self._is_left_to_watch
        if is_left and changes.alerts and self._is_known:
            self._items = self._wanted_of(self.model.alerts.values())
            self.redraw()
        elif changes.alerts:
            self._due = 0.0
        # An event makes the watch ask, too.
        super().update_live(replace(changes, events=changes.events and not is_left))

    # What a person does

    def chosen_alerts(self) -> list[AlertView]:
        """Return the marked alerts, else the one under the cursor; of a group all that are in it."""
        table = self.find_part(LiveTable)
        if table is None:
            return []
        shown = self.shown_items()
        keys = marked_keys(table) or [table.cursor_key or ""]
        found = [shown[key] for key in keys if key in shown]
        return [alert for item in found for alert in (item.alerts if isinstance(item, Group) else (item,))]

    def alerts_changed(self) -> None:
        """Ask for all of them anew."""
        table = self.find_part(LiveTable)
        if table is not None:
            table.clear_marks()
        self.ask_anew()

    def do_alert_group(self) -> None:
        """Fold by the next thing."""
        order = list(GroupBy)
        self._by, self._inside = order[(order.index(self._by) + 1) % len(order)], None
        self._refold()

    def step_back(self) -> bool:
        """Leave the group, after what every list does."""
        if super().step_back():
            return True
        if self._inside is None:
            return False
        self._inside = None
        self._refold()
        return True

    def _refold(self) -> None:
        table = self.find_part(LiveTable)
        if table is not None:
            table.clear_marks()
        self.redraw()
        self.top.refresh_frame()

    def on_live_table_row_selected(self, message: RowSelected) -> None:
        """Look into the group, or show everything about the alert."""
        item = self.shown_items().get(message.key)
        if isinstance(item, Group):
            self._inside = (item.by, item.value)
            self._refold()
        elif item is not None:
            self.tell_alert(item)


def _ended_ms(alert: AlertView) -> int:
    return moment_ms(alert.ended_at or alert.changed_at) or 0
