"""The kinds of tasks: a table. A new one is an entry here and one function: in a worker, or of the server itself.

A worker's function is named by ``entry`` and runs in a process of its own, where it may use the disk of the installation
and, of the server, only the ``calls`` that stand here. What only waits for the server (a job of commands) is ``serve``,
a coroutine of the server, and takes no process.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

from nagare.automation.tasks.exporting import write_export
from nagare.errors import InputError, NotFoundError
from nagare.lib.nearest import did_you_mean
from nagare.model.event import Event, Severity
from nagare.model.export import ExportTarget
from nagare.model.principal import Permission, Principal
from nagare.model.task import Owner, Task
from nagare.wire.codec import decode, encode
from nagare.wire.sql import SqlReply, SqlRequest
from nagare.wire.tasks import BackupArguments, CommandArguments, QueryArguments, VerifyArguments
from nagare.wire.worker import Broken, Finished, Installation

# Hears how far a task is: from 0 to 1 or None, and in a few words.
Report = Callable[[float | None, str], None]
_DAY = 86_400.0
EXPORT_FORMATS = ("csv", "ndjson", "parquet")


class Neighbours(Protocol):
    """What tasks need of the server's other rooms, always with the rights of somebody."""

    @property
    def installation(self) -> Installation:
        """What a worker is told."""
        ...

    async def find_principal(self, owner: Owner) -> Principal | None:
        """Return who acts for ``owner`` now; None for a user who is gone or may not come in."""
        ...

    async def event_happened(self, event: Event) -> None:
        """Store an event; a repeat is harmless. Raises StorageError."""
        ...

    async def export(self, principal: Principal, request: SqlRequest, target: ExportTarget) -> SqlReply:
        """Write what that caller sees of the answer to a file; the reply's one row is the number of rows.

        Raises what a query raises, and LimitExceededError, DiskFullError; then no file is left.
        """
        ...

    async def check_command(self, principal: Principal, arguments: CommandArguments) -> None:
        """Raise what asking for that job now would raise."""
        ...

    async def run_command(
        self, principal: Principal, task: Task, arguments: CommandArguments, report: Report
    ) -> Finished | Broken:
        """Make the job of ``task``, or find it, and wait for its end; cancelled, it goes on."""
        ...

    async def cancel_command(self, task: Task) -> None:
        """End the job of ``task``, if there is one that is open, whatever its owner may by now."""
        ...


