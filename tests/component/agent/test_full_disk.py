"""An agent whose disk takes nothing goes on: the server has what it sends, and what it cannot send waits in memory."""

import contextlib
import resource
from collections.abc import Iterator

from nagare.agent.held import HELD_LIMIT
from nagare.config.places import Places
from nagare.errors import OverloadedError
from nagare.wire.hosts import Standing
from tests.component.agent.receiver import Receiver, receiving
from tests.component.agent.uplink_rig import make_batch, rig


@contextlib.contextmanager
def no_file_may_grow() -> Iterator[None]:
    """Let every write into a file of this process fail, as those of a full disk do."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_an_agent_that_starts_on_a_full_disk_sends_all_the_same(places: Places) -> None:
    receiver = Receiver()
    async with receiving(receiver, places), rig(places) as it:
        with no_file_may_grow():
            for seq in range(1, 6):
                await it.uplink.offer(make_batch(seq))
                await it.until(lambda count=seq: len(receiver.batches) >= count)  # type: ignore[misc]
        totals = it.uplink.totals()
    assert receiver.seqs == [1, 2, 3, 4, 5]
    assert (totals.is_up, totals.dropped) == (True, 0)


async def test_what_a_server_that_was_busy_did_not_take_goes_when_it_can(places: Places) -> None:
    receiver = Receiver()
    async with receiving(receiver, places), rig(places) as it:
        await it.uplink.offer(make_batch(1))
        await it.quiet()
        with no_file_may_grow():
            receiver.refuse = lambda _: OverloadedError("cannot take batch: busy")
            for seq in (2, 3, 4):
                await it.uplink.offer(make_batch(seq))
            await it.until(lambda: it.uplink.totals().spool_batches == 3)
            receiver.refuse = lambda _: None
            await it.until(lambda: it.uplink.totals().spool_batches == 0)
    assert sorted(receiver.seqs) == [1, 2, 3, 4]
    assert it.uplink.totals().dropped == 0


async def test_memory_is_bounded_and_what_had_no_room_is_told(places: Places) -> None:
    receiver = Receiver()
    async with rig(places) as it:
        with no_file_may_grow():
            for seq in range(HELD_LIMIT + 3):
                await it.uplink.offer(make_batch(seq))
            await it.failed()
            assert (it.uplink.totals().spool_batches, it.uplink.totals().dropped) == (HELD_LIMIT, 3)
        # The disk takes them again, at the next failure at the latest.
        await it.until(lambda: not len(it.uplink._held))
        async with receiving(receiver, places):
            await it.until(lambda: len(receiver.batches) > HELD_LIMIT)
    (told,) = [batch for batch in receiver.batches if "events" in batch.tables]
    (attributes,) = told.tables["events"]["attributes"]
    assert isinstance(attributes, dict)
    assert (attributes["reason"], attributes["batches"]) == ("full", "3")


async def test_what_is_in_memory_when_the_agent_ends_goes_to_disk(places: Places) -> None:
    async with rig(places) as it:
        with no_file_may_grow():
            await it.uplink.offer(make_batch(1))
            await it.failed()
    async with rig(places) as it:
        assert it.uplink.totals().spool_batches == 1


async def test_a_standing_that_cannot_be_kept_holds_all_the_same(places: Places) -> None:
    receiver = Receiver(standing=Standing("web1", "active", ["metrics"], 10.0))
    async with receiving(receiver, places), rig(places) as it:
        await it.uplink.offer(make_batch(1))
        await it.quiet()
        with no_file_may_grow():
            receiver.standing = Standing("web1", "active", ["metrics", "commands"], 10.0)
            for seq in (2, 3):
                await it.clock.advance(20)
                await it.uplink.offer(make_batch(seq))
                await it.until(lambda count=seq: len(receiver.batches) >= count)  # type: ignore[misc]
    assert receiver.seqs == [1, 2, 3]
