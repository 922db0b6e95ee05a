"""Join tokens: minting, listing and revoking them."""

from __future__ import annotations

import base64
import socket
from datetime import UTC, datetime

from nagare.identity.join_tokens.service import Terms
from nagare.identity.join_tokens.token import JoinToken, check_networks
from nagare.lib.rfc3339 import format_time
from nagare.model.host import check_capabilities
from nagare.model.principal import Permission
from nagare.server.route import Call, Route
from nagare.wire.codec import encode
from nagare.wire.joining import JoinAddress, JoinTokenList, JoinTokenRequest, JoinTokenView


async def mint(call: Call) -> JoinTokenView:
    """Mint a token; it is told only now."""
    request: JoinTokenRequest = call.value
    terms = Terms(
        note=request.note,
        expires_seconds=request.expires_seconds,
        uses=request.uses,
        networks=check_networks(request.networks),
        labels=request.labels,
        capabilities=check_capabilities(request.capabilities),
        accepts=request.accepts,
    )
    token, secret = await call.services.identity.join_tokens.mint(call.principal, terms)
    view = _view(token)
    call.note.tell(
        token.note or token.id, after={name: getattr(view, name) for name in view.__struct_fields__ if name != "token"}
    )
    return _view(token, f"{secret}.{_address(call, request.url)}")


async def list_tokens(call: Call) -> JoinTokenList:
    """Return tokens, the newest first."""
    return JoinTokenList([_view(token) for token in await call.services.identity.join_tokens.tokens()])


async def revoke(call: Call) -> None:
    """End a token at once; hosts that joined with it stay."""
    call.note.tell(call.path("id"))
    await call.services.identity.join_tokens.revoke(call.path("id"))


def _address(call: Call, url: str) -> str:
    served = call.services.certificate
    certificate = None if served is None else served.current
    if not url:
        scheme = call.request.scheme
        host = call.request.host
        if not call.services.listen.is_loopback:
            # The name by which this machine is known, which stands in its certificate; if not, one that does.
            name, port = socket.gethostname().lower(), call.request.url.port
            host = f"{name if certificate is None else certificate.best_name(name)}:{port}"
        url = f"{scheme}://{host}"
    address = JoinAddress(url, "" if certificate is None else certificate.pin)
    return base64.urlsafe_b64encode(encode(address)).decode().rstrip("=")


def _view(token: JoinToken, secret: str = "") -> JoinTokenView:
    return JoinTokenView(
        id=token.id,
        note=token.note,
        made_by=token.made_by,
        created_at=_time(token.created_ms),
        expires_at=_time(token.expires_ms),
        uses_left=token.uses_left,
        networks=list(token.networks),
        labels=dict(token.labels),
        capabilities=sorted(token.capabilities),
        accepts=token.accepts,
        token=secret,
    )


def _time(milliseconds: int) -> str:
    return format_time(datetime.fromtimestamp(milliseconds / 1000, UTC))


ROUTES = (
    Route(
        "POST",
        "/api/v1/join-tokens",
        mint,
        "Mint a join token",
        Permission.HOSTS_MINT,
        request=JoinTokenRequest,
        reply=JoinTokenView,
        action="hosts.mint",
    ),
    Route("GET", "/api/v1/join-tokens", list_tokens, "Join tokens", Permission.HOSTS_MINT, reply=JoinTokenList),
    Route(
        "DELETE",
        "/api/v1/join-tokens/{id}",
        revoke,
        "Revoke a join token",
        Permission.HOSTS_MINT,
        action="hosts.unmint",
    ),
)
