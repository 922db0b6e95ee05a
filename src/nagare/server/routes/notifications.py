"""Incidents, notifications and receivers: seeing how people are told, and trying again."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from nagare.alerting.alerts.views import Sees
from nagare.alerting.notify.wanted import DeliveriesWanted
from nagare.errors import InputError
from nagare.model.notify.notice import DeliveryState
from nagare.model.principal import Permission
from nagare.server.params import whole_number
from nagare.server.route import Call, Param, Route
from nagare.server.sight import sees
from nagare.wire.notify import (
    IncidentDetail,
    IncidentList,
    NotificationDetail,
    NotificationList,
    NotificationView,
    ReceiversView,
    TestedReceiver,
)

_LIMIT, _LIMIT_MOST = 100, 500
_STATES = ", ".join(DeliveryState)


async def list_notifications(call: Call) -> NotificationList:
    """Return notifications, the newest first."""
    wanted = _wanted(call.query)
    limit = _limit(call, "list notifications")
    return await call.services.alerts.notifier.deliveries(wanted, call.query.get("page", ""), limit, _sees(call))


async def get_notification(call: Call) -> NotificationDetail:
    """Return a notification, what it tells, and its tries."""
    return await call.services.alerts.notifier.delivery(call.path("id"), _sees(call))


async def retry_notification(call: Call) -> NotificationView:
    """Send a notification again that was given up."""
    call.note.tell(call.path("id"))
    found = await call.services.alerts.notifier.retry(call.path("id"))
    call.note.tell(after={"channel": found.channel, "incident": found.incident})
    return found


async def drop_notification(call: Call) -> NotificationView:
    """Give a notification up."""
    call.note.tell(call.path("id"))
    found = await call.services.alerts.notifier.drop(call.path("id"))
    call.note.tell(before={"channel": found.channel, "incident": found.incident})
    return found


async def list_incidents(call: Call) -> IncidentList:
    """Return incidents, the newest first."""
    limit, state = _limit(call, "list incidents"), call.query.get("state", "")
    if state not in ("", "open", "over"):
        cause = "must be open or over"
        raise InputError(f"cannot list incidents: state {cause}", errors=[{"parameter": "state", "detail": cause}])
    is_open = None if not state else state == "open"
    return await call.services.alerts.notifier.incidents(is_open, call.query.get("page", ""), limit, _sees(call))


async def get_incident(call: Call) -> IncidentDetail:
    """Return an incident, its alerts and its notifications."""
    return await call.services.alerts.notifier.incident(call.path("id"), _sees(call))


async def list_receivers(call: Call) -> ReceiversView:
    """Return the routes and whom they tell, and who is on duty now."""
    return call.services.alerts.notifier.receivers()


async def test_receiver(call: Call) -> TestedReceiver:
    """Send a test on every channel of a receiver."""
    name = call.path("name")
    call.note.tell(name)
    made = await call.services.alerts.notifier.test(name)
    call.note.tell(after={"channels": sorted({one.channel for one in made})[:50]})
    return TestedReceiver(made)


def _sees(call: Call) -> Sees:
    return partial(sees, call.principal, call.services.fleet, Permission.ALERTS_READ)


def _limit(call: Call, verb: str) -> int:
    return whole_number(call.query, "limit", verb, 1, _LIMIT_MOST) or _LIMIT


def _wanted(query: Mapping[str, str]) -> DeliveriesWanted:
    states = tuple(dict.fromkeys(filter(None, query.get("state", "").split(","))))
    if any(state not in list(DeliveryState) for state in states):
        cause = f"must be of {_STATES}, with commas between"
        raise InputError(f"cannot list notifications: state {cause}", errors=[{"parameter": "state", "detail": cause}])
    return DeliveriesWanted(
        states,
        whole_number(query, "severity", "list notifications", 0, 3) or 0,
        query.get("incident", ""),
        query.get("receiver", ""),
        query.get("channel", ""),
        whole_number(query, "since_ms", "list notifications") or 0,
    )


_ALL, _ONE = "/api/v1/notifications", "/api/v1/notifications/{id}"
_READ, _WRITE = Permission.ALERTS_READ, Permission.NOTIFY_WRITE
_PAGE = (
    Param("limit", "integer", f"how many, {_LIMIT_MOST} at the most"),
    Param("page", "string", "next of the answer before"),
)
_PARAMS = (
    Param("state", "string", f"of {_STATES}, with commas between"),
    Param("severity", "integer", "the least: 0 info, 1 warning, 2 high, 3 critical"),
    Param("incident", "string", "of that incident only"),
    Param("receiver", "string", "for that receiver only"),
    Param("channel", "string", "on that channel only"),
    Param("since_ms", "integer", "made since, Unix milliseconds"),
    *_PAGE,
)
ROUTES = (
    Route("GET", _ALL, list_notifications, "Notifications, the newest first", _READ, reply=NotificationList, params=_PARAMS, is_scoped=True),
    Route("GET", _ONE, get_notification, "A notification, what it tells, and its tries", _READ, reply=NotificationDetail, is_scoped=True),
    Route(
        "POST", f"{_ONE}/retry", retry_notification, "Send one again that was given up", _WRITE,
        reply=NotificationView, action="notifications.retry", refuses=(409,),
    ),
    Route(
        "POST", f"{_ONE}/drop", drop_notification, "Give one up that waits or is dead", _WRITE,
        reply=NotificationView, action="notifications.drop", refuses=(409,),
    ),
    Route(
        "GET", "/api/v1/incidents", list_incidents, "Incidents, the newest first", _READ, reply=IncidentList, is_scoped=True,
        params=(Param("state", "string", "open or over; both unless given"), *_PAGE),
    ),
    Route(
        "GET", "/api/v1/incidents/{id}", get_incident, "An incident, its alerts and its notifications", _READ,
        reply=IncidentDetail, is_scoped=True,
    ),
    Route("GET", "/api/v1/receivers", list_receivers, "Routes, whom they tell, and who is on duty", _READ, reply=ReceiversView),
    Route(
        "POST", "/api/v1/receivers/{name}/test", test_receiver, "Send a test on every channel of a receiver", _WRITE,
        reply=TestedReceiver, action="notifications.test",
    ),
)  # fmt: skip
