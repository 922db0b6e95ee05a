"""The open jobs in memory, written through: what the records say is the truth, and this follows it.

Every change goes to the records first, as a swap of one state for another. Who was late has nothing changed, and sees what
is there now.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from nagare.audit.store import Pending
from nagare.commands.store import CommandStore, Ending, Kept
from nagare.lib.clock import Clock
from nagare.model.command.job import Command, Job, Person
from nagare.model.command.result import CommandResult
from nagare.model.command.states import ENDED, CommandState


@dataclass(slots=True, eq=False)
class OpenJob:
    """A job that is being worked on; ``commands`` by their ids, in the order of their positions."""

    job: Job
    commands: dict[str, Command]

    def ordered(self) -> list[Command]:
        """Return the commands in their order."""
        return list(self.commands.values())

    @property
    def is_over(self) -> bool:
        """Whether every command has ended."""
        return all(command.state in ENDED for command in self.commands.values())


# A job, a command as it was, and as it is.
OnChange = Callable[[Job, Command, Command], None]


class Board:
    """The open jobs of this server."""

    def __init__(self, store: CommandStore, clock: Clock, on_change: OnChange) -> None:
        """Keep the store; nothing is read yet."""
        self._store = store
        self._clock = clock
        self._on_change = on_change
        self._jobs: dict[str, OpenJob] = {}
        self._job_of: dict[str, str] = {}
        # Ids of commands by that of their host: a whole fleet may connect at one moment.
        self._ids_of: dict[str, set[str]] = {}

    async def load(self) -> None:
        """Read the jobs that are open."""
        for kept in await self._store.load_open():
            self._take(kept)

    def __len__(self) -> int:
        """Return how many jobs are open."""
        return len(self._jobs)

    def __iter__(self) -> Iterator[OpenJob]:
        """Yield the open jobs, the oldest first; as they are now."""
        return iter(list(self._jobs.values()))

    def find(self, job_id: str) -> OpenJob | None:
        """Return an open job, or None."""
        return self._jobs.get(job_id)

    def of_host(self, host_id: str) -> list[tuple[OpenJob, Command]]:
        """Return the commands of a host that have not ended."""
        found = []
        for command_id in self._ids_of.get(host_id, ()):
            opened = self._jobs[self._job_of[command_id]]
            command = opened.commands[command_id]
            if command.state not in ENDED:
                found.append((opened, command))
        return sorted(found, key=lambda pair: (pair[0].job.made_ms, pair[1].position))

    async def find_command(self, command_id: str) -> tuple[OpenJob, Command] | None:
        """Return a command with its job, opened again where it is over already; None when there is none of that id."""
        opened = self._jobs.get(self._job_of.get(command_id, ""))
        if opened is None:
            found = await self._store.find_command(command_id)
            opened = None if found is None else await self.reopen(found.job_id)
        return None if opened is None else (opened, opened.commands[command_id])

    async def reopen(self, job_id: str) -> OpenJob | None:
        """Return a job, read from the records where it is not open; None when there is none of that id."""
        opened = self._jobs.get(job_id)
        if opened is not None:
            return opened
        kept = await self._store.find(job_id)
        # Somebody else may have read it meanwhile.
        return self._jobs.get(job_id) or (None if kept is None else self._take(kept))

    async def add(self, job: Job, commands: list[Command], entry: Pending | None = None) -> OpenJob:
        """Store a new job, with its ``entry`` of the audit log, and open it."""
        kept = Kept(job, commands)
        await self._store.add(kept, entry)
        return self._take(kept)

    async def move(self, command: Command, state: CommandState, **changes: Any) -> Command | None:
        """Return ``command`` in its new state, or None when somebody was first."""
        moved = await self._store.move(command, state, changed_ms=self._clock.now_ms(), **changes)
        return await self._moved(command, moved)

    async def end(self, command: Command, state: CommandState, result: CommandResult) -> Command | None:
        """Like ``move``, with the result that its host sent."""
        return await self._moved(command, await self._store.end(command, state, result, self._clock.now_ms()))

    async def settle(self, job_id: str, states: Collection[CommandState], ending: Ending, **changes: str) -> OpenJob:
        """End what waits of a job, and change the job itself."""
        return self._apply(await self._store.settle(job_id, states, ending, self._clock.now_ms(), **changes))

    async def approve(self, job: Job, approver: Person, expires_ms: int) -> OpenJob:
        """Let a job go on. Raises ConflictError."""
        return self._apply(await self._store.approve(job, approver, expires_ms, self._clock.now_ms()))

    def close(self, job_id: str) -> None:
        """Let go of a job that is over."""
        opened = self._jobs.pop(job_id, None)
        for command in opened.commands.values() if opened is not None else ():
            self._job_of.pop(command.id, None)
            ids = self._ids_of.get(command.host_id, set())
            ids.discard(command.id)
            if not ids:
                self._ids_of.pop(command.host_id, None)

    async def _moved(self, before: Command, moved: Command | None) -> Command | None:
        if moved is not None:
            self._put(moved)
            return moved
        found = await self._store.find_command(before.id)
        if found is not None:
            self._put(found)
        return None

    def _take(self, kept: Kept) -> OpenJob:
        opened = OpenJob(kept.job, {command.id: command for command in kept.commands})
        self._jobs[kept.job.id] = opened
        for command in kept.commands:
            self._job_of[command.id] = kept.job.id
            self._ids_of.setdefault(command.host_id, set()).add(command.id)
        return opened

    def _apply(self, kept: Kept) -> OpenJob:
        opened = self._jobs.get(kept.job.id)
        if opened is None:
            return self._take(kept)
        opened.job = kept.job
        for command in kept.commands:
            self._put(command)
        return opened

    def _put(self, command: Command) -> None:
        opened = self._jobs.get(command.job_id)
        if opened is None:
            return
        before = opened.commands[command.id]
        # Answers of the records may come in another order than the changes.
        if command.revision > before.revision:
            opened.commands[command.id] = command
            self._on_change(opened.job, before, command)
