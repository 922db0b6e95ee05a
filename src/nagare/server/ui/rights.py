"""What a dashboard in a browser may: what its user may, without what no dashboard does, and mostly without changes."""

from __future__ import annotations

from nagare.model.principal import Permission, Principal

_READS = frozenset(
    {
        Permission.METRICS_READ,
        Permission.EVENTS_READ,
        Permission.HOSTS_READ,
        Permission.SYSTEM_READ,
        Permission.ACCOUNT_READ,
        Permission.UPDATES_READ,
        Permission.COMMANDS_READ,
        Permission.TASKS_READ,
        Permission.SCHEDULES_READ,
        Permission.ALERTS_READ,
        Permission.KB_READ,
        Permission.DIAGNOSE_READ,
    }
)
# Accounts, keys, backups and bundles are no part of a dashboard, and neither is what needs a second person.
_ACTS = frozenset(
    {
        Permission.EVENTS_WRITE,
        Permission.HOSTS_WRITE,
        Permission.COMMANDS_RUN,
        Permission.COMMANDS_APPROVE,
        Permission.TASKS_WRITE,
        Permission.SCHEDULES_WRITE,
        Permission.ALERTS_WRITE,
        Permission.SILENCES_WRITE,
        Permission.RULES_WRITE,
        Permission.NOTIFY_WRITE,
        Permission.DIAGNOSE_RUN,
    }
)
_SHELLS = frozenset({Permission.SHELLS_OPEN, Permission.COMMANDS_SHELL})


def allowed(user: Principal, *, shells: bool) -> frozenset[Permission]:
    """Return what the dashboard of ``user`` may at most; ``shells`` is what the installation allows."""
    acts = _ACTS | (_SHELLS if shells else frozenset()) if user.may(Permission.UI_ACT) else frozenset()
    return user.permissions & (_READS | acts)
