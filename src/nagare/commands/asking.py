"""From a request to what would run, where: the action, its checked arguments, and the hosts that are meant."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from nagare.errors import InputError, NotFoundError, PermissionDeniedError
from nagare.lib.nearest import did_you_mean
from nagare.model.columns import Cell, Columns
from nagare.model.command.action import Action, Capability
from nagare.model.command.job import JobsWanted
from nagare.model.command.parameters import Value, check_secret
from nagare.model.command.plan import Plan, check_arguments, plan_of
from nagare.model.event import Event
from nagare.model.host import Enrolment, Host
from nagare.model.principal import Permission, Principal, PrincipalKind
from nagare.wire.command_jobs import JobRequest, Targets

# One job's commands are looked at together.
HOSTS_LIMIT = 10_000
LOCAL_OWNER = "local"
AWAY = "not connected; its command waits for it until it expires"


class HistoryBook(Protocol):
    """Where rows go that leave the records."""

    async def keep_history(self, rows: Columns) -> None:
        """Store rows of the table ``commands`` durably, each once, however often it comes. Raises StorageError."""
        ...

    async def find_history(self, job_id: str, made_ms: int) -> list[dict[str, Cell]]:
        """Return the rows of a job that was made at that moment. Raises StorageError."""
        ...

    async def list_history(
        self, from_ms: int, until_ms: int, wanted: JobsWanted, hosts: Collection[str] | None
    ) -> list[dict[str, Any]]:
        """Return jobs that were made from the one moment to the other, those with commands on ``hosts`` (None: all).

        Each has its cells of the table ``commands`` and in ``counts`` how many of those commands are in each state; the state
        that is wanted is not looked at. Raises StorageError.
        """
        ...


class HostBook(HistoryBook, Protocol):
    """What this room needs of the fleet, of groups and of the metrics."""

    def hosts_for(self, principal: Principal, permission: Permission) -> Mapping[str, Host]:
        """Return by name the hosts for which ``principal`` holds ``permission``, in the order of their names."""
        ...

    def scope(self, principal: Principal, permission: Permission) -> frozenset[str] | None:
        """Return the names of the hosts to which that permission is limited; None is every host, known or not."""
        ...

    def groups_of(self, host: Host) -> frozenset[str]:
        """Return the groups that ``host`` is in."""
        ...

    async def event_happened(self, event: Event) -> None:
        """Store an event; its id is deterministic, a repeat is harmless. Raises StorageError."""
        ...

    async def find_by_sql(self, principal: Principal, statement: str) -> list[str]:
        """Return the names in the column ``host`` of a statement with the rights of ``principal``. Raises what a query raises."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """What would run, and on which hosts; ``unable`` says by name why a host that is meant is not among them, or is away."""

    action: Action
    arguments: Mapping[str, Value]
    secrets: tuple[str, ...]
    plan: Plan
    hosts: tuple[Host, ...]
    unable: Mapping[str, str]


def person_id(principal: Principal) -> str:
    """Return who a caller is as a person; a key is its owner. Raises PermissionDeniedError for what is nobody."""
    if principal.user_id:
        return principal.user_id
    if principal.kind is PrincipalKind.LOCAL:
        return LOCAL_OWNER
    raise PermissionDeniedError("cannot ask for commands: only people do, and who holds this token is none")


def find_action(actions: Mapping[str, Action], name: str) -> Action:
    """Return the action of that name. Raises NotFoundError with the nearest one."""
    action = actions.get(name)
    if action is None:
        hint = did_you_mean(name, actions) or "nagare commands actions lists actions"
        raise NotFoundError(f"cannot run {name[:80]!r}: there is no such action", hint=hint)
    return action


def plan_request(action: Action, request: JobRequest) -> tuple[dict[str, Value], Plan]:
    """Return the arguments with their defaults, and the plan. Raises InputError that points at every fault."""
    arguments = check_arguments(action, request.arguments, request.secrets)
    for parameter in action.secrets:
        if parameter.name in request.secrets:
            check_secret(parameter, request.secrets[parameter.name])
    return arguments, plan_of(action, arguments, request.secrets)


def permissions_for(action: Action, request: JobRequest) -> list[Permission]:
    """Return what one must hold for every host of a request."""
    needed = [Permission.COMMANDS_RUN]
    if action.capability is Capability.SHELL:
        needed.append(Permission.COMMANDS_SHELL)
    if request.break_glass:
        needed.append(Permission.COMMANDS_BREAK_GLASS)
    return needed


def check_permissions(
    book: HostBook, principal: Principal, needed: Iterable[Permission], hosts: Iterable[Host]
) -> None:
    """Accept a caller who holds all that is ``needed`` for all ``hosts``. Raises PermissionDeniedError."""
    names = [host.name for host in hosts]
    for permission in needed:
        if not principal.may(permission):
            raise PermissionDeniedError(f"cannot run command: you lack the permission {permission.value}")
        scope = book.scope(principal, permission)
        beyond = next((name for name in names if scope is not None and name not in scope), None)
        if beyond is not None:
            raise PermissionDeniedError(
                f"cannot run command on {beyond}: you lack the permission {permission.value} for that host"
            )


async def find_targets(targets: Targets, principal: Principal, book: HostBook) -> tuple[list[Host], dict[str, str]]:
    """Return the hosts that are meant and, by name, what a query named that is none. Hosts that are named come first.

    Raises InputError for none, NotFoundError for a host or a group that is not there (for this caller).
    """
    reach = book.hosts_for(principal, Permission.COMMANDS_RUN)
    if not (targets.hosts or targets.groups or targets.labels or targets.query or targets.all):
        raise _nothing("say which hosts: by name, group, label or query, or all of them")
    meant: dict[str, Host] = {}
    for name in targets.hosts:
        if name not in reach:
            raise NotFoundError(f"cannot run on {name[:80]!r}: there is no such host", hint=did_you_mean(name, reach))
        meant[name] = reach[name]
    groups = frozenset(targets.groups)
    _check_groups(groups, {group for host in reach.values() for group in book.groups_of(host)})
    for name, host in reach.items():
        is_labelled = bool(targets.labels) and targets.labels.items() <= host.labels.items()
        if targets.all or is_labelled or (groups and groups & book.groups_of(host)):
            meant.setdefault(name, host)
    strangers: dict[str, str] = {}
    for name in await book.find_by_sql(principal, targets.query) if targets.query else ():
        if name in reach:
            meant.setdefault(name, reach[name])
        else:
            strangers[name] = "not registered"
    if len(meant) > HOSTS_LIMIT:
        raise _nothing(f"{len(meant)} hosts are meant, {HOSTS_LIMIT} at the most in one job")
    return list(meant.values()), strangers


def why_unable(host: Host) -> str:
    """Return why a host takes no commands at all, empty when it does."""
    if host.enrolment is not Enrolment.ACTIVE:
        return f"it is {host.enrolment.value}: nagare hosts accept {host.name} lets it work"
    if "commands" not in host.capabilities:
        return f"it was not given the capability commands: nagare hosts accept {host.name} --allow commands"
    if host.public_key is None:
        return "it has no key of its own: let its agent register again"
    return ""


def why_not_here(action: Action, known: Mapping[str, str]) -> str:
    """Return why a host that knows actions of those hashes would refuse ``action``, empty where it would not, or did not say."""
    if not known or known.get(action.name) == action.sha256:
        return ""
    if action.name not in known:
        return f"its agent knows no action {action.name}: put the same file on both sides, or update the agent"
    return f"its action {action.name} is another one than the server's: put the same file on both sides, or update the agent"


def check_able(request: JobRequest, asked: Asked) -> None:
    """Accept a request that some host can take, and every host that it names. Raises InputError."""
    able = {host.name for host in asked.hosts}
    for name in request.targets.hosts:
        if name not in able:
            raise _nothing(f"{name} takes no commands: {asked.unable[name]}")
    if not able:
        some = next(iter(asked.unable.items()), None)
        raise _nothing("no host is meant" if some is None else f"no host takes commands, such as {some[0]}: {some[1]}")


def _check_groups(groups: frozenset[str], known: set[str]) -> None:
    for group in sorted(groups - known):
        raise NotFoundError(f"cannot run on group {group[:80]!r}: no host is in it", hint=did_you_mean(group, known))


def _nothing(cause: str) -> InputError:
    return InputError(f"cannot run command: {cause}", errors=[{"pointer": "#/targets", "detail": cause}])
