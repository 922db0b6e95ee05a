"""A fleet that stays connected: a thousand agents that keep a WebSocket each, send batches, and are all asked for one command.

The agents are simulated: the agent's own socket, frames, signatures and credit, and no programs. They share the machine with
the server. One in ten writes 320 KiB, one in fifty loses its connection in the midst, one refuses, one fails.
"""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from benches.cost import Cost, cost_of
from benches.fleet_bench import AGENTS, INTERVAL, tables
from benches.report import Row, Section
from nagare.client.client import Client
from nagare.client.commands import Commands
from nagare.client.target import Target
from tests.support.agent_fleet import Fleet, FleetAgent, quantile
from tests.support.command_fleet import CommandFleet
from tests.support.linked_fleet import Links, ask_all, expected, follow_to_end, linked, mint, wait_for_programs
from tests.support.processes import RunningServer

# Batches of each agent while nothing else happens, and beside the command.
ROUNDS = 6


class Bench:
    """The parts of one measurement."""

    def __init__(self, processes: CommandFleet, fleet: Fleet, calls: Commands, section: Section) -> None:
        self._processes = processes
        self._fleet = fleet
        self._calls = calls
        self._rows = section.rows

    @property
    def _server(self) -> RunningServer:
        assert self._processes.server is not None
        return self._processes.server

    async def _phase(self, work: Callable[[FleetAgent], Awaitable[Any]]) -> tuple[Cost, float]:
        """Return what the server spent while all agents did ``work``, and how long it took."""
        self._fleet.tally.looks.clear()
        before, begun = cost_of(self._server.process.pid), time.monotonic()
        await self._fleet.all_do(work)
        after = cost_of(self._server.process.pid)
        spent = Cost(after.cpu_seconds - before.cpu_seconds, after.rss_bytes, after.pss_bytes, after.processes)
        return spent, time.monotonic() - begun

    def _tell(self, *rows: tuple[str, float, str]) -> None:
        self._rows.extend(Row(*row) for row in rows)

    def _health_ms(self) -> float:
        return quantile(self._fleet.tally.looks, 0.99) * 1000

    async def _steady(self) -> tuple[Cost, float]:
        """Let every agent send a batch in each interval, at its own place in it."""
        begun = time.monotonic()

        async def work(agent: FleetAgent) -> None:
            phase = agent.chance.random() * INTERVAL
            for number in range(ROUNDS):
                await asyncio.sleep(begun + phase + number * INTERVAL - time.monotonic())
                await agent.send(agent.next_seq, time.time_ns() // 1_000_000)
                agent.next_seq += 1

        return await self._phase(work)

    async def run(self) -> None:
        """Measure, one phase after the other."""
        secret = mint(self._server, self._fleet.count)
        await self._phase(lambda agent: agent.join(secret))
        async with linked(self._fleet) as links:
            cost, seconds = await self._phase(links.wait_here)
            self._tell(
                ("all open their connection at once", seconds, "s"),
                ("… CPU of the server", cost.cpu_seconds, "s"),
                ("… /health, 99th percentile", self._health_ms(), "ms"),
            )
            cost, seconds = await self._steady()
            self._tell(
                ("connected, one batch each 5 s: CPU of the server", cost.cpu_seconds / seconds, "cores"),
                ("… /health, 99th percentile", self._health_ms(), "ms"),
                ("… memory (RSS) of the server", cost.rss_bytes / 1e6, "MB"),
            )
            quiet = cost.cpu_seconds / seconds
            await self._command(quiet)
            await self._restart(links)
        if links.tally.refused:
            raise RuntimeError(f"frames were refused: {dict(links.tally.refused)}")

    async def _command(self, quiet: float) -> None:
        async def ask() -> float:
            begun = time.monotonic()
            job = await ask_all(self._calls, self._fleet.count)
            _check(await follow_to_end(self._calls, job.id), self._fleet.count)
            return time.monotonic() - begun

        async with asyncio.TaskGroup() as tasks:
            asked = tasks.create_task(ask())
            cost, seconds = await self._steady()
        self._tell(
            ("a command on all while batches come: asked to the end of the last", asked.result(), "s"),
            ("… CPU of the server for it", cost.cpu_seconds - quiet * seconds, "s"),
            ("… /health, 99th percentile", self._health_ms(), "ms"),
            ("… memory (RSS) of the server", cost.rss_bytes / 1e6, "MB"),
        )

    async def _restart(self, links: Links) -> None:
        """Kill the server while the command runs everywhere it runs; the programs end while it is away."""
        links.may_end.clear()
        job = await ask_all(self._calls, self._fleet.count)
        await wait_for_programs(self._server, job.id)
        self._processes.kill_server()
        self._processes.bury_server()
        links.may_end.set()
        await asyncio.to_thread(self._processes.start_server)
        cost, seconds = await self._phase(links.wait_here)
        begun = time.monotonic()
        _check(await follow_to_end(self._calls, job.id), self._fleet.count)
        self._tell(
            ("killed meanwhile and started again: until all are back, from when it answers", seconds, "s"),
            ("… until the summary of the command is whole", seconds + time.monotonic() - begun, "s"),
            ("… /health, 99th percentile", self._health_ms(), "ms"),
            ("… memory (RSS) of the server", cost.rss_bytes / 1e6, "MB"),
        )


def _check(counts: object, count: int) -> None:
    if counts != expected(count):
        raise RuntimeError(f"the summary says {counts}, and {expected(count)} is true")


async def _measure(processes: CommandFleet, section: Section) -> None:
    server = processes.start_server()
    async with (
        Client(Target(server.url, server.token), deadline_seconds=60) as client,
        Fleet(server.url, server.token, AGENTS, tables) as fleet,
    ):
        await Bench(processes, fleet, Commands(client), section).run()
    errors = {status: count for status, count in fleet.tally.statuses.items() if status not in (200, 201, 429, 503)}
    if errors or fleet.tally.faults:
        raise RuntimeError(f"{errors}, {fleet.tally.faults[:3]}")


def run() -> Section:
    """Let a fleet connect, work, be asked, and come back."""
    section = Section("A fleet that stays connected", " ".join((__doc__ or "").partition("\n\n")[2].split()))
    with tempfile.TemporaryDirectory() as folder:
        processes = CommandFleet(Path(folder), {})
        try:
            asyncio.run(_measure(processes, section))
        finally:
            processes.close()
    return section
