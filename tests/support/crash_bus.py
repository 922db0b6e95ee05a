"""Publishes to and reads from an embedded bus at full rate, to be killed at any moment.

Usage: python crash_bus.py FOLDER ROUND. Prints, each in one unbuffered write: ``try ID`` before a message is published,
``ack ID SEQ`` when it was acknowledged, ``done SEQ`` when the word of its reader was taken.
"""

import asyncio
import itertools
import os
import sys
from pathlib import Path

from nagare.bus.embedded.bus import EmbeddedBus
from nagare.bus.message import Message
from nagare.bus.protocol import Bus, ConsumerSpec
from nagare.bus.streams import DAY, Streams, StreamSpec
from nagare.lib.clock import SystemClock

STREAMS = Streams((StreamSpec("work", ("work.*",), DAY, 10**7, 2**34),))
READER = ConsumerSpec("work", "reader", deliver_limit=10**6)


def body_of(message_id: str) -> bytes:
    """Return the bytes of a message, which follow from its id."""
    return message_id.encode() * (len(message_id) % 7 + 1)


def message_of(message_id: str) -> Message:
    """Return a message by its id."""
    return Message(f"work.k{len(message_id) % 3}", body_of(message_id), message_id)


def _say(*lines: str) -> None:
    os.write(1, "".join(f"{line}\n" for line in lines).encode())


async def _publish(bus: Bus, ids: "itertools.count[int]", batch: int, number: str) -> None:
    while True:
        messages = [message_of(f"{number}-{next(ids)}") for _ in range(batch)]
        _say(*(f"try {message.id}" for message in messages))
        acks = await bus.publish(messages)
        _say(*(f"ack {message.id} {ack.seq}" for message, ack in zip(messages, acks, strict=True)))


async def _read(bus: Bus) -> None:
    consumer = await bus.consumer(READER)
    while True:
        for delivery in await consumer.fetch(20, wait_seconds=1.0):
            assert delivery.message.data == body_of(delivery.message.id)
            if delivery.seq % 3:
                await delivery.ack()
                _say(f"done {delivery.seq}")
            else:
                await delivery.nak()


async def main() -> None:
    folder, number = Path(sys.argv[1]), sys.argv[2]
    ids = itertools.count()
    async with EmbeddedBus(folder / "bus.db", SystemClock(), STREAMS) as bus, asyncio.TaskGroup() as tasks:
        for batch in (1, 1, 1, 1, 7, 50):
            tasks.create_task(_publish(bus, ids, batch, number))
        tasks.create_task(_read(bus))


if __name__ == "__main__":
    asyncio.run(main())
