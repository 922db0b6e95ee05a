"""What agents say: each frame moves the command that it is about, if that command is one of the host that said it.

A result is durable here before it is acknowledged. A host speaks for itself alone: what it says of commands of others, or
of none, changes nothing and is counted.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice

from nagare.commands.agents import AgentLink
from nagare.commands.board import Board, OpenJob
from nagare.commands.feeds import Feeds
from nagare.commands.rules import WAITING
from nagare.commands.signing import Vault
from nagare.errors import ConflictError, InputError
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters
from nagare.lib.plain_text import plain
from nagare.model.command.job import Command
from nagare.model.command.result import KEPT_BYTES, CommandResult, Reason, StreamKept
from nagare.model.command.states import ENDED, CommandState, is_final, steps_to
from nagare.wire.commands import (
    COMMANDS_VERSION,
    INITIAL_CREDIT_BYTES,
    Cancel,
    CommandEnded,
    CommandsReady,
    Credit,
    FromAgent,
    OutputChunk,
    Receipt,
    ResultAck,
    Started,
)

log = logging.getLogger(__name__)
_TEXT_LIMIT = 1000
_HOLDS_LIMIT = 64
# A host's numbers beyond it are no numbers; as milliseconds it is the year 5138.
_MOST = 10**14
# Given back in pieces: a frame for each chunk would double the frames.
_CREDIT_PIECE_BYTES = INITIAL_CREDIT_BYTES // 4
# How often a change is tried anew when somebody else was first: each try begins from what is there then.
_TRIES = 5
# Each is looked up in the records; records from a backup lack a few, and a host that guesses has many.
_FOREIGN_LIMIT = 100
# That a host may say it knows; a folder of actions holds fewer.
_ACTIONS_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What the desk works on."""

    board: Board
    feeds: Feeds
    vault: Vault
    clock: Clock
    counters: Counters
    # Called with a job whose turn may have come.
    kick: Callable[[str], None]
    # Tells an agent the keys that it lacks.
    offer_keys: Callable[[AgentLink], None]


