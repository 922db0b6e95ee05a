"""The bus in NATS JetStream: the protocol over one connection, with dead letters made by whoever fetches."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Self

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js import api
from nats.js.errors import APIError
from nats.js.errors import NotFoundError as NoConsumerError

from nagare.bus.consumers import check_consumer
from nagare.bus.dead import dead_letter, read_dead_letter, worn_out
from nagare.bus.jetstream.connection import Connection, as_json
from nagare.bus.jetstream.faults import WRONG_CONFIG, Fault, as_fault
from nagare.bus.jetstream.publisher import Publisher
from nagare.bus.jetstream.puller import Puller
from nagare.bus.jetstream.wire import consumer_config, read_message, stream_config
from nagare.bus.live import LiveQueue
from nagare.bus.message import Message, check_count, check_message
from nagare.bus.protocol import DEAD_LETTERS_LIMIT, FETCH_LIMIT, Ack, Consumer, ConsumerSpec, DeadLetter, Delivery, Lag
from nagare.bus.streams import DEAD, Streams
from nagare.config.settings import BusSettings
from nagare.errors import ConfigError, OverloadedError
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters
from nagare.lib.tasks import TaskSupervisor

# A reader of dead letters is forgotten by the server after so long without a word.
_EPHEMERAL_SECONDS = 30.0


class JetStreamBus:
    """Streams in the NATS servers of ``settings``; several processes may use them at one time."""

    def __init__(self, settings: BusSettings, clock: Clock, streams: Streams | None = None) -> None:
        """Prepare; nothing is connected yet."""
        self.streams = streams or Streams()
        self.counters = Counters()
        self._settings = settings
        self._clock = clock
        self._connection = Connection(settings, clock, self.counters)
        self._publisher = Publisher(self._connection, settings, clock, self.counters)
        self._puller = Puller(self._connection, settings, clock)
        self._live: list[_Looking] = []
        self._connection.when_anew += [self._publisher.listen, self._puller.listen, self._look_again]
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Connect, and make the streams as they must be. Raises ConfigError, ConnectFailedError, UnavailableError."""
        async with AsyncExitStack() as stack:
            await self._connection.open()
            stack.push_async_callback(self._connection.close)
            await self._declare_streams()
            await self._puller.listen()
            tasks = await stack.enter_async_context(TaskSupervisor(clock=self._clock))
            await self._publisher.start(tasks)
            stack.callback(self._publisher.stop)
            tasks.supervise("bus-connection", self._connection.keep)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Take nothing any more, and disconnect."""
        await self._stack.aclose()

    async def run(self) -> None:
        """Wait until cancelled: the servers keep house."""
        await asyncio.Event().wait()

    async def check(self) -> None:
        """Return when JetStream answers."""
        await self._connection.check()

    async def publish(self, messages: Sequence[Message]) -> list[Ack]:
        """Return an ack for each message when the streams have them all; some are stored also when it raises."""
        check_count(messages)
        routed = []
        for message in messages:
            check_message(message)
            routed.append((self.streams.route(message)[1], message))
        return await self._publisher.publish(routed) if routed else []

    @asynccontextmanager
    async def subscribe(self, *patterns: str, limit: int = 1000) -> AsyncIterator[LiveQueue]:
        """Show messages of ``patterns`` on their way to the streams, repeats among them."""
        looking = _Looking(LiveQueue(patterns, limit), patterns)
        await looking.begin(self._connection.client)
        self._live.append(looking)
        try:
            yield looking.queue
        finally:
            self._live.remove(looking)
            self.counters.add("live_messages_dropped", looking.queue.dropped)
            await looking.end()

    async def _look_again(self) -> None:
        for looking in self._live:
            await looking.begin(self._connection.client)

    async def consumer(self, spec: ConsumerSpec) -> Consumer:
        """Return the consumer, made or changed to be as ``spec`` says."""
        check_consumer(spec, self.streams)
        config = consumer_config(spec)

        async def make(left: float) -> None:
            streams = self._connection.streams
            try:
                known = await streams.consumer_info(spec.stream, spec.name, timeout=left)
            except NoConsumerError:
                pass
            else:
                # Where it began cannot be changed, and means nothing any more.
                config.deliver_policy = known.config.deliver_policy
            await streams.add_consumer(spec.stream, config, timeout=left)

        await self._connection.retry(make, f"make consumer {spec.name}")
        return _Consumer(self, spec)

    async def remove_consumer(self, stream: str, name: str) -> None:
        """Forget a consumer and what it has read."""
        self.streams.get(stream)
        await self._connection.retry(
            lambda _: self._connection.streams.delete_consumer(stream, name),
            f"remove consumer {name} of stream {stream}",
        )

    async def dead_letters(self, stream: str, *, after: int = 0, limit: int = 100) -> list[DeadLetter]:
        """Return dead letters of ``stream``, oldest first."""
        self.streams.get(stream)
        config = api.ConsumerConfig(
            ack_policy=api.AckPolicy.NONE,
            deliver_policy=api.DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=after + 1,
            filter_subject=f"dead.{stream}",
            inactive_threshold=_EPHEMERAL_SECONDS,
            mem_storage=True,
            num_replicas=1,
        )
        made = await self._connection.retry(
            lambda left: self._connection.streams.add_consumer(DEAD.name, config, timeout=left), "read dead letters"
        )
        reader = ConsumerSpec(DEAD.name, made.name)
        found = await self._puller.pull(reader, min(limit, DEAD_LETTERS_LIMIT), 0.0)
        await self.remove_consumer(DEAD.name, made.name)
        return [read_dead_letter(read_message(message), message.metadata.sequence.stream) for message in found]

    async def fetch(self, spec: ConsumerSpec, limit: int, wait_seconds: float) -> list[Delivery]:
        """Return deliveries; those beyond their last become dead letters instead."""
        until = self._clock.monotonic() + wait_seconds
        while True:
            pulled = await self._puller.pull(spec, limit, max(0.0, until - self._clock.monotonic()))
            found = [_Delivery(self, spec, message, read_message(message)) for message in pulled]
            worn = [delivery for delivery in found if delivery.attempt > spec.deliver_limit]
            for delivery in worn:
                await delivery.bury(worn_out(spec.deliver_limit), spec.deliver_limit)
            if len(worn) < len(found) or not found:
                return [delivery for delivery in found if delivery.attempt <= spec.deliver_limit]

    async def bury(self, letter: Message) -> None:
        """Store a dead letter."""
        self.counters.add("dead_letters")
        await self._publisher.publish([(letter.subject, letter)])

    async def settle(self, reply: str, word: bytes) -> None:
        """Tell JetStream what became of a delivery, and return when it has heard."""
        await self._connection.ask(reply, word, "settle a delivery")

    async def lag(self, spec: ConsumerSpec) -> Lag:
        """Return how far a consumer is behind."""
        found = await self._connection.retry(
            lambda left: self._connection.streams.consumer_info(spec.stream, spec.name, timeout=left),
            f"look at consumer {spec.name} of stream {spec.stream}",
        )
        return Lag(found.num_pending or 0, found.num_ack_pending or 0)

    async def _declare_streams(self) -> None:
        for spec in self.streams.specs:
            config = stream_config(spec, self._settings.replicas)
            try:
                await self._connection.retry(partial(self._declare, config), f"make stream {spec.name}")
            except OverloadedError as error:
                room = sum(each.limit_bytes for each in self.streams.specs)
                raise ConfigError(
                    error.message,
                    hint=f"streams may take {room} bytes in all: raise max_file_store of the NATS servers",
                ) from error

    async def _declare(self, config: api.StreamConfig, _left: float) -> None:
        try:
            await self._connection.streams.add_stream(config)
        except APIError as error:
            if error.err_code != WRONG_CONFIG:
                raise
            await self._connection.streams.update_stream(config)


class _Looking:
    """A live subscription, over the connection of the moment."""

    def __init__(self, queue: LiveQueue, patterns: Sequence[str]) -> None:
        self.queue = queue
        self._patterns = patterns
        self._heard: list[Subscription] = []

    async def begin(self, client: Client) -> None:
        self._client = client
        try:
            self._heard = [await client.subscribe(pattern, cb=self._hear) for pattern in self._patterns]
            # So that nothing that is published from here on is missed.
            await client.flush()
        except Fault as error:
            raise as_fault(error, "subscribe") from error

    async def end(self) -> None:
        if not self._client.is_closed:
            for subscription in self._heard:
                await subscription.unsubscribe()

    async def _hear(self, received: Msg) -> None:
        self.queue.offer(read_message(received))


@dataclass(frozen=True, slots=True)
class _Delivery:
    bus: JetStreamBus
    consumer: ConsumerSpec
    received: Msg
    message: Message

    @property
    def seq(self) -> int:
        return self.received.metadata.sequence.stream

    @property
    def attempt(self) -> int:
        return self.received.metadata.num_delivered

    @property
    def published_at(self) -> datetime:
        return self.received.metadata.timestamp

    async def ack(self) -> None:
        await self.bus.settle(self.received.reply, b"+ACK")

    async def nak(self, delay_seconds: float = 0.0) -> None:
        if self.attempt >= self.consumer.deliver_limit:
            await self.bury(worn_out(self.attempt), self.attempt)
            return
        delay = b" " + as_json({"delay": int(delay_seconds * 1e9)}) if delay_seconds > 0 else b""
        await self.bus.settle(self.received.reply, b"-NAK" + delay)

    async def term(self, reason: str) -> None:
        await self.bury(reason, self.attempt)

    async def in_progress(self) -> None:
        await self.bus.settle(self.received.reply, b"+WPI")

    async def bury(self, reason: str, deliveries: int) -> None:
        """Store the dead letter first: cut in between, the message comes again and its letter is known by its id."""
        if self.consumer.stream != DEAD.name:
            await self.bus.bury(dead_letter(self.consumer, self.message, self.seq, deliveries, reason))
        await self.bus.settle(self.received.reply, b"+TERM")


@dataclass(frozen=True, slots=True)
class _Consumer:
    bus: JetStreamBus
    spec: ConsumerSpec

    async def fetch(self, limit: int = 100, wait_seconds: float = 0.0) -> Sequence[Delivery]:
        return await self.bus.fetch(self.spec, max(1, min(limit, FETCH_LIMIT)), wait_seconds)

    async def lag(self) -> Lag:
        return await self.bus.lag(self.spec)
