"""The two lanes of the uplink against a real server: what goes first, at what pace, and what is told of losses."""

import asyncio
import dataclasses
import random

from nagare.agent.batches import pack_batch
from nagare.config.places import Places
from nagare.errors import (
    NagareError,
    RateLimitedError,
)
from nagare.wire.batch import Batch
from tests.component.agent.receiver import Receiver, receiving
from tests.component.agent.uplink_rig import SETTINGS, Rows, make_batch, rig


async def test_after_an_outage_the_newest_goes_first_and_the_backlog_follows_newest_first(places: Places) -> None:
    receiver = Receiver()
    async with rig(places) as it:
        for seq in range(1, 6):
            await it.uplink.offer(make_batch(seq))
        await it.failed()
        assert it.uplink.totals().spool_batches == 5
        async with receiving(receiver, places):
            await it.until(lambda: len(receiver.batches) >= 5)
            await it.uplink.offer(make_batch(6))
            await receiver.taken(6)
            await it.until(lambda: it.uplink.totals().spool_batches == 0)
        assert receiver.seqs[0] == 5
        assert [seq for seq in receiver.seqs if seq < 5] == [4, 3, 2, 1]


async def test_a_live_batch_overtakes_the_backlog(places: Places) -> None:
    receiver = Receiver(hold=asyncio.Event())
    assert receiver.hold is not None
    async with rig(places) as it:
        for seq in range(1, 5):
            await it.uplink.offer(make_batch(seq))
        async with receiving(receiver, places):
            first = receiver.hold
            # By less than a request's deadline: the one that is held must not be given up.
            while len(receiver.tokens) < 2:
                await it.clock.advance(1)
                await asyncio.sleep(0.002)
            receiver.hold = None
            await it.uplink.offer(make_batch(5))
            first.set()
            await it.until(lambda: len(receiver.batches) >= 5)
    assert receiver.seqs == [4, 5, 3, 2, 1]


async def test_the_backlog_keeps_its_pace_and_a_live_batch_does_not_wait_for_it(places: Places) -> None:
    receiver = Receiver()
    settings = dataclasses.replace(SETTINGS, backlog_batches_per_second=2.0)
    async with rig(places, settings) as it:
        for seq in range(1, 9):
            await it.uplink.offer(make_batch(seq))
        await it.failed()
        async with receiving(receiver, places):
            await it.clock.advance(1)
            # The newest at once, and as many as may go in a second.
            await receiver.taken(2)
            await it.until_still()
            assert receiver.seqs == [8, 7]
            await it.uplink.offer(make_batch(9))
            await receiver.taken(3)
            assert receiver.seqs == [8, 7, 9]
            await it.clock.advance(0.5)
            await receiver.taken(4)
            await it.until_still()
            assert receiver.seqs == [8, 7, 9, 6]
            await it.quiet()
    assert receiver.seqs == [8, 7, 9, 6, 5, 4, 3, 2, 1]


async def test_the_backlog_keeps_its_pace_in_bytes_too(places: Places) -> None:
    receiver = Receiver()
    settings = dataclasses.replace(SETTINGS, backlog_bytes_per_second=1024)
    rows: Rows = {"load": {"ts": list(range(900)), "load1": [0.5 + 1 / (7 + row) for row in range(900)]}}
    async with rig(places, settings) as it:
        for seq in range(1, 4):
            await it.uplink.offer(pack_batch("web1", "boot-1", seq, rows))
        await it.failed()
        async with receiving(receiver, places):
            await it.clock.advance(1)
            await receiver.taken(1)
            await it.until_still()
            assert receiver.seqs == [3]
            await it.quiet()
    assert receiver.seqs == [3, 2, 1]


async def test_a_server_that_says_when_to_come_again_is_left_alone_by_both_lanes(places: Places) -> None:
    receiver = Receiver()
    async with rig(places) as it:
        for seq in range(1, 6):
            await it.uplink.offer(make_batch(seq))
        await it.failed()
        asked = []

        def busy(batch: Batch) -> NagareError | None:
            asked.append(batch.seq)
            return RateLimitedError("cannot take batch", retry_after_seconds=30) if len(asked) == 3 else None

        receiver.refuse = busy
        async with receiving(receiver, places):
            await it.clock.advance(1)
            await it.failed(2)
            await it.uplink.offer(make_batch(6))
            await it.clock.advance(29)
            await it.until_still()
            assert asked == [5, 4, 3]
            await it.quiet()
    assert receiver.seqs == [5, 4, 6, 3, 2, 1]


async def test_what_the_spool_had_to_drop_is_told_once_the_server_is_back(places: Places) -> None:
    receiver = Receiver()
    async with rig(places, limit=2**16) as it:
        for seq in range(1, 200):
            # Each has a table that no other has: nothing of it can be thinned.
            rows: Rows = {f"own{seq}": {"ts": [seq], "text": [random.Random(seq).randbytes(400).hex()]}}
            await it.uplink.offer(pack_batch("web1", "boot-1", seq, rows, 1000 + seq))
        totals = it.uplink.totals()
        assert totals.dropped > 0
        assert totals.spool_oldest_seconds is not None
        async with receiving(receiver, places):
            await it.quiet()
            await it.until(lambda: it.uplink._spool.losses.is_empty)
    told = [batch.tables["events"] for batch in receiver.batches if "agent.batches_dropped" in _kinds(batch)]
    # An answer that came too late has it sent again, under the same id.
    assert len({str(columns["id"]) for columns in told}) == 1
    [attributes] = told[0]["attributes"]
    assert attributes == {
        "reason": "full",
        "batches": str(totals.dropped),
        "from_ms": "1001",
        "until_ms": str(1001 + totals.dropped),
    }
    assert {batch.seq for batch in receiver.batches if batch.boot == "boot-1"} == set(range(totals.dropped + 1, 200))


def _kinds(batch: Batch) -> list[object]:
    return list(batch.tables.get("events", {}).get("kind", []))
