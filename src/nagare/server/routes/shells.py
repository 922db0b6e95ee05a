"""Shells on hosts: who opens one tells it here, with every sign of life, and how it ended."""

from __future__ import annotations

from nagare.identity.shells.service import AGAIN_SECONDS, OpenShell
from nagare.lib.plain_text import plain
from nagare.model.host import Host
from nagare.model.principal import Permission
from nagare.server.rates.addresses import address_of
from nagare.server.route import Call, Route
from nagare.server.sight import check_sees
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
    fleet = call.services.fleet
    if call.principal.scope_of(Permission.SHELLS_OPEN) is not None:
        check_sees(call.principal, fleet, Permission.SHELLS_OPEN, name)
    return fleet.get(name)


def _view(call: Call, shell: OpenShell, host: Host) -> ShellView:
    # What only an agent says of its host leads nobody anywhere: a taken host must not collect passwords for another.
    given = host.given_labels
    port = given.get("ssh_port", "")
    return ShellView(
        id=shell.id,
        host=shell.host,
        address=given.get("ssh_address", ""),
        port=int(port) if port.isascii() and port.isdigit() and 0 < int(port) < 65536 else 0,
        user=given.get("ssh_user", ""),
        jump=given.get("ssh_jump", ""),
        is_recorded=call.services.settings.ssh.record,
        again_seconds=AGAIN_SECONDS,
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
