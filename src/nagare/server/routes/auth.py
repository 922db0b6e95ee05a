"""Logging in by password, staying logged in, and logging out."""

from __future__ import annotations

from aiohttp import web

from nagare.errors import InputError, PermissionDeniedError, UnauthenticatedError
from nagare.identity.sessions.session import Opened
from nagare.lib.rfc3339 import format_ms
from nagare.model.principal import Permission
from nagare.server.cookies import drop_cookies, refresh_cookie, set_cookies
from nagare.server.rates.addresses import address_of
from nagare.server.route import Call, Route
from nagare.server.services import PRINCIPAL
from nagare.wire.auth import KeyRotation, LoginRequest, LogoutRequest, Me, RefreshRequest, TokenReply
from nagare.wire.codec import encode
from nagare.wire.identity import JwkSet


async def login(call: Call) -> web.Response:
    """Open a session for a user's password."""
    request: LoginRequest = call.value
    call.note.tell(request.user, after={"method": "password"})
    if not call.services.settings.oidc.password_login:
        raise PermissionDeniedError(
            "cannot log in by password: this server takes other logins only", hint="nagare login --oidc"
        )
    opened = await call.services.identity.by_password.login(
        request.user,
        request.password,
        address=address_of(call.request),
        agent=call.request.headers.get("User-Agent", ""),
    )
    # On record as the user that it now is.
    call.request[PRINCIPAL] = await call.services.identity.authenticate(opened.access)
    return answer_opened(call, opened, in_cookies=request.cookie)


async def refresh(call: Call) -> web.Response:
    """Give new tokens for a refresh token, which ends with that."""
    sent: RefreshRequest = call.value
    # Every client does this four times an hour: what is refused is on record, what goes well is not.
    call.note.is_quiet = True
    from_cookie = "" if sent.refresh_token else refresh_cookie(call.request)
    if not sent.refresh_token and not from_cookie:
        raise UnauthenticatedError("cannot refresh: no refresh token came", hint="log in again")
    address = address_of(call.request)
    opened = await call.services.identity.sessions.refresh(sent.refresh_token or from_cookie, address=address)
    return answer_opened(call, opened, in_cookies=bool(from_cookie))


async def logout(call: Call) -> web.Response:
    """End the session of a refresh token; one that is worth nothing any more has none, and that is fine."""
    sent: LogoutRequest = call.value
    secret = sent.refresh_token or refresh_cookie(call.request)
    if not secret:
        raise InputError("cannot log out: no refresh token came", hint="DELETE /api/v1/sessions/ID ends any session")
    session = await call.services.identity.sessions.end_by_refresh(secret)
    call.note.tell(session or "no session")
    response = web.Response(status=204)
    drop_cookies(call.request, response)
    return response


async def me(call: Call) -> Me:
    """Return the caller as the server knows it."""
    principal = call.principal
    return Me(
        name=principal.name,
        kind=principal.kind.value,
        permissions=sorted(principal.permissions),
        scopes={permission.value: sorted(groups) for permission, groups in sorted(principal.scopes.items())},
        host=principal.host,
        user_id=principal.user_id,
        session=principal.session_id,
    )


async def jwks(call: Call) -> JwkSet:
    """Return the keys that verify access tokens."""
    return JwkSet(await call.services.identity.access_tokens.public_keys())


async def rotate(call: Call) -> KeyRotation:
    """Sign access tokens with a new key; the old one verifies until the last token that it signed has ended."""
    kid = await call.services.identity.access_tokens.rotate()
    call.note.tell("token key", after={"kid": kid})
    return KeyRotation(kid)


def answer_opened(call: Call, opened: Opened, *, in_cookies: bool) -> web.Response:
    """Return the answer to a login: tokens in its body or in cookies, never in both."""
    reply = token_reply(call, opened, in_cookies=in_cookies)
    response = web.Response(body=encode(reply), content_type="application/json")
    if in_cookies:
        set_cookies(call.request, response, opened, call.services.clock.now_ms())
    return response


def token_reply(call: Call, opened: Opened, *, in_cookies: bool = False) -> TokenReply:
    """Return what a login gives, without the tokens that cookies carry."""
    return TokenReply(
        user=opened.user_name,
        session=opened.session.id,
        access_token="" if in_cookies else opened.access,
        expires_seconds=(opened.access_expires_ms - call.services.clock.now_ms()) / 1000,
        refresh_token="" if in_cookies else opened.refresh,
        refresh_expires_at=format_ms(opened.refresh_expires_ms),
    )


_AUTH = "/api/v1/auth"
ROUTES = (
    Route(
        "POST", f"{_AUTH}/login", login, "Log in by password", None,
        request=LoginRequest, reply=TokenReply, action="auth.login", is_guess=True,
    ),
    Route(
        "POST", f"{_AUTH}/refresh", refresh, "New tokens for a refresh token", None,
        request=RefreshRequest, reply=TokenReply, action="auth.refresh", is_guess=True,
    ),
    Route(
        "POST", f"{_AUTH}/logout", logout, "End a session", None,
        request=LogoutRequest, action="auth.logout", is_guess=True, success=204,
    ),
    Route("GET", f"{_AUTH}/me", me, "Who the caller is", Permission.ACCOUNT_READ, reply=Me),
    Route("GET", "/.well-known/jwks.json", jwks, "Keys that verify access tokens", None, reply=JwkSet),
    Route(
        "POST", f"{_AUTH}/rotate-keys", rotate, "Sign access tokens with a new key", Permission.IDENTITY_ROTATE,
        reply=KeyRotation, action="identity.rotate",
    ),
)  # fmt: skip
