"""Roles: what they allow, and those of one's own."""

from __future__ import annotations

from typing import Any

from nagare.identity.users.roles import Role, make_role
from nagare.model.principal import HOST_BOUND, TEXTS, Permission
from nagare.server.route import Call, Route
from nagare.wire.users import PermissionView, RoleList, RoleRequest, RoleView


async def list_roles(call: Call) -> RoleList:
    """Return every role and every permission."""
    permissions = [PermissionView(each.value, TEXTS[each], each in HOST_BOUND) for each in Permission]
    return RoleList([_view(role) for role in await call.services.identity.users.roles()], permissions)


async def put_role(call: Call) -> RoleView:
    """Make a role of one's own, or change what it allows."""
    request: RoleRequest = call.value
    users, name = call.services.identity.users, call.path("name")
    call.note.tell(name)
    role = make_role(name, request.permissions, request.text)
    before = next((known for known in await users.roles() if known.name == name), None)
    call.note.tell(before=None if before is None else _told(before), after=_told(role))
    await users.save_role(call.principal, role)
    return _view(role)


async def remove_role(call: Call) -> None:
    """Forget a role that nobody has."""
    name = call.path("name")
    call.note.tell(name)
    call.note.tell(before=_told(await call.services.identity.users.remove_role(call.principal, name)))


def _view(role: Role) -> RoleView:
    return RoleView(role.name, sorted(role.permissions), role.text, role.is_built_in)


def _told(role: Role) -> dict[str, Any]:
    return {"permissions": sorted(role.permissions), "text": role.text}


_ONE = "/api/v1/roles/{name}"
ROUTES = (
    Route("GET", "/api/v1/roles", list_roles, "Every role and permission", Permission.USERS_READ, reply=RoleList),
    Route(
        "PUT", _ONE, put_role, "Make or change a role", Permission.ROLES_WRITE,
        request=RoleRequest, reply=RoleView, action="roles.change", refuses=(409,),
    ),
    Route(
        "DELETE", _ONE, remove_role, "Forget a role", Permission.ROLES_WRITE, action="roles.remove",
        refuses=(409,),
    ),
)  # fmt: skip