class Desk:
    """Takes the frames of all agents."""

    def __init__(self, neighbours: Neighbours) -> None:
        """Keep the neighbours."""
        self._board = neighbours.board
        self._feeds = neighbours.feeds
        self._vault = neighbours.vault
        self._clock = neighbours.clock
        self._counters = neighbours.counters
        self._kick = neighbours.kick
        self._offer_keys = neighbours.offer_keys

    async def hear(self, link: AgentLink, frame: FromAgent) -> None:
        """Take a frame. Raises InputError for an agent that speaks another version, StorageError when it cannot be kept."""
        if not link.may_take and isinstance(frame, Receipt | Started):
            # Who was given commands once tells how they ended, and nothing else; its output is taken and shown to nobody.
            return
        match frame:
            case CommandsReady():
                await self._ready(link, frame)
            case Receipt():
                await self._receipt(link, frame)
            case Started():
                await self._started(link, frame)
            case OutputChunk():
                await self._output(link, frame)
            case CommandEnded():
                await self._ended(link, frame)

    async def _ready(self, link: AgentLink, frame: CommandsReady) -> None:
        if frame.v != COMMANDS_VERSION:
            raise InputError(
                f"cannot speak version {frame.v} of commands: version {COMMANDS_VERSION} is spoken here",
                hint="update the agent, or the server",
            )
        link.actions = dict(islice(frame.actions.items(), _ACTIONS_LIMIT))
        link.keys_number = frame.keys_number
        # Before any command: what follows may be signed by a key that it does not know yet.
        self._offer_keys(link)
        link.held |= {standing.id for standing in frame.commands}
        for standing in frame.commands:
            if standing.state is CommandState.STARTED and (found := await self._own(link, standing.id)) is not None:
                await self._move(found[1], CommandState.STARTED, heard_start_ms=self._clock.now_ms())
        for opened, command in self._board.of_host(link.host_id):
            await self._compare(link, opened, command)
        link.is_ready = True
        self._kick("")

    async def _compare(self, link: AgentLink, opened: OpenJob, command: Command) -> None:
        """Look at a command of the host in the light of what its agent holds."""
        if command.id in link.held:
            if opened.job.cancelled_by:
                link.put(Cancel(command.id, opened.job.cancelled_by))
        elif command.state is CommandState.STARTED:
            # It had begun and its agent knows nothing of it: the disk of the journal is another one.
            text = "the agent came back and knows nothing of it, though it had begun"
            await self._move(command, CommandState.LOST, reason=Reason.FORGOTTEN.value, text=text)

    async def _receipt(self, link: AgentLink, frame: Receipt) -> None:
        found = await self._own(link, frame.id)
        if found is None:
            return
        command = found[1]
        link.held.add(command.id)
        self._vault.forget_command(command.id)
        if frame.is_accepted or command.state not in (CommandState.SENT, CommandState.LOST):
            return
        reason = frame.reason or Reason.MALFORMED
        state = CommandState.FAILED
        if reason is Reason.EXPIRED:
            state = CommandState.EXPIRED
        elif reason is Reason.REPLAYED:
            # It was there before and how it ended is not known here: it may have run.
            state = CommandState.LOST
        if command.state is not state:
            await self._move(command, state, reason=reason.value, text=plain(frame.text, _TEXT_LIMIT))

    async def _started(self, link: AgentLink, frame: Started) -> None:
        found = await self._own(link, frame.id)
        if found is None:
            return
        link.held.add(frame.id)
        self._vault.forget_command(frame.id)
        # Until it ends this is all that is known of how it runs.
        result = CommandResult(
            CommandState.STARTED,
            Reason.EXIT,
            started_ms=frame.started_ms,
            confinement=plain(frame.confinement, _TEXT_LIMIT),
            holds=_holds(tuple(frame.holds)),
        )
        await self._move(found[1], CommandState.STARTED, heard_start_ms=self._clock.now_ms(), result=result)

    async def _output(self, link: AgentLink, frame: OutputChunk) -> None:
        found = await self._own(link, frame.id)
        if found is None:
            return
        if link.may_take and found[1].state not in ENDED:
            self._feeds.add(found[0].job.id, frame)
        # Taken, whoever reads it: nobody's slowness is the program's, nor that its host lost its grant.
        owed = link.owed.get(frame.id, 0) + len(frame.data)
        if owed >= _CREDIT_PIECE_BYTES:
            link.put(Credit(frame.id, owed))
            owed = 0
        link.owed[frame.id] = owed

    async def _ended(self, link: AgentLink, frame: CommandEnded) -> None:
        found = await self._own(link, frame.id)
        if found is None:
            return
        result = bounded(frame.result)
        # What did not go out has not ended: records from a backup are older than the host. It goes out, and is answered anew.
        if result.state not in ENDED or found[1].state in WAITING:
            self._counters.add("frames_refused")
            log.warning("command_end_refused host=%s id=%s told=%s", link.host, frame.id, result.state)
            return
        self._vault.forget_command(frame.id)
        await self._end(link, found[1], result)
        link.held.discard(frame.id)
        link.owed.pop(frame.id, None)
        link.put(ResultAck(frame.id))

    async def _end(self, link: AgentLink, command: Command, result: CommandResult) -> None:
        """Make the end of a command durable. Returns when it is, or when an end is known already."""
        for _ in range(_TRIES):
            # One that came again after its acknowledgement was lost, or after a word of ours that is final.
            if is_final(command.state) or (command.state is CommandState.LOST and result.state is CommandState.LOST):
                if command.state is not result.state:
                    self._counters.add("results_conflicting")
                    log.warning(
                        "command_end_conflicts host=%s id=%s known=%s told=%s",
                        link.host, command.id, command.state, result.state,
                    )  # fmt: skip
                return
            try:
                steps_to(command.state, result.state)
            except ConflictError:
                # Told to have ended in a way in which what is known here cannot end: nobody can say how it did.
                result = replace(result, state=CommandState.LOST)
            if await self._board.end(command, result.state, result) is not None:
                return
            command = await self._again(command)
        raise ConflictError(f"cannot keep the end of command {command.id}: it changes all the time")

    async def _move(self, command: Command, state: CommandState, **changes: object) -> None:
        """Move a command if that is lawful from where it is; a word that comes late changes nothing."""
        for _ in range(_TRIES):
            if command.state is state:
                return
            try:
                steps_to(command.state, state)
            except ConflictError:
                return
            if await self._board.move(command, state, **changes) is not None:
                return
            command = await self._again(command)

    async def _again(self, command: Command) -> Command:
        found = await self._board.find_command(command.id)
        assert found is not None  # nothing is removed that was there
        return found[1]

    async def _own(self, link: AgentLink, command_id: str) -> tuple[OpenJob, Command] | None:
        """Return a command of the host that speaks, with its job; None, counted, for any other id."""
        found = await self._board.find_command(command_id) if len(command_id) <= 36 else None
        if found is None or found[1].host_id != link.host_id:
            self._counters.add("frames_foreign")
            link.foreign += 1
            if link.foreign == 1:
                # Said once a connection: a host that means harm could fill the log. The counter has the others.
                log.warning("command_not_of_host host=%s id=%s", link.host, plain(command_id, 40))
            if link.foreign > _FOREIGN_LIMIT:
                link.end("it speaks of commands that are not its own")
            return None
        return found


def bounded(result: CommandResult) -> CommandResult:
    """Return ``result`` within what is kept: texts plain and short, numbers that a column holds, of each stream both ends."""
    return replace(
        result,
        exit_code=_within(result.exit_code),
        signal=_within(result.signal),
        started_ms=_within(result.started_ms),
        ended_ms=_within(result.ended_ms) or 0,
        cpu_seconds=min(max(0.0, result.cpu_seconds), float(_MOST)),
        max_rss_bytes=_within(result.max_rss_bytes) or 0,
        text=plain(result.text, _TEXT_LIMIT),
        confinement=plain(result.confinement, _TEXT_LIMIT),
        holds=_holds(result.holds),
        stdout=_kept(result.stdout),
        stderr=_kept(result.stderr),
    )


def _kept(stream: StreamKept) -> StreamKept:
    head, tail = stream.head[:KEPT_BYTES], stream.tail[-KEPT_BYTES:] if stream.tail else b""
    cut = len(stream.head) - len(head) + len(stream.tail) - len(tail)
    return StreamKept(head, tail, _within(stream.total_bytes) or 0, (_within(stream.dropped_bytes) or 0) + cut)


def _within(number: int | None) -> int | None:
    return number if number is not None and 0 <= number < _MOST else None


def _holds(holds: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(plain(hold, 100) for hold in holds[:_HOLDS_LIMIT])
