"""Alerts and silences: seeing them, taking alerts in hand, keeping quiet about some."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from nagare.alerting.alerts.views import Sees
from nagare.alerting.alerts.wanted import Wanted
from nagare.alerting.silences.views import silence_view
from nagare.errors import InputError
from nagare.model.alert.alert import ACTIVE, Alert, AlertState
from nagare.model.principal import Permission
from nagare.server.params import whole_number
from nagare.server.route import Call, Param, Route
from nagare.server.sight import hosts_of, sees
from nagare.wire.alerts import (
    AlertDeed,
    AlertDetail,
    AlertList,
    AlertView,
    SilenceList,
    SilenceRequest,
    SilenceView,
    WhyView,
)

_LIMIT, _LIMIT_MOST = 100, 500
_STATES = ", ".join(AlertState)


async def list_alerts(call: Call) -> AlertList:
    """Return alerts, what changed last first."""
    limit = whole_number(call.query, "limit", "list alerts", 1, _LIMIT_MOST) or _LIMIT
    wanted = _wanted(call.query, hosts_of(call.principal, call.services.fleet, Permission.ALERTS_READ))
    return await call.services.alerts.find_all(wanted, call.query.get("page", ""), limit, _sees(call))


def _sees(call: Call, permission: Permission = Permission.ALERTS_READ) -> Sees:
    return partial(sees, call.principal, call.services.fleet, permission)


def _wanted(query: Mapping[str, str], hosts: frozenset[str] | None) -> Wanted:
    states: list[str] = []
    for state in filter(None, query.get("state", "").split(",")):
        if state == "active":
            states += sorted(ACTIVE)
        elif state in list(AlertState):
            states.append(state)
        else:
            cause = f"must be active, or of {_STATES}, with commas between"
            raise InputError(f"cannot list alerts: state {cause}", errors=[{"parameter": "state", "detail": cause}])
    return Wanted(
        tuple(dict.fromkeys(states)),
        whole_number(query, "severity", "list alerts", 0, 3) or 0,
        query.get("host", ""),
        query.get("rule", ""),
        whole_number(query, "since_ms", "list alerts") or 0,
        hosts,
    )


async def get_alert(call: Call) -> AlertDetail:
    """Return an alert with what happened to it."""
    return await call.services.alerts.detail(await _alert(call, Permission.ALERTS_READ), _sees(call))


async def why_alert(call: Call) -> WhyView:
    """Return, step by step, why people are told of an alert, or are not."""
    return await call.services.alerts.why(await _alert(call, Permission.ALERTS_READ), _sees(call))


async def acknowledge_alert(call: Call) -> AlertView:
    """Put an alert into the caller's hands."""
    alert = await _told(call)
    found = await call.services.alerts.acknowledge(alert, call.principal, call.value.text)
    return call.services.alerts.view(found, _sees(call))


async def unacknowledge_alert(call: Call) -> AlertView:
    """Take an alert out of the hands of who has it."""
    alert = await _told(call)
    found = await call.services.alerts.unacknowledge(alert, call.principal, call.value.text)
    return call.services.alerts.view(found, _sees(call))


async def resolve_alert(call: Call) -> AlertView:
    """End an alert by hand."""
    alert = await _told(call)
    found = await call.services.alerts.resolve(alert, call.principal, call.value.text)
    return call.services.alerts.view(found, _sees(call))


async def comment_alert(call: Call) -> AlertView:
    """Note something about an alert."""
    alert = await _told(call)
    found = await call.services.alerts.comment(alert, call.principal, call.value.text)
    return call.services.alerts.view(found, _sees(call))


async def _alert(call: Call, permission: Permission) -> Alert:
    return await call.services.alerts.get(call.path("id"), _sees(call, permission))


async def _told(call: Call) -> Alert:
    call.note.tell(call.path("id"), after={"text": call.value.text})
    alert = await _alert(call, Permission.ALERTS_WRITE)
    call.note.tell(before={"state": alert.state.value, "owner": alert.owner})
    return alert


