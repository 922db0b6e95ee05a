"""What pages of other origins may do that ``server.allowed_origins`` names: ask with a token of their own.

Never with cookies: those are for our own pages, so an origin that is allowed today cannot act as whoever is logged in.
"""

from __future__ import annotations

from aiohttp import hdrs, web

# The origin of a page that is allowed, where it is not our own.
ALLOWED_ORIGIN: web.RequestKey[str] = web.RequestKey("allowed_origin", str)
_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
_HEADERS = "Authorization, Content-Type, X-Request-Id"
_EXPOSED = "Retry-After, X-Request-Id"
_MAX_AGE_SECONDS = 600


def preflight(request: web.Request) -> web.Response | None:
    """Return the answer to a browser that asks what an allowed page may send; None for any other request."""
    if request.method != hdrs.METH_OPTIONS or ALLOWED_ORIGIN not in request:
        return None
    if hdrs.ACCESS_CONTROL_REQUEST_METHOD not in request.headers:
        return None
    headers = {
        hdrs.ACCESS_CONTROL_ALLOW_METHODS: _METHODS,
        hdrs.ACCESS_CONTROL_ALLOW_HEADERS: _HEADERS,
        hdrs.ACCESS_CONTROL_MAX_AGE: str(_MAX_AGE_SECONDS),
    }
    return web.Response(status=204, headers=headers)


def let_read(request: web.Request, response: web.StreamResponse) -> None:
    """Let an allowed page read the answer."""
    origin = request.get(ALLOWED_ORIGIN)
    if origin is not None:
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
        response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = _EXPOSED
        response.headers[hdrs.VARY] = "Origin"
