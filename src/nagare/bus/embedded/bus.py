"""The embedded bus: the protocol over the writing thread, with live subscriptions and waiting fetches on the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Self

from nagare.bus.consumers import check_consumer
from nagare.bus.dead import read_dead_letter
from nagare.bus.embedded.core import Core, Routed, Taken, as_message
from nagare.bus.embedded.database import count_by_subject
from nagare.bus.embedded.faults import translated
from nagare.bus.embedded.state import Row
from nagare.bus.embedded.writer import Writer
from nagare.bus.live import LiveQueue
from nagare.bus.message import Message, check_count, check_message
from nagare.bus.protocol import DEAD_LETTERS_LIMIT, FETCH_LIMIT, Ack, Consumer, ConsumerSpec, DeadLetter, Delivery, Lag
from nagare.bus.streams import DEAD, Streams
from nagare.bus.subjects import Pattern
from nagare.lib.alarm import Alarm
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters

# A message may stay this much longer than its stream says.
_PRUNE_SECONDS = 60.0


class EmbeddedBus:
    """Streams in the SQLite file ``path``. One process has it open; one event loop uses it."""

    def __init__(self, path: Path, clock: Clock, streams: Streams | None = None) -> None:
        """Prepare; nothing is opened yet."""
        self.streams = streams or Streams()
        self.counters = Counters()
        self._path = path
        self._clock = clock
        self._live: list[LiveQueue] = []
        self._alarms: dict[int, set[Alarm]] = {}
        self._reader: ThreadPoolExecutor | None = None
        self._writer = self._make_writer()

    async def __aenter__(self) -> Self:
        """Open it. Raises LockedError when another process has it open, StorageError."""
        self._writer = self._make_writer()
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="nagare-bus-read")
        try:
            await self._writer.open()
        except BaseException:
            self._reader.shutdown()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Finish what was handed in, and close."""
        await self._writer.close()
        if self._reader is not None:
            self._reader.shutdown()

    async def run(self) -> None:
        """Remove old messages, a bounded number at a time, until cancelled."""
        while True:
            await self._clock.sleep(_PRUNE_SECONDS)
            await self.prune()

    async def check(self) -> None:
        """Return when the writing thread answers and the file takes a transaction."""
        await self._writer.submit(lambda _: None)

    async def prune(self) -> None:
        """Remove messages that are older than their streams keep them."""
        while await self._writer.submit(Core.prune):
            pass

    async def publish(self, messages: Sequence[Message]) -> list[Ack]:
        """Return an ack for each message when all are on the disk: all of them are stored, or none."""
        check_count(messages)
        routed: list[Routed] = []
        size = 0
        for message in messages:
            check_message(message)
            routed.append((*self.streams.route(message), message))
            size += len(message.data)
        if not routed:
            return []
        return await self._writer.submit(lambda core: core.publish(routed), cost=len(routed), size=size)

    @asynccontextmanager
    async def subscribe(self, *patterns: str, limit: int = 1000) -> AsyncIterator[LiveQueue]:
        """Show messages of ``patterns`` when they are on the disk."""
        queue = LiveQueue(patterns, limit)
        self._live.append(queue)
        self._writer.core.is_watched = True
        try:
            yield queue
        finally:
            self._live.remove(queue)
            self._writer.core.is_watched = bool(self._live)
            self.counters.add("live_messages_dropped", queue.dropped)

    async def consumer(self, spec: ConsumerSpec) -> Consumer:
        """Return the consumer, made or changed to be as ``spec`` says."""
        check_consumer(spec, self.streams)
        number, stream = await self._writer.submit(lambda core: core.open_consumer(spec))
        return _EmbeddedConsumer(self, spec, number, stream)

    async def remove_consumer(self, stream: str, name: str) -> None:
        """Forget a consumer and what it has read."""
        self.streams.get(stream)
        await self._writer.submit(lambda core: core.remove_consumer(stream, name))

    async def dead_letters(self, stream: str, *, after: int = 0, limit: int = 100) -> list[DeadLetter]:
        """Return dead letters of ``stream``, oldest first."""
        self.streams.get(stream)
        subject, found = f"dead.{stream}", list[DeadLetter]()
        limit = min(limit, DEAD_LETTERS_LIMIT)
        while len(found) < limit:
            rows: list[Row] = await self._writer.submit(partial(Core.read, stream=DEAD.name, after=after, limit=limit))
            if not rows:
                break
            after = rows[-1][0]
            found += [read_dead_letter(as_message(row), row[0]) for row in rows if row[2] == subject]
        return found[:limit]

    async def fetch(self, consumer: ConsumerSpec, number: int, limit: int, wait_seconds: float) -> Taken:
        """Return what a consumer may have, waiting for the first."""
        until = self._clock.monotonic() + wait_seconds
        while True:
            # Set before looking: what comes after the look rings it.
            alarm = Alarm(self._clock)
            waiting = self._alarms.setdefault(number, set())
            waiting.add(alarm)
            try:
                taken: Taken = await self._writer.submit(
                    lambda core: core.fetch(consumer.stream, consumer.name, limit), cost=limit
                )
                left = until - self._clock.monotonic()
                if taken.messages or (left <= 0 and not taken.is_more):
                    return taken
                if not taken.is_more:
                    await alarm.wait(left if taken.due_in is None else min(left, taken.due_in))
            finally:
                waiting.discard(alarm)

    async def settle(self, verb: str, spec: ConsumerSpec, seq: int, *arguments: float | str) -> None:
        """Take the word of a consumer about message ``seq``."""
        await self._writer.submit(lambda core: getattr(core, verb)(spec.stream, spec.name, seq, *arguments))

    async def lag(self, consumer: ConsumerSpec, stream: int) -> Lag:
        """Return how far a consumer is behind; one that is limited to subjects has them counted on another thread."""
        waiting, cursor, unacked = await self._writer.submit(lambda core: core.progress(consumer.stream, consumer.name))
        if not consumer.subjects or not waiting:
            return Lag(waiting, unacked)
        assert self._reader is not None
        with translated("read bus"):
            counts = await asyncio.get_running_loop().run_in_executor(
                self._reader, count_by_subject, self._path, stream, cursor
            )
        patterns = [Pattern(text) for text in consumer.subjects]
        wanted = sum(count for subject, count in counts if any(pattern.matches(subject) for pattern in patterns))
        return Lag(wanted, unacked)

    def _make_writer(self) -> Writer:
        return Writer(self._path, lambda database: Core(database, self.streams, self._clock, self.counters), self._tell)

    def _tell(self, woken: set[int], shown: list[Row]) -> None:
        for number in woken:
            for alarm in self._alarms.get(number, ()):
                alarm.ring()
        for row in shown:
            for queue in self._live:
                if queue.wants(row[2]):
                    queue.offer(as_message(row))


