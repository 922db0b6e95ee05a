"""Agents of a fleet that keep their connection for commands: the agent's own socket, frames, signatures and credit.

No program runs: what a host does with a command goes by its number, so that the summary of a job is known beforehand. Each
remembers what it began and how that ended until the server has it, as the journal of an agent does.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field

from nagare.agent.executor.flow import Flow
from nagare.client.commands import Commands
from nagare.config.actions.load import shipped_actions
from nagare.errors import CommandRefusedError, NagareError
from nagare.keys.command_keys import accept_keys, check_signature, keys_number, trusted_keys
from nagare.lib.backoff import Backoff
from nagare.model.command.result import CommandResult, Reason, StreamKept
from nagare.model.command.states import CommandState
from nagare.net.answer import Answer
from nagare.net.lean_socket import LeanSocket
from nagare.net.trust import Trust
from nagare.wire.codec import decode, encode
from nagare.wire.command_jobs import Batches, JobLine, JobRequest, JobView, Targets
from nagare.wire.commands import (
    COMMANDS_VERSION,
    FRAME_LIMIT_BYTES,
    INITIAL_CREDIT_BYTES,
    CommandEnded,
    CommandEnvelope,
    CommandsReady,
    CommandStanding,
    Credit,
    Dispatch,
    FromAgent,
    Receipt,
    ResultAck,
    SignedCommandKeys,
    Started,
    ToAgent,
    decode_to_agent,
    encode_frame,
    read_envelope,
)
from nagare.wire.signature import HEADER, SIGNED_AT, signed_link
from tests.support.agent_fleet import Fleet, FleetAgent
from tests.support.processes import RunningServer, wait_until

PATH = "/ws/agent"
# As the agent has them (agent/command_link.py).
_CONNECT_SECONDS, _STEADY_SECONDS, _REFUSED_SECONDS = 15.0, 5.0, 60.0
_LINE = b"up 3 days\n"
# More than the first credit of a connection.
_FLOOD = b"0123456789abcde\n" * ((INITIAL_CREDIT_BYTES + 2**16) // 16)
_ACTIONS = {name: action.sha256 for name, action in shipped_actions().items()}


@dataclass
class LinkTally:
    """What became of the connections and of the commands of all agents, by the word of the hosts."""

    # From the first byte to the word of what is held, each connection.
    connect_seconds: list[float] = field(default_factory=list)
    # Why connections ended or did not come about, and why frames were not taken.
    lost: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    # Ids of commands that began.
    begun: set[str] = field(default_factory=set)
    acknowledged: int = 0
    credited_bytes: int = 0
    unsent_bytes: int = 0


@dataclass
class HostLink:
    """The connection of one agent, number ``number`` of its fleet. ``may_end`` holds up programs while it is not set."""

    agent: FleetAgent
    number: int
    url: str
    tally: LinkTally
    may_end: asyncio.Event
    # Set while it is connected and has said what it holds.
    is_here: asyncio.Event = field(default_factory=asyncio.Event)
    _trusted: list[str] = field(default_factory=list)
    _keys_number: int = 0
    _socket: LeanSocket | None = None
    _flows: dict[str, Flow] = field(default_factory=dict)
    _results: dict[str, CommandResult] = field(default_factory=dict)

    async def keep(self) -> None:
        """Keep the connection until cancelled, as the agent does."""
        held = accept_keys("", decode(encode(self.agent.command_keys), SignedCommandKeys))
        self._trusted, self._keys_number = trusted_keys(held), keys_number(held)
        backoff = Backoff(base_seconds=0.5, cap_seconds=10.0, random=self.agent.chance)
        async with asyncio.TaskGroup() as programs:
            while True:
                begun, delay = time.monotonic(), None
                try:
                    delay = await self._converse(programs)
                except (NagareError, TimeoutError) as error:
                    self.tally.lost[error.message if isinstance(error, NagareError) else "no answer"] += 1
                if time.monotonic() - begun >= _STEADY_SECONDS:
                    backoff.reset()
                await asyncio.sleep(backoff.next_seconds(delay))

    async def _converse(self, programs: asyncio.TaskGroup) -> float | None:
        begun, at_ms = time.monotonic(), time.time_ns() // 1_000_000
        signature = self.agent.key.sign(signed_link(PATH, self.agent.name, at_ms))
        async with asyncio.timeout(_CONNECT_SECONDS):
            socket = await LeanSocket.connect(
                self.url, PATH, token=self.agent.token, trust=Trust(), limit_bytes=FRAME_LIMIT_BYTES,
                headers={HEADER: signature, SIGNED_AT: str(at_ms)},
            )  # fmt: skip
        if isinstance(socket, Answer):
            self.tally.refused[f"status {socket.status}"] += 1
            return _REFUSED_SECONDS
        try:
            self._socket = socket
            await self._greet()
            self.tally.connect_seconds.append(time.monotonic() - begun)
            while True:
                await self._hear(decode_to_agent(await socket.receive()), programs)
        finally:
            self._socket = None
            self.is_here.clear()
            for flow in self._flows.values():
                flow.detach()
            await socket.close()

    async def _greet(self) -> None:
        """Say what is held, then each result that was not acknowledged."""
        held = [CommandStanding(id_, CommandState.STARTED) for id_ in self._flows]
        held += [CommandStanding(id_, result.state) for id_, result in self._results.items()]
        await self.send(CommandsReady(COMMANDS_VERSION, held, _ACTIONS, self._keys_number))
        self.is_here.set()
        for flow in self._flows.values():
            flow.attach(self)
        for id_, result in list(self._results.items()):
            await self.send(CommandEnded(id_, result))

    async def send(self, frame: FromAgent) -> None:
        """Send a frame if there is a connection."""
        if self._socket is not None:
            await self._socket.send(encode_frame(frame))

    async def _hear(self, frame: ToAgent, programs: asyncio.TaskGroup) -> None:
        match frame:
            case Dispatch():
                await self._take(frame, programs)
            case Credit():
                self.tally.credited_bytes += frame.bytes
                if frame.id in self._flows:
                    self._flows[frame.id].add_credit(frame.bytes)
            case ResultAck():
                self.tally.acknowledged += 1
                self._results.pop(frame.id, None)
            case _:
                raise AssertionError(f"{self.agent.name} was sent {frame}")

    async def _take(self, dispatch: Dispatch, programs: asyncio.TaskGroup) -> None:
        try:
            check_signature(dispatch, self._trusted)
            envelope = read_envelope(dispatch.envelope)
        except CommandRefusedError as error:
            self.tally.refused[error.reason] += 1
            return
        assert envelope.host_id == self.agent.host_id
        if envelope.id in self._results:
            await self.send(CommandEnded(envelope.id, self._results[envelope.id]))
        elif self.number % 50 == 1:
            await self.send(Receipt(envelope.id, is_accepted=False, reason=Reason.POLICY_DENIES, text="not here"))
        else:
            await self.send(Receipt(envelope.id, is_accepted=True))
            if envelope.id not in self.tally.begun:
                self.tally.begun.add(envelope.id)
                programs.create_task(self._run(envelope))

    async def _run(self, envelope: CommandEnvelope) -> None:
        """Do as if a program ran; a connection that is lost meanwhile is the reader's affair."""
        id_, started_ms = envelope.id, time.time_ns() // 1_000_000
        flow = self._flows[id_] = Flow(id_)
        if self._socket is not None:
            flow.attach(self)
        await self._say(Started(id_, started_ms, ["/usr/bin/uptime"], "rlimits", ["no-new-privileges"]))
        if self.number % 50 == 3 and self._socket is not None:
            await self._socket.close()
        output = _FLOOD if self.number % 10 == 4 else _LINE
        await flow.send("stdout", 0, output)
        self.tally.unsent_bytes += flow.unsent_bytes
        await self.may_end.wait()
        exit_code = 3 if self.number % 50 == 2 else 0
        state = CommandState.FAILED if exit_code else CommandState.DONE
        result = CommandResult(
            state, Reason.EXIT, exit_code=exit_code, started_ms=started_ms, ended_ms=time.time_ns() // 1_000_000,
            confinement="rlimits", stdout=StreamKept(output, b"", len(output), 0),
        )  # fmt: skip
        # Kept before it is told: a connection that comes between tells it, too.
        self._results[id_] = result
        del self._flows[id_]
        await self._say(CommandEnded(id_, result))

    async def _say(self, frame: FromAgent) -> None:
        # What is not told now is told on the next connection.
        with suppress(NagareError):
            await self.send(frame)


