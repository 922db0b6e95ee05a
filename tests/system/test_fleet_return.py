"""A fleet whose server was away comes back all at once: the server stays up, answers others, and takes every batch once."""

import asyncio
import time
from pathlib import Path

import pytest

from benches.cost import cost_of
from tests.support.agent_fleet import Fleet, FleetAgent, Tables, quantile
from tests.support.processes import RunningServer, child_environment, serving

_STEP_MS = 5_000
_MEMORY_BYTES = 500_000_000


def _tables(host: str, seq: int, at_ms: int) -> Tables:
    cores = [f"{number}" for number in range(8)]
    return {
        "load": {"ts": [at_ms], "load1": [float(seq)]},
        "cpu": {"ts": [at_ms] * 8, "core": cores, "user_ratio": [0.25 + seq / 1000] * 8, "busy_ratio": [0.5] * 8},
    }


async def _return(server: RunningServer, count: int, backlog: int) -> Fleet:
    """Let ``count`` agents come at once, each with ``backlog`` batches, the newest first; a few are sent twice."""
    async with Fleet(server.url, server.token, count, _tables) as fleet:
        now_ms = time.time_ns() // 1_000_000

        async def work(agent: FleetAgent) -> None:
            await agent.join(server.token)
            for seq in range(backlog, 0, -1):
                at_ms = now_ms - (backlog - seq) * _STEP_MS
                await agent.send(seq, at_ms)
                if seq == 2:
                    # Its answer was lost.
                    await agent.send(seq, at_ms)

        await fleet.all_do(work)
    return fleet


def _check(server: RunningServer, fleet: Fleet, backlog: int) -> None:
    rows = server.sql("select count(*), count(distinct host || ':' || load1), sum(load1) from load")
    assert rows == [[fleet.count * backlog, fleet.count * backlog, fleet.count * backlog * (backlog + 1) / 2]]
    assert server.sql("select count(*) from cpu") == [[fleet.count * backlog * 8]]
    tally = fleet.tally
    assert set(tally.statuses) <= {200, 201, 429, 503}
    assert tally.faults == []
    # A batch that the server had is a duplicate, and nothing else is.
    assert tally.duplicates == fleet.count
    assert server.process.is_running
    assert "Traceback" not in server.process.said()
    assert cost_of(server.process.pid).rss_bytes < _MEMORY_BYTES


def test_two_hundred_agents_come_back_at_once(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        fleet = asyncio.run(_return(server, 200, 5))
        _check(server, fleet, 5)
        assert quantile(fleet.tally.looks, 0.9) < 1.0


def test_a_server_that_holds_little_says_when_to_come_again(tmp_path: Path) -> None:
    environment = child_environment(NAGARE_SERVER__INFLIGHT_LIMIT_BYTES=str(2**20))
    with serving(tmp_path / "data", environment=environment) as server:
        fleet = asyncio.run(_return(server, 60, 3))
        _check(server, fleet, 3)


@pytest.mark.soak
def test_a_thousand_agents_come_back_at_once(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        fleet = asyncio.run(_return(server, 1000, 60))
        _check(server, fleet, 60)
        assert quantile(fleet.tally.looks, 0.99) < 1.0
