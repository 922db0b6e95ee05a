"""Where a mark leads: to its alert, its command, its host at that moment, or to its own words."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nagare.model.alert.alert import AlertState
from nagare.tui.alerts.told import SheetRow
from nagare.tui.location import Location
from nagare.tui.renderables.chart_model import EventMark, MarkKind
from nagare.tui.renderables.time_axis import format_moment

if TYPE_CHECKING:
    from nagare.tui.app import TopApp

_ALERT_TABS = {AlertState.ACKNOWLEDGED.value: "acknowledged", AlertState.PENDING.value: "pending"}
# State of a mark -> the list that has its alert at that moment.
_MARK_TABS = {"ack": "acknowledged", "resolved": "history"}


async def open_alert(app: TopApp, alert_id: str) -> None:
    """Show an alert in the list that has it, at the time that is shown."""
    alert = app.model.alerts.get(alert_id)
    tab = "history" if alert is None else _ALERT_TABS.get(alert.state, "")
    await app.go(Location("alerts", tab=tab, window=app.page.location.window))
    app.page.point_at(alert_id)


async def open_mark(app: TopApp, mark: EventMark) -> None:
    """Go where ``mark`` leads."""
    location, now_ms = app.page.location, app.clock.now_ms()
    # A whole second, from which on it was known.
    at_ms = -(-mark.ts_ms // 1000) * 1000
    there = replace(location, window=replace(location.window, at_ms=min(at_ms, now_ms // 1000 * 1000)))
    is_host = mark.host in app.feed.model.hosts
    match mark.kind:
        case MarkKind.ALERT if mark.subject:
            await app.go(Location("alerts", tab=_MARK_TABS.get(mark.state, ""), window=there.window))
            app.page.point_at(mark.subject)
        case MarkKind.COMMAND if mark.subject:
            await app.go(location.with_job(mark.subject))
        case MarkKind.GAP if is_host:
            await app.go(there.with_host(mark.host, "agent"))
        case _ if is_host and mark.subject:
            await app.go(there.with_host(mark.host, "events"))
            app.page.point_at(mark.subject)
        case _:
            await _show_words(app, mark)


async def _show_words(app: TopApp, mark: EventMark) -> None:
    from nagare.tui.screens.sheet import Sheet  # noqa: PLC0415  loaded when shown

    rows = [
        SheetRow("when", format_moment(mark.ts_ms, app.clock.now_ms(), app.zone)),
        SheetRow("what", mark.text or mark.kind.value),
        *([SheetRow("host", mark.host)] if mark.host else []),
    ]
    await app.push_screen(Sheet(mark.kind.value.capitalize(), rows))
