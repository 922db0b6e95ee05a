"""Shells on hosts: who opens one tells it here, with every sign of life, and how it ended."""

from __future__ import annotations

from nagare.identity.shells.service import AGAIN_SECONDS, OpenShell
from nagare.lib.plain_text import plain
from nagare.model.host import Host
from nagare.model.principal import Permission, PrincipalKind
from nagare.server.rates.addresses import address_of
from nagare.server.route import Call, Route
from nagare.server.tunnels.way import shell_host, way_to
from nagare.wire.shells import ShellEnd, ShellRequest, ShellView

_TEXT_LIMIT = 200


async def open_shell(call: Call) -> ShellView:
    """Note that the caller opens a shell, and tell what is known of the way."""
    request: ShellRequest = call.value
    host = _host(call, request.host)
    shell = call.services.shells.open(host.name, call.principal, address_of(call.request))
    view = _view(call, shell, host)
    call.note.tell(host.name, after={"id": shell.id, "address": view.address, "recorded": view.is_recorded})
    return view


async def touch_shell(call: Call) -> ShellView:
    """Note that a shell is still open; answers who may no longer have one with a refusal."""
    shell = call.services.shells.touch(call.path("id"), call.principal)
    return _view(call, shell, _host(call, shell.host))


async def end_shell(call: Call) -> None:
    """Note how a shell ended."""
    told: ShellEnd = call.value
    shell, seconds = call.services.shells.close(call.path("id"), call.principal)
    after = {"id": shell.id, "seconds": round(seconds), "status": told.status, "signal": plain(told.signal, 40)}
    if told.recording_sha256:
        after |= {"recording_sha256": plain(told.recording_sha256, 64), "recording_bytes": told.recording_bytes}
    call.note.tell(shell.host, after=after, detail=plain(told.why, _TEXT_LIMIT))


def _host(call: Call, name: str) -> Host:
    return shell_host(call.principal, call.services.fleet, name)


def _view(call: Call, shell: OpenShell, host: Host) -> ShellView:
    way, settings = way_to(host), call.services.settings.ssh
    return ShellView(
        id=shell.id,
        host=shell.host,
        address=way.address,
        port=way.port,
        user=way.user,
        jump=way.jump,
        is_recorded=settings.record,
        again_seconds=AGAIN_SECONDS,
        # A dashboard in a browser stands here already.
        may_tunnel=settings.tunnels and call.principal.kind is not PrincipalKind.BROWSER,
    )


_ONE = "/api/v1/shells/{id}"
_OPEN = Permission.SHELLS_OPEN
ROUTES = (
    Route(
        "POST", "/api/v1/shells", open_shell, "Say that one opens a shell on a host", _OPEN,
        request=ShellRequest, reply=ShellView, action="shells.open", is_scoped=True, refuses=(404, 413),
    ),
    Route("GET", _ONE, touch_shell, "Say that a shell of one's own is still open", _OPEN, reply=ShellView, is_scoped=True, refuses=(404,)),
    Route(
        "POST", f"{_ONE}/end", end_shell, "Say how a shell of one's own ended", _OPEN,
        request=ShellEnd, action="shells.end", success=204, is_scoped=True, refuses=(404,),
    ),
)  # fmt: skip
