"""Who a request comes from, what that caller may do, and for which hosts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class Permission(StrEnum):
    """What a caller may be allowed; later rooms add their own ``<room>.<verb>`` with its sentence in ``TEXTS``."""

    METRICS_READ = "metrics.read"
    METRICS_WRITE = "metrics.write"
    EVENTS_READ = "events.read"
    EVENTS_WRITE = "events.write"
    HOSTS_READ = "hosts.read"
    HOSTS_WRITE = "hosts.write"
    HOSTS_REGISTER = "hosts.register"
    HOSTS_ACCEPT = "hosts.accept"
    HOSTS_MINT = "hosts.mint"
    HOSTS_STANDING = "hosts.standing"
    SYSTEM_READ = "system.read"
    SYSTEM_BACKUP = "system.backup"
    AUDIT_READ = "audit.read"
    ACCOUNT_READ = "account.read"
    ACCOUNT_WRITE = "account.write"
    USERS_READ = "users.read"
    USERS_WRITE = "users.write"
    ROLES_WRITE = "roles.write"
    SESSIONS_READ = "sessions.read"
    SESSIONS_WRITE = "sessions.write"
    IDENTITY_ROTATE = "identity.rotate"
    UPDATES_FETCH = "updates.fetch"
    UPDATES_READ = "updates.read"
    UPDATES_PUBLISH = "updates.publish"
    UPDATES_ROLLOUT = "updates.rollout"
    COMMANDS_READ = "commands.read"
    COMMANDS_RUN = "commands.run"
    COMMANDS_APPROVE = "commands.approve"
    COMMANDS_SHELL = "commands.shell"
    COMMANDS_BREAK_GLASS = "commands.break_glass"
    COMMANDS_ROTATE = "commands.rotate"
    COMMANDS_TAKE = "commands.take"
    TASKS_READ = "tasks.read"
    TASKS_WRITE = "tasks.write"
    SCHEDULES_READ = "schedules.read"
    SCHEDULES_WRITE = "schedules.write"
    ALERTS_READ = "alerts.read"
    ALERTS_WRITE = "alerts.write"
    ALERTS_SEND = "alerts.send"
    SILENCES_WRITE = "silences.write"
    RULES_WRITE = "rules.write"
    HEARTBEATS_SEND = "heartbeats.send"
    NOTIFY_WRITE = "notify.write"
    KB_READ = "kb.read"
    KB_WRITE = "kb.write"
    SHELLS_OPEN = "shells.open"
    DIAGNOSE_RUN = "diagnose.run"
    DIAGNOSE_READ = "diagnose.read"
    MODELS_READ = "models.read"
    MODELS_WRITE = "models.write"
    UI_OPEN = "ui.open"
    UI_ACT = "ui.act"


TEXTS: Mapping[Permission, str] = MappingProxyType(
    {
        Permission.METRICS_READ: "ask SQL, see live rows and charts",
        Permission.METRICS_WRITE: "send samples",
        Permission.EVENTS_READ: "read events",
        Permission.EVENTS_WRITE: "add events",
        Permission.HOSTS_READ: "see hosts",
        Permission.HOSTS_WRITE: "label and forget hosts",
        Permission.HOSTS_REGISTER: "register machines",
        Permission.HOSTS_ACCEPT: "accept and revoke hosts, and say what they may",
        Permission.HOSTS_MINT: "see, mint and revoke join tokens",
        Permission.HOSTS_STANDING: "learn, as a host, how far oneself has come; every host has it, and no other use of it",
        Permission.SYSTEM_READ: "see how the server itself does",
        Permission.SYSTEM_BACKUP: "let the server write backups of all of it, keys included, to its configured directory",
        Permission.AUDIT_READ: "read and export the audit log",
        Permission.ACCOUNT_READ: "see oneself, one's own sessions and keys; every user and key has it",
        Permission.ACCOUNT_WRITE: "change one's own password, end one's own sessions, make one's own keys; every user has it",
        Permission.USERS_READ: "see users, their roles, and what roles allow",
        Permission.USERS_WRITE: "add, change and remove users who may no more than oneself, and grant them roles",
        Permission.ROLES_WRITE: "make and remove roles of one's own permissions",
        Permission.SESSIONS_READ: "see sessions and keys of all users",
        Permission.SESSIONS_WRITE: "end sessions and keys of all users",
        Permission.IDENTITY_ROTATE: "replace the key that signs access tokens",
        Permission.UPDATES_FETCH: "ask for an update of oneself and fetch published bundles; every host has it",
        Permission.UPDATES_READ: "see published bundles and rollouts",
        Permission.UPDATES_PUBLISH: "publish bundles and the documents that sign them",
        Permission.UPDATES_ROLLOUT: "start, pause, resume and abort rollouts",
        Permission.COMMANDS_READ: "see actions, and commands with what they wrote",
        Permission.COMMANDS_RUN: "run actions on hosts, and cancel what was asked for",
        Permission.COMMANDS_APPROVE: "agree to commands of others that need a second person, or reject them",
        Permission.COMMANDS_SHELL: "run actions that take a free-form program; needs commands.run too",
        Permission.COMMANDS_BREAK_GLASS: "run without the second person, which everybody is told; needs commands.run too",
        Permission.COMMANDS_ROTATE: "replace the key that signs commands",
        Permission.COMMANDS_TAKE: "take commands as a host that was given them; every host has it, and no other use of it",
        Permission.TASKS_READ: "see tasks, their arguments and how they ended",
        Permission.TASKS_WRITE: "ask for tasks, each with the permissions that its kind needs, and cancel tasks",
        Permission.SCHEDULES_READ: "see schedules and their next moments",
        Permission.SCHEDULES_WRITE: "make, change, run and remove schedules; their tasks need tasks.write and what their kind needs",
        Permission.ALERTS_READ: "see alerts, what happened to them, rules and silences",
        Permission.ALERTS_WRITE: "acknowledge, give back, resolve and comment on alerts",
        Permission.ALERTS_SEND: "tell of alerts as a foreign system: Alertmanager, Prometheus, Grafana, Zabbix",
        Permission.SILENCES_WRITE: "make silences of alerts, and end them",
        Permission.RULES_WRITE: "save, check and delete rules of alerts, over what one may ask in SQL oneself",
        Permission.NOTIFY_WRITE: "try notifications again or give them up, test receivers, and show messages in every terminal",
        Permission.KB_READ: "ask the knowledge base, and see where its pages come from",
        Permission.KB_WRITE: "have directories that the settings allow read as pages, read them again, and remove them",
        Permission.SHELLS_OPEN: "open shells on hosts, each of them on record; logging in there is between a person and the host",
        Permission.HEARTBEATS_SEND: "send heartbeats, the signs of life that are waited for",
        Permission.DIAGNOSE_RUN: "ask what is wrong and why, of hosts whose metrics one may read; remove diagnoses",
        Permission.DIAGNOSE_READ: "see what diagnoses found, as far as one may see all that they speak of",
        Permission.MODELS_READ: "see all that was said to models and by them, whoever asked",
        Permission.MODELS_WRITE: "ask the configured model whether it works, and forget what was said to it",
        Permission.UI_OPEN: "open the dashboard in a browser, where it reads and changes nothing",
        Permission.UI_ACT: "change in the browser's dashboard what one's other permissions allow; needs ui.open too",
    }
)
ADMIN_PERMISSIONS = frozenset(Permission)
# What every host may, also one that waits for an operator.
WAITING_PERMISSIONS = frozenset({Permission.HOSTS_STANDING})
# A host may write its own samples and events, ask whether it may and which update it shall try, and take commands where it
# was also given the capability for them: it cannot read, not even itself.
HOST_PERMISSIONS = (
    frozenset({Permission.METRICS_WRITE, Permission.EVENTS_WRITE, Permission.UPDATES_FETCH, Permission.COMMANDS_TAKE})
    | WAITING_PERMISSIONS
)
# What can be limited to groups of hosts. A grant with a limit gives these of its role, and nothing that concerns the
# whole installation.
HOST_BOUND = frozenset(
    {
        Permission.METRICS_READ,
        Permission.EVENTS_READ,
        Permission.EVENTS_WRITE,
        Permission.HOSTS_READ,
        Permission.HOSTS_WRITE,
        Permission.COMMANDS_READ,
        Permission.COMMANDS_RUN,
        Permission.COMMANDS_APPROVE,
        Permission.COMMANDS_SHELL,
        Permission.COMMANDS_BREAK_GLASS,
        Permission.ALERTS_READ,
        Permission.ALERTS_WRITE,
        Permission.SHELLS_OPEN,
        Permission.DIAGNOSE_RUN,
        Permission.DIAGNOSE_READ,
        # What is opened shows what its user may see, and no more.
        Permission.UI_OPEN,
    }
)


class PrincipalKind(StrEnum):
    """How a caller proved who it is. ``LOCAL`` is the owner of the data directory: everything."""

    ANONYMOUS = "anonymous"
    LOCAL = "local"
    USER = "user"
    KEY = "key"
    HOST = "host"
    JOIN = "join"
    # A dashboard that the server runs for a user's browser: never more than that user, and mostly less.
    BROWSER = "browser"


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller; ``host`` is set for a host's token, which may speak only as that host.

    ``id`` is what revoking names: of the token, of the session or of the key. ``scopes`` has the groups of hosts to
    which a permission is limited; one that does not stand there holds for all hosts.
    """

    id: str
    name: str
    permissions: frozenset[Permission] = field(default_factory=frozenset)
    host: str | None = None
    kind: PrincipalKind = PrincipalKind.ANONYMOUS
    user_id: str = ""
    session_id: str = ""
    scopes: Mapping[Permission, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))
    # What its owner calls the key that was shown, where it was one.
    key_name: str = ""
    # From where somebody acts for whom a program of the server connects.
    address: str = ""

    def may(self, permission: Permission) -> bool:
        """Tell whether the caller holds ``permission``, for some hosts at least."""
        return permission in self.permissions

    def scope_of(self, permission: Permission) -> frozenset[str] | None:
        """Return the groups of hosts for which the caller holds ``permission``; None is every host."""
        return self.scopes.get(permission)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one grant or key allows: permissions, and the groups of hosts to which they are limited (None: all)."""

    permissions: frozenset[Permission]
    scope: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Rights:
    """What somebody may, all grants together."""

    permissions: frozenset[Permission]
    scopes: Mapping[Permission, frozenset[str]]

    def covers(self, other: Rights) -> bool:
        """Tell whether ``other`` allows nothing that this does not."""
        return other.permissions <= self.permissions and all(
            (own := self.scopes.get(permission)) is None
            or ((asked := other.scopes.get(permission)) is not None and asked <= own)
            for permission in other.permissions
        )

    def only(self, permissions: frozenset[Permission]) -> Rights:
        """Return these rights without what does not stand in ``permissions``."""
        kept = self.permissions & permissions
        return Rights(kept, {permission: self.scopes[permission] for permission in kept if permission in self.scopes})


def combined(allowances: Iterable[Allowance]) -> Rights:
    """Return what ``allowances`` give together: for each permission the union of their hosts."""
    everywhere: set[Permission] = set()
    limited: dict[Permission, frozenset[str]] = {}
    for allowance in allowances:
        if allowance.scope is None:
            everywhere |= allowance.permissions
            continue
        for permission in allowance.permissions & HOST_BOUND:
            limited[permission] = limited.get(permission, frozenset()) | allowance.scope
    scopes = {permission: groups for permission, groups in limited.items() if permission not in everywhere}
    return Rights(frozenset(everywhere) | limited.keys(), MappingProxyType(scopes))


def rights_of(principal: Principal) -> Rights:
    """Return what ``principal`` may."""
    return Rights(principal.permissions, principal.scopes)
