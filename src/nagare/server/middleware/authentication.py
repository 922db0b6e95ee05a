"""Finds out who asks, and refuses by default: only routes that say so answer without credentials."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from nagare.errors import HostPendingError, PermissionDeniedError, UnauthenticatedError
from nagare.model.principal import HOST_PERMISSIONS, Principal, PrincipalKind
from nagare.server.cookies import access_cookie
from nagare.server.rates.addresses import address_of
from nagare.server.route import Route
from nagare.server.services import ANONYMOUS, GENERATION, PRINCIPAL, SERVICES


def make_authentication(route_by_handler: Mapping[Any, Route]) -> Middleware:
    """Return the middleware; a handler that stands in no route table needs credentials before it says even 404."""

    @web.middleware
    async def authentication(request: web.Request, handler: Handler) -> web.StreamResponse:
        route = route_by_handler.get(request.match_info.handler)
        rates = request.app[SERVICES].rates
        if route is not None and (route.is_public or _will_bring_ticket(route, request)):
            request[PRINCIPAL] = ANONYMOUS
            await rates.check_stranger(route, address_of(request))
            return await handler(request)
        is_foreign = route is not None and route.form is not None
        identity = request.app[SERVICES].identity
        request[GENERATION] = identity.generation
        try:
            principal = await identity.authenticate(_secret(request, is_foreign=is_foreign))
        except UnauthenticatedError:
            await rates.check_stranger(route, address_of(request))
            raise
        request[PRINCIPAL] = principal
        if rates.counts(route, principal):
            await rates.check(route, principal, address_of(request))
        if route is not None:
            check_allowed(route, principal)
        return await handler(request)

    return authentication


def check_allowed(route: Route, principal: Principal) -> None:
    """Raise PermissionDeniedError unless ``principal`` may use ``route``."""
    if route.permission is None:
        return
    if not principal.may(route.permission):
        if principal.kind is PrincipalKind.HOST and route.permission in HOST_PERMISSIONS:
            raise HostPendingError(
                f"cannot {route.method} {route.path}: host {principal.name!r} waits for an operator's word",
                hint=f"an operator lets it work: nagare hosts accept {principal.name}",
            )
        raise PermissionDeniedError(
            f"cannot {route.method} {route.path}: you lack the permission {route.permission.value}"
        )
    # Refused unless the route says that it knows limits: one that was forgotten shows nothing.
    if principal.scope_of(route.permission) is not None and not route.is_scoped:
        raise PermissionDeniedError(
            f"cannot {route.method} {route.path}: your permission {route.permission.value} is limited to groups of hosts"
        )


def _will_bring_ticket(route: Route, request: web.Request) -> bool:
    is_upgrade = request.headers.get(hdrs.UPGRADE, "").lower() == "websocket"
    return (
        route.is_live
        and route.takes_ticket
        and is_upgrade
        and hdrs.AUTHORIZATION not in request.headers
        and not access_cookie(request)
    )


def _secret(request: web.Request, *, is_foreign: bool) -> str:
    scheme, _, sent = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    scheme, sent = scheme.lower(), sent.strip()
    if scheme == "bearer" and sent:
        return sent
    # Browsers keep a password and send it by themselves, so only routes that no page has a use for take one.
    if is_foreign and scheme == "token" and sent:
        return sent
    if is_foreign and scheme == "basic" and (password := _password(sent)):
        return password
    if hdrs.AUTHORIZATION not in request.headers and (cookie := access_cookie(request)):
        return cookie
    raise UnauthenticatedError(
        "cannot answer without credentials", hint="send Authorization: Bearer TOKEN (run/token has the local one)"
    )


def _password(encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return ""
