"""What of hosts and tables a caller sees: the one place where limits to groups of hosts become names of hosts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from nagare.errors import NotFoundError, PermissionDeniedError
from nagare.fleet.service import Fleet
from nagare.model.principal import Permission, Principal

# Tables that SQL shows only to who may read them the other way too.
_PERMISSIONS: Mapping[str, Permission] = MappingProxyType(
    {
        "events": Permission.EVENTS_READ,
        "hosts": Permission.HOSTS_READ,
        "gaps": Permission.HOSTS_READ,
        "audit": Permission.AUDIT_READ,
        "commands": Permission.COMMANDS_READ,
        "tasks": Permission.TASKS_READ,
        "schedules": Permission.SCHEDULES_READ,
        "alerts": Permission.ALERTS_READ,
        "silences": Permission.ALERTS_READ,
        "heartbeats": Permission.ALERTS_READ,
        "notifications": Permission.ALERTS_READ,
        "incidents": Permission.ALERTS_READ,
        "diagnoses": Permission.DIAGNOSE_READ,
    }
)

# Their rows are of no host, so a statement that sees some hosts only would find them empty.
_OF_NO_HOST = frozenset(
    {"audit", "tasks", "schedules", "silences", "heartbeats", "notifications", "incidents", "diagnoses"}
)


@dataclass(frozen=True, slots=True)
class Sight:
    """The hosts whose rows a statement sees (None: all), and the tables that it does not."""

    hosts: frozenset[str] | None
    hidden: frozenset[str]


def hosts_of(principal: Principal, fleet: Fleet, permission: Permission) -> frozenset[str] | None:
    """Return the hosts for which ``principal`` holds ``permission``; None is every host, known or not."""
    groups = principal.scope_of(permission)
    return None if groups is None else fleet.hosts_in(groups)


def sight_of(principal: Principal, fleet: Fleet) -> Sight:
    """Return what a statement of ``principal`` sees."""
    hosts = hosts_of(principal, fleet, Permission.METRICS_READ)
    hidden = frozenset(
        table for table, permission in _PERMISSIONS.items() if not _covers(principal, fleet, permission, hosts)
    )
    return Sight(hosts, hidden if hosts is None else hidden | _OF_NO_HOST)


def sees(principal: Principal, fleet: Fleet, permission: Permission, host: str) -> bool:
    """Tell whether ``principal`` holds ``permission`` for that host; an empty name is of no host, and so of all."""
    if not principal.may(permission):
        return False
    groups = principal.scope_of(permission)
    return groups is None or fleet.is_in(host, groups)


def check_sees(principal: Principal, fleet: Fleet, permission: Permission, host: str) -> None:
    """Raise NotFoundError, as for a host that there is not, unless ``principal`` holds ``permission`` for it."""
    if not sees(principal, fleet, permission, host):
        if sees(principal, fleet, Permission.HOSTS_READ, host):
            raise PermissionDeniedError(f"cannot change host {host[:80]!r}: you may only see it")
        # No hint: the nearest name might be one that the caller must not know.
        raise NotFoundError(f"cannot find host {host[:80]!r}: not registered")


def _covers(principal: Principal, fleet: Fleet, permission: Permission, hosts: frozenset[str] | None) -> bool:
    if not principal.may(permission):
        return False
    wider = hosts_of(principal, fleet, permission)
    return wider is None or (hosts is not None and hosts <= wider)
