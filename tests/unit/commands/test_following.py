"""Following a job: who may see some of its hosts is told all of those, and nothing of the others."""

from contextlib import aclosing

from nagare.commands.board import OpenJob
from nagare.commands.feeds import Feeds
from nagare.commands.following import Watched, follow
from nagare.lib.clock import ManualClock
from nagare.lib.counters import Counters
from nagare.model.command.states import CommandState
from nagare.wire.command_jobs import FollowLine, JobLine, OutputLine, StateLine
from nagare.wire.commands import OutputChunk
from tests.support.command_jobs import commands_of, job_of


async def test_much_on_hosts_that_are_not_seen_hides_nothing_on_those_that_are() -> None:
    job = job_of()
    other, own = commands_of(job, CommandState.DONE, CommandState.DONE)
    feeds = Feeds(ManualClock(), Counters())
    for offset in range(1000):
        feeds.add(job.id, OutputChunk(other.id, "stdout", offset, b"x"))
    feeds.add(job.id, OutputChunk(own.id, "stdout", 0, b"mine"))
    watched = Watched(OpenJob(job, {other.id: other, own.id: own}), {own.host})
    lines = list[FollowLine]()
    async with aclosing(follow(watched, feeds, 0, "p1")) as pieces:
        async for piece in pieces:
            lines += piece
    state, output, end = lines
    assert isinstance(state, StateLine)
    assert isinstance(output, OutputLine)
    assert (output.host, output.text) == (own.host, "mine")
    assert isinstance(end, JobLine)
    assert (end.is_end, end.counts) == (True, {"done": 1})
