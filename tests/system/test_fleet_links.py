"""A fleet that keeps its connections for commands while batches come: one command on all of them ends in a summary that is true.

So it does when the server is killed while it runs everywhere: all come back at once, and what ended meanwhile is told.
"""

import asyncio
import time
from pathlib import Path

import pytest

from nagare.client.client import Client
from nagare.client.commands import Commands
from nagare.client.target import Target
from nagare.wire.commands import INITIAL_CREDIT_BYTES
from tests.support.agent_fleet import Fleet, FleetAgent, Tables, quantile
from tests.support.command_fleet import CommandFleet
from tests.support.linked_fleet import Links, ask_all, expected, follow_to_end, linked, mint, wait_for_programs

_BATCHES = 3


def _tables(host: str, seq: int, at_ms: int) -> Tables:
    return {"load": {"ts": [at_ms], "load1": [float(seq)]}}


async def _send_some(agent: FleetAgent) -> None:
    for _ in range(_BATCHES):
        await agent.send(agent.next_seq, time.time_ns() // 1_000_000)
        agent.next_seq += 1


async def _command_while_batches_come(fleet: Fleet, calls: Commands) -> None:
    job = await ask_all(calls, fleet.count)
    assert job.unable == {}
    async with asyncio.TaskGroup() as tasks:
        counts = tasks.create_task(follow_to_end(calls, job.id))
        await fleet.all_do(_send_some)
    assert counts.result() == expected(fleet.count)


async def _command_through_a_kill(processes: CommandFleet, fleet: Fleet, links: Links, calls: Commands) -> None:
    assert processes.server is not None
    links.may_end.clear()
    job = await ask_all(calls, fleet.count)
    await wait_for_programs(processes.server, job.id)
    processes.kill_server()
    processes.bury_server()
    links.may_end.set()
    await asyncio.to_thread(processes.start_server)
    await fleet.all_do(links.wait_here)
    assert await follow_to_end(calls, job.id) == expected(fleet.count)


async def _run(processes: CommandFleet, count: int) -> None:
    server = processes.server
    assert server is not None
    async with (
        Client(Target(server.url, server.token), deadline_seconds=60) as client,
        Fleet(server.url, server.token, count, _tables) as fleet,
    ):
        calls, secret = Commands(client), mint(server, count)
        await fleet.all_do(lambda agent: agent.join(secret))
        async with linked(fleet) as links:
            await fleet.all_do(links.wait_here)
            await _command_while_batches_come(fleet, calls)
            await _command_through_a_kill(processes, fleet, links, calls)
        tally = links.tally
    assert processes.server is not None
    kept = processes.server.sql("select count(*), count(distinct host) from load")
    assert kept == [[_BATCHES * count, count]]
    assert not tally.refused
    # A host that writes more than its first credit waits for more, and gets it.
    assert tally.credited_bytes > INITIAL_CREDIT_BYTES
    assert len(tally.begun) == 2 * (count - sum(number % 50 == 1 for number in range(count)))
    assert set(fleet.tally.statuses) <= {200, 201, 429, 503}
    # There are few looks, and a busy machine may let one wait.
    assert quantile(fleet.tally.looks, 0.9) < 2.0


def test_a_command_on_a_fleet_that_stays_connected(tmp_path: Path) -> None:
    processes = CommandFleet(tmp_path, {})
    try:
        processes.start_server()
        asyncio.run(_run(processes, 20))
    finally:
        processes.close()


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_a_command_on_a_thousand_agents_that_stay_connected(tmp_path: Path) -> None:
    processes = CommandFleet(tmp_path, {})
    try:
        processes.start_server()
        asyncio.run(_run(processes, 1000))
    finally:
        processes.close()
