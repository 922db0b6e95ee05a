"""Remote commands: asking for them, agreeing to them, ending them, and seeing what became of them.

The room of the verbs. What moves by itself stands in ``scheduler``, what agents say in ``desk``; both know only what the
records say.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from nagare.audit.store import Pending
from nagare.commands.agents import AgentLink, Agents
from nagare.commands.aging import Ages, Aging, Found
from nagare.commands.asking import (
    AWAY,
    Asked,
    HostBook,
    check_able,
    check_permissions,
    find_action,
    find_targets,
    permissions_for,
    person_id,
    plan_request,
    why_not_here,
    why_unable,
)
from nagare.commands.board import Board, OpenJob
from nagare.commands.desk import Desk, Neighbours
from nagare.commands.events import break_glass_event, end_event
from nagare.commands.feeds import Feeds
from nagare.commands.following import Watched, ended_lines, follow
from nagare.commands.key_desk import KeyDesk
from nagare.commands.listing import Listing
from nagare.commands.rules import OUT, WAITING, approval_of, check_second_person
from nagare.commands.scheduler import Parts, Scheduler
from nagare.commands.signing import Signer, Vault
from nagare.commands.store import CommandStore, Ending, Kept
from nagare.commands.views import action_view, job_view
from nagare.config.actions.load import load_actions, shipped_actions
from nagare.config.settings import CommandSettings
from nagare.errors import ConflictError, LimitExceededError, NotFoundError, PermissionDeniedError
from nagare.keys.command_lists import KeyringFiles
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters
from nagare.lib.plain_text import plain
from nagare.lib.teller import Teller
from nagare.model.command.action import Action, Capability
from nagare.model.command.job import Command, Job, JobsWanted, Pace, Person
from nagare.model.command.result import Reason
from nagare.model.command.states import ENDED, CommandState
from nagare.model.deed import Deed
from nagare.model.principal import Permission, Principal
from nagare.records.engine import Records
from nagare.wire.command_jobs import ActionView, CheckView, FollowLine, JobList, JobRequest, JobView, with_unable
from nagare.wire.commands import Cancel, FromAgent, SignedCommandKeys

log = logging.getLogger(__name__)

# A job waits so long for its second person, at least.
_APPROVAL_SECONDS = 3600.0
_TEXT_LIMIT = 1000
# Those that wait for a second person too; each is looked at every second.
OPEN_LIMIT = 1000
# A host lets go of a result that nobody fetched for so long.
_RESULT_LIFE_MS = 30 * 86_400_000
# Returns what the audit log keeps of a job that is made.
DeedOf = Callable[[Job, Asked], Deed]


class Commands:
    """The room. ``async with`` reads what is open; ``run`` moves it until cancelled."""

    def __init__(
        self,
        records: Records,
        key_file: Path,
        settings: CommandSettings,
        book: HostBook,
        clock: Clock,
        history_seconds: float,
    ) -> None:
        """Keep the neighbours; nothing is read yet."""
        self._store = CommandStore(records)
        self._key_file = key_file
        self._settings = settings
        self._book = book
        self._clock = clock
        self.counters = Counters()
        self.agents = Agents(self.counters)
        self._feeds = Feeds(clock, self.counters)
        self._vault = Vault()
        self._board = Board(self._store, clock, self._on_change)
        ages = Ages(settings.keep_seconds, history_seconds)
        self._listing = Listing(self._store, book)
        self._aging = Aging(self._store, self._board, book, clock, self.counters, ages)
        self._teller = Teller(book.event_happened, clock, self.counters)
        self._actions: Mapping[str, Action] = {}
        self._own: frozenset[str] = frozenset()

    async def __aenter__(self) -> Self:
        """Read key, actions and open jobs. Raises ConfigError, StorageError."""
        files = KeyringFiles(self._key_file, self._key_file.with_suffix(""))
        self._signer = Signer(await asyncio.to_thread(files.load, self._clock.now_ms()))
        grace_seconds = self._settings.key_grace_seconds
        self.key_desk = KeyDesk(self._signer, files, self.agents, self._clock, grace_seconds)
        self._actions = load_actions(self._settings.actions)
        self._own = frozenset(self._actions) - shipped_actions().keys()
        self._scheduler = Scheduler(
            Parts(
                self._board, self.agents, self._feeds, self._vault, self._signer, self._clock, self._teller.tell
            )
        )  # fmt: skip
        self._desk = Desk(
            Neighbours(
                self._board, self._feeds, self._vault, self._clock, self.counters, self._scheduler.kick,
                self.key_desk.offer,
            )
        )  # fmt: skip
        await self._board.load()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Tell the last events, if the disk takes them; everything else is written already."""
        self.end_connections()
        await self._teller.flush()

    async def run(self) -> None:
        """Move jobs and tell events, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._scheduler.run(), name="commands.scheduler")
            tasks.create_task(self._teller.run(), name="commands.teller")
            tasks.create_task(self._aging.run(), name="commands.aging")
            tasks.create_task(self.key_desk.run(), name="commands.keys")

    @property
    def keys(self) -> SignedCommandKeys:
        """What hosts trust."""
        return self._signer.keys

    def count_by_state(self) -> dict[str, int]:
        """Return how many commands of open jobs are in each state."""
        counts = dict.fromkeys((state.value for state in CommandState), 0)
        for opened in self._board:
            for command in opened.commands.values():
                counts[command.state.value] += 1
        return counts

    def count_followers(self) -> int:
        """Return how many follow a job now."""
        return len(self._feeds)

    @property
    def store(self) -> CommandStore:
        """What is kept, for what SQL may see of it."""
        return self._store

    async def move_aged(self) -> int:
        """Move the jobs that ended long ago out of the records; return how many. Raises StorageError."""
        return await self._aging.move()

    def actions(self, principal: Principal) -> list[ActionView]:
        """Return every action, by name, and whether ``principal`` may ask for it."""
        return [
            action_view(action, may_run=_may_run(principal, action), is_own=action.name in self._own)
            for action in self._actions.values()
        ]

    async def check(self, principal: Principal, request: JobRequest) -> tuple[CheckView, Asked]:
        """Return what would run, where, and who must agree; nothing is kept. Raises as ``request`` does."""
        asked = await self._asked(principal, request)
        view = CheckView(
            action=asked.action.name,
            action_sha256=asked.action.sha256,
            plan_sha256=asked.plan.sha256,
            risk=asked.action.risk.value,
            needs=asked.action.risk.value,
            argvs=[list(argv) for argv in asked.plan.argvs],
            hosts=[host.name for host in asked.hosts],
            unable=dict(asked.unable),
        )
        return view, asked

    async def request(
        self, principal: Principal, request: JobRequest, job_id: str = "", deed_of: DeedOf | None = None
    ) -> JobView:
        """Make a job, of the id that is given or a new one, with its entry of the audit log where ``deed_of`` is given.

        Raises InputError, NotFoundError, PermissionDeniedError, ConflictError, LimitExceededError.
        """
        asked = await self._asked(principal, request)
        check_able(request, asked)
        break_glass = plain(request.break_glass.strip(), _TEXT_LIMIT)
        approval = approval_of(asked.action.risk, asked.plan.sha256, request.confirm, break_glass)
        if len(self._board) >= OPEN_LIMIT:
            raise LimitExceededError(
                f"cannot run command: {OPEN_LIMIT} jobs are open already", hint="cancel some that are not needed"
            )
        job = self._job(principal, request, asked, job_id or uuid.uuid4().hex)
        if approval is None:
            # The time that was asked for begins with the approval; to find somebody takes its own.
            waits_ms = round(max(request.expires_seconds, _APPROVAL_SECONDS) * 1000)
            job = replace(job, expires_ms=job.made_ms + waits_ms)
        else:
            job = replace(job, approval=approval, approver=job.requester, break_glass=break_glass)
        commands, entry = _commands(job, asked), None
        self._vault.keep(job.id, request.secrets)
        try:
            if deed_of is not None:
                entry = Pending(job.made_ms, deed_of(job, asked))
            opened = await self._board.add(job, self._scheduler.begin(job, commands), entry)
        except BaseException:
            self._vault.forget(job.id, [command.id for command in commands])
            raise
        self._scheduler.send(opened)
        log.info("job_made id=%s action=%s hosts=%d approval=%s", job.id, job.action, len(asked.hosts), approval)
        if break_glass:
            self._teller.tell(break_glass_event(job, [host.name for host in asked.hosts], job.made_ms))
        self._scheduler.kick(job.id)
        return with_unable(job_view(_kept(opened)), dict(asked.unable))

    async def approve(self, principal: Principal, job_id: str, plan_sha256: str) -> JobView:
        """Agree, as the second person, to the plan of that hash. Raises NotFoundError, PermissionDeniedError, ConflictError."""
        kept = await self._changeable(principal, job_id, Permission.COMMANDS_APPROVE)
        approver = Person(person_id(principal), principal.name)
        check_second_person(kept.job, approver.id, plan_sha256)
        expires_ms = self._clock.now_ms() + round(kept.job.expires_seconds * 1000)
        opened = await self._board.approve(kept.job, approver, expires_ms)
        self._scheduler.kick(job_id)
        return job_view(_kept(opened))

    async def reject(self, principal: Principal, job_id: str, why: str) -> JobView:
        """Refuse a job that waits for a second person. Raises NotFoundError, PermissionDeniedError, ConflictError."""
        kept = await self._changeable(principal, job_id, Permission.COMMANDS_APPROVE)
        if kept.job.approval is not None or not any(command.state in WAITING for command in kept.commands):
            raise ConflictError(f"cannot reject job {job_id}: it does not wait for a second person")
        text = f"rejected by {principal.name}" + (f": {plain(why, _TEXT_LIMIT)}" if why else "")
        pending = frozenset({CommandState.PENDING})
        ending = Ending(CommandState.CANCELLED, Reason.REJECTED.value, text)
        opened = await self._board.settle(job_id, pending, ending, stopped=text)
        self._scheduler.kick(job_id)
        return job_view(_kept(opened))

    async def cancel(self, principal: Principal, job_id: str) -> JobView:
        """End what waits at once, and ask the hosts to end what may run. Raises NotFoundError, PermissionDeniedError, ConflictError."""
        kept = await self._changeable(principal, job_id, Permission.COMMANDS_RUN)
        if all(command.state in ENDED for command in kept.commands):
            raise ConflictError(f"cannot cancel job {job_id}: it is over")
        text = f"cancelled by {principal.name}"
        ending = Ending(CommandState.CANCELLED, Reason.CANCELLED.value, text)
        opened = await self._board.settle(job_id, WAITING, ending, stopped=text, cancelled_by=principal.name)
        for command in opened.ordered():
            link = self.agents.find(command.host_id)
            if command.state in OUT and link is not None:
                link.put(Cancel(command.id, principal.name))
        self._scheduler.kick(job_id)
        return job_view(_kept(opened))

    async def get(self, principal: Principal, job_id: str) -> JobView:
        """Return a job with its commands and what they wrote. Raises NotFoundError."""
        found, hosts = await self._visible(principal, job_id)
        streams = await self._aging.load_streams(found)
        return job_view(found.kept, hosts=hosts, streams=streams, moved=found.streams is not None)

    async def jobs(
        self, principal: Principal, wanted: JobsWanted, limit: int, after: str, *, with_history: bool = False
    ) -> JobList:
        """Return jobs without their commands, the newest first; of a limited caller those on its hosts, as they are there."""
        hosts = self._book.scope(principal, Permission.COMMANDS_READ)
        return await self._listing.page(hosts, wanted, limit, after, with_history=with_history)

    async def follow(self, principal: Principal, job_id: str, after: int) -> AsyncGenerator[list[FollowLine], None]:
        """Return what yields the lines of a job behind the sequence ``after``. Raises NotFoundError."""
        found, hosts = await self._visible(principal, job_id)
        opened = self._board.find(job_id)
        if opened is None:
            return _once(ended_lines(found.kept, hosts, after))
        return follow(Watched(opened, hosts), self._feeds, after, principal.id)

    def join(self, host_id: str, host: str, principal_id: str, *, may_take: bool) -> AgentLink:
        """Return the new connection of a host's agent; an earlier one ends."""
        return self.agents.join(host_id, host, principal_id, may_take=may_take)

    async def may_owe_results(self, host_id: str) -> bool:
        """Tell whether a host was sent any command that it may still tell of."""
        return await self._store.was_sent_any(host_id, self._clock.now_ms() - _RESULT_LIFE_MS)

    async def hear(self, link: AgentLink, frame: FromAgent) -> None:
        """Take a frame of an agent. Raises InputError, StorageError; then the connection is to end."""
        await self._desk.hear(link, frame)

    def end_principals(self, ids: set[str]) -> None:
        """End what callers hold open whose credentials were revoked."""
        self.agents.end_principals(ids)
        self._feeds.end_principals(ids)

    def end_connections(self) -> None:
        """End every connection and every follower: the server stops."""
        self.agents.close()
        self._feeds.end_all("server is stopping")

    async def _asked(self, principal: Principal, request: JobRequest) -> Asked:
        action = find_action(self._actions, request.action)
        hosts, unable = await find_targets(request.targets, principal, self._book)
        check_permissions(self._book, principal, permissions_for(action, request), hosts)
        arguments, plan = plan_request(action, request)
        able = []
        for host in hosts:
            link = self.agents.find(host.id)
            if why := why_unable(host) or why_not_here(action, {} if link is None else link.actions):
                unable[host.name] = why
                continue
            able.append(host)
            if link is None:
                unable[host.name] = AWAY
        return Asked(action, arguments, tuple(sorted(request.secrets)), plan, tuple(able), unable)

    def _job(self, principal: Principal, request: JobRequest, asked: Asked, job_id: str) -> Job:
        now_ms, batches = self._clock.now_ms(), request.batches
        return Job(
            id=job_id,
            action=asked.action.name,
            action_sha256=asked.action.sha256,
            plan_sha256=asked.plan.sha256,
            arguments=asked.arguments,
            secrets=asked.secrets,
            argvs=asked.plan.argvs,
            risk=asked.action.risk,
            timeout_seconds=asked.action.limits.timeout_seconds,
            requester=Person(person_id(principal), principal.name),
            pace=Pace(batches.canary, batches.concurrency, batches.stop_after),
            made_ms=now_ms,
            expires_seconds=request.expires_seconds,
            expires_ms=now_ms + round(request.expires_seconds * 1000),
            why=plain(request.why, _TEXT_LIMIT),
        )

    async def _visible(self, principal: Principal, job_id: str) -> tuple[Found, frozenset[str] | None]:
        """Return a job and the hosts of it that the caller may see. Raises NotFoundError, also for one on other hosts."""
        hosts = self._book.scope(principal, Permission.COMMANDS_READ)
        found = await self._aging.find(job_id, tells_dropped=hosts is None)
        may_see = principal.may(Permission.COMMANDS_READ)
        if found is None or not may_see or not any(hosts is None or c.host in hosts for c in found.kept.commands):
            raise NotFoundError(
                f"cannot find job {plain(job_id, 40)!r}: there is none", hint="nagare commands list lists them"
            )
        return found, hosts

    async def _changeable(self, principal: Principal, job_id: str, permission: Permission) -> Kept:
        """Return a job all of whose hosts the caller holds ``permission`` for. Raises NotFoundError, PermissionDeniedError."""
        kept = (await self._visible(principal, job_id))[0].kept
        hosts = self._book.scope(principal, permission)
        if hosts is not None and not all(command.host in hosts for command in kept.commands):
            raise PermissionDeniedError(
                f"cannot change job {job_id}: it is on hosts, too, for which you lack {permission.value}"
            )
        return kept

    def _on_change(self, job: Job, before: Command, after: Command) -> None:
        """Hear of every change of a command, once it is durable."""
        if before.state is not after.state:
            self._feeds.changed(job.id, [after.id])
            if after.state in ENDED:
                self.counters.add(f"ended_{after.state}")
                event = end_event(job, after)
                if event is not None:
                    self._teller.tell(event)
        self._scheduler.kick(job.id)


def _commands(job: Job, asked: Asked) -> list[Command]:
    state = CommandState.PENDING if job.approval is None else CommandState.APPROVED
    return [
        Command(str(uuid.uuid4()), job.id, position, host.id, host.name, state, job.made_ms)
        for position, host in enumerate(asked.hosts)
    ]


def _kept(opened: OpenJob) -> Kept:
    return Kept(opened.job, opened.ordered())


def _may_run(principal: Principal, action: Action) -> bool:
    is_shell = action.capability is Capability.SHELL
    return principal.may(Permission.COMMANDS_RUN) and (not is_shell or principal.may(Permission.COMMANDS_SHELL))


async def _once(lines: list[FollowLine]) -> AsyncGenerator[list[FollowLine], None]:
    yield lines