@dataclass
class Links:
    """The connections of all agents of a fleet."""

    links: list[HostLink]
    tally: LinkTally
    may_end: asyncio.Event

    async def wait_here(self, agent: FleetAgent) -> None:
        """Return once that agent is connected."""
        await next(link for link in self.links if link.agent is agent).is_here.wait()


@asynccontextmanager
async def linked(fleet: Fleet) -> AsyncIterator[Links]:
    """Let every agent of ``fleet``, which has joined, keep its connection."""
    tally, may_end = LinkTally(), asyncio.Event()
    may_end.set()
    links = [HostLink(agent, number, fleet.url, tally, may_end) for number, agent in enumerate(fleet.agents)]
    async with asyncio.TaskGroup() as tasks:
        kept = [tasks.create_task(link.keep()) for link in links]
        try:
            yield Links(links, tally, may_end)
        finally:
            for task in kept:
                task.cancel()


def mint(server: RunningServer, count: int) -> str:
    """Return the secret of a token that lets ``count`` hosts join and take commands."""
    terms = {"uses": count, "capabilities": ["metrics", "commands"], "accepts": True}
    secret: str = server.request("/api/v1/join-tokens", terms)["token"].partition(".")[0]
    return secret


async def ask_all(calls: Commands, count: int) -> JobView:
    """Ask for a command on every host, all at one time."""
    batches = Batches(concurrency=count, stop_after=0)
    return await calls.start(JobRequest("host.uptime", Targets(all=True), batches=batches))


async def wait_for_programs(server: RunningServer, job_id: str) -> None:
    """Return once no command of a job is on its way: each runs, or was refused."""

    def are_there() -> bool:
        counts: dict[str, int] = server.request(f"/api/v1/commands/{job_id}")["counts"]
        return not {"approved", "queued", "sent"} & counts.keys()

    await asyncio.to_thread(wait_until, are_there, "programs that run", server.process)


async def follow_to_end(calls: Commands, job_id: str) -> Mapping[str, int]:
    """Return how many commands of a job ended in which state, as who follows it is told."""
    last: object = None
    async with aclosing(calls.follow(job_id)) as events:
        async for event in events:
            last = event
    assert isinstance(last, JobLine)
    return last.counts


def expected(count: int) -> dict[str, int]:
    """Return how many commands of a job on ``count`` hosts end in which state."""
    failed = sum(number % 50 in (1, 2) for number in range(count))
    return {"done": count - failed, "failed": failed}
