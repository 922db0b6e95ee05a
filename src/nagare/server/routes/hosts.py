"""Hosts: registering them, looking at them, changing and removing them."""

from __future__ import annotations

from nagare.model.principal import Permission
from nagare.server.route import Call, Route
from nagare.server.sight import check_sees, sees
from nagare.wire.hosts import HostList, HostPatch, HostView, RegisterReply, RegisterRequest


async def register(call: Call) -> RegisterReply:
    """Register a machine and return its token; the same machine again gets a new one, the old one ends."""
    request: RegisterRequest = call.value
    known = call.services.fleet.find(request.name)
    call.note.tell(request.name, before=None if known is None else {"id": known.id, "version": known.version})
    reply = await call.services.fleet.register(request)
    call.note.tell(after={"id": reply.id, "version": request.version, "labels": request.labels})
    return reply


async def list_hosts(call: Call) -> HostList:
    """Return every host that the caller sees, by name."""
    fleet = call.services.fleet
    return HostList([view for view in fleet.views() if sees(call.principal, fleet, Permission.HOSTS_READ, view.name)])


async def get_host(call: Call) -> HostView:
    """Return one host."""
    return call.services.fleet.view(_name(call, Permission.HOSTS_READ))


async def patch_host(call: Call) -> HostView:
    """Replace a host's labels."""
    name, patch = _name(call, Permission.HOSTS_WRITE), call.value
    call.note.tell(name, before={"labels": dict(call.services.fleet.get(name).labels)})
    view = await call.services.fleet.patch(name, patch)
    call.note.tell(after={"labels": view.labels})
    return view


async def delete_host(call: Call) -> None:
    """Forget a host and end its token; its samples stay until retention drops them."""
    name = _name(call, Permission.HOSTS_WRITE)
    host = call.services.fleet.get(name)
    call.note.tell(name, before={"id": host.id, "labels": dict(host.labels)})
    await call.services.fleet.remove(name)
    call.services.newest.forget(name)


def _name(call: Call, permission: Permission) -> str:
    name = call.path("name")
    if call.principal.scope_of(permission) is not None:
        check_sees(call.principal, call.services.fleet, permission, name)
    return name


_ONE = "/api/v1/hosts/{name}"
ROUTES = (
    Route(
        "POST",
        "/api/v1/hosts/register",
        register,
        "Register a machine",
        Permission.HOSTS_REGISTER,
        request=RegisterRequest,
        reply=RegisterReply,
        action="hosts.register",
    ),
    Route("GET", "/api/v1/hosts", list_hosts, "Every host", Permission.HOSTS_READ, reply=HostList, is_scoped=True),
    Route("GET", _ONE, get_host, "One host", Permission.HOSTS_READ, reply=HostView, is_scoped=True),
    Route(
        "PATCH",
        _ONE,
        patch_host,
        "Replace a host's labels",
        Permission.HOSTS_WRITE,
        request=HostPatch,
        reply=HostView,
        action="hosts.label",
        is_scoped=True,
    ),
    Route("DELETE", _ONE, delete_host, "Forget a host", Permission.HOSTS_WRITE, action="hosts.remove", is_scoped=True),
)
