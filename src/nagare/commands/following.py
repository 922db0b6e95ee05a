"""Following a job line by line: each state, output as it comes, a sign of life in between, and at last its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection
from dataclasses import dataclass

from nagare.commands.board import OpenJob
from nagare.commands.feeds import Feeds, Follower, Piece
from nagare.commands.rules import state_of
from nagare.commands.store import Kept
from nagare.commands.views import command_view
from nagare.model.command.job import Command
from nagare.model.command.states import ENDED
from nagare.wire.command_jobs import FollowLine, JobLine, OutputLine, StateLine

_ALIVE_SECONDS = 15.0
# Lines made at one time: a job may have thousands of hosts.
_PIECE = 500


@dataclass(frozen=True, slots=True)
class Watched:
    """What one follower sees of a job: the commands on ``hosts`` (None: all of them)."""

    opened: OpenJob
    hosts: Collection[str] | None

    def commands(self) -> list[Command]:
        """Return the commands that are seen, as they are now."""
        return [command for command in self.opened.commands.values() if self._sees(command)]

    def state_line(self, command_id: str, seq: int) -> StateLine:
        """Return how a command is now."""
        return StateLine(seq, command_view(self.opened.commands[command_id]))

    def job_line(self, seq: int, *, is_end: bool) -> JobLine:
        """Return how the job is now."""
        commands = self.commands()
        counts: dict[str, int] = {}
        for command in commands:
            counts[command.state.value] = counts.get(command.state.value, 0) + 1
        return JobLine(seq, is_end, state_of(self.opened.job, [command.state for command in commands]), counts)

    def find(self, command_id: str) -> Command | None:
        """Return a command that is seen, None for another one."""
        command = self.opened.commands.get(command_id)
        return command if command is not None and self._sees(command) else None

    def _sees(self, command: Command) -> bool:
        return self.hosts is None or command.host in self.hosts

    @property
    def is_over(self) -> bool:
        """Whether every command that is seen has ended."""
        return all(command.state in ENDED for command in self.opened.commands.values() if self._sees(command))


async def follow(
    watched: Watched, feeds: Feeds, after: int, principal_id: str
) -> AsyncGenerator[list[FollowLine], None]:
    """Yield lines behind the sequence ``after``, some at a time, until the job has ended or the follower must end."""
    job_id = watched.opened.job.id
    # Here, so that who never asks for a line leaves nothing behind.
    follower = feeds.follow(job_id, after, principal_id)
    try:
        # With the sequence that the follower came with: what it goes on behind is behind these, too.
        ids = [command.id for command in watched.commands()]
        for start in range(0, len(ids), _PIECE):
            yield [watched.state_line(command_id, follower.cursor) for command_id in ids[start : start + _PIECE]]
        while not follower.ending:
            follower.news.clear()
            taken = feeds.open(job_id).take(follower)
            if taken:
                # Some at a time: none of these may be on a host that is seen, and later ones are.
                if lines := _lines(watched, taken):
                    yield lines
            elif watched.is_over:
                yield [watched.job_line(follower.cursor, is_end=True)]
                return
            elif not await _has_news(follower):
                yield [watched.job_line(follower.cursor, is_end=False)]
    finally:
        feeds.unfollow(job_id, follower, is_over=watched.opened.is_over)


def ended_lines(kept: Kept, hosts: Collection[str] | None, after: int) -> list[FollowLine]:
    """Return all that there is to follow of a job that has ended."""
    watched = Watched(OpenJob(kept.job, {command.id: command for command in kept.commands}), hosts)
    lines: list[FollowLine] = [watched.state_line(command.id, after) for command in watched.commands()]
    return [*lines, watched.job_line(after, is_end=True)]


def _lines(watched: Watched, taken: list[tuple[int, str, Piece | None]]) -> list[FollowLine]:
    lines = list[FollowLine]()
    for seq, command_id, piece in taken:
        command = watched.find(command_id)
        if command is None:
            continue
        if piece is None:
            lines.append(watched.state_line(command_id, seq))
        else:
            lines.append(OutputLine(seq, command.host, piece.stream, piece.offset, piece.text))
    return lines


async def _has_news(follower: Follower) -> bool:
    """Wait for news; tell whether they came before it is time for a sign of life."""
    try:
        async with asyncio.timeout(_ALIVE_SECONDS):
            await follower.news.wait()
    except TimeoutError:
        return False
    return True
