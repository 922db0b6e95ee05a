"""Hosts: registering them, looking at them, changing and removing them."""

from __future__ import annotations

from dataclasses import replace

from nagare.fleet.accept_rules import find_rule, rule_capabilities
from nagare.fleet.joining import Joining, is_same
from nagare.fleet.rules import without_group
from nagare.model.host import Enrolment, check_capabilities
from nagare.model.principal import Permission, Principal, PrincipalKind
from nagare.server.rates.addresses import address_of
from nagare.server.route import Call, Route
from nagare.server.sight import check_sees, sees
from nagare.wire.hosts import (
    HostAccept,
    HostList,
    HostPatch,
    HostView,
    RegisterReply,
    RegisterRequest,
    RenewalCount,
    with_authority,
    with_command_keys,
)


async def register(call: Call) -> RegisterReply:
    """Register a machine and return its token; the same machine again gets a new one, the old one ends."""
    # Before anything is spent on it.
    with call.services.fleet.admission.admitted():
        return await _register(call, call.value)


async def _register(call: Call, request: RegisterRequest) -> RegisterReply:
    known = call.services.fleet.find(request.name)
    call.note.tell(request.name, before=None if known is None else {"id": known.id, "version": known.version})
    joining = await _joining(call, request)
    if not _may_group(call.principal):
        request = without_group(request)
    was_waiting = known is None or known.enrolment is not Enrolment.ACTIVE
    reply = await call.services.fleet.register(request, joining)
    if was_waiting and joining is not None and not joining.accepts and reply.enrolment == Enrolment.ACTIVE.value:
        call.note.tell(detail=f"accepted by the rule {joining.rule}")
    after = {"id": reply.id, "version": request.version, "labels": request.labels, "enrolment": reply.enrolment}
    call.note.tell(after=after)
    reply = with_command_keys(reply, call.services.commands.keys)
    served = call.services.certificate
    return reply if served is None else with_authority(reply, served.current.authority)


async def _joining(call: Call, request: RegisterRequest) -> Joining | None:
    """Return by which terms the machine comes, a use of its token spent; None for who may register at once."""
    if call.principal.kind is not PrincipalKind.JOIN:
        return None
    tokens, address = call.services.identity.join_tokens, address_of(call.request)
    token = await tokens.check(call.principal.id, address)
    known = call.services.fleet.find(request.name)
    if known is None or not is_same(known, request):
        # Who asks again because the answer was lost spends nothing.
        await tokens.spend(token)
    rule = find_rule(call.services.settings.fleet.auto_accept, address, token.labels)
    joining = Joining(token.accepts, token.labels, token.capabilities, address)
    return joining if rule is None else replace(joining, rule=rule.name, rule_capabilities=rule_capabilities(rule))


def _may_group(principal: Principal) -> bool:
    """Tell whether who registers a host may say which groups it is in: a group decides who sees the host."""
    return principal.may(Permission.HOSTS_WRITE) and principal.scope_of(Permission.HOSTS_WRITE) is None


async def accept_host(call: Call) -> HostView:
    """Let a host that waits, or was revoked, work."""
    name, capabilities = _name(call, Permission.HOSTS_ACCEPT), check_capabilities(call.value.capabilities)
    host = call.services.fleet.get(name)
    call.note.tell(name, before={"enrolment": host.enrolment.value, "capabilities": sorted(host.capabilities)})
    view = await call.services.fleet.accept(name, capabilities)
    call.note.tell(after={"enrolment": view.enrolment, "capabilities": view.capabilities})
    return view


async def revoke_host(call: Call) -> HostView:
    """Shut a host out until it is accepted again."""
    name = _name(call, Permission.HOSTS_ACCEPT)
    call.note.tell(name, before={"enrolment": call.services.fleet.get(name).enrolment.value})
    view = await call.services.fleet.revoke(name)
    call.services.newest.forget(name)
    call.note.tell(after={"enrolment": view.enrolment})
    return view


async def rotate_host(call: Call) -> RenewalCount:
    """Let a host ask for a new token as soon as it hears of it; its present one works until the new one does."""
    name = _name(call, Permission.HOSTS_ACCEPT)
    call.note.tell(name)
    count = await call.services.identity.host_tokens.demand([call.services.fleet.get(name).id])
    call.note.tell(after={"hosts": count})
    return RenewalCount(count)


async def rotate_hosts(call: Call) -> RenewalCount:
    """Let every host ask for a new token as soon as it hears of it."""
    count = await call.services.identity.host_tokens.demand(call.services.fleet.host_ids())
    call.note.tell("every host", after={"hosts": count})
    return RenewalCount(count)


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
    # First: nothing is left of them after a crash in between.
    await call.services.notes.forget(host.id)
    await call.services.fleet.remove(name)
    await call.services.gaps.forget(host.id)
    call.services.newest.forget(name)
    call.services.queues.forget(name)


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
        refuses=(409,),
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
    Route(
        "POST",
        f"{_ONE}/accept",
        accept_host,
        "Let a host work that waits or was revoked",
        Permission.HOSTS_ACCEPT,
        request=HostAccept,
        reply=HostView,
        action="hosts.accept",
    ),
    Route(
        "POST",
        f"{_ONE}/revoke",
        revoke_host,
        "Shut a host out",
        Permission.HOSTS_ACCEPT,
        reply=HostView,
        action="hosts.revoke",
    ),
    Route(
        "POST",
        f"{_ONE}/rotate",
        rotate_host,
        "Let a host renew its token",
        Permission.HOSTS_ACCEPT,
        reply=RenewalCount,
        action="hosts.rotate",
    ),
    Route(
        "POST",
        "/api/v1/hosts/rotate",
        rotate_hosts,
        "Let every host renew its token",
        Permission.HOSTS_ACCEPT,
        reply=RenewalCount,
        action="hosts.rotate",
    ),
    Route("DELETE", _ONE, delete_host, "Forget a host", Permission.HOSTS_WRITE, action="hosts.remove", is_scoped=True),
)
