"""Logging in by an OpenID provider: the redirects of a browser, and the code of a terminal."""

from __future__ import annotations

from html import escape

from aiohttp import hdrs, web

from nagare.errors import InputError
from nagare.identity.oidc.service import Finished, Waiting
from nagare.identity.users.foreign import ForeignIdentity
from nagare.model.principal import Permission
from nagare.server.cookies import begin_cookie, drop_begin_cookie, set_begin_cookie, set_cookies
from nagare.server.rates.addresses import address_of
from nagare.server.route import Call, Param, Route
from nagare.server.routes.auth import token_reply
from nagare.server.services import PRINCIPAL
from nagare.wire.oidc import (
    DevicePoll,
    DeviceReply,
    DeviceRequest,
    DeviceState,
    LinkRequest,
    LoginMethods,
    OidcMethod,
)

_AUTH, _OIDC = "/api/v1/auth", "/api/v1/auth/oidc"
_CALLBACK = f"{_OIDC}/callback"
_ANSWER = ("code", "state", "iss", "error", "error_description")
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Logged in</title><meta http-equiv="refresh" content="0; url={to}"></head>
<body><p>Logged in as {user}. <a href="{to}">Go on</a></p></body></html>
"""


async def login_methods(call: Call) -> LoginMethods:
    """Tell how people may log in here."""
    settings = call.services.settings.oidc
    method = OidcMethod(call.services.oidc.name, settings.issuer, f"{_OIDC}/login") if settings.is_set else None
    return LoginMethods(settings.password_login, method)


async def begin_login(call: Call) -> web.Response:
    """Send a browser to the provider."""
    start = await call.services.oidc.begin(
        _redirect_uri(call), call.query.get("return_to", "/"), address=address_of(call.request)
    )
    response = web.Response(status=302, headers={hdrs.LOCATION: start.address})
    set_begin_cookie(call.request, response, start.browser, call.services.settings.oidc.login_seconds)
    return response


async def finish_login(call: Call) -> web.Response:
    """Let a browser in that comes back from the provider, with cookies of its own."""
    answer = {name: call.query[name] for name in _ANSWER if name in call.query}
    if "state" not in answer:
        raise InputError("cannot log in: no state came back", hint=f"begin at {_OIDC}/login")
    finished = await call.services.oidc.finish(
        answer, begin_cookie(call.request), address=address_of(call.request), agent=_agent(call)
    )
    await _note(call, finished)
    # A page, and not a redirect: browsers do not send strict cookies along a chain that another site began.
    page = _PAGE.format(user=escape(finished.opened.user_name), to=escape(finished.return_to))
    response = web.Response(text=page, content_type="text/html")
    set_cookies(call.request, response, finished.opened, call.services.clock.now_ms())
    drop_begin_cookie(call.request, response)
    return response


async def begin_device(call: Call) -> DeviceReply:
    """Begin the login of a terminal."""
    device = await call.services.oidc.begin_device(address=address_of(call.request))
    return DeviceReply(
        handle=device.handle,
        user_code=device.user_code,
        verification_uri=device.address,
        verification_uri_complete=device.whole_address,
        expires_seconds=device.expires_seconds,
        interval_seconds=device.interval_seconds,
    )


async def poll_device(call: Call) -> DeviceState:
    """Give a terminal its tokens once its user has confirmed."""
    sent: DevicePoll = call.value
    result = await call.services.oidc.poll_device(sent.handle, address=address_of(call.request), agent=_agent(call))
    if isinstance(result, Waiting):
        call.note.is_quiet = True
        return DeviceState("slow_down" if result.is_slower else "pending", result.interval_seconds)
    await _note(call, result)
    return DeviceState("done", 0.0, token_reply(call, result.opened))


async def link_user(call: Call) -> None:
    """Say who a user is at the provider."""
    request: LinkRequest = call.value
    account = await call.services.identity.users.get(call.path("name"))
    issuer = request.issuer or call.services.settings.oidc.issuer
    before = await call.services.oidc.store.identity_of(account.user.id)
    call.note.tell(account.user.name, before=_told(before), after={"issuer": issuer, "subject": request.subject})
    await call.services.links.link(call.principal, account, ForeignIdentity(issuer, request.subject))


async def unlink_user(call: Call) -> None:
    """Let a user be nobody at the provider; its sessions end."""
    account = await call.services.identity.users.get(call.path("name"))
    before = await call.services.oidc.store.identity_of(account.user.id)
    call.note.tell(account.user.name, before=_told(before))
    await call.services.links.unlink(call.principal, account)


async def _note(call: Call, finished: Finished) -> None:
    # On record as the user that it now is.
    call.request[PRINCIPAL] = await call.services.identity.authenticate(finished.opened.access)
    identity = _told(finished.identity) or {}
    call.note.tell(finished.opened.user_name, after={"method": "oidc", **identity, "is_new_user": finished.is_new})


def _told(identity: ForeignIdentity | None) -> dict[str, str] | None:
    return None if identity is None else {"issuer": identity.issuer, "subject": identity.subject}


def _redirect_uri(call: Call) -> str:
    # The gate has seen to it that the Host header is a name of ours.
    request = call.request
    own = call.services.settings.server.public_url or f"{request.scheme}://{request.headers.get(hdrs.HOST, '')}"
    return own.rstrip("/") + _CALLBACK


def _agent(call: Call) -> str:
    return call.request.headers.get(hdrs.USER_AGENT, "")


_LINK = "/api/v1/users/{name}/identity"
ROUTES = (
    Route("GET", f"{_AUTH}/methods", login_methods, "How people may log in", None, reply=LoginMethods),
    Route(
        "GET", f"{_OIDC}/login", begin_login, "Log in by the OpenID provider, in a browser", None, success=302,
        refuses=(404,),
        params=(Param("return_to", "string", "the path of this server to go to afterwards"),),
    ),
    Route(
        "GET", _CALLBACK, finish_login, "The way back from the OpenID provider", None, media="text/html",
        params=tuple(Param(name, "string", "what the provider sends") for name in _ANSWER),
        action="auth.login", is_guess=True, refuses=(404, 409, 413),
    ),
    Route(
        "POST", f"{_OIDC}/device", begin_device, "Log in by the OpenID provider, from a terminal", None,
        request=DeviceRequest, reply=DeviceReply, refuses=(404,),
    ),
    Route(
        "POST", f"{_OIDC}/device/poll", poll_device, "Whether a terminal's login is done", None,
        request=DevicePoll, reply=DeviceState, action="auth.login", is_guess=True, refuses=(404, 409),
    ),
    Route(
        "PUT", _LINK, link_user, "Say who a user is at the OpenID provider", Permission.USERS_WRITE,
        request=LinkRequest, action="users.link", success=204, refuses=(409,),
    ),
    Route(
        "DELETE", _LINK, unlink_user, "Part a user from its identity there", Permission.USERS_WRITE,
        action="users.unlink",
    ),
)  # fmt: skip
