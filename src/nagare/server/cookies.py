"""The two cookies of a browser that has logged in: no page can read them, and no other site makes them be sent.

``SameSite=Strict`` keeps them from requests that other sites cause. Beside that, a request that a cookie authenticates
and that changes something must name its origin, and that must be ours; every browser names it on such requests.
"""

from __future__ import annotations

from aiohttp import hdrs, web

from nagare.errors import PermissionDeniedError
from nagare.identity.sessions.session import Opened
from nagare.server.middleware.gate import OWN_PAGE

_ACCESS, _REFRESH = "nagare_access", "nagare_refresh"
_REFRESH_PATH = "/api/v1/auth"
# Of a login that waits for an OpenID provider. Lax, for it must come along when the provider sends the browser back.
_BEGIN, _BEGIN_PATH = "nagare_oidc", "/api/v1/auth/oidc"
_SAFE = frozenset({"GET", "HEAD"})


def set_cookies(request: web.Request, response: web.StreamResponse, opened: Opened, now_ms: int) -> None:
    """Give the browser the tokens of a session."""
    access_seconds = max(0, (opened.access_expires_ms - now_ms) // 1000)
    refresh_seconds = max(0, (opened.refresh_expires_ms - now_ms) // 1000)
    _set(request, response, _ACCESS, opened.access, "/", access_seconds)
    _set(request, response, _REFRESH, opened.refresh, _REFRESH_PATH, refresh_seconds)


def drop_cookies(request: web.Request, response: web.StreamResponse) -> None:
    """Make the browser forget them."""
    _set(request, response, _ACCESS, "", "/", 0)
    _set(request, response, _REFRESH, "", _REFRESH_PATH, 0)


def access_cookie(request: web.Request) -> str:
    """Return the access token that a browser sent. Raises PermissionDeniedError when another site may have caused that."""
    return _checked(request, request.cookies.get(_name(request, _ACCESS), ""))


def refresh_cookie(request: web.Request) -> str:
    """Return the refresh token that a browser sent. Raises PermissionDeniedError as above."""
    return _checked(request, request.cookies.get(_name(request, _REFRESH), ""))


def set_begin_cookie(request: web.Request, response: web.StreamResponse, secret: str, seconds: float) -> None:
    """Let the browser prove later that it is the one that began a login."""
    _set(request, response, _BEGIN, secret, _BEGIN_PATH, int(seconds), same_site="Lax")


def drop_begin_cookie(request: web.Request, response: web.StreamResponse) -> None:
    """Make the browser forget that."""
    _set(request, response, _BEGIN, "", _BEGIN_PATH, 0, same_site="Lax")


def begin_cookie(request: web.Request) -> str:
    """Return what a browser kept of a login that it began."""
    return request.cookies.get(_name(request, _BEGIN), "")


def check_own_page(request: web.Request) -> None:
    """Raise PermissionDeniedError unless ``request`` names a page of this server as where it comes from."""
    if not request.get(OWN_PAGE, False):
        raise PermissionDeniedError(
            "cannot do that for a page of another site, or for one that does not say where it is"
        )


def _checked(request: web.Request, secret: str) -> str:
    is_change = request.method not in _SAFE or request.headers.get(hdrs.UPGRADE, "").lower() == "websocket"
    if secret and is_change and not request.get(OWN_PAGE, False):
        raise PermissionDeniedError(
            "cannot let a cookie change anything: the request does not come from a page of this server",
            hint="send the token as Authorization: Bearer",
        )
    return secret


def _set(  # noqa: PLR0913  what a cookie has
    request: web.Request,
    response: web.StreamResponse,
    name: str,
    value: str,
    path: str,
    seconds: int,
    same_site: str = "Strict",
) -> None:
    response.set_cookie(
        _name(request, name),
        value,
        path=path,
        max_age=seconds,
        httponly=True,
        samesite=same_site,
        secure=request.secure,
    )


def _name(request: web.Request, name: str) -> str:
    # The prefix makes browsers refuse one that a page without TLS, or of a neighbouring name, has set.
    return f"__Secure-{name}" if request.secure else name
