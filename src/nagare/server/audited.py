"""Runs a change so that it is on record: begun before it is made, and how it ended before its caller is answered.

A change of the records may have its entry in its own transaction (``Route.keeps_deed``); then it needs no begin.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from aiohttp import web

from nagare.errors import NagareError, PermissionDeniedError, UnauthenticatedError
from nagare.lib.invariant import invariant
from nagare.lib.plain_text import plain
from nagare.model.deed import Deed, Outcome
from nagare.model.principal import Permission
from nagare.server.audit_note import AuditNote
from nagare.server.rates.addresses import address_of
from nagare.server.route import Call, Route
from nagare.server.services import ANONYMOUS, PRINCIPAL, REQUEST_ID

IS_RECORDED: web.RequestKey[bool] = web.RequestKey("is_recorded", bool)
# What a route that is a guess told of its attempt.
NOTE: web.RequestKey[AuditNote] = web.RequestKey("note", AuditNote)
# The patterns of the paths that hold a secret.
SECRET_PATHS: web.AppKey[Sequence[str]] = web.AppKey("secret_paths", Sequence[str])
_SLASHES = re.compile("/+")
_PATH_LIMIT = 200
_DETAIL_LIMIT = 1000


def is_audited(route: Route, call: Call) -> bool:
    """Tell whether this call is a change to record: the events that a host sends are data, as its samples are."""
    return bool(route.action) and not (
        call.principal.host is not None and route.permission in (Permission.METRICS_WRITE, Permission.EVENTS_WRITE)
    )


async def run_audited(route: Route, call: Call, work: Callable[[], Awaitable[Any]]) -> Any:
    """Return what ``work`` returns, recorded. Raises what it raises, and StorageError when it cannot be recorded."""
    if route.is_guess:
        return await _run_guess(route, call, work)
    audit = call.services.audit
    deed = deed_of(call.request, route, Outcome.UNKNOWN)
    begun = "" if route.keeps_deed else await audit.begin(deed)
    call.deed = deed
    call.request[IS_RECORDED] = True
    try:
        value = await work()
    except (UnauthenticatedError, PermissionDeniedError) as error:
        await audit.record(_ended(deed, call.note, Outcome.REFUSED, error.message), begun)
        raise
    except NagareError as error:
        await audit.record(_ended(deed, call.note, Outcome.FAILED, error.message), begun)
        raise
    except Exception:
        await audit.record(_ended(deed, call.note, Outcome.FAILED, "a bug of the server; its log has the rest"), begun)
        raise
    if not call.note.is_kept:
        await audit.record(_ended(deed, call.note, Outcome.DONE), begun)
    return value


async def _run_guess(route: Route, call: Call, work: Callable[[], Awaitable[Any]]) -> Any:
    # Not begun: a flood of guesses must not fill the disk. The middleware records what is refused, in bounds.
    call.request[NOTE] = call.note
    value = await work()
    if not call.note.is_quiet:
        await call.services.audit.record(_ended(deed_of(call.request, route, Outcome.DONE), call.note, Outcome.DONE))
    return value


def done_deed(call: Call, note: AuditNote) -> Deed:
    """Return what is to be on record of the change that an audited ``call`` makes now, of which ``note`` tells."""
    invariant(call.deed is not None, "a deed is done in a route that is audited")
    assert call.deed is not None
    return _ended(call.deed, note, Outcome.DONE)


def deed_of(request: web.Request, route: Route | None, outcome: Outcome, detail: str = "") -> Deed:
    """Return what is known of a request before a route has looked at it."""
    principal = request.get(PRINCIPAL, ANONYMOUS)
    return Deed(
        action=_action(request, route),
        outcome=outcome,
        actor=principal.name,
        actor_id=principal.id,
        actor_kind=principal.kind.value,
        address=principal.address or address_of(request),
        target=plain((note.target if (note := request.get(NOTE)) else "") or told_path(request, route), _PATH_LIMIT),
        request_id=request.get(REQUEST_ID, ""),
        detail=plain(detail, _DETAIL_LIMIT),
    )


def told_path(request: web.Request, route: Route | None) -> str:
    """Return the path of a request for people to read: without what is secret in it, also where no route takes it so."""
    if route is not None:
        return route.path if route.has_secret_path else request.path
    path = _SLASHES.sub("/", request.path)
    for pattern in request.app[SECRET_PATHS]:
        # An address of people may have more before it, which a proxy is to take away.
        if found := re.search(re.escape(pattern.partition("{")[0]), path, re.IGNORECASE):
            return path[: found.start()] + pattern
    return request.path


def _action(request: web.Request, route: Route | None) -> str:
    if route is None:
        return f"http.{request.method.lower()[:16]}"
    if route.action:
        return route.action
    return "http.request" if route.permission is None else route.permission.value


def _ended(deed: Deed, note: AuditNote, outcome: Outcome, detail: str = "") -> Deed:
    return replace(
        deed,
        outcome=outcome,
        target=plain(note.target, _PATH_LIMIT) or deed.target,
        before=note.before,
        after=note.after,
        detail=plain(detail or note.detail, _DETAIL_LIMIT),
    )
