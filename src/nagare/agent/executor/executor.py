"""The executor of this host: takes signed commands, runs each once at the most, and keeps its result until it is fetched.

It is driven through frames: ``receive`` takes those of the server, an ``Outbox`` that is attached gets the others. What it
says is durable here before it is said.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from nagare.agent.events import EventBox
from nagare.agent.executor.confinement import Hold
from nagare.agent.executor.execution import Halt, Run, execute
from nagare.agent.executor.flow import Flow, Outbox
from nagare.agent.executor.gate import Gate, Opened
from nagare.agent.executor.journal import Entry, Journal, Step
from nagare.agent.executor.launching import Place, Runnable, launch_of, make_place, remove_left, remove_place
from nagare.agent.executor.reports import (
    claimed_id,
    journal_failed,
    not_begun,
    refusal_text,
    tell_end,
    tell_refusal,
    unknown_end,
)
from nagare.agent.executor.verify import SKEW_MS, Standing
from nagare.agent.executor.warden_start import Warden
from nagare.agent.executor.wardens import Wardens
from nagare.agent.executor.worker import Worker
from nagare.config.settings import CommandSettings
from nagare.errors import CommandRefusedError, NagareError, OverloadedError
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters
from nagare.lib.plain_text import plain
from nagare.lib.tasks import TaskSupervisor
from nagare.model.command.result import CommandResult, Reason
from nagare.model.command.states import CommandState
from nagare.wire.commands import (
    COMMANDS_VERSION,
    Cancel,
    CommandEnded,
    CommandEnvelope,
    CommandsReady,
    CommandStanding,
    Credit,
    Dispatch,
    FromAgent,
    Receipt,
    ResultAck,
    Started,
    ToAgent,
)

log = logging.getLogger(__name__)
# Programs have their grace first; what then holds it up is the disk.
_STOP_SECONDS = 20.0


@dataclass(slots=True)
class _Command:
    """One that was taken and has not ended."""

    envelope: CommandEnvelope
    runnable: Runnable
    halt: Halt
    flow: Flow
    begun_ms: int | None = None
    place: Place | None = None

    @property
    def id(self) -> str:
        return self.envelope.id


class Executor:
    """Commands of one host. ``async with`` opens the journal, and ends what runs at its end."""

    def __init__(
        self,
        settings: CommandSettings,
        directory: Path,
        standing: Callable[[], Standing | None],
        box: EventBox,
        clock: Clock,
    ) -> None:
        """Keep the parts. ``standing`` is asked for each command, on the executor's thread."""
        self._settings = settings
        self._box = box
        self._clock = clock
        self._worker = Worker("commands")
        self._wardens = Wardens(self._worker)
        self._journal = Journal(directory, settings.kept_bytes)
        self._gate = Gate(settings, standing, self._journal, self._worker, clock)
        self._tasks = TaskSupervisor(clock=clock, stop_seconds=_STOP_SECONDS)
        self._outbox: Outbox | None = None
        self._commands: dict[str, _Command] = {}
        self._waiting: deque[_Command] = deque()
        self._running = 0
        # Ids of commands that are being looked at: the same frame twice is one command.
        self._looked_at: set[str] = set()
        self._is_stopping = False
        self._idle = asyncio.Event()
        self.counters = Counters()

    async def __aenter__(self) -> Self:
        """Open the journal; what an earlier run left open is ended there, and told. Raises OSError."""
        self._tasks.supervise("wardens", self._wardens.run)
        for entry in await self._worker.do(self._journal.open, self._clock.now_ms()):
            assert entry.result is not None
            await self._worker.do(remove_left, entry.id)
            tell_end(self._box, entry.id, entry.action, entry.result, self._clock.now_ms())
        return self

    async def __aexit__(self, *exception: object) -> None:
        """End what runs and keep how it ended; what waits never begins."""
        self._is_stopping = True
        self.detach()
        for command in list(self._commands.values()):
            command.halt.ask(Reason.AGENT_STOPPED, "the agent was asked to stop")
        self._start_waiting()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await self.wait_idle()
        except TimeoutError:
            log.warning("commands_did_not_end count=%d", len(self._commands))
        await self._tasks.stop()
        self._worker.close()

    @property
    def counts(self) -> tuple[int, int]:
        """How many commands run, and how many wait."""
        return self._running, len(self._waiting)

    @property
    def hold(self) -> Hold | None:
        """What confines programs, None before a command was looked at."""
        return self._gate.hold

    async def wait_idle(self) -> None:
        """Return once nothing runs or waits."""
        while self._commands:
            self._idle.clear()
            await self._idle.wait()

    async def attach(self, outbox: Outbox) -> None:
        """Speak through ``outbox`` from now on: first what is held here, then every result that is not acknowledged."""
        self._outbox = outbox
        ids = await self._worker.do(self._journal.unacknowledged)
        held = [
            CommandStanding(command.id, CommandState.SENT if command.begun_ms is None else CommandState.STARTED)
            for command in self._commands.values()
        ]
        for command_id in ids:
            result = await self._worker.do(self._journal.load_result, command_id)
            held.append(CommandStanding(command_id, result.state))
        await self._send(
            CommandsReady(COMMANDS_VERSION, held, await self._gate.known_actions(), await self._gate.keys_number())
        )
        for command in self._commands.values():
            command.flow.attach(outbox)
        for command_id in ids:
            await self._send_result(command_id)

    def detach(self) -> None:
        """Go on without a connection: commands run, results are kept."""
        self._outbox = None
        for command in self._commands.values():
            command.flow.detach()

    async def receive(self, frame: ToAgent) -> None:
        """Take a frame of the server; nothing that it holds makes this raise."""
        match frame:
            case Dispatch():
                # To its end, also where the reader goes in the midst: what the journal has as taken must run.
                await asyncio.shield(self._tasks.start("dispatch", self._take(frame)))
            case Cancel():
                self._cancel(frame)
            case Credit():
                if (command := self._commands.get(frame.id)) is not None:
                    command.flow.add_credit(frame.bytes)
            case ResultAck():
                await self._keep(self._journal.acknowledge, frame.id, self._clock.now_ms())

    async def _take(self, dispatch: Dispatch) -> None:
        try:
            opened = await self._gate.open(dispatch)
        except CommandRefusedError as error:
            await self._refuse(claimed_id(dispatch), error)
            return
        command_id = opened.envelope.id
        if command_id in self._looked_at or await self._is_known(command_id):
            return
        self._looked_at.add(command_id)
        try:
            self._check_room()
            await self._accept(opened, await self._gate.admit(opened))
        except CommandRefusedError as error:
            # What was truly signed and refused once stays refused, should the policy change while it holds.
            await self._keep_refusal(opened, error)
            await self._refuse(command_id, error)
        finally:
            self._looked_at.discard(command_id)

    async def _is_known(self, command_id: str) -> bool:
        """Answer for a command that was here before, as it was answered then; tell whether it was."""
        entry = self._journal.find(command_id)
        if entry is None:
            return False
        self.counters.add("repeated")
        if entry.step is not Step.ENDED:
            await self._send(Receipt(command_id, is_accepted=True))
        elif not entry.is_acknowledged:
            await self._send_result(command_id)
        elif entry.refused:
            reason = Reason(entry.refused)
            await self._send(Receipt(command_id, is_accepted=False, reason=reason, text=entry.refused_text))
        else:
            text = "this command ended here, and the server has its result"
            await self._send(Receipt(command_id, is_accepted=False, reason=Reason.REPLAYED, text=text))
        return True

    def _check_room(self) -> None:
        if self._is_stopping or len(self._commands) >= self._settings.running_limit + self._settings.waiting_limit:
            raise CommandRefusedError(
                f"cannot run command: {len(self._commands)} run or wait on this host already",
                hint="try again when some have ended",
                reason=Reason.BUSY,
            )

    async def _accept(self, opened: Opened, runnable: Runnable) -> None:
        envelope = opened.envelope
        try:
            await self._worker.do(self._journal.receive, _entry(envelope, self._clock.now_ms()))
        except OverloadedError as error:
            raise CommandRefusedError(error.message, reason=Reason.BUSY) from error
        except OSError as error:
            raise journal_failed(error) from error
        command = _Command(envelope, runnable, Halt(), Flow(envelope.id))
        if self._outbox is not None:
            command.flow.attach(self._outbox)
        self._commands[envelope.id] = command
        self._waiting.append(command)
        self.counters.add("accepted")
        await self._send(Receipt(envelope.id, is_accepted=True))
        self._start_waiting()

    async def _refuse(self, command_id: str, error: CommandRefusedError) -> None:
        self.counters.add("refused")
        text = tell_refusal(self._box, command_id, error, self._clock.now_ms())
        await self._send(Receipt(command_id, is_accepted=False, reason=Reason(error.reason), text=text))

    async def _keep_refusal(self, opened: Opened, error: CommandRefusedError) -> None:
        envelope, now_ms = opened.envelope, self._clock.now_ms()
        entry = replace(
            _entry(envelope, now_ms),
            step=Step.ENDED,
            is_acknowledged=True,
            refused=error.reason,
            refused_text=refusal_text(error),
        )
        await self._keep(self._journal.receive, entry)

    def _cancel(self, frame: Cancel) -> None:
        command = self._commands.get(frame.id)
        if command is None:
            return
        command.halt.ask(Reason.CANCELLED, f"cancelled by {plain(frame.by, 100) or 'the server'}")
        # One that waits is ended in its turn, which is now.
        if command in self._waiting:
            self._waiting.remove(command)
            self._start(command)

    def _start_waiting(self) -> None:
        while self._waiting and (self._running < self._settings.running_limit or self._is_stopping):
            self._start(self._waiting.popleft())

    def _start(self, command: _Command) -> None:
        self._running += 1
        self._tasks.start(f"command {command.id}", self._run(command))

    async def _run(self, command: _Command) -> None:
        result: CommandResult | None = None
        try:
            result = await self._result_of(command)
        finally:
            # A bug of ours, or a stop that could not wait: what is kept is what is known.
            known = unknown_end(command.begun_ms, self._clock.now_ms()) if result is None else result
            await self._end(command, known)
            self._running -= 1
            self._start_waiting()

    async def _result_of(self, command: _Command) -> CommandResult:
        now_ms = self._clock.now_ms()
        if command.halt.reason is not None:
            return not_begun(command.halt.reason, command.halt.text, now_ms)
        if now_ms > command.envelope.expires_ms + SKEW_MS:
            return not_begun(Reason.EXPIRED, "it waited on the host until it expired", now_ms)
        ready = self._wardens.take(command.runnable.hold.layers)
        try:
            place = await self._worker.do(self._begin, command, now_ms, "" if ready is None else ready.name)
        except BaseException as error:
            self._wardens.put_off(ready)
            if isinstance(error, OSError):
                return not_begun(Reason.JOURNAL_FAILED, journal_failed(error).message, now_ms)
            if isinstance(error, NagareError):
                return not_begun(Reason.START_FAILED, error.message, now_ms)
            raise
        try:
            return await self._execute(command, place, ready)
        except NagareError as error:
            return not_begun(Reason.START_FAILED, error.message, self._clock.now_ms())

    def _begin(self, command: _Command, now_ms: int, ready: str) -> Place:
        """Keep that a command begins, and make its place, in which groups may be ``ready``. Raises OSError, UnavailableError."""
        self._journal.begin(command.id, now_ms)
        command.begun_ms = now_ms
        runnable = command.runnable
        command.place = make_place(command.id, runnable.action.limits, runnable.hold, ready)
        return command.place

    async def _execute(self, command: _Command, place: Place, ready: Warden | None) -> CommandResult:
        runnable = command.runnable
        until_deadline = (command.envelope.deadline_ms - self._clock.now_ms()) / 1000
        run = Run(
            runnable.action,
            launch_of(command.id, runnable, place),
            runnable.hold,
            max(0.0, min(runnable.action.limits.timeout_seconds, until_deadline)),
            tuple(value.encode() for value in runnable.secrets.values()),
            command.flow,
            command.halt,
            ready,
        )

        async def tell_start(started_ms: int) -> None:
            await self._tell_start(command, started_ms)

        return await execute(run, self._clock, tell_start)

    async def _tell_start(self, command: _Command, started_ms: int) -> None:
        hold = command.runnable.hold
        name = command.runnable.action.name
        log.info("command_started id=%s action=%s held_by=%s", command.id, name, hold.name)
        await self._send(Started(command.id, started_ms, list(command.runnable.argv), hold.name, list(hold.holds())))

    async def _end(self, command: _Command, result: CommandResult) -> None:
        # What the disk does not take is told once, and a restart will call the command lost, which is true then.
        await self._keep(self._close, command, result, self._clock.now_ms())
        del self._commands[command.id]
        self._idle.set()
        tell_end(self._box, command.id, command.runnable.action.name, result, self._clock.now_ms())
        await self._send(CommandEnded(command.id, result))

    def _close(self, command: _Command, result: CommandResult, now_ms: int) -> None:
        """Remove what a command had here, and keep how it ended. Raises OSError."""
        # First, because an end that is kept says that nothing of it is left.
        if command.place is not None:
            remove_place(command.place)
        self._journal.end(command.id, result, now_ms)

    async def _send_result(self, command_id: str) -> None:
        if self._outbox is not None:
            result = await self._worker.do(self._journal.load_result, command_id)
            await self._send(CommandEnded(command_id, result))

    async def _send(self, frame: FromAgent) -> None:
        outbox = self._outbox
        if outbox is None:
            return
        try:
            await outbox.send(frame)
        except NagareError as error:
            log.info("command_frame_not_sent frame=%s reason=%s", type(frame).__name__, error.message)

    async def _keep(self, work: Callable[..., object], *arguments: object) -> bool:
        """Do ``work`` of the journal; tell whether the disk took it."""
        try:
            await self._worker.do(work, *arguments)
        except (OSError, OverloadedError) as error:
            self.counters.add("journal_failures")
            log.error("command_journal_failed reason=%s", error)  # noqa: TRY400  the cause is the disk's, not the code's
            return False
        return True


def _entry(envelope: CommandEnvelope, now_ms: int) -> Entry:
    return Entry(envelope.id, Step.RECEIVED, now_ms, envelope.expires_ms, envelope.nonce, envelope.action)
