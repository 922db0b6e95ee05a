"""Words on their way: who can wait does while half of the room is taken."""

import asyncio

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
