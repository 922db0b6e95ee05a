"""Groups of hosts, as the labels of the hosts make them."""

from __future__ import annotations

from nagare.model.principal import Permission
from nagare.server.route import Call, Route
from nagare.server.sight import sees
from nagare.wire.groups import GroupList, GroupView


async def list_groups(call: Call) -> GroupList:
    """Return the groups with their hosts, as far as the caller sees them."""
    fleet, scope = call.services.fleet, call.principal.scope_of(Permission.HOSTS_READ)
    found = []
    for name, hosts in fleet.groups().items():
        seen = [host for host in hosts if sees(call.principal, fleet, Permission.HOSTS_READ, host)]
        # A host of one's own may be in groups of others too, whose names are none of one's business.
        if scope is None or (seen and name in scope):
            found.append(GroupView(name, seen, fleet.group_rules.texts.get(name, "")))
    return GroupList(found)


ROUTES = (
    Route(
        "GET",
        "/api/v1/groups",
        list_groups,
        "Groups of hosts",
        Permission.HOSTS_READ,
        reply=GroupList,
        is_scoped=True,
    ),
)
