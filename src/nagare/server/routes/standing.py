"""A host asks how far it has come, so that one that waits goes on as soon as it may, and says what it is by now."""

from __future__ import annotations

from nagare.errors import PermissionDeniedError, UnauthenticatedError
from nagare.keys.signing import is_signed
from nagare.model.principal import Permission
from nagare.server.bodies import Body
from nagare.server.route import Call, Route
from nagare.wire.codec import decode
from nagare.wire.hosts import HostPresentation, RenewedToken, Standing, TokenRenewal, with_command_keys, with_renewal
from nagare.wire.signature import HEADER, signed_bytes


async def standing(call: Call) -> Standing:
    """Return how far the host of the token has come, what it may, and when to ask again."""
    found = call.services.fleet.standing(_host(call, "tell a standing"))
    is_due = await call.services.identity.host_tokens.is_due(call.principal.id)
    if "commands" in found.capabilities:
        found = with_command_keys(found, call.services.commands.keys)
    return with_renewal(found, renews_token=is_due, pins=_pins(call))


async def renew_token(call: Call) -> RenewedToken:
    """Return a new token for the host of the token; the present one ends when the new one is used for the first time."""
    host = _host(call, "renew a token")
    call.note.tell(host)
    assert call.holding is not None  # a raw route always holds its body
    body = call.holding.body
    renewal = decode(body.raw, TokenRenewal)
    _check_signed(call, host, f"cannot renew token of host {host!r}", body)
    secret = await call.services.identity.host_tokens.renew(call.principal.id, renewal.token_sha256)
    served = call.services.certificate
    return RenewedToken(secret, "" if served is None else served.current.authority)


async def present(call: Call) -> Standing:
    """Take what the host of the token says of itself anew, and tell its standing."""
    host = _host(call, "take a presentation")
    before = call.services.fleet.get(host)
    call.note.tell(host, before={"version": before.version, "labels": dict(before.labels)})
    assert call.holding is not None  # a raw route always holds its body
    body = call.holding.body
    told = decode(body.raw, HostPresentation)
    _check_signed(call, host, f"cannot take what host {host!r} says of itself", body)
    view = await call.services.fleet.present(host, told)
    call.note.tell(after={"version": view.version, "labels": view.labels})
    return await standing(call)


def _check_signed(call: Call, host: str, verb: str, body: Body) -> None:
    """Raise UnauthenticatedError unless the host's key signed the request."""
    key, signature = call.services.fleet.get(host).public_key, call.request.headers.get(HEADER, "")
    if key is None or not is_signed(key, signature, signed_bytes(call.request.path, body.encoding, body.raw)):
        raise UnauthenticatedError(f"{verb}: its {HEADER} does not match its key")


def _pins(call: Call) -> list[str]:
    # The keys of a private certificate are kept for ever. What is told comes from files of the server's user, never from a call.
    served = call.services.certificate
    return [served.current.pin, *served.current.next_pins] if served is not None and served.current.is_own else []


def _host(call: Call, verb: str) -> str:
    if call.principal.host is None:
        raise PermissionDeniedError(f"cannot {verb}: this token belongs to no host")
    return call.principal.host


ROUTES = (
    Route(
        "GET",
        "/api/v1/standing",
        standing,
        "How far the asking host has come",
        Permission.HOSTS_STANDING,
        reply=Standing,
        refuses=(404,),
    ),
    Route(
        "PUT",
        "/api/v1/standing",
        present,
        "What the asking host says of itself anew",
        Permission.HOSTS_STANDING,
        request=HostPresentation,
        reply=Standing,
        refuses=(404,),
        action="hosts.present",
        # Whoever has a token of a host can ask without end.
        is_guess=True,
        is_raw=True,
    ),
    Route(
        "POST",
        "/api/v1/standing/token",
        renew_token,
        "A new token for the asking host",
        Permission.HOSTS_STANDING,
        request=TokenRenewal,
        reply=RenewedToken,
        refuses=(404, 409),
        action="hosts.renew_token",
        # Whoever has a token of a host can ask without end.
        is_guess=True,
        is_raw=True,
    ),
)