Check = Callable[[Neighbours, Principal, Any], Awaitable[None]]
Serve = Callable[[Neighbours, Principal, Task, Any, Report], Awaitable[Finished | Broken]]
Stop = Callable[[Neighbours, Task], Awaitable[None]]
ServerCall = Callable[[Neighbours, Principal, Task, Mapping[str, Any]], Awaitable[Any]]
EventOf = Callable[[Task, int], Event | None]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind. ``attempts`` at the most; ``is_repeatable``: an attempt that died half-way may be followed by another.

    ``permissions`` are needed beside ``tasks.write``, when it is asked for and when it runs. ``stop`` ends what
    ``serve`` waits for, if that is there and goes on: before it, no task of the kind is said to be over that is not done.
    ``is_single``: the server does it, one at one time; what waits for it is queued, and its time does not run.
    ``event`` is what to tell of one that is done.
    """

    name: str
    text: str
    arguments: Any
    attempts: int
    deadline_seconds: float
    is_repeatable: bool
    permissions: tuple[Permission, ...] = ()
    entry: str = ""
    calls: Mapping[str, ServerCall] = field(default_factory=dict)
    serve: Serve | None = None
    is_single: bool = False
    stop: Stop | None = None
    check: Check | None = None
    event: EventOf | None = None

    def read(self, arguments: Mapping[str, Any]) -> Any:
        """Return ``arguments`` as this kind knows them. Raises InputError that points at the fault."""
        try:
            return decode(encode(dict(arguments)), self.arguments)
        except InputError as error:
            errors = [{**one, "pointer": f"#/arguments{str(one.get('pointer', '#'))[1:]}"} for one in error.errors]
            raise InputError(
                f"cannot make task {self.name}: {error.message}", hint=error.hint, errors=errors
            ) from error


class Kinds:
    """Those that this server knows."""

    def __init__(self, kinds: tuple[Kind, ...]) -> None:
        """Know ``kinds``."""
        self._kinds = {kind.name: kind for kind in sorted(kinds, key=lambda kind: kind.name)}

    def __iter__(self) -> Any:
        """Yield them by name."""
        return iter(self._kinds.values())

    def find(self, name: str) -> Kind | None:
        """Return the kind of that name, or None."""
        return self._kinds.get(name)

    def get(self, name: str) -> Kind:
        """Return the kind of that name. Raises NotFoundError with the nearest one."""
        kind = self.find(name)
        if kind is None:
            hint = did_you_mean(name, self._kinds) or "nagare tasks kinds lists them"
            raise NotFoundError(f"cannot make task {name[:80]!r}: there is no such kind", hint=hint)
        return kind

    def in_workers(self) -> tuple[str, ...]:
        """Return the names of those that run in worker processes."""
        return tuple(kind.name for kind in self if kind.serve is None)

    def single(self) -> tuple[str, ...]:
        """Return the names of those that the server does one at one time."""
        return tuple(kind.name for kind in self if kind.is_single)

    def light(self) -> tuple[str, ...]:
        """Return the names of those that only wait for the server."""
        return tuple(kind.name for kind in self if kind.serve is not None and not kind.is_single)


async def _check_command(book: Neighbours, principal: Principal, arguments: CommandArguments) -> None:
    await book.check_command(principal, arguments)


async def _run_command(
    book: Neighbours, principal: Principal, task: Task, arguments: CommandArguments, report: Report
) -> Finished | Broken:
    return await book.run_command(principal, task, arguments, report)


async def _stop_command(book: Neighbours, task: Task) -> None:
    await book.cancel_command(task)


async def _check_backup(book: Neighbours, _principal: Principal, _arguments: BackupArguments) -> None:
    if not book.installation.backup_directory:
        raise InputError(
            "cannot make task backup: no directory is configured for it", hint="set tasks.backup_directory and restart"
        )


async def _check_query(_book: Neighbours, _principal: Principal, arguments: QueryArguments) -> None:
    if arguments.format not in EXPORT_FORMATS:
        cause = f"must be one of {', '.join(EXPORT_FORMATS)}"
        raise InputError(
            f"cannot make task query: format {cause}", errors=[{"pointer": "#/arguments/format", "detail": cause}]
        )


def _damage_event(task: Task, now_ms: int) -> Event | None:
    result = task.result or {}
    if not result.get("bad"):
        return None
    first = (result.get("findings") or [{}])[0]
    text = (
        f"{result['bad']} damaged places were found, the first in {first.get('file', '?')}: {first.get('fault', '?')}"
    )
    attributes = {"task": task.id, "bad": str(result["bad"]), "file": str(first.get("file", ""))}
    return Event(f"verify.damaged/{task.id}", now_ms, "", "verify.damaged", Severity.HIGH, "tasks", text, attributes)


_KINDS = "nagare.automation.workers.kinds"
VERIFY = Kind(
    "verify",
    "reads every byte that is kept and names each fault, as `nagare doctor --verify` does",
    VerifyArguments,
    attempts=3,
    deadline_seconds=6 * 3600.0,
    is_repeatable=True,
    permissions=(Permission.SYSTEM_READ,),
    entry=f"{_KINDS}.verify:run",
    event=_damage_event,
)
COMMAND = Kind(
    "command",
    "runs an action on hosts, under all the rules of `nagare run`",
    CommandArguments,
    # The job has the id of its task: who comes again finds it, and no second one is made.
    attempts=100,
    deadline_seconds=9 * _DAY,
    is_repeatable=True,
    permissions=(Permission.COMMANDS_RUN, Permission.COMMANDS_READ),
    serve=_run_command,
    stop=_stop_command,
    check=_check_command,
)
BACKUP = Kind(
    "backup",
    "writes a backup of this installation to `tasks.backup_directory` and keeps the newest ones",
    BackupArguments,
    attempts=3,
    deadline_seconds=6 * 3600.0,
    is_repeatable=True,
    # It holds keys and what every user may see.
    permissions=(Permission.SYSTEM_BACKUP,),
    entry=f"{_KINDS}.backup:run",
    check=_check_backup,
)
QUERY = Kind(
    "query",
    "writes what a SELECT answers to a file that its owner may download",
    QueryArguments,
    attempts=3,
    deadline_seconds=3600.0,
    is_repeatable=True,
    permissions=(Permission.METRICS_READ,),
    serve=write_export,
    is_single=True,
    check=_check_query,
)
SHIPPED: Mapping[str, Kind] = MappingProxyType({kind.name: kind for kind in (VERIFY, COMMAND, BACKUP, QUERY)})
