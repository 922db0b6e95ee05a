"""Lets in no more of the agents' requests than are worked off soon; cheap, and before anything else is looked at."""

from __future__ import annotations

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from nagare.server.hot.crowd import Crowd

# What every agent of a fleet sends when it comes back.
_PATHS = frozenset({"/api/v1/metrics/batch", "/api/v1/standing"})


def make_admission(crowd: Crowd) -> Middleware:
    """Return the middleware; it stands inside the one that makes problem documents."""

    @web.middleware
    async def admission(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path not in _PATHS:
            return await handler(request)
        with crowd.admitted():
            return await handler(request)

    return admission
