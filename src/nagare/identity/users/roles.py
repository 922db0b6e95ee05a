"""Roles: named sets of permissions. Three are built in and never change; an installation adds its own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from nagare.errors import ConflictError, InputError
from nagare.model.principal import ADMIN_PERMISSIONS, Allowance, Permission

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_GROUP = re.compile(r"[^\x00-\x20\x7f,]{1,100}")
_GROUPS_LIMIT = 100
# A user may these about itself whatever its roles are, and no key may the second.
OWN_ACCOUNT = frozenset({Permission.ACCOUNT_READ, Permission.ACCOUNT_WRITE})


@dataclass(frozen=True, slots=True)
class Role:
    """A named set of permissions."""

    name: str
    permissions: frozenset[Permission]
    text: str = ""
    is_built_in: bool = False


@dataclass(frozen=True, slots=True)
class Grant:
    """A role that a user has; ``scope`` limits it to groups of hosts, None is all of them."""

    role: str
    scope: frozenset[str] | None = None


_VIEWS = frozenset(
    {
        Permission.METRICS_READ,
        Permission.EVENTS_READ,
        Permission.HOSTS_READ,
        Permission.SYSTEM_READ,
        Permission.UPDATES_READ,
        Permission.COMMANDS_READ,
        Permission.TASKS_READ,
        Permission.SCHEDULES_READ,
        Permission.ALERTS_READ,
        Permission.KB_READ,
        Permission.DIAGNOSE_READ,
        Permission.UI_OPEN,
    }
    | OWN_ACCOUNT
)
_OPERATES = _VIEWS | {
    Permission.EVENTS_WRITE,
    Permission.HOSTS_WRITE,
    Permission.UPDATES_ROLLOUT,
    Permission.COMMANDS_RUN,
    Permission.COMMANDS_APPROVE,
    Permission.TASKS_WRITE,
    Permission.SCHEDULES_WRITE,
    Permission.ALERTS_WRITE,
    Permission.SILENCES_WRITE,
    Permission.RULES_WRITE,
    Permission.HEARTBEATS_SEND,
    Permission.NOTIFY_WRITE,
    Permission.KB_WRITE,
    Permission.SHELLS_OPEN,
    Permission.DIAGNOSE_RUN,
}
BUILT_IN: Mapping[str, Role] = MappingProxyType(
    {
        role.name: role
        for role in (
            Role("viewer", _VIEWS, "sees everything and changes nothing", is_built_in=True),
            Role("operator", _OPERATES, "sees everything and works on hosts", is_built_in=True),
            Role("admin", ADMIN_PERMISSIONS, "may everything", is_built_in=True),
        )
    }
)


def make_role(name: str, permissions: Iterable[str], text: str) -> Role:
    """Return a lawful role of one's own. Raises InputError, and ConflictError for a name that is built in."""
    if name in BUILT_IN:
        raise ConflictError(f"cannot change role {name}: it is built in", hint="make a role of another name")
    if not _NAME.fullmatch(name):
        raise InputError(f"cannot make role {name[:80]!r}: use a-z, 0-9, - and _, at most 63 of them")
    if len(text) > 200:
        raise InputError(f"cannot make role {name}: its text is longer than 200 characters")
    return Role(name, permissions_of(permissions), text)


def permissions_of(names: Iterable[str]) -> frozenset[Permission]:
    """Return the permissions of those names. Raises InputError for one that is not known."""
    known = {permission.value: permission for permission in Permission}
    found = set()
    for name in names:
        if name not in known:
            raise InputError(
                f"cannot allow {name[:80]!r}: no such permission", hint="nagare users roles lists every permission"
            )
        found.add(known[name])
    return frozenset(found)


def scope_of(groups: Iterable[str] | None) -> frozenset[str] | None:
    """Return a lawful limit to groups of hosts. Raises InputError."""
    if groups is None:
        return None
    scope = frozenset(groups)
    if not 1 <= len(scope) <= _GROUPS_LIMIT:
        raise InputError(f"cannot limit to {len(scope)} groups: name between 1 and {_GROUPS_LIMIT}")
    for group in scope:
        if not _GROUP.fullmatch(group):
            raise InputError(f"cannot limit to group {group[:80]!r}: not a lawful name of a group")
    return scope


def allowances(grants: Iterable[Grant], own_roles: Mapping[str, Role]) -> list[Allowance]:
    """Return what ``grants`` allow; a role that is gone allows nothing."""
    roles = {**own_roles, **BUILT_IN}
    return [Allowance(roles[grant.role].permissions, grant.scope) for grant in grants if grant.role in roles]