async def list_silences(call: Call) -> SilenceList:
    """Return silences, the newest first."""
    alerts, now_ms = call.services.alerts, call.services.clock.now_ms()
    counts = await alerts.matches()
    return SilenceList([silence_view(one, counts[one.id], now_ms) for one in alerts.silences.all()])


async def get_silence(call: Call) -> SilenceView:
    """Return a silence."""
    alerts = call.services.alerts
    silence = await alerts.silences.get(call.path("id"))
    return silence_view(silence, (await alerts.matches())[silence.id], call.services.clock.now_ms())


async def make_silence(call: Call) -> SilenceView:
    """Make a silence."""
    alerts, request = call.services.alerts, call.value
    told = {"matchers": request.matchers, "reason": request.reason, "lasts_seconds": request.lasts_seconds}
    call.note.tell("silences", after=told)
    silence = await alerts.silences.add(call.principal, request)
    call.note.tell(silence.id)
    return silence_view(silence, (await alerts.matches())[silence.id], call.services.clock.now_ms())


async def end_silence(call: Call) -> SilenceView:
    """End a silence now."""
    alerts, silence_id = call.services.alerts, call.path("id")
    call.note.tell(silence_id)
    silence = await alerts.silences.end(silence_id, call.principal)
    call.note.tell(before={"matchers": [str(one) for one in silence.matchers], "reason": silence.reason})
    return silence_view(silence, (await alerts.matches())[silence.id], call.services.clock.now_ms())


_ALL = "/api/v1/alerts"
_ONE = f"{_ALL}/{{id}}"
_READ, _WRITE = Permission.ALERTS_READ, Permission.ALERTS_WRITE
_PARAMS = (
    Param("state", "string", f"active, or of {_STATES}, with commas between"),
    Param("severity", "integer", "the least: 0 info, 1 warning, 2 high, 3 critical"),
    Param("host", "string", "of that host only"),
    Param("rule", "string", "of that rule only"),
    Param("since_ms", "integer", "that changed since, Unix milliseconds"),
    Param("limit", "integer", f"how many, {_LIMIT_MOST} at the most"),
    Param("page", "string", "next of the answer before"),
)
ROUTES = (
    Route("GET", _ALL, list_alerts, "Alerts, what changed last first", _READ, reply=AlertList, params=_PARAMS, is_scoped=True),
    Route("GET", _ONE, get_alert, "An alert and what happened to it", _READ, reply=AlertDetail, is_scoped=True),
    Route("GET", f"{_ONE}/why", why_alert, "Why people are told of it, or are not", _READ, reply=WhyView, is_scoped=True),
    Route(
        "POST", f"{_ONE}/ack", acknowledge_alert, "Take it in hand", _WRITE,
        request=AlertDeed, reply=AlertView, action="alerts.ack", is_scoped=True, refuses=(409,),
    ),
    Route(
        "POST", f"{_ONE}/unack", unacknowledge_alert, "Give it back", _WRITE,
        request=AlertDeed, reply=AlertView, action="alerts.unack", is_scoped=True, refuses=(409,),
    ),
    Route(
        "POST", f"{_ONE}/resolve", resolve_alert, "End it by hand", _WRITE,
        request=AlertDeed, reply=AlertView, action="alerts.resolve", is_scoped=True, refuses=(409,),
    ),
    Route(
        "POST", f"{_ONE}/comment", comment_alert, "Note something about it", _WRITE,
        request=AlertDeed, reply=AlertView, action="alerts.comment", is_scoped=True, refuses=(409,),
    ),
    Route("GET", "/api/v1/silences", list_silences, "Silences, the newest first", _READ, reply=SilenceList),
    Route("GET", "/api/v1/silences/{id}", get_silence, "A silence", _READ, reply=SilenceView),
    Route(
        "POST", "/api/v1/silences", make_silence, "Make a silence", Permission.SILENCES_WRITE,
        request=SilenceRequest, reply=SilenceView, action="silences.add", refuses=(422,),
    ),
    Route(
        "DELETE", "/api/v1/silences/{id}", end_silence, "End a silence now", Permission.SILENCES_WRITE,
        reply=SilenceView, action="silences.end", refuses=(409,),
    ),
)  # fmt: skip
