"""Moves jobs on: whose turn it is, what goes out, what stops, and what time has run out for.

One task does it all, so that no two decisions about one job are made at one time. It is woken by what happens; a timer
wakes it for what does not. All that it knows it read from the records, so a restart goes on where the last server was.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from nagare.commands.agents import Agents
from nagare.commands.board import Board, OpenJob
from nagare.commands.events import stop_event
from nagare.commands.feeds import Feeds
from nagare.commands.rules import WAITING, may_be_sent_again, next_turn, overdue, why_stop
from nagare.commands.signing import Signer, Vault
from nagare.commands.store import Ending
from nagare.errors import NagareError
from nagare.lib.clock import Clock
from nagare.model.command.job import Command, Job
from nagare.model.command.result import Reason
from nagare.model.command.states import CommandState
from nagare.model.event import Event

log = logging.getLogger(__name__)
_TICK_SECONDS = 1.0
# Signed before a new job is kept, while the loop waits; the others of a job on many hosts follow one by one.
_AT_ONCE = 10
_WHY_OVERDUE = {
    CommandState.EXPIRED: (Reason.EXPIRED, "its time ran out before it began"),
    CommandState.LOST: (
        Reason.NO_WORD,
        "the host said nothing of it until it had to be over; whether it ran is not known",
    ),
    CommandState.CANCELLED: (Reason.CANCELLED, "it did not reach its host, and is not sent again"),
}


@dataclass(frozen=True, slots=True)
class Parts:
    """What the scheduler works with."""

    board: Board
    agents: Agents
    feeds: Feeds
    vault: Vault
    signer: Signer
    clock: Clock
    tell: Callable[[Event], None]


class Scheduler:
    """The one task that moves jobs."""

    def __init__(self, parts: Parts) -> None:
        """Keep the parts."""
        self._board = parts.board
        self._agents = parts.agents
        self._feeds = parts.feeds
        self._vault = parts.vault
        self._signer = parts.signer
        self._clock = parts.clock
        self._tell = parts.tell
        self._woken = asyncio.Event()
        # Jobs to look at; an empty name is all of them.
        self._due: set[str] = {""}
        self._faults: dict[str, str] = {}

    def kick(self, job_id: str) -> None:
        """Look at that job soon, at all of them when ``job_id`` is empty."""
        self._due.add(job_id)
        self._woken.set()

    def begin(self, job: Job, commands: list[Command]) -> list[Command]:
        """Return the commands of a job that is not kept yet as they are to be kept: those that go out at once are signed, and sent.

        Who keeps them calls ``send`` then. So a job for a host that is here is one change of the records, not two.
        """
        first = {command.id for command in next_turn(job, commands, self._agents.is_reachable).send[:_AT_ONCE]}
        return [
            replace(command, state=CommandState.SENT, **self._signed(job, command)) if command.id in first else command
            for command in commands
        ]

    def send(self, opened: OpenJob) -> None:
        """Write what ``begin`` signed, now that it is kept."""
        for command in opened.ordered():
            if command.state is CommandState.SENT:
                self._write(opened.job, command)

    async def run(self) -> None:
        """Move jobs until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._tick(), name="commands.tick")
            tasks.create_task(self._drive(), name="commands.drive")

    async def review(self) -> None:
        """Look at every job that is due, once."""
        due, self._due = self._due, set()
        jobs = list(self._board) if "" in due else [opened for opened in self._board if opened.job.id in due]
        for opened in jobs:
            try:
                await self._review(opened)
            except NagareError as error:
                # The others go on; this one is looked at again at the next tick. A full disk lasts: said once.
                if self._faults.get(opened.job.id) != error.code:
                    log.warning("job_not_moved id=%s reason=%s", opened.job.id, error.message)
                self._faults[opened.job.id] = error.code
            else:
                self._faults.pop(opened.job.id, None)

    async def _tick(self) -> None:
        while True:
            await self._clock.sleep(_TICK_SECONDS)
            self.kick("")

    async def _drive(self) -> None:
        while True:
            self._woken.clear()
            await self.review()
            await self._woken.wait()

    async def _review(self, opened: OpenJob) -> None:
        await self._check_secrets(opened)
        await self._check_times(opened)
        await self._stop_if_bad(opened)
        await self._send_again(opened)
        turn = next_turn(opened.job, opened.ordered(), self._agents.is_reachable)
        for command in turn.queue:
            await self._sign(opened, command)
        for command in turn.send:
            await self._send_first(opened, command)
        if not any(command.state in WAITING and not command.envelope for command in opened.ordered()):
            self._vault.forget_values(opened.job.id)
        if opened.is_over:
            self._vault.forget(opened.job.id, opened.commands)
            self._board.close(opened.job.id)
            self._feeds.close(opened.job.id)

    async def _check_secrets(self, opened: OpenJob) -> None:
        """End what cannot go out any more: the server that had its secrets in memory is gone."""
        unsigned = [c for c in opened.ordered() if c.state in WAITING and not self._is_complete(opened, c)]
        if unsigned:
            text = "the server restarted, and its secrets were in memory alone; ask for it again"
            ending = Ending(CommandState.CANCELLED, Reason.SECRETS_GONE.value, text)
            await self._board.settle(opened.job.id, WAITING, ending, stopped=text)

    def _is_complete(self, opened: OpenJob, command: Command) -> bool:
        return self._vault.knows(opened.job, command.id) if command.envelope else self._vault.has(opened.job)

    async def _check_times(self, opened: OpenJob) -> None:
        now_ms = self._clock.now_ms()
        if now_ms > opened.job.expires_ms and any(c.state in WAITING for c in opened.ordered()):
            reason, text = _WHY_OVERDUE[CommandState.EXPIRED]
            await self._board.settle(opened.job.id, WAITING, Ending(CommandState.EXPIRED, reason.value, text))
        for command in opened.ordered():
            state = overdue(opened.job, command, now_ms, is_unheld=self._is_unheld(command))
            if state is not None:
                reason, text = _WHY_OVERDUE[state]
                if state is CommandState.CANCELLED and not opened.job.cancelled_by:
                    reason = Reason.JOB_STOPPED
                await self._board.move(command, state, reason=reason.value, text=text)

    def _is_unheld(self, command: Command) -> bool:
        link = self._agents.find(command.host_id)
        if link is None or not link.is_ready or link.closing:
            return False
        return command.id not in link.held and command.id not in link.sent

    async def _stop_if_bad(self, opened: OpenJob) -> None:
        why = why_stop(opened.job, opened.ordered())
        if why:
            ending = Ending(CommandState.CANCELLED, Reason.JOB_STOPPED.value, f"the job stopped: {why}")
            await self._board.settle(opened.job.id, WAITING, ending, stopped=why)
            log.warning("job_stopped id=%s action=%s: %s", opened.job.id, opened.job.action, why)
            self._tell(stop_event(opened.job, self._clock.now_ms()))

    async def _send_again(self, opened: OpenJob) -> None:
        """Send what went out on a connection that is gone, and did not arrive."""
        now_ms = self._clock.now_ms()
        for command in opened.ordered():
            is_lost_on_the_way = may_be_sent_again(opened.job, command, now_ms) and self._is_unheld(command)
            is_lost_on_the_way = is_lost_on_the_way and self._agents.is_reachable(command.host_id)
            if is_lost_on_the_way and self._vault.knows(opened.job, command.id):
                self._write(opened.job, command)

    async def _send_first(self, opened: OpenJob, command: Command) -> None:
        # One change for a host that is here: what is signed and sent at once waits for nobody.
        changes = {} if command.state is CommandState.QUEUED else self._signed(opened.job, command)
        # Said before it is done: one that was called queued and ran would be a lie, one that was called sent and did
        # not arrive is sent again.
        sent = await self._board.move(command, CommandState.SENT, **changes)
        if sent is not None:
            self._write(opened.job, sent)

    async def _sign(self, opened: OpenJob, command: Command) -> None:
        await self._board.move(command, CommandState.QUEUED, **self._signed(opened.job, command))

    def _signed(self, job: Job, command: Command) -> dict[str, Any]:
        hidden = self._vault.salted(job, command.id)
        envelope = self._signer.envelope(job, command, hidden, self._clock.now_ms())
        return {"envelope": self._signer.text(envelope), "deadline_ms": envelope.deadline_ms}

    def _write(self, job: Job, command: Command) -> None:
        link = self._agents.find(command.host_id)
        if link is not None and link.is_ready and link.may_take:
            link.sent.add(command.id)
            link.put(self._signer.dispatch(command.envelope, self._vault.salted(job, command.id)))
