"""Three NATS nodes that keep each stream three times, of which one after the other is killed, started again and cut off.

Messages flow meanwhile. What was acknowledged is there in the end, once by its id, and what a consumer acked came no more.
"""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from nagare.bus.jetstream.bus import JetStreamBus
from nagare.bus.jetstream.faults import Fault
from nagare.bus.message import Message
from nagare.bus.protocol import ConsumerSpec, Lag
from nagare.bus.streams import DAY, Streams, StreamSpec
from nagare.config.settings import BusSettings
from nagare.errors import UnavailableError
from nagare.lib.clock import SystemClock
from tests.support.nats_server import NatsServer, nats_cluster

FAULTS = [
    pytest.param(3, marks=pytest.mark.timeout(180)),
    pytest.param(60, marks=[pytest.mark.soak, pytest.mark.timeout(3600)]),
]
PATIENCE_SECONDS = 60.0
AHEAD = 300
# Deep enough that repeats during an election are known, as they are with the streams of the product.
STREAMS = Streams((StreamSpec("work", ("work.*",), DAY, 10**7, 2**28),))
READER = ConsumerSpec("work", "reader", ack_seconds=20.0, deliver_limit=10**6, unacked_limit=200)


@dataclass
class Traffic:
    """What was tried, what was acknowledged, and what was read and acked, each by its id."""

    acked: dict[str, int] = field(default_factory=dict)
    read: Counter[str] = field(default_factory=Counter)
    done: set[str] = field(default_factory=set)
    refused: int = 0
    came_again_after_ack: set[str] = field(default_factory=set)
    grown: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def more(self, count: int) -> None:
        """Return when ``count`` more messages are acknowledged and as many acked."""
        published, done = len(self.acked) + count, len(self.done) + count
        await self.until(lambda: len(self.acked) >= published and len(self.done) >= done)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return when ``condition`` of the counts holds."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS), self.grown:
                await self.grown.wait_for(condition)
        except TimeoutError:
            counts = f"{len(self.acked)} acked, {len(self.done)} done, {self.read.total()} read, {self.refused} refused"
            raise AssertionError(f"no way on within {PATIENCE_SECONDS:g} seconds: {counts}") from None

    async def grow(self) -> None:
        """Let those who wait look again."""
        async with self.grown:
            self.grown.notify_all()


async def _publish(bus: JetStreamBus, traffic: Traffic, lane: int, stop: asyncio.Event) -> None:
    number = 0
    while not stop.is_set():
        # Not so far ahead of the reader that it would never come to the end.
        await traffic.until(lambda: stop.is_set() or len(traffic.acked) - len(traffic.done) < AHEAD)
        batch = [Message(f"work.l{lane}", f"{lane}-{n}".encode(), f"{lane}-{n}") for n in range(number, number + 5)]
        number += 5
        # Whoever has no answer publishes again under the same ids.
        while True:
            try:
                acks = await bus.publish(batch)
            except UnavailableError:
                traffic.refused += 1
                continue
            break
        traffic.acked |= {message.id: ack.seq for message, ack in zip(batch, acks, strict=True)}
        await traffic.grow()


async def _read(bus: JetStreamBus, traffic: Traffic, stop: asyncio.Event) -> None:
    consumer = await bus.consumer(READER)
    while not stop.is_set():
        with contextlib.suppress(UnavailableError):
            deliveries = await consumer.fetch(20, wait_seconds=1.0)
            traffic.came_again_after_ack |= {delivery.message.id for delivery in deliveries} & traffic.done
            traffic.read.update(delivery.message.id for delivery in deliveries)
            acked = await asyncio.gather(*(delivery.ack() for delivery in deliveries), return_exceptions=True)
            for delivery, outcome in zip(deliveries, acked, strict=True):
                if outcome is None:
                    traffic.done.add(delivery.message.id)
            await traffic.grow()


