"""What remote commands see of the fleet, of groups and of the metrics, each with the caller's own rights."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from nagare.commands.history import jobs_grouped
from nagare.errors import InputError, PermissionDeniedError
from nagare.fleet.service import Fleet
from nagare.model.columns import Cell, Columns
from nagare.model.command.job import JobsWanted
from nagare.model.event import Event
from nagare.model.export import ExportTarget
from nagare.model.history import COMMANDS
from nagare.model.host import Host
from nagare.model.principal import Permission, Principal
from nagare.server.live.relay import Relay
from nagare.server.sight import hosts_of, sight_of
from nagare.wire.sql import SqlReply, SqlRequest

if TYPE_CHECKING:
    from nagare.metrics.store import MetricStore

# More than one job may have; an answer that is cut would leave hosts out that were meant.
_ROWS_LIMIT = 50_000


class CommandBook:
    """The neighbours of the room of commands."""

    def __init__(self, fleet: Fleet, store: MetricStore, relay: Relay) -> None:
        """Keep them."""
        self._fleet = fleet
        self._store = store
        self.relay = relay

    def hosts_for(self, principal: Principal, permission: Permission) -> Mapping[str, Host]:
        """Return by name the hosts for which ``principal`` holds ``permission``, in the order of their names."""
        if not principal.may(permission):
            return {}
        names = hosts_of(principal, self._fleet, permission)
        hosts = (host for host, _ in self._fleet.hosts_and_states())
        return {host.name: host for host in hosts if names is None or host.name in names}

    def scope(self, principal: Principal, permission: Permission) -> frozenset[str] | None:
        """Return the names of the hosts to which that permission is limited; None is every host, known or not."""
        return hosts_of(principal, self._fleet, permission) if principal.may(permission) else frozenset()

    def groups_of(self, host: Host) -> frozenset[str]:
        """Return the groups that ``host`` is in."""
        return self._fleet.group_rules.of(host)

    async def event_happened(self, event: Event) -> None:
        """Store an event. Raises StorageError."""
        await self.relay.event_happened(event)

    async def keep_history(self, rows: Columns) -> None:
        """Store rows of commands that leave the records. Raises StorageError."""
        await self._store.add_history(COMMANDS, rows)

    async def find_history(self, job_id: str, made_ms: int) -> list[dict[str, Cell]]:
        """Return what left the records of that job. Raises StorageError."""
        return await self._store.find_history(COMMANDS, "job", job_id, made_ms)

    async def list_history(
        self, from_ms: int, until_ms: int, wanted: JobsWanted, hosts: Collection[str] | None
    ) -> list[dict[str, Any]]:
        """Return jobs that left the records, with how many of their commands on ``hosts`` are in each state. Raises StorageError."""
        grouping = jobs_grouped(wanted, hosts)
        return await self._store.look_back(
            lambda history, stop: history.group(COMMANDS, grouping, from_ms, until_ms, stop)
        )

    async def find_by_sql(self, principal: Principal, statement: str) -> list[str]:
        """Return the names in the column ``host``, each once. Raises InputError, PermissionDeniedError, what a query raises."""
        if not principal.may(Permission.METRICS_READ):
            raise PermissionDeniedError("cannot find hosts by a query: you lack the permission metrics.read")
        reply = await self.query(principal, SqlRequest(statement, limit=_ROWS_LIMIT))
        place = next((index for index, column in enumerate(reply.columns) if column.name == "host"), None)
        if place is None or reply.truncated:
            cause = "has no column host" if place is None else f"answers with more than {_ROWS_LIMIT} rows"
            raise InputError(
                f"cannot find hosts by a query: it {cause}", errors=[{"pointer": "#/targets/query", "detail": cause}]
            )
        return list(dict.fromkeys(row[place] for row in reply.rows if isinstance(row[place], str)))

    async def query(self, principal: Principal, request: SqlRequest) -> SqlReply:
        """Return the answer to a statement, with what that caller sees. Raises what a query raises."""
        sight = sight_of(principal, self._fleet)
        return await self._store.query(request, hosts=sight.hosts, hidden=sight.hidden)

    async def export(self, principal: Principal, request: SqlRequest, target: ExportTarget) -> SqlReply:
        """Write that answer to a file; the reply's one row is the number of rows. Raises what a query raises, StorageError."""
        sight = sight_of(principal, self._fleet)
        return await self._store.export(request, target, hosts=sight.hosts, hidden=sight.hidden)
