"""The agent with small collectors, a real uplink and a clock that the test turns."""

import asyncio
import dataclasses
import itertools
from collections.abc import Iterator

from nagare.agent.agent import Agent
from nagare.collect.collector import AbsentError, Tables, Tick
from nagare.config.places import Places
from nagare.config.settings import AgentSettings
from nagare.lib.tasks import TaskSupervisor
from tests.component.agent.collectors import one_row, scripted
from tests.component.agent.receiver import Receiver, receiving
from tests.component.agent.uplink_rig import Rig, rig

SETTINGS = AgentSettings(name="web1", interval_seconds=5.0, timeout_seconds=20.0)


async def _ticks(it: Rig, receiver: Receiver, batches: int) -> None:
    """Turn the clock a second at a time until so many batches have come; each gets the time that threads need."""
    while len(receiver.batches) < batches:
        await it.clock.advance(1.0)
        for _ in range(10):
            await asyncio.sleep(0.001)


async def test_every_tick_makes_one_batch_on_the_grid(places: Places) -> None:
    receiver = Receiver()
    async with receiving(receiver, places), rig(places, SETTINGS) as it:
        agent = Agent(SETTINGS, [scripted("load", one_row)], it.uplink, it.box, it.clock)
        async with TaskSupervisor() as tasks:
            tasks.start("collect", agent.run(0.0))
            await _ticks(it, receiver, 8)
    batches = sorted(receiver.batches, key=lambda batch: batch.seq)
    assert len({batch.boot for batch in batches}) == 1
    assert [batch.seq for batch in batches] == list(range(1, len(batches) + 1))
    stamps = [batch.tables["load"]["ts"] for batch in batches]
    # The manual clock begins on a whole five seconds; only the tick at the start may lie between.
    assert [int(str(stamp[0])) % 5000 for stamp in stamps[1:]] == [0] * (len(stamps) - 1)
    assert len({str(stamp) for stamp in stamps}) == len(stamps)
    assert [batch.tables["agent"]["ts"][:1] for batch in batches] == stamps


async def test_the_agents_own_row_tells_what_it_costs_and_what_waits(places: Places) -> None:
    receiver = Receiver()
    async with receiving(receiver, places), rig(places, SETTINGS) as it:
        agent = Agent(SETTINGS, [scripted("load", one_row)], it.uplink, it.box, it.clock)
        async with TaskSupervisor() as tasks:
            tasks.start("collect", agent.run(0.0))
            await _ticks(it, receiver, 3)
    first, last = receiver.batches[0].tables["agent"], receiver.batches[-1].tables["agent"]
    assert first["collector"] == ["agent", "load"]
    assert (first["version"], first["interval_seconds"]) == (["0.1.0", None], [5.0, 5.0])
    own = {name: column[0] for name, column in last.items()}
    assert own["ok"] is True
    assert own["batches_sent_total"] == 2
    assert isinstance(own["memory_bytes"], int)
    assert isinstance(own["cpu_seconds_total"], float)
    assert own["send_failures_total"] == 0


async def test_a_failing_collector_is_told_in_the_agent_table_and_the_others_are_stored(places: Places) -> None:
    def broken(_: Tick) -> Tables:
        raise ValueError("what a day")

    receiver = Receiver()
    async with receiving(receiver, places), rig(places, SETTINGS) as it:
        agent = Agent(SETTINGS, [scripted("broken", broken), scripted("load", one_row)], it.uplink, it.box, it.clock)
        async with TaskSupervisor() as tasks:
            tasks.start("collect", agent.run(0.0))
            await _ticks(it, receiver, 1)
    tables = receiver.batches[0].tables
    rows = dict(
        zip(
            tables["agent"]["collector"], zip(tables["agent"]["ok"], tables["agent"]["error"], strict=True), strict=True
        )
    )
    assert rows["broken"] == (False, "ValueError: what a day")
    assert rows["load"] == (True, None)
    assert "load" in tables


async def test_an_absent_source_is_asked_again_after_ten_minutes(places: Places) -> None:
    asked: list[float] = []

    def absent(tick: Tick) -> Tables:
        asked.append(tick.monotonic)
        raise AbsentError("no such device")

    receiver = Receiver()
    settings = dataclasses.replace(SETTINGS, interval_seconds=60.0)
    async with receiving(receiver, places), rig(places, settings) as it:
        agent = Agent(settings, [scripted("gpu", absent)], it.uplink, it.box, it.clock)
        async with TaskSupervisor() as tasks:
            tasks.start("collect", agent.run(0.0))
            while it.clock.monotonic() < 1500:
                await it.clock.advance(20.0)
                for _ in range(4):
                    await asyncio.sleep(0.001)
    waits = [later - earlier for earlier, later in itertools.pairwise(asked)]
    assert len(waits) >= 2
    assert all(600 <= wait <= 720 for wait in waits)


async def test_events_of_collectors_and_of_the_agent_ride_in_the_batch(places: Places) -> None:
    told: Iterator[Tables] = iter(
        [{"events": {"kind": ["unit.failed"], "severity": [2], "source": ["unit"], "text": ["nginx failed"]}}]
    )

    def tell(tick: Tick) -> Tables:
        return next(told, {})

    receiver = Receiver()
    async with receiving(receiver, places), rig(places, SETTINGS) as it:
        it.box.tell("agent.start", "agent started", it.clock.now_ms())
        agent = Agent(SETTINGS, [scripted("unit", tell)], it.uplink, it.box, it.clock)
        await agent.announce()
        async with TaskSupervisor() as tasks:
            tasks.start("collect", agent.run(0.0))
            await _ticks(it, receiver, 3)
        it.box.tell("agent.stop", "agent stopped", it.clock.now_ms())
        await agent.finish()
        await it.quiet()
        await it.uplink.settle()
    rows = [
        (kind, identity)
        for batch in receiver.batches
        if "events" in batch.tables
        for kind, identity in zip(batch.tables["events"]["kind"], batch.tables["events"]["id"], strict=True)
    ]
    assert sorted(str(kind) for kind, _ in rows) == ["agent.start", "agent.stop", "unit.failed"]
    assert len({identity for _, identity in rows}) == 3
    assert all(identity for _, identity in rows)


async def test_an_outage_of_the_server_leaves_no_hole(places: Places) -> None:
    receiver = Receiver()
    async with rig(places, SETTINGS) as it:
        agent = Agent(SETTINGS, [scripted("load", one_row)], it.uplink, it.box, it.clock)
        async with TaskSupervisor() as tasks:
            collecting = tasks.start("collect", agent.run(0.0))
            for _ in range(2):
                async with receiving(receiver, places):
                    await _ticks(it, receiver, len(receiver.batches) + 3)
                for _ in range(40):
                    await it.clock.advance(1.0)
                    await asyncio.sleep(0.002)
            async with receiving(receiver, places):
                await _ticks(it, receiver, len(receiver.batches) + 10)
                # A clock in such a hurry would make batches faster than a busy machine sends them.
                collecting.cancel()
                await it.quiet()
    seqs = {batch.seq for batch in receiver.batches}
    last_but_newest = max(seqs) - 1
    assert seqs >= set(range(1, last_but_newest + 1))
