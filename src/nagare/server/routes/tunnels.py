"""``/ws/ssh/{host}``: the bytes of SSH to a host of the fleet by this server, for whom cannot reach it from where they sit."""

from __future__ import annotations

from aiohttp import hdrs, web

from nagare.errors import NagareError, PermissionDeniedError
from nagare.model.host import Enrolment, Host
from nagare.model.principal import Permission, PrincipalKind
from nagare.server.cookies import check_own_page
from nagare.server.rates.addresses import address_of
from nagare.server.route import Call, Route
from nagare.server.tunnels.carry import carry
from nagare.server.tunnels.line import Line
from nagare.server.tunnels.tunnel import failed
from nagare.server.tunnels.way import shell_host


async def tunnel(call: Call) -> web.WebSocketResponse:
    """Carry one connection until either side ends it."""
    _check_caller(call)
    line = Line(call.request)
    host = _host(call)
    await line.begin()
    try:
        async with call.services.tunnels.opened(host, call.principal, address_of(call.request)) as opened:
            await carry(opened, line)
    except NagareError as error:
        # It counts among none, or is not on record: nothing was connected.
        await line.end(failed(error))
    return line.socket


def _check_caller(call: Call) -> None:
    # Pages of other origins never, whatever server.allowed_origins lets them ask with tokens of their own; a program names none.
    if hdrs.ORIGIN in call.request.headers:
        check_own_page(call.request)
    if call.principal.kind is PrincipalKind.BROWSER:
        raise PermissionDeniedError("cannot open a tunnel: a dashboard in a browser connects to hosts from here itself")
    if not call.services.settings.ssh.tunnels:
        raise PermissionDeniedError("cannot open a tunnel: they are switched off at this server (ssh.tunnels)")


def _host(call: Call) -> Host:
    host = shell_host(call.principal, call.services.fleet, call.path("host"))
    if host.enrolment is Enrolment.PENDING:
        # Its name was chosen by whoever registered it, and leads nowhere before an operator saw it.
        raise PermissionDeniedError(
            f"cannot open a tunnel to {host.name}: it waits for an operator's word",
            hint=f"an operator lets it work: nagare hosts accept {host.name}",
        )
    return host


ROUTES = (
    Route(
        "GET", "/ws/ssh/{host}", tunnel, "Bytes of SSH to a host, carried by the server (WebSocket)", Permission.SHELLS_OPEN,
        is_live=True, takes_ticket=False, is_scoped=True,
    ),
)  # fmt: skip
