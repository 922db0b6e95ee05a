"""Events: what happened, and people's notes about it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from nagare.errors import InvalidLabelError, LimitExceededError, PermissionDeniedError
from nagare.model.event import Event, Severity
from nagare.model.principal import Permission
from nagare.server.live.event_views import event_view
from nagare.server.params import whole_number
from nagare.server.route import Call, Param, Route
from nagare.server.services import Services
from nagare.server.sight import check_sees, hosts_of
from nagare.wire.events import EventIds, EventList, EventRequest, EventView
from nagare.wire.sql import SqlRequest

_BATCH_LIMIT = 1000
_LIST_LIMIT = 10_000
# Ids of one request that its audit entry names.
_NOTED_LIMIT = 20
_LIST_DEFAULT = 100
_TEXT_LIMITS: Mapping[str, int] = {"id": 128, "kind": 128, "text": 4096}
_ATTRIBUTES_LIMIT = 64
_ATTRIBUTE_LIMIT = 1024


async def post_events(call: Call) -> EventIds:
    """Store events; an id that is known already is not stored again and no fault."""
    requests: list[EventRequest] = call.value if isinstance(call.value, list) else [call.value]
    if len(requests) > _BATCH_LIMIT:
        raise LimitExceededError(f"cannot take {len(requests)} events at once: {_BATCH_LIMIT} is the limit")
    events = [_event(call, request, index) for index, request in enumerate(requests)]
    call.note.tell(f"{len(events)} events", after={"ids": [event.id for event in events[:_NOTED_LIMIT]]})
    await store_events(call.services, events)
    return EventIds([event.id for event in events])


async def store_events(services: Services, events: list[Event]) -> None:
    """Store events durably and hand the new ones to the live connections."""
    if not events:
        return
    stored = await services.store.append_events(events)
    for event, is_new in zip(events, stored, strict=True):
        if is_new:
            services.hub.publish_event(event_view(event))


async def list_events(call: Call) -> EventList:
    """Return events, newest first."""
    query, verb = call.query, "list events"
    conditions = [(name, query[name]) for name in ("host", "kind") if name in query]
    where = "".join(f" and {name} = ?" for name, _ in conditions)
    statement = (
        "select id, epoch_ms(ts), host, kind, severity, source, text, attributes from events"  # noqa: S608  names are ours
        f" where true{where} order by ts desc, id desc"
    )
    request = SqlRequest(
        sql=statement,
        params=[value for _, value in conditions] or None,
        limit=whole_number(query, "limit", verb, 1, _LIST_LIMIT) or _LIST_DEFAULT,
        since_ms=whole_number(query, "since_ms", verb),
        until_ms=whole_number(query, "until_ms", verb),
    )
    hosts = hosts_of(call.principal, call.services.fleet, Permission.EVENTS_READ)
    reply = await call.services.store.query(request, hosts=hosts)
    return EventList([_view(row) for row in reply.rows])


def _event(call: Call, request: EventRequest, index: int) -> Event:
    _check_texts(request, index)
    try:
        severity = Severity(request.severity)
    except ValueError:
        raise _bad_field(index, "severity", "0 info, 1 warning, 2 high, 3 critical are lawful") from None
    return Event(
        id=request.id or uuid.uuid4().hex,
        ts=call.services.clock.now_ms() if request.ts is None else request.ts,
        host=_host(call, request),
        kind=request.kind,
        severity=severity,
        source=call.principal.name if call.principal.host is None else "agent",
        text=request.text,
        attributes=request.attributes,
    )


def _host(call: Call, request: EventRequest) -> str:
    own = call.principal.host
    if own is not None:
        if request.host not in ("", own):
            raise PermissionDeniedError(
                f"cannot post event of host {request.host[:80]!r}: this token may only speak as {own!r}"
            )
        return own
    if call.principal.scope_of(Permission.EVENTS_WRITE) is not None:
        check_sees(call.principal, call.services.fleet, Permission.EVENTS_WRITE, request.host)
    return call.services.fleet.get(request.host).name if request.host else ""


def _check_texts(request: EventRequest, index: int) -> None:
    for name, limit in _TEXT_LIMITS.items():
        value: str | None = getattr(request, name)
        if value is not None and not (0 < len(value) <= limit and _is_storable(value)):
            raise _bad_field(index, name, f"1 to {limit} characters are lawful")
    if len(request.attributes) > _ATTRIBUTES_LIMIT:
        raise _bad_field(index, "attributes", f"at most {_ATTRIBUTES_LIMIT} are lawful")
    for name, value in request.attributes.items():
        if len(name) > _ATTRIBUTE_LIMIT or len(value) > _ATTRIBUTE_LIMIT or not _is_storable(name + value):
            raise _bad_field(index, "attributes", f"names and values have at most {_ATTRIBUTE_LIMIT} characters")


def _is_storable(text: str) -> bool:
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _bad_field(index: int, field: str, cause: str) -> InvalidLabelError:
    return InvalidLabelError(
        f"cannot take event {index}: {field}: {cause}", errors=[{"pointer": f"#/{index}/{field}", "detail": cause}]
    )


def _view(row: list[Any]) -> EventView:
    id_, stamp, host, kind, severity, source, text, attributes = row
    return EventView(
        id=id_ or "",
        ts=stamp,
        host=host or "",
        kind=kind or "",
        severity=severity or 0,
        source=source or "",
        text=text or "",
        attributes=attributes or {},
    )


ROUTES = (
    Route(
        "GET",
        "/api/v1/events",
        list_events,
        "Events, newest first",
        Permission.EVENTS_READ,
        reply=EventList,
        refuses=(422, 504),
        is_scoped=True,
        params=(
            Param("since_ms", "integer", "from this time on, Unix milliseconds"),
            Param("until_ms", "integer", "before this time, Unix milliseconds"),
            Param("host", "string", "only of this host"),
            Param("kind", "string", "only of this kind"),
            Param("limit", "integer", "at most this many (100)"),
        ),
    ),
    Route(
        "POST",
        "/api/v1/events",
        post_events,
        "Store events or notes",
        Permission.EVENTS_WRITE,
        request=EventRequest | list[EventRequest],
        reply=EventIds,
        refuses=(404,),
        action="events.add",
        finishes=True,
        is_scoped=True,
    ),
)
