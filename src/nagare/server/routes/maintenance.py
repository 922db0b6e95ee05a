"""Maintenance windows: making, seeing and ending them."""

from __future__ import annotations

from typing import Any

from nagare.fleet.maintenance.asked import DAYS
from nagare.lib.rfc3339 import format_ms
from nagare.model.maintenance import Recurrence, Window
from nagare.model.principal import Permission
from nagare.server.route import Call, Route
from nagare.wire.maintenance import RecurrenceDocument, WindowList, WindowRequest, WindowView


async def list_windows(call: Call) -> WindowList:
    """Return every window."""
    return WindowList([_view(call, window) for window in call.services.maintenance.windows()])


async def make_window(call: Call) -> WindowView:
    """Make a window."""
    request: WindowRequest = call.value
    window = await call.services.maintenance.add(request, call.principal.name)
    call.note.tell(window.id, after=_told(window))
    return _view(call, window)


async def end_window(call: Call) -> None:
    """End a window, now and for all times."""
    window = await call.services.maintenance.end(call.path("id"))
    call.note.tell(window.id, before=_told(window))


def _told(window: Window) -> dict[str, Any]:
    selector = window.selector
    return {
        "why": window.why,
        "hosts": sorted(selector.hosts),
        "groups": sorted(selector.groups),
        "labels": dict(selector.labels),
        "from_ms": window.from_ms,
        "until_ms": window.until_ms,
    }


def _view(call: Call, window: Window) -> WindowView:
    return WindowView(
        id=window.id,
        why=window.why,
        made_by=window.made_by,
        made_at=format_ms(window.made_ms),
        is_open=call.services.maintenance.is_open(window),
        hosts=sorted(window.selector.hosts),
        groups=sorted(window.selector.groups),
        labels=dict(window.selector.labels),
        from_at=format_ms(window.from_ms),
        until_at=None if window.until_ms is None else format_ms(window.until_ms),
        recurrence=None if window.recurrence is None else _document(window.recurrence),
    )


def _document(recurrence: Recurrence) -> RecurrenceDocument:
    hour, minute = divmod(recurrence.minute_of_day, 60)
    days = [DAYS[day] for day in sorted(recurrence.days)]
    return RecurrenceDocument(f"{hour:02}:{minute:02}", recurrence.duration_seconds, recurrence.zone, days)


_ALL = "/api/v1/maintenance"
ROUTES = (
    Route("GET", _ALL, list_windows, "Maintenance windows", Permission.HOSTS_READ, reply=WindowList),
    Route(
        "POST", _ALL, make_window, "Make a maintenance window", Permission.HOSTS_WRITE,
        request=WindowRequest, reply=WindowView, action="maintenance.make",
    ),
    Route(
        "DELETE", f"{_ALL}/{{id}}", end_window, "End a maintenance window", Permission.HOSTS_WRITE,
        action="maintenance.end",
    ),
)  # fmt: skip