async def _whole(bus: JetStreamBus) -> None:
    """Return when every stream and its reader have all their copies, so that the next fault is the only one."""
    clock = SystemClock()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            with contextlib.suppress(*Fault):
                streams = bus._connection.streams
                infos = [*await streams.streams_info(), await streams.consumer_info(READER.stream, READER.name)]
                copies = [info.cluster.replicas or [] for info in infos if info.cluster]
                if [len(each) for each in copies] == [2, 2, 2] and all(
                    copy.current and not copy.offline for each in copies for copy in each
                ):
                    return
            await clock.sleep(0.1)


async def _trouble(nodes: list[NatsServer], bus: JetStreamBus, traffic: Traffic, faults: int) -> None:
    chance = random.Random(2026)
    for number in range(faults):
        await _whole(bus)
        # A kill and a cut in turns; of the leader, of the node that we talk to, or of any.
        node = nodes[chance.randrange(len(nodes))]
        if number % 2:
            node.freeze()
            await traffic.more(50)
            node.thaw()
        else:
            node.kill()
            await traffic.more(50)
            await asyncio.to_thread(node.start)
        await traffic.more(50)


async def _stored(bus: JetStreamBus, stream: str) -> dict[str, int]:
    consumer = await bus.consumer(ConsumerSpec(stream, "check", unacked_limit=10**6))
    found: dict[str, int] = {}
    # The stream's leader knows how many there are; the copy that a reader reads from may be a moment behind.
    count = (await bus._connection.streams.stream_info(stream)).state.messages
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(found) < count:
            for delivery in await consumer.fetch(1000, wait_seconds=1.0):
                message = delivery.message
                # One that comes again from its own place, because nobody acks what is only looked at, stands there once.
                assert found.get(message.id, delivery.seq) == delivery.seq, f"{message.id} is stored twice"
                assert message.data == message.id.encode()
                found[message.id] = delivery.seq
    return found


# nats-py leaves its tries to connect to a node that stands still to the garbage collector.
@pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <function StreamWriter:pytest.PytestUnraisableExceptionWarning"
)
@pytest.mark.parametrize("faults", FAULTS)
async def test_nothing_acknowledged_is_lost_while_nodes_fail(tmp_path: Path, faults: int) -> None:
    with contextlib.ExitStack() as stack:
        nodes = await asyncio.to_thread(stack.enter_context, nats_cluster(tmp_path))
        settings = BusSettings(
            servers=tuple(node.url for node in nodes), replicas=3, connect_seconds=30.0, publish_seconds=15.0,
            request_seconds=30.0,
        )  # fmt: skip
        async with JetStreamBus(settings, SystemClock(), STREAMS) as bus:
            traffic, stop = Traffic(), asyncio.Event()
            async with asyncio.TaskGroup() as tasks:
                for lane in range(4):
                    tasks.create_task(_publish(bus, traffic, lane, stop))
                tasks.create_task(_read(bus, traffic, stop))
                await _trouble(nodes, bus, traffic, faults)
                stop.set()
                await traffic.grow()
            await _whole(bus)
            stored = await _stored(bus, "work")
            lost = {name: seq for name, seq in traffic.acked.items() if name not in stored}
            moved = {
                name: (seq, stored[name])
                for name, seq in traffic.acked.items()
                if name in stored and stored[name] != seq
            }
            assert (lost, moved, stored.keys() - traffic.acked.keys()) == ({}, {}, set())
            # The reader takes what is left, and had nothing again that it was done with.
            consumer = await bus.consumer(READER)
            while (await consumer.lag()) != Lag(0, 0):
                for delivery in await consumer.fetch(200, wait_seconds=1.0):
                    assert delivery.message.id not in traffic.done
                    await delivery.ack()
                    traffic.done.add(delivery.message.id)
            assert traffic.done == set(traffic.acked)
            assert traffic.came_again_after_ack == set()
            assert await bus.dead_letters("work") == []
