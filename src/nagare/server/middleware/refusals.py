"""Records every attempt that was refused for want of identity or right: a break-in begins with some that fail.

What an audited route refuses by itself is recorded there (``server.audited``), with what it knew of its target.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from nagare.errors import ConflictError, NagareError, PermissionDeniedError, RateLimitedError, UnauthenticatedError
from nagare.model.deed import Outcome
from nagare.server.audited import IS_RECORDED, deed_of
from nagare.server.route import Route
from nagare.server.services import SERVICES

_ALWAYS = (UnauthenticatedError, PermissionDeniedError)


def make_refusals(route_by_handler: Mapping[Any, Route]) -> Middleware:
    """Return the middleware; it stands inside the one that gives every request its id."""

    @web.middleware
    async def refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except (UnauthenticatedError, PermissionDeniedError, RateLimitedError, ConflictError) as error:
            route = route_by_handler.get(request.match_info.handler)
            # That something is taken, or too much, is a refusal only where somebody tries to get in.
            is_refusal = isinstance(error, _ALWAYS) or (route is not None and route.is_guess)
            if is_refusal and not request.get(IS_RECORDED, False):
                await _record(request, route, error)
            raise

    return refusals


async def _record(request: web.Request, route: Route | None, refused: NagareError) -> None:
    services = request.app[SERVICES]
    deed = deed_of(request, route, Outcome.REFUSED, detail=refused.message)
    try:
        await services.finisher.finish(services.audit.refuse(deed))
    except NagareError:
        # A disk that is full must not turn a refusal into something else; the counter tells what is missing.
        services.counters.add("refusals_not_recorded")
