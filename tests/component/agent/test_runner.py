"""The runner with real lanes: quick and slow ones apart, and none twice at a time."""

import asyncio
import dataclasses

import pytest

from nagare.agent.lane import Outcome
from nagare.agent.runner import Runner
from nagare.collect.collector import Tick
from nagare.config.settings import AgentSettings
from nagare.lib.clock import SystemClock
from nagare.lib.tasks import TaskSupervisor
from tests.component.agent.collectors import Hanging, one_row, scripted

TICK = Tick(1_000, 1.0)
SETTINGS = AgentSettings(interval_seconds=5.0, timeout_seconds=20.0, intervals={"b": 60.0})


class Delivered:
    """What the runner delivered, and a way to wait for it."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []
        self.arrived = asyncio.Event()

    def __call__(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self.arrived.set()

    async def next(self) -> None:
        await self.arrived.wait()
        for _ in range(3):
            await asyncio.sleep(0)  # the task that delivered ends after it

    @property
    def names(self) -> list[str]:
        return [outcome.name for outcome in self.outcomes]


def test_the_interval_is_the_configured_one_else_the_collectors_else_the_agents() -> None:
    collectors = [scripted("a", one_row), scripted("b", one_row, interval=30.0), scripted("c", one_row, interval=30.0)]
    runner = Runner(SETTINGS, collectors, SystemClock(), lambda _: None)
    assert runner.intervals == {"a": 5.0, "b": 60.0, "c": 30.0}


async def test_a_slow_collector_holds_nobody_up_and_is_not_run_twice() -> None:
    hang = Hanging()
    quick, slow = scripted("quick", one_row), scripted("slow", hang, is_slow=True)
    delivered = Delivered()
    runner = Runner(SETTINGS, [quick, slow], SystemClock(), delivered)
    async with TaskSupervisor() as tasks:
        for _ in range(3):
            await runner.run({"quick": 0, "slow": 0}, TICK, tasks)
        assert delivered.names == ["quick"] * 3
        assert runner.healths["slow"].overruns_total == 2
        delivered.arrived.clear()
        hang.release.set()
        await delivered.next()
        assert delivered.names[-1] == "slow"
        assert (slow.count, runner.healths["slow"].runs_total) == (1, 1)
        delivered.arrived.clear()
        await runner.run({"slow": 3}, TICK, tasks)
        assert runner.healths["slow"].overruns_total == 5
        await delivered.next()
    runner.close()
    assert quick.is_closed
    assert slow.is_closed


@pytest.mark.parametrize("is_slow", [False, True])
async def test_a_stuck_collector_is_counted_and_left_to_its_thread(is_slow: bool) -> None:
    hang = Hanging()
    stuck = scripted("stuck", hang, is_slow=is_slow)
    delivered = Delivered()
    runner = Runner(dataclasses.replace(SETTINGS, timeout_seconds=0.05), [stuck], SystemClock(), delivered)
    async with TaskSupervisor() as tasks:
        await runner.run({"stuck": 0}, TICK, tasks)
        await delivered.next()
        await runner.run({"stuck": 0}, TICK, tasks)
        health = runner.healths["stuck"]
        assert (health.runs_total, health.timeouts_total, health.overruns_total, health.ok) == (1, 1, 1, False)
    runner.close()
    assert stuck.count == 1
    assert not stuck.is_closed
    hang.release.set()
