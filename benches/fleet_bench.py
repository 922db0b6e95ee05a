"""A fleet through one server: a thousand agents that join at once, send each five seconds, and come back at once after an outage."""

import asyncio
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benches.cost import Cost, cost_of
from benches.ingest_bench import SHAPE, make_columns
from benches.report import Row, Section
from tests.support.agent_fleet import Fleet, FleetAgent, Tables, quantile
from tests.support.processes import RunningServer, child_environment, serving

AGENTS = 1000
INTERVAL = 5.0
ROUNDS = 12
# Batches that each of them has waiting after the outage.
BACKLOG = 6
_COLUMNS = {name: make_columns(name, rows, random.Random(name)) for name, rows in SHAPE.items()}


def tables(_host: str, seq: int, at_ms: int) -> Tables:
    made = {name: {"ts": [at_ms] * SHAPE[name], **columns} for name, columns in _COLUMNS.items()}
    return {**made, "load": {**made["load"], "load1": [float(seq)]}}


async def _steady(agent: FleetAgent, begun: float) -> None:
    """Send one batch in each interval, at this agent's own place in it."""
    phase = agent.chance.random() * INTERVAL
    for number in range(ROUNDS):
        await asyncio.sleep(begun + phase + number * INTERVAL - time.monotonic())
        await agent.send(agent.next_seq, time.time_ns() // 1_000_000)
        agent.next_seq += 1


async def _return(agent: FleetAgent) -> None:
    """Send a backlog newest first, after asking what it may as every agent does."""
    await agent.return_to_work()
    now_ms, newest = time.time_ns() // 1_000_000, agent.next_seq + BACKLOG - 1
    for seq in range(newest, agent.next_seq - 1, -1):
        await agent.send(seq, now_ms - round((newest - seq) * INTERVAL * 1000))


async def _measure(server: RunningServer, section: Section) -> None:
    async with Fleet(server.url, server.token, AGENTS, tables) as fleet:
        await _phase(server, fleet, lambda agent: agent.join(server.token))
        tally, joined = fleet.tally, quantile(fleet.tally.contacts, 1.0)
        _check(fleet)
        section.rows.append(Row("all have joined, from nothing and all at once", joined, "s"))
        tally.taken.clear()
        tally.looks.clear()
        tally.statuses.clear()
        begun = time.monotonic()
        cost, seconds = await _phase(server, fleet, lambda agent: _steady(agent, begun))
        # From here on nobody may have been told to come again.
        errors = sum(count for status, count in tally.statuses.items() if status != 200) + len(tally.faults)
        section.rows += [
            Row("errors and refusals at one batch each 5 s", errors, "", promise=0.0),
            Row("batches acknowledged", len(tally.taken) / seconds, "per s"),
            Row("a batch, median", quantile(tally.taken, 0.5) * 1000, "ms"),
            Row("a batch, 99th percentile", quantile(tally.taken, 0.99) * 1000, "ms"),
            Row("/health, 99th percentile", quantile(tally.looks, 0.99) * 1000, "ms"),
            Row("CPU of the server", cost.cpu_seconds / seconds, "cores"),
            Row("memory (RSS) of the server", cost.rss_bytes / 1e6, "MB"),
        ]
        tally.looks.clear()
        cost, seconds = await _phase(server, fleet, _return)
        _check(fleet)
        section.rows += [
            Row(f"all back at once with {BACKLOG} batches each: until all is taken", seconds, "s"),
            Row("… batches acknowledged", AGENTS * BACKLOG / seconds, "per s"),
            Row("… /health, 99th percentile", quantile(tally.looks, 0.99) * 1000, "ms"),
            Row("… memory (RSS) of the server", cost.rss_bytes / 1e6, "MB"),
        ]


async def _phase(server: RunningServer, fleet: Fleet, work: Callable[[FleetAgent], object]) -> tuple[Cost, float]:
    """Return what the server spent while all agents did ``work``, with its memory at the end, and how long it took."""
    before, begun = cost_of(server.process.pid), time.monotonic()
    await fleet.all_do(work)
    after = cost_of(server.process.pid)
    spent = Cost(after.cpu_seconds - before.cpu_seconds, after.rss_bytes, after.pss_bytes, after.processes)
    return spent, time.monotonic() - begun


def _check(fleet: Fleet) -> None:
    if set(fleet.tally.statuses) - {200, 429, 503} or fleet.tally.faults:
        raise RuntimeError(f"{dict(fleet.tally.statuses)}, {fleet.tally.faults[:3]}")


def run() -> Section:
    """Let a fleet join, work, and come back."""
    values = sum(len(cells) for columns in _COLUMNS.values() for cells in columns.values())
    section = Section(
        "A fleet",
        f"{AGENTS} simulated agents, signed batches of {values:,} values over connections of their own, each {INTERVAL:g} s for"
        f" {ROUNDS * INTERVAL:g} s; each batch is synced to disk before its 200. The agents share the machine.",
    )
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(Path(folder) / "data", environment=child_environment(HOME=folder)) as server,
    ):
        asyncio.run(_measure(server, section))
        kept = server.sql("select count(*), count(distinct host || ':' || load1) from load")
    if kept != [[AGENTS * (ROUNDS + BACKLOG)] * 2]:
        raise RuntimeError(f"{AGENTS * (ROUNDS + BACKLOG)} batches were acknowledged, but load holds {kept}")
    return section
