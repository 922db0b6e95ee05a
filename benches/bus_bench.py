"""The bus: durable messages a second, embedded beside the bare disk, JetStream beside nats-py alone on the same server.

One process on one event loop, as the server has it; the NATS server is another one on the same cores. JetStream is measured
as it comes, which acknowledges before it syncs, and with ``sync_interval: always``, which is what the embedded bus promises.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop
from nats.aio.client import Client

from benches.report import Row, Section
from nagare.bus.embedded.bus import EmbeddedBus
from nagare.bus.jetstream.bus import JetStreamBus
from nagare.bus.message import Message
from nagare.bus.protocol import Bus, ConsumerSpec
from nagare.bus.streams import DAY, Streams, StreamSpec
from nagare.config.settings import BusSettings
from nagare.lib.clock import SystemClock
from tests.support.nats_server import nats_server

STREAMS = Streams((StreamSpec("work", ("work.*",), DAY, 10**8, 2**34),))
BODY = os.urandom(128)
WINDOW = 100
BATCHED = 160_000
# Each figure is the best of so many turns, in turns with what stands beside it, so that both meet the same neighbours.
TURNS = 3


async def _rate(count: int, work: Callable[[], Awaitable[object]]) -> float:
    """Return how many of ``count`` were done a second."""
    began = time.perf_counter()
    await work()
    return count / (time.perf_counter() - began)


class _Publishing:
    """Publishes messages under ids that never come again."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._number = 0

    def _batch(self, size: int) -> list[Message]:
        self._number += size
        return [Message("work.a", BODY, f"m{n}") for n in range(self._number - size, self._number)]

    async def rate(self, count: int, *, lanes: int, batch: int) -> float:
        """Return messages a second of ``lanes`` publishers with ``batch`` messages a time."""
        rounds = count // (lanes * batch)

        async def publish() -> None:
            for _ in range(rounds):
                await self._bus.publish(self._batch(batch))

        async def all_lanes() -> None:
            await asyncio.gather(*(publish() for _ in range(lanes)))

        return await _rate(rounds * lanes * batch, all_lanes)


async def _consume(bus: Bus, name: str, count: int) -> float:
    consumer = await bus.consumer(ConsumerSpec("work", name))

    async def read() -> None:
        left = count
        while left > 0:
            found = await consumer.fetch(100, wait_seconds=5.0)
            await asyncio.gather(*(delivery.ack() for delivery in found))
            left -= len(found)

    return await _rate(count, read)


def _syncs_a_second(folder: Path) -> float:
    """Return how often the disk syncs a page that is appended."""
    with (folder / "sync").open("wb", buffering=0) as file:
        began, count = time.perf_counter(), 500
        for _ in range(count):
            file.write(bytes(4096))
            os.fdatasync(file.fileno())
    return count / (time.perf_counter() - began)


async def _embedded(section: Section) -> None:
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        folder = Path(name)
        async with EmbeddedBus(folder / "bus.db", SystemClock(), STREAMS) as bus:
            publishing = _Publishing(bus)
            cpu = time.process_time()
            batches = max([await publishing.rate(BATCHED, lanes=32, batch=100) for _ in range(TURNS)])
            cpu = (time.process_time() - cpu) / (BATCHED * TURNS) * 1e6
            singles = max([await publishing.rate(20_000, lanes=64, batch=1) for _ in range(TURNS)])
            syncs = await asyncio.get_running_loop().run_in_executor(None, _syncs_a_second, folder)
            alone = max([await publishing.rate(2_000, lanes=1, batch=1) for _ in range(TURNS)])
            read = await _consume(bus, "reader", 50_000)
    section.rows += [
        _row("embedded, batches of 100, 32 publishers", batches, promise=100_000),
        Row("embedded, a message of such a batch, both threads", cpu, "µs CPU", promise=10.0),
        _row("embedded, one at a time, 64 publishers", singles, promise=5_000),
        _row("embedded, one at a time, one publisher", alone, syncs, "bare syncs of the disk"),
        _row("embedded, fetched by 100 and each acked", read),
    ]


def _row(what: str, value: float, beside: float | None = None, name: str = "", promise: float | None = None) -> Row:
    return Row(what, value, "messages/s", beside, name, promise, more_is_better=True)


class _NatsAlone:
    """nats-py without anything of ours: the same bytes and ids, as many unanswered."""

    def __init__(self, client: Client) -> None:
        self._streams = client.jetstream(publish_async_max_pending=WINDOW)
        self._number = 0

    async def rate(self, count: int) -> float:
        """Return messages a second."""

        async def publish() -> None:
            for _ in range(count):
                self._number += 1
                await self._streams.publish_async("work.b", BODY, headers={"Nats-Msg-Id": f"n{self._number}"})
            await self._streams.publish_async_completed()

        return await _rate(count, publish)


async def _jetstream(section: Section, what: str, more: str, count: int) -> None:
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        store = f'jetstream {{ store_dir: "{name}/js"{more} }}'
        with nats_server(Path(name) / "n", [store]) as server:
            settings = BusSettings(servers=(server.url,))
            client = Client()
            async with JetStreamBus(settings, SystemClock(), STREAMS) as bus:
                await client.connect(server.url)
                publishing, alone = _Publishing(bus), _NatsAlone(client)
                ours, theirs = [0.0], [0.0]
                for _ in range(TURNS):
                    theirs.append(await alone.rate(count))
                    ours.append(await publishing.rate(count, lanes=2, batch=WINDOW // 2))
                read = await _consume(bus, "reader", count)
                await client.close()
    beside = max(theirs)
    section.rows += [
        _row(f"JetStream {what}, window of {WINDOW}", max(ours), beside, "nats-py alone", beside * 0.8),
        _row(f"JetStream {what}, fetched by 100 and each acked", read),
    ]


async def _run(section: Section) -> None:
    await _embedded(section)
    await _jetstream(section, "R=1 as it comes", "", 20_000)
    await _jetstream(section, "R=1, sync_interval: always", ", sync_interval: always", 5_000)


def run() -> Section:
    """Measure."""
    section = Section("The bus", " ".join((__doc__ or "").partition("\n\n")[2].split()))
    uvloop.run(_run(section))
    return section
