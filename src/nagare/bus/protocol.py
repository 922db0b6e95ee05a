"""The seam: what a room may ask of the bus, whichever of its two implementations stands behind.

At least once, everywhere: what is published again under its id is stored once, what is not acked in time is delivered again.
So whoever consumes acks after its own durable write, and takes a message that it knows already for done.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol, Self

from nagare.bus.message import Message
from nagare.bus.streams import Streams
from nagare.lib.counters import Counters

FETCH_LIMIT = 1000
DEAD_LETTERS_LIMIT = 1000


class Ack(NamedTuple):
    """A stored message: its place in the stream, and whether it stood there already under its id."""

    stream: str
    seq: int
    duplicate: bool


@dataclass(frozen=True, slots=True)
class ConsumerSpec:
    """A named, durable reader of a stream. Several processes, or tasks, may fetch from one name: they share its messages.

    ``subjects``: patterns to which it is limited; empty reads all. ``ack_seconds``: time that a delivery has for its ack.
    ``deliver_limit``: deliveries after which a message is a dead letter. ``unacked_limit``: messages out at one time.
    ``only_new``: one that is made now begins after the newest message, not with the oldest.
    """

    stream: str
    name: str
    subjects: tuple[str, ...] = ()
    ack_seconds: float = 30.0
    deliver_limit: int = 5
    unacked_limit: int = 1000
    only_new: bool = False


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a consumer is behind: messages never delivered to it, and those delivered that nobody acked yet.

    JetStream's is a moment old: what was just published may not count yet.
    """

    waiting: int
    unacked: int


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that was given up on, why, and where it stood: ``seq`` in ``stream``, ``consumer`` gave up.

    ``dead_seq`` is its place among the dead letters, to go on from.
    """

    message: Message
    stream: str
    consumer: str
    seq: int
    deliveries: int
    reason: str
    dead_seq: int


class Delivery(Protocol):
    """One message in the hands of a consumer, which says what became of it.

    ``attempt`` counts deliveries of the message to this consumer, from one. Each verb returns when the bus has taken the
    word durably, and raises UnavailableError or StorageError when it has not: then the message may come again.
    """

    @property
    def message(self) -> Message:
        """The message, under the subject that it is stored with."""
        ...

    @property
    def seq(self) -> int:
        """Its place in the stream."""
        ...

    @property
    def attempt(self) -> int:
        """Which delivery this is, from one."""
        ...

    @property
    def published_at(self) -> datetime:
        """When it was stored."""
        ...

    async def ack(self) -> None:
        """Done: never deliver it to this consumer again. Also good after the deadline, until somebody else has acked."""
        ...

    async def nak(self, delay_seconds: float = 0.0) -> None:
        """Not now: deliver it again after ``delay_seconds``; the last allowed delivery makes it a dead letter."""
        ...

    async def term(self, reason: str) -> None:
        """Never again: make it a dead letter for ``reason``."""
        ...

    async def in_progress(self) -> None:
        """Still at work: the deadline starts anew."""
        ...


class Consumer(Protocol):
    """A durable reader. It pulls: nothing is delivered that nobody asked for."""

    @property
    def spec(self) -> ConsumerSpec:
        """What it reads and how."""
        ...

    async def fetch(self, limit: int = 100, wait_seconds: float = 0.0) -> Sequence[Delivery]:
        """Return up to ``limit`` (at most ``FETCH_LIMIT``) deliveries; wait for the first at most ``wait_seconds``.

        Messages come in the order of the stream, those that come again first. Without a wait, none means that none was
        there a moment ago. What a cancelled fetch had on its way
        comes again after the ack deadline. Raises UnavailableError, StorageError.
        """
        ...

    async def lag(self) -> Lag:
        """Return how far it is behind."""
        ...


class Subscription(Protocol):
    """Live messages while somebody looks: a courtesy, without memory.

    A bounded queue that drops its oldest; ``dropped`` counts those. A message may be missed, or come twice with one id.
    """

    dropped: int

    def __aiter__(self) -> AsyncIterator[Message]:
        """Yield messages as they are published."""
        ...

    async def __anext__(self) -> Message:
        """Return the next one."""
        ...


class Bus(Protocol):
    """The bus. ``async with bus`` opens it; ``run`` keeps its house until cancelled."""

    streams: Streams
    counters: Counters

    async def __aenter__(self) -> Self:
        """Open it. Raises LockedError, StorageError, ConnectFailedError, ConfigError."""
        ...

    async def __aexit__(self, *_: object) -> None:
        """Finish what was begun, and close."""
        ...

    async def run(self) -> None:
        """Keep house until cancelled."""
        ...

    async def check(self) -> None:
        """Return when it answers. Raises UnavailableError, StorageError."""
        ...

    async def publish(self, messages: Sequence[Message]) -> list[Ack]:
        """Return an ack for each message (``PUBLISH_LIMIT`` at most), in their order, when all are stored.

        When it raises, nothing is known of any of them: publish them again under the same ids, which stores each once.
        Raises InputError, NotFoundError, BodyTooLargeError, OverloadedError (the stream is full, or too much waits),
        UnavailableError, StorageError.
        """
        ...

    def subscribe(self, *patterns: str, limit: int = 1000) -> AbstractAsyncContextManager[Subscription]:
        """Show messages of ``patterns`` as they are published; ``limit`` may wait."""
        ...

    async def consumer(self, spec: ConsumerSpec) -> Consumer:
        """Return the consumer of that name, made or changed to be as ``spec`` says. Raises NotFoundError, InputError."""
        ...

    async def remove_consumer(self, stream: str, name: str) -> None:
        """Forget a consumer and what it has read. Raises NotFoundError."""
        ...

    async def dead_letters(self, stream: str, *, after: int = 0, limit: int = 100) -> list[DeadLetter]:
        """Return dead letters of ``stream`` whose ``dead_seq`` is greater than ``after``, oldest first."""
        ...
