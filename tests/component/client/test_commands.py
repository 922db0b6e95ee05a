"""Calls about commands, and following a job, against a server that speaks their contract over real HTTP."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from nagare.client.client import Client
from nagare.client.commands import Commands
from nagare.client.following import Cut, Event, Following, Resumed
from nagare.client.target import Target
from nagare.errors import BodyTooLargeError, ConflictError, InvariantError, NotFoundError, UnavailableError
from nagare.lib.backoff import Backoff
from nagare.model.command.job import JobsWanted
from nagare.net.lines import LINE_LIMIT_BYTES
from nagare.wire.codec import encode
from nagare.wire.command_jobs import FollowLine, JobLine, JobRequest, JobView, OutputLine, StateLine, Targets
from tests.component.net import local_server
from tests.support.command_server import JOB, PLAN, CommandServer, command, serving

LINE: Any = FollowLine
PATH = f"/api/v1/commands/{JOB}/follow"
REQUEST = JobRequest("host.uptime", Targets(hosts=["web1"]))
CHECK = JobRequest("host.uptime", Targets(hosts=["web1"]), check=True)


@asynccontextmanager
async def calls_of(server: CommandServer) -> AsyncIterator[Commands]:
    async with serving(server), Client(Target(server.url, "t0ken"), deadline_seconds=10) as client:
        yield Commands(client)


def following(client: Client, **more: Any) -> Following[FollowLine]:
    # The shortest delays that there are: what waits here waits for the network alone.
    backoff = Backoff(base_seconds=0.001, cap_seconds=0.002, floor_seconds=0.0, random=random.Random(1))
    return Following(client, PATH, LINE, backoff=backoff, **more)


async def all_of(follower: Following) -> list[Event]:
    async with aclosing(follower.events()) as events:
        return [event async for event in events]


async def test_a_check_stores_nothing_and_a_job_is_made_of_the_same() -> None:
    server = CommandServer(unable={"db1": "offline"})
    async with calls_of(server) as calls:
        assert "service.restart" in [action.name for action in await calls.actions()]
        checked = await calls.check(CHECK)
        assert (checked.hosts, checked.unable, checked.plan_sha256) == (["web1"], {"db1": "offline"}, PLAN)
        assert (await calls.start(REQUEST)).id == JOB
        assert (await calls.job(JOB)).commands[0].state == "queued"
    assert server.requests == [CHECK, REQUEST]


async def test_a_request_goes_the_way_that_it_says() -> None:
    async with calls_of(CommandServer()) as calls:
        with pytest.raises(InvariantError):
            await calls.start(CHECK)
        with pytest.raises(InvariantError):
            await calls.check(REQUEST)


@pytest.mark.parametrize(("limit", "pages"), [(1, 1), (2, 1), (3, 3), (100, 3)])
async def test_pages_are_put_together_up_to_the_limit(limit: int, pages: int) -> None:
    server = CommandServer()
    async with calls_of(server) as calls:
        jobs = await calls.jobs(limit=limit)
    # The second page is empty, as for a caller who may not see what stands on it.
    assert [job.id for job in jobs] == ["job-1", "job-2", "job-3"][:limit]
    assert len(server.asked) == pages
    assert server.asked[0] == f"GET /api/v1/commands?limit={min(limit, 200)}"


async def test_a_list_is_narrowed_by_what_fits_and_ends_at_the_age() -> None:
    server = CommandServer()
    async with calls_of(server) as calls:

        async def fits(job: JobView) -> bool:
            return job.id != "job-1"

        assert [job.id for job in await calls.jobs(fits, limit=1)] == ["job-2"]
        assert [job.id for job in await calls.jobs(since_ms=1_764_144_000_000, limit=9)] == ["job-1", "job-2", "job-3"]
        assert await calls.jobs(since_ms=1_795_680_000_001, limit=9) == []


async def test_what_is_wanted_the_server_looks_for() -> None:
    server = CommandServer()
    async with calls_of(server) as calls:
        await calls.jobs(wanted=JobsWanted("running", "web1", "host.uptime", "a b", 5), since_ms=7, limit=1)
        await calls.jobs(wanted=JobsWanted(since_ms=5), limit=1)
        assert await calls.jobs(wanted=JobsWanted(host="web9")) == []
    assert server.asked[:2] == [
        "GET /api/v1/commands?state=running&host=web1&action=host.uptime&by=a+b&since_ms=7&limit=1",
        "GET /api/v1/commands?since_ms=5&limit=1",
    ]


async def test_decisions_carry_what_was_decided() -> None:
    server = CommandServer()
    async with calls_of(server) as calls:
        await calls.approve(JOB, PLAN)
        await calls.reject(JOB, "not now")
        await calls.cancel(JOB)
        with pytest.raises(ConflictError, match="the plan is another"):
            await calls.approve(JOB, "c" * 64)
        with pytest.raises(NotFoundError, match="no such one"):
            await calls.job("another/one")
    assert server.why == "not now"
    assert server.asked[-1] == "GET /api/v1/commands/another%2Fone"


async def test_a_job_is_followed_to_its_end() -> None:
    server = CommandServer([command("web1", out="a\n"), command("web2", "failed", err="b\n")])
    async with calls_of(server) as calls, aclosing(calls.follow(JOB)) as events:
        seen = [event async for event in events]
    assert [type(event) for event in seen] == [StateLine] * 2 + [OutputLine] * 2 + [StateLine] * 2 + [JobLine]
    assert seen[-1] == JobLine(7, is_end=True, state="ended", counts={"done": 1, "failed": 1})


@pytest.mark.parametrize(("cuts", "resumed"), [([0], 1), ([1], 1), ([3], 1), ([4, 1], 2), ([0, 0, 2, 0], 2)])
async def test_a_cut_connection_goes_on_behind_the_last_line(cuts: list[int], resumed: int) -> None:
    server = CommandServer(cuts=list(cuts), output=[("web1", "stdout", f"{n}\n") for n in range(4)])
    async with serving(server), Client(Target(server.url, "")) as client:
        seen = await all_of(following(client))
    assert [event.text for event in seen if isinstance(event, OutputLine)] == ["0\n", "1\n", "2\n", "3\n"]
    assert sum(isinstance(event, Cut) for event in seen) == len(cuts)
    # However often it was tried, it is said once that it goes on; and not before anything came.
    assert sum(isinstance(event, Resumed) for event in seen) == resumed


Answer = Callable[[web.StreamResponse], Any]


@asynccontextmanager
async def answering(*answers: Answer) -> AsyncIterator[tuple[str, list[str]]]:
    """Answer each follower in turn, the last one again and again."""
    asked: list[str] = []

    async def follow(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        answer = answers[min(len(asked), len(answers) - 1)]
        asked.append(request.query["after"])
        await response.prepare(request)
        await answer(response)
        return response

    async with local_server.serving(web.get(PATH, follow)) as url:
        yield url, asked


def lines(*written: Any) -> Answer:
    async def answer(response: web.StreamResponse) -> None:
        for one in written:
            await response.write(one if isinstance(one, bytes) else encode(one) + b"\n")

    return answer


END = JobLine(9, is_end=True, state="done")


async def test_lines_that_nobody_knows_and_a_repeated_one_are_passed_over() -> None:
    first = lines(OutputLine(3, "web1", "stdout", 0, "a"), b'{"op":"news","seq":4}\n', b"no json\n", b'{"op":"job"')
    again = lines(OutputLine(3, "web1", "stdout", 0, "a"), OutputLine(4, "web1", "stdout", 1, "b"), END)
    async with answering(first, again) as (url, asked), Client(Target(url, "")) as client:
        seen = await all_of(following(client))
    assert [event.text for event in seen if isinstance(event, OutputLine)] == ["a", "b"]
    assert asked == ["0", "3"]


async def test_a_line_may_come_in_pieces_and_several_in_one() -> None:
    whole = encode(OutputLine(1, "web1", "stdout", 0, "é" * 20_000)) + b"\n" + encode(END) + b"\n"
    async with (
        answering(lines(*(whole[at : at + 999] for at in range(0, len(whole), 999)))) as (url, _),
        Client(Target(url, "")) as client,
    ):
        seen = await all_of(following(client))
    assert [type(event) for event in seen] == [OutputLine, JobLine]


async def test_a_line_without_end_is_given_up() -> None:
    async with answering(lines(b"x" * (LINE_LIMIT_BYTES + 2))) as (url, _), Client(Target(url, "")) as client:
        with pytest.raises(BodyTooLargeError, match="a line of it is longer"):
            await all_of(following(client))


async def test_silence_is_a_lost_connection() -> None:
    async def silent(_: web.StreamResponse) -> None:
        await asyncio.Event().wait()

    async with answering(silent, lines(END)) as (url, _), Client(Target(url, "")) as client:
        seen = await all_of(following(client, silence_seconds=0.05))
    assert isinstance(seen[0], Cut)
    assert seen[0].reason == "nothing was heard for 0.05 s"


async def test_a_server_that_stays_away_is_given_up_at_last() -> None:
    async with answering(lines()) as (url, asked), Client(Target(url, "")) as client:
        with pytest.raises(UnavailableError, match=r"cannot follow .*: the connection was closed"):
            await all_of(following(client, give_up_seconds=0.2))
    assert len(asked) >= 2


async def test_a_job_that_is_gone_is_an_error_at_once() -> None:
    async with serving(CommandServer()) as server, Client(Target(server.url, "")) as client:
        with pytest.raises(NotFoundError, match="no such one"):
            await all_of(Following(client, "/api/v1/commands/gone/follow", LINE))