@dataclass(frozen=True, slots=True)
class _EmbeddedDelivery:
    bus: EmbeddedBus
    consumer: ConsumerSpec
    message: Message
    seq: int
    attempt: int
    stored_ms: int

    @property
    def published_at(self) -> datetime:
        return datetime.fromtimestamp(self.stored_ms / 1000, UTC)

    async def ack(self) -> None:
        await self.bus.settle("ack", self.consumer, self.seq, self.attempt)

    async def nak(self, delay_seconds: float = 0.0) -> None:
        await self.bus.settle("nak", self.consumer, self.seq, self.attempt, delay_seconds)

    async def term(self, reason: str) -> None:
        await self.bus.settle("term", self.consumer, self.seq, self.attempt, reason)

    async def in_progress(self) -> None:
        await self.bus.settle("extend", self.consumer, self.seq, self.attempt)


@dataclass(frozen=True, slots=True)
class _EmbeddedConsumer:
    bus: EmbeddedBus
    spec: ConsumerSpec
    number: int
    stream: int

    async def fetch(self, limit: int = 100, wait_seconds: float = 0.0) -> Sequence[Delivery]:
        limit = max(1, min(limit, FETCH_LIMIT))
        taken = await self.bus.fetch(self.spec, self.number, limit, wait_seconds)
        return [_EmbeddedDelivery(self.bus, self.spec, *found) for found in taken.messages]

    async def lag(self) -> Lag:
        return await self.bus.lag(self.spec, self.stream)
