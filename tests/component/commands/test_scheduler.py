"""Time in the room of commands: what runs out, what is lost, what goes out again; the hands of the clock are the test's."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nagare.commands.agents import AgentLink, Agents
from nagare.commands.board import Board
from nagare.commands.feeds import Feeds
from nagare.commands.rules import GRACE_MS, SKEW_MS
from nagare.commands.scheduler import Parts, Scheduler
from nagare.commands.signing import Signer, Vault
from nagare.commands.store import CommandStore
from nagare.errors import CommandRefusedError
from nagare.keys.command_keys import check_signature, trusted_keys
from nagare.keys.command_lists import keyring_of
from nagare.keys.signing import SigningKey
from nagare.lib.clock import ManualClock
from nagare.lib.counters import Counters
from nagare.model.command.action import Risk
from nagare.model.command.approval import Approval
from nagare.model.command.job import Command, Job, Pace
from nagare.model.command.states import CommandState
from nagare.model.event import Event
from nagare.records.engine import Records
from nagare.wire.commands import Dispatch, decode_to_agent, read_envelope
from tests.support.command_jobs import NOW_MS, commands_of, job_of

S = CommandState


class Room:
    """The parts that move jobs, over records of their own."""

    def __init__(self, records: Records) -> None:
        self.clock = ManualClock(NOW_MS)
        self.counters = Counters()
        self.agents = Agents(self.counters)
        self.feeds = Feeds(self.clock, self.counters)
        self.vault = Vault()
        self.signer = Signer(keyring_of(SigningKey.generate()))
        self.store = CommandStore(records)
        self.events: list[Event] = []
        self.start()

    def start(self) -> None:
        """Begin anew with what the records have."""
        self.board = Board(self.store, self.clock, self._changed)
        parts = Parts(
            self.board, self.agents, self.feeds, self.vault, self.signer, self.clock, self.events.append
        )  # fmt: skip
        self.scheduler = Scheduler(parts)

    async def add(self, job: Job, *states: CommandState, **changes: Any) -> list[Command]:
        """Open a job with commands in those states."""
        commands = commands_of(job, *states, **changes)
        await self.board.add(job, commands)
        return commands

    async def states(self, job: Job, after_ms: int = 0) -> list[CommandState]:
        """Return the states of a job once the scheduler has looked, so many milliseconds later."""
        await self.clock.advance(after_ms / 1000)
        self.scheduler.kick("")
        # Until nothing moves any more.
        for _ in range(5):
            await self.scheduler.review()
        kept = await self.store.find(job.id)
        assert kept is not None
        return [command.state for command in kept.commands]

    def connect(self, number: int) -> AgentLink:
        """Connect the agent of a host, which holds nothing."""
        link = self.agents.join(f"id{number}", f"h{number}", "token")
        link.is_ready = True
        return link

    def _changed(self, job: Job, _before: Command, _after: Command) -> None:
        self.scheduler.kick(job.id)


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    async with Records(tmp_path / "records.db") as records:
        yield Room(records)


async def _sent(link: AgentLink) -> Dispatch:
    content = await link.take()
    assert content is not None
    frame = decode_to_agent(content)
    assert isinstance(frame, Dispatch)
    return frame


async def test_what_nobody_approves_in_time_expires(room: Room) -> None:
    job = job_of(risk=Risk.SECOND_PERSON, approval=None)
    await room.add(job, S.PENDING)
    assert await room.states(job, 300_000) == [S.PENDING]
    assert await room.states(job, 1) == [S.EXPIRED]
    assert len(room.board) == 0


async def test_a_host_that_stays_away_never_begins(room: Room) -> None:
    job = job_of(pace=Pace(stop_after=0))
    await room.add(job, S.APPROVED, S.APPROVED)
    link = room.connect(0)
    assert await room.states(job) == [S.SENT, S.QUEUED]
    await _sent(link)
    assert await room.states(job, 300_001) == [S.SENT, S.EXPIRED]


async def test_a_new_job_begins_with_what_goes_out_at_once(room: Room) -> None:
    job = job_of(pace=Pace(concurrency=12))
    link, *_ = [room.connect(number) for number in range(1, 15)]
    asked = commands_of(job, *[S.APPROVED] * 15)
    begun = room.scheduler.begin(job, asked)
    # Its host is away; beyond the first ten and within the pace the others follow.
    assert [command.state for command in begun] == [S.APPROVED, *[S.SENT] * 10, *[S.APPROVED] * 4]
    opened = await room.board.add(job, begun)
    room.scheduler.send(opened)
    assert read_envelope((await _sent(link)).envelope).id == asked[1].id
    assert await room.states(job) == [S.QUEUED, *[S.SENT] * 12, S.APPROVED, S.APPROVED]


async def test_what_a_crash_kept_from_going_out_goes_out_later(room: Room) -> None:
    job = job_of()
    room.connect(0)
    await room.board.add(job, room.scheduler.begin(job, commands_of(job, S.APPROVED)))
    room.start()
    await room.board.load()
    link = room.connect(0)
    assert await room.states(job) == [S.SENT]
    await _sent(link)


async def test_one_that_waits_for_a_second_person_begins_with_nothing(room: Room) -> None:
    job = job_of(risk=Risk.SECOND_PERSON, approval=None)
    room.connect(0)
    asked = commands_of(job, S.PENDING)
    assert room.scheduler.begin(job, asked) == asked


async def test_without_a_word_it_is_lost_and_not_before(room: Room) -> None:
    job = job_of()
    await room.add(job, S.APPROVED)
    link = room.connect(0)
    await room.states(job)
    envelope = await _sent(link)
    assert envelope.envelope
    room.agents.leave(link)
    over_ms = 300_000 + 60_000 + GRACE_MS
    assert await room.states(job, over_ms) == [S.SENT]
    assert await room.states(job, 1) == [S.LOST]


async def test_it_is_expired_when_its_host_is_here_and_has_no_copy(room: Room) -> None:
    job = job_of()
    await room.add(job, S.APPROVED)
    room.agents.leave(_with(room, room.connect(0)))
    link = room.connect(0)
    assert await room.states(job) == [S.SENT]
    room.agents.leave(link)
    assert await room.states(job, 300_000 + 2 * SKEW_MS) == [S.SENT]
    room.connect(0)
    assert await room.states(job, 1) == [S.EXPIRED]


def _with(_room: Room, link: AgentLink) -> AgentLink:
    return link


async def test_it_goes_out_again_as_the_same_bytes_after_a_restart(room: Room) -> None:
    job = job_of()
    await room.add(job, S.APPROVED)
    link = room.connect(0)
    await room.states(job)
    first = await _sent(link)
    check_signature(first, trusted_keys(room.signer.keys.text))
    room.agents.leave(link)
    room.start()
    await room.board.load()
    again = room.connect(0)
    assert await room.states(job, 5000) == [S.SENT]
    assert await _sent(again) == first
    # On one connection once is enough.
    await room.states(job, 5000)
    assert room.agents.find("id0") is again
    third = room.connect(0)
    await room.states(job)
    assert await _sent(third) == first


async def test_secrets_are_gone_with_the_server_that_had_them(room: Room) -> None:
    job = job_of(secrets=("password",))
    room.vault.keep(job.id, {"password": "geheim"})
    commands = await room.add(job, S.APPROVED, S.APPROVED)
    link = room.connect(0)
    assert await room.states(job) == [S.SENT, S.QUEUED]
    dispatch = await _sent(link)
    assert dispatch.secrets["password"].value == "geheim"
    room.vault = Vault()
    room.start()
    await room.board.load()
    room.agents.leave(link)
    room.connect(1)
    # Its host may have it, or not: that is known once it says so.
    assert await room.states(job) == [S.SENT, S.CANCELLED]
    room.connect(0)
    assert await room.states(job) == [S.CANCELLED, S.CANCELLED]
    reasons = [one.reason for command in commands if (one := await room.store.find_command(command.id))]
    assert reasons == ["job-stopped", "secrets-gone"]


async def test_a_job_that_fails_stops_and_is_told(room: Room) -> None:
    job = job_of(pace=Pace(canary=2, concurrency=1, stop_after=5))
    await room.add(job, S.DONE, S.FAILED, S.APPROVED, S.QUEUED)
    assert await room.states(job) == [S.DONE, S.FAILED, S.CANCELLED, S.CANCELLED]
    assert [event.kind for event in room.events] == ["command.stopped"]
    kept = await room.store.find(job.id)
    assert kept is not None
    assert kept.job.stopped == "canary h1 ended as failed"


async def test_a_cancelled_command_does_not_go_out_again(room: Room) -> None:
    job = job_of()
    commands = await room.add(job, S.APPROVED)
    link = room.connect(0)
    await room.states(job)
    await _sent(link)
    opened = room.board.find(job.id)
    assert opened is not None
    opened.job = replace(job, cancelled_by="ann")
    again = room.connect(0)
    await room.states(job)
    assert commands[0].id not in again.sent


async def test_what_is_signed_is_what_was_approved(room: Room) -> None:
    job = job_of(risk=Risk.SELF_CONFIRM, approval=Approval.SELF_CONFIRM, approver=job_of().requester)
    await room.add(job, S.APPROVED)
    link = room.connect(0)
    await room.states(job)
    dispatch = await _sent(link)
    with pytest.raises(CommandRefusedError):
        check_signature(dispatch, trusted_keys(Signer(keyring_of(SigningKey.generate())).keys.text))
