"""Whatever breaks, in whatever order: nothing runs twice, and every state is true.

Real records, desk and scheduler; hosts that hold to their journal as an agent does; connections that are cut with frames on
their way, servers that restart, time that passes and clocks that differ. What happens next is Hypothesis' choice.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from nagare.commands.agents import AgentLink, Agents
from nagare.commands.board import Board
from nagare.commands.desk import Desk, Neighbours
from nagare.commands.feeds import Feeds
from nagare.commands.rules import OUT, SKEW_MS, WAITING
from nagare.commands.scheduler import Parts, Scheduler
from nagare.commands.schema import commands, jobs, outputs
from nagare.commands.signing import Signer, Vault
from nagare.commands.store import CommandStore, Ending
from nagare.keys.command_lists import keyring_of
from nagare.keys.signing import SigningKey
from nagare.lib.clock import ManualClock
from nagare.lib.counters import Counters
from nagare.model.command.job import Pace
from nagare.model.command.result import CommandResult, Reason
from nagare.model.command.states import CommandState
from nagare.records.engine import Records
from nagare.wire.commands import (
    COMMANDS_VERSION,
    Cancel,
    CommandEnded,
    CommandEnvelope,
    CommandsReady,
    CommandStanding,
    Dispatch,
    FromAgent,
    Receipt,
    ResultAck,
    Started,
    decode_to_agent,
    read_envelope,
)
from tests.support.command_jobs import NOW_MS, commands_of, job_of

S = CommandState
HOSTS = 3
SIGNER = Signer(keyring_of(SigningKey.generate()))


class Journaled:
    """A host: what it was sent it has for ever, what it began it never begins again. Its clock is off by ``skew_ms``."""

    def __init__(self, clock: ManualClock, skew_ms: int) -> None:
        self._clock = clock
        self._skew_ms = skew_ms
        self.journal: dict[str, str] = {}
        self.envelopes: dict[str, CommandEnvelope] = {}
        self.results: dict[str, CommandResult] = {}
        self.runs: dict[str, int] = {}
        self.link: AgentLink | None = None
        self.said: deque[FromAgent] = deque()

    def now_ms(self) -> int:
        return self._clock.now_ms() + self._skew_ms

    def connect(self, link: AgentLink) -> None:
        self.link, self.said = link, deque()
        standings = [CommandStanding(id_, self._standing(id_)) for id_, step in self.journal.items() if step != "acked"]
        self.say(CommandsReady(COMMANDS_VERSION, standings))
        for id_, result in self.results.items():
            if self.journal[id_] == "ended":
                self.say(CommandEnded(id_, result))

    def _standing(self, id_: str) -> CommandState:
        if id_ in self.results:
            return self.results[id_].state
        return S.STARTED if self.journal[id_] == "begun" else S.SENT

    def say(self, frame: FromAgent) -> None:
        if self.link is not None:
            self.said.append(frame)

    def take(self) -> None:
        """Take one frame that is on its way here."""
        if self.link is None or not self.link._waiting:
            return
        frame = decode_to_agent(self.link._waiting.popleft())
        if isinstance(frame, Dispatch):
            self._dispatched(read_envelope(frame.envelope))
        elif isinstance(frame, ResultAck):
            self.journal[frame.id] = "acked"
        elif isinstance(frame, Cancel) and self.journal.get(frame.id) in ("received", "begun"):
            self._end(frame.id, S.CANCELLED, Reason.CANCELLED)

    def _dispatched(self, envelope: CommandEnvelope) -> None:
        id_ = envelope.id
        step = self.journal.get(id_)
        if step == "acked":
            self.say(Receipt(id_, is_accepted=False, reason=Reason.REPLAYED))
        elif step == "ended":
            self.say(CommandEnded(id_, self.results[id_]))
        elif step is not None:
            self.say(Receipt(id_, is_accepted=True))
        elif self.now_ms() > envelope.expires_ms + SKEW_MS:
            self.journal[id_] = "acked"
            self.say(Receipt(id_, is_accepted=False, reason=Reason.EXPIRED))
        else:
            self.journal[id_], self.envelopes[id_] = "received", envelope
            self.say(Receipt(id_, is_accepted=True))

    def go_on(self, *, fails: bool) -> None:
        """Begin or end the first command that can."""
        for id_, step in self.journal.items():
            if step == "received" and self.now_ms() > self.envelopes[id_].expires_ms + SKEW_MS:
                self._end(id_, S.EXPIRED, Reason.EXPIRED)
                return
            if step == "received":
                self.journal[id_] = "begun"
                self.runs[id_] = self.runs.get(id_, 0) + 1
                self.say(Started(id_, self.now_ms(), ["uptime"]))
                return
            if step == "begun":
                self._end(id_, S.FAILED if fails else S.DONE, Reason.EXIT)
                return

    def _end(self, id_: str, state: CommandState, reason: Reason) -> None:
        self.journal[id_] = "ended"
        self.results[id_] = CommandResult(state, reason, ended_ms=self.now_ms())
        self.say(CommandEnded(id_, self.results[id_]))


class World:
    """One server after the other over the same records, and the hosts of one job."""

    def __init__(self, records: Records, pace: Pace, skews: list[int]) -> None:
        self.clock = ManualClock(NOW_MS)
        self.store = CommandStore(records)
        self.job = job_of(pace=pace)
        self.commands = commands_of(self.job, *[S.APPROVED] * HOSTS)
        self.hosts = [Journaled(self.clock, skew) for skew in skews]

    async def begin(self) -> None:
        await self.start()
        await self.board.add(self.job, self.commands)

    async def start(self) -> None:
        """Start a server, which knows what the records say."""
        for host in self.hosts:
            host.link = None
        counters, self.agents = Counters(), Agents(Counters())
        feeds, vault = Feeds(self.clock, counters), Vault()
        self.board = Board(self.store, self.clock, lambda job, _before, _after: self.scheduler.kick(job.id))
        parts = Parts(self.board, self.agents, feeds, vault, SIGNER, self.clock, lambda _event: None)
        self.scheduler = Scheduler(parts)
        kick = self.scheduler.kick
        self.desk = Desk(Neighbours(self.board, feeds, vault, self.clock, counters, kick, lambda _link: None))
        await self.board.load()

    async def step(self, what: str, number: int, seconds: int) -> None:
        host = self.hosts[number]
        match what:
            case "connect":
                host.connect(self.agents.join(f"id{number}", f"h{number}", "token"))
            case "cut" if host.link is not None:
                self.agents.leave(host.link)
                host.link = None
            case "take":
                host.take()
            case "go on" | "fail":
                host.go_on(fails=what == "fail")
            case "hear" if host.link is not None and host.said:
                await self.desk.hear(host.link, host.said.popleft())
            case "wait":
                await self.clock.advance(seconds)
                self.scheduler.kick("")
            case "restart":
                await self.start()
            case "cancel":
                await self.cancel()
            case "review":
                await self.scheduler.review()

    async def cancel(self) -> None:
        """End what waits, and ask the hosts to end what is out."""
        if self.board.find(self.job.id) is None:
            return
        text = "cancelled by ann"
        ending = Ending(S.CANCELLED, Reason.CANCELLED.value, text)
        opened = await self.board.settle(self.job.id, WAITING, ending, stopped=text, cancelled_by="ann")
        for command in opened.ordered():
            link = self.agents.find(command.host_id)
            if command.state in OUT and link is not None:
                link.put(Cancel(command.id, "ann"))

    async def check(self) -> None:
        kept = await self.store.find(self.job.id)
        assert kept is not None
        assert sum(command.state in OUT for command in kept.commands) <= self.job.pace.concurrency
        for command, host in zip(kept.commands, self.hosts, strict=True):
            runs, step = host.runs.get(command.id, 0), host.journal.get(command.id)
            assert runs <= 1, "it ran twice"
            if command.state in WAITING:
                assert step is None, f"{command.state}, and its host has it"
            if command.state is S.EXPIRED:
                assert runs == 0, "expired, and it ran"
            if command.state is S.CANCELLED and runs:
                assert host.results[command.id].state is S.CANCELLED, "cancelled, and it ran to another end"
            if command.state is S.CANCELLED and not runs:
                assert step not in ("received", "begun"), "cancelled, and it may still begin"
            if command.state in (S.STARTED, S.DONE, S.FAILED):
                assert runs == 1, f"{command.state}, and it did not run"
            if command.state in (S.DONE, S.FAILED):
                assert host.results[command.id].state is command.state


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as made:
        yield made


@pytest.fixture(scope="module")
def records(runner: asyncio.Runner, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Records]:
    opened = Records(Path(tmp_path_factory.mktemp("records")) / "records.db")
    runner.run(opened.__aenter__())
    yield opened
    runner.run(opened.__aexit__(None, None, None))


STEPS = (
    "connect",
    "cut",
    "take",
    "take",
    "go on",
    "go on",
    "fail",
    "hear",
    "hear",
    "hear",
    "wait",
    "restart",
    "cancel",
    "review",
    "review",
)


# Sent, and cancelled before it arrived: the connections of the end are new ones.
LOST_ON_ITS_WAY = [("connect", 0, 1), ("hear", 0, 1), ("review", 0, 1), ("cancel", 0, 1)]


@example(pace=Pace(0, 3, 0), skews=[0, 0, 0], steps=LOST_ON_ITS_WAY)
@settings(
    max_examples=settings().max_examples // 2,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
)
@given(
    pace=st.builds(Pace, st.integers(0, 2), st.integers(1, 3), st.integers(0, 2)),
    skews=st.lists(st.integers(-SKEW_MS, SKEW_MS), min_size=HOSTS, max_size=HOSTS),
    steps=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, HOSTS - 1), st.integers(1, 200)), max_size=80),
)
def test_nothing_runs_twice_and_every_state_is_true(
    runner: asyncio.Runner, records: Records, pace: Pace, skews: list[int], steps: list[tuple[str, int, int]]
) -> None:
    async def live() -> None:
        for table in (jobs, commands, outputs):
            await records.write(lambda connection, table=table: connection.execute(delete(table)))  # type: ignore[misc]
        world = World(records, pace, skews)
        await world.begin()
        for what, number, seconds in steps:
            await world.step(what, number, seconds)
            await world.check()
        # In the end, with every connection sound, what is left comes to its end.
        for number in range(HOSTS):
            await world.step("connect", number, 1)
        for _ in range(12):
            for number in range(HOSTS):
                for what in ("hear", "review", "take", "go on", "hear"):
                    await world.step(what, number, 1)
                    await world.check()
        for opened in world.board:
            is_out = any(command.state in OUT for command in opened.ordered())
            assert not (opened.job.cancelled_by and is_out), "cancelled, every host is here, and it goes on"
        await world.step("wait", 0, 1000)
        await world.step("review", 0, 1)
        await world.step("review", 0, 1)
        await world.check()
        assert len(world.board) == 0, "a job goes on for ever"

    runner.run(live())
