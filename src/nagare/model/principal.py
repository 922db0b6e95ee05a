"""Who a request comes from and what that caller may do."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Permission(StrEnum):
    """What a token may allow; later rooms add their own ``<room>.<verb>``."""

    METRICS_READ = "metrics.read"
    METRICS_WRITE = "metrics.write"
    EVENTS_READ = "events.read"
    EVENTS_WRITE = "events.write"
    HOSTS_READ = "hosts.read"
    HOSTS_WRITE = "hosts.write"
    HOSTS_REGISTER = "hosts.register"
    SYSTEM_READ = "system.read"
    AUDIT_READ = "audit.read"


ADMIN_PERMISSIONS = frozenset(Permission)
# A host may write its own samples and events, and nothing else: it cannot read, not even itself.
HOST_PERMISSIONS = frozenset({Permission.METRICS_WRITE, Permission.EVENTS_WRITE})


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller; ``host`` is set for a host's token, which may speak only as that host."""

    id: str
    name: str
    permissions: frozenset[Permission] = field(default_factory=frozenset)
    host: str | None = None

    def may(self, permission: Permission) -> bool:
        """Tell whether the caller holds ``permission``."""
        return permission in self.permissions
