"""What suites about the bus share: streams of a test's own, and how both implementations are opened on one store again."""

import asyncio
import secrets
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nagare.bus.embedded.bus import EmbeddedBus
from nagare.bus.message import Message
from nagare.bus.protocol import Bus, Consumer, Delivery, Lag
from nagare.bus.streams import DAY, Full, Streams, StreamSpec
from nagare.config.settings import BusSettings
from nagare.lib.clock import Clock, SystemClock

Open = Callable[[], AbstractAsyncContextManager[Bus]]
# A test waits for a condition and never this long.
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Store:
    """Where a bus keeps its streams: ``open`` gives one bus on it, and the same streams the next time."""

    open: Open
    name: str
    streams: Streams

    @property
    def work(self) -> str:
        """The stream that drops its oldest, subjects ``<name>work.*``."""
        return f"{self.name}work"

    @property
    def strict(self) -> str:
        """The stream that rejects beyond ten messages."""
        return f"{self.name}strict"

    @property
    def keyed(self) -> str:
        """The stream with eight partitions."""
        return f"{self.name}keyed"

    def message(self, message_id: str, kind: str = "a", body: bytes = b"body") -> Message:
        """Return a message of the stream ``work``."""
        return Message(f"{self.work}.{kind}", body, message_id)


def test_streams(name: str) -> Streams:
    """Return three small streams whose names begin with ``name``."""
    return Streams(
        (
            StreamSpec(f"{name}work", (f"{name}work.*",), DAY, 10_000, 8 * 2**20),
            StreamSpec(f"{name}strict", (f"{name}strict",), DAY, 10, 2**20, Full.REJECT),
            StreamSpec(f"{name}short", (f"{name}short",), DAY, 10, 2**20),
            StreamSpec(f"{name}keyed", (f"{name}keyed.*",), DAY, 10_000, 2**20, partitions=8),
        )
    )


test_streams.__test__ = False  # type: ignore[attr-defined]


def fresh_name() -> str:
    """Return a name that no other test's streams have, for a server is shared."""
    return f"t{secrets.token_hex(4)}"


def embedded_store(folder: Path, clock: Clock | None = None) -> Store:
    """Return a store in a database of ``folder``."""
    name = fresh_name()
    streams = test_streams(name)
    return Store(lambda: EmbeddedBus(folder / "bus.db", clock or SystemClock(), streams), name, streams)


def jetstream_store(url: str, clock: Clock | None = None, **settings: Any) -> Store:
    """Return a store in the NATS server at ``url``."""
    from nagare.bus.jetstream.bus import JetStreamBus

    name = fresh_name()
    streams = test_streams(name)
    made = BusSettings(**{"servers": (url,), **settings})
    return Store(lambda: JetStreamBus(made, clock or SystemClock(), streams), name, streams)


async def fetch_all(consumer: Consumer, count: int) -> list[Delivery]:
    """Return ``count`` deliveries, in as many fetches as it takes."""
    found: list[Delivery] = []
    while len(found) < count:
        some = await consumer.fetch(count - len(found), wait_seconds=PATIENCE_SECONDS)
        assert some, f"{len(found)} of {count} deliveries came"
        found += some
    return found


async def until(condition: Callable[[], object]) -> None:
    """Let the loop turn until ``condition`` holds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    for _ in iter(lambda: bool(condition()), True):
        assert time.monotonic() < deadline, "the condition never held"
        await asyncio.sleep(0)


async def lag_becomes(consumer: Consumer, expected: Lag) -> None:
    """Return when the lag is as expected: JetStream tells its consumers of what it stored a moment after the publisher."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (found := await consumer.lag()) != expected:
        assert time.monotonic() < deadline, f"{found} never became {expected}"
