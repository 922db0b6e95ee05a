"""The timeline of one incident: what happened to its alerts, what people were told, and every try; the newest first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from nagare.errors import NotFoundError
from nagare.tui.alerts.rows import by_need
from nagare.tui.keymap import bindings_for
from nagare.tui.location import Location
from nagare.tui.notice_verbs import NoticeVerbs
from nagare.tui.notify.timeline import TIMELINE_COLUMNS, happening_row, happenings_of
from nagare.tui.renderables.time_axis import format_moment
from nagare.tui.screens.notify.incident import AlertsOfIncident
from nagare.tui.widgets.live_table_messages import RowSelected

if TYPE_CHECKING:
    from nagare.wire.alerts import AlertDetail, AlertView
    from nagare.wire.notify import IncidentDetail, NotificationDetail, NotificationView

# Of so many its turns and its tries are asked for, the worst and the newest; of more it is known that they are.
_MOST_ALERTS, _MOST_NOTICES = 30, 60
# Asked for by one look, so that the first lines stand soon; the next look goes on.
_AT_ONCE = 15


class TimelinePage(AlertsOfIncident, NoticeVerbs):
    """Everything that happened in one incident."""

    contexts: ClassVar[tuple[str, ...]] = ("list", "table", "lists", "alarms", "alerts")
    BINDINGS = bindings_for(contexts)
    columns = TIMELINE_COLUMNS

    def __init__(self, location: Location) -> None:
        """Begin at ``location``."""
        super().__init__(location)
        self._forget()

    def _forget(self) -> None:
        # What was read, by id, each with what tells that it has changed since.
        self._alerts: dict[str, tuple[str, AlertDetail]] = {}
        self._notices: dict[str, tuple[tuple[str, int], NotificationDetail]] = {}
        self._is_whole = True

    def show(self, location: Location) -> None:
        """Forget what was read where another incident is wanted."""
        if location.incident != self.location.incident:
            self._forget()
        super().show(location)

    async def fetch_items(self) -> dict[str, Any]:
        """Return what happened; what has changed since it was read is read again, a part at a time."""
        detail = await self.fetch_detail()
        if detail is None:
            return {}
        left = await self._read_notices(detail, _AT_ONCE)
        left = await self._read_alerts(detail, left)
        self._is_whole = left > 0
        alerts = {key: held for key, (_, held) in self._alerts.items()}
        return dict(happenings_of(detail, alerts, {key: held for key, (_, held) in self._notices.items()}))

    async def _read_notices(self, detail: IncidentDetail, left: int) -> int:
        for one in sorted(detail.notifications, key=lambda one: one.made_at, reverse=True)[:_MOST_NOTICES]:
            stamp = (one.state, one.tries)
            if not left or self._notices.get(one.id, (None,))[0] == stamp:
                continue
            left -= 1
            try:
                self._notices[one.id] = (stamp, await self.top.source.notify().notification(one.id))
            except NotFoundError:
                continue  # it was forgotten meanwhile
        return left

    async def _read_alerts(self, detail: IncidentDetail, left: int) -> int:
        for alert in sorted(detail.alerts, key=by_need)[:_MOST_ALERTS]:
            if not left or self._alerts.get(alert.id, ("",))[0] == alert.changed_at:
                continue
            left -= 1
            try:
                self._alerts[alert.id] = (alert.changed_at, await self.top.source.alerts().alert(alert.id))
            except NotFoundError:
                continue  # it was forgotten meanwhile
        return left

    def row_of(self, item: Any, now_ms: int) -> tuple[Mapping[str, Any], Mapping[str, str]]:
        """Return the cells of what happened."""
        return happening_row(item, now_ms, format_moment(item.at_ms, now_ms, self.top.zone)), {}

    def moves(self, item: Any) -> bool:  # noqa: ARG002  the incident moves, or does not
        """Tell that there is more to read."""
        return not self._is_whole

    def notice(self) -> tuple[str, str, str] | None:
        """Say what is left out of a large one."""
        notice = super().notice()
        if notice is not None or self.top.feed.trouble is not None or self._detail is None:
            return notice
        if len(self._detail.alerts) <= _MOST_ALERTS and len(self._detail.notifications) <= _MOST_NOTICES:
            return None
        return (
            "info",
            f"turns of the {_MOST_ALERTS} worst alerts, tries of the {_MOST_NOTICES} newest notifications",
            "",
        )

    def chosen_alerts(self) -> list[AlertView]:
        """Return the alert that the line is about, else all alerts of the incident."""
        if self._detail is None:
            return []
        item = self.item_at_cursor()
        wanted = item.alert if item is not None else ""
        return [alert for alert in self._detail.alerts if wanted in ("", alert.id)]

    def chosen_notices(self) -> list[NotificationView]:
        """Return none: what is done to one is done from its sheet."""
        return []

    def notices_changed(self) -> None:
        """Ask for all of it anew."""
        self.ask_anew()

    def on_live_table_row_selected(self, message: RowSelected) -> None:
        """Show the alert or the notification that the line is about."""
        item = self._items.get(message.key)
        if item is not None and item.notice:
            self.tell_notice(item.notice)
        elif item is not None and item.alert:
            for alert in self.chosen_alerts()[:1]:
                self.tell_alert(alert)
