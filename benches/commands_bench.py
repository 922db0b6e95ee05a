"""Remote commands: from the question to the end of a program on a host, all on this machine.

A client asks for a program that does nothing and follows the job to its end: records, signature, connection, the host's journal and
policy, a warden of its own for the program, result, records. Server, agent and client are processes of one machine, one command at
a time. Beside stands a bare Python interpreter, which is what a warden begins with.
"""

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import aclosing
from pathlib import Path

from benches.cost import cpu_of
from benches.report import Row, Section
from nagare.client.client import Client
from nagare.client.commands import Commands
from nagare.client.target import Target
from nagare.wire.command_jobs import JobLine, JobRequest, Targets
from tests.support.command_fleet import CommandFleet

WARM_UP, TIMES = 10, 200
NAME = "site.true"
ACTION = f"""name = "{NAME}"
version = 1
title = "Do nothing"
risk = "none"
run = [["true"]]
"""


async def _round_trip(calls: Commands) -> float:
    """Return the seconds of one command, from the question to the word that it is done."""
    begun = time.perf_counter()
    job = await calls.start(JobRequest(NAME, Targets(hosts=["web1"])))
    last = None
    async with aclosing(calls.follow(job.id)) as events:
        async for event in events:
            last = event
    seconds = time.perf_counter() - begun
    assert isinstance(last, JobLine)
    assert last.state == "done", last
    return seconds


async def _measure(target: Target) -> list[float]:
    async with Client(target, deadline_seconds=30) as client:
        calls = Commands(client)
        for _ in range(WARM_UP):
            await _round_trip(calls)
        return [await _round_trip(calls) for _ in range(TIMES)]


def _interpreter_seconds() -> list[float]:
    seconds = []
    for _ in range(TIMES // 4):
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-I", "-S", "-c", "pass"], check=True)
        seconds.append(time.perf_counter() - begun)
    return seconds


def run() -> Section:
    """Measure."""
    section = Section("Remote commands", " ".join((__doc__ or "").partition("\n\n")[2].split()))
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        fleet = CommandFleet(Path(name), {"web1": f'[[allow]]\nactions = ["{NAME}"]\n'})
        (fleet.actions / f"{NAME}.toml").write_text(ACTION)
        try:
            server = fleet.start_server()
            fleet.give_grants()
            agent = fleet.start_agent("web1")
            fleet.wait_for_agents(["web1"])
            before = cpu_of(server.process.pid), cpu_of(agent.pid)
            seconds = sorted(asyncio.run(_measure(Target(server.url, server.token))))
            spent = [cpu_of(pid) - was for pid, was in zip((server.process.pid, agent.pid), before, strict=True)]
        finally:
            fleet.close()
    bare = statistics.median(_interpreter_seconds()) * 1000
    p10, p95 = seconds[len(seconds) // 10], seconds[round(len(seconds) * 0.95) - 1]
    each = 1000 / (TIMES + WARM_UP)
    section.rows += [
        Row("asked to done, p50", statistics.median(seconds) * 1000, "ms", bare, "a bare interpreter", promise=30),
        Row("asked to done, p95", p95 * 1000, "ms"),
        Row("asked to done, p10: what other work on the machine adds least to", p10 * 1000, "ms"),
        Row("of it, the server", spent[0] * each, "ms CPU"),
        Row("of it, agent, warden and program", spent[1] * each, "ms CPU"),
    ]
    return section
