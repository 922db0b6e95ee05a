"""Words on their way: who can wait does while half of the room is taken."""

import asyncio

from nagare.errors import StorageError
from nagare.lib import teller
from nagare.lib.clock import ManualClock
from nagare.lib.counters import Counters
from nagare.lib.teller import Teller
from nagare.model.event import Event, Severity


def _event(number: int) -> Event:
    return Event(id=f"e{number}", ts=number, host="", kind="alert.firing", severity=Severity.INFO, source="x", text="x")


async def test_who_can_wait_waits_while_half_of_the_room_is_taken() -> None:
    stored: list[Event] = []

    async def store(event: Event) -> None:
        stored.append(event)

    counters = Counters()
    telling = Teller[Event](store, ManualClock(), counters)
    half = teller._WAITING_LIMIT // 2
    for number in range(half - 1):
        telling.tell(_event(number))
    await asyncio.wait_for(telling.room(), 5)
    telling.tell(_event(half))
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(telling.room())
        await asyncio.sleep(0)
        assert not waiting.done()
        assert await telling.flush()
    assert (len(stored), counters.get("events_dropped")) == (half, 0)


async def test_what_was_not_stored_stays_and_the_others_are_stored_once() -> None:
    stored: list[str] = []
    is_full = True

    async def store(event: Event) -> None:
        if event.id == "e3" and is_full:
            raise StorageError("cannot store event: the disk is full")
        stored.append(event.id)

    telling = Teller[Event](store, ManualClock(), Counters())
    for number in range(200):
        telling.tell(_event(number))
    assert not await telling.flush()
    is_full = False
    assert await telling.flush()
    assert sorted(stored) == sorted(f"e{number}" for number in range(200))
    assert await telling.flush()
    assert len(stored) == 200
