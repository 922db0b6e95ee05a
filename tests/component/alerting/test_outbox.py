"""The outbox over real records, with the hands of the clock turned by the test."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from sqlalchemy import update

from nagare.alerting.notify.outbox import AT_ONCE, FAILING_AT_ONCE, Outbox, Tools
from nagare.alerting.notify.room import Ways
from nagare.alerting.notify.schema import deliveries
from nagare.alerting.notify.store import Bounds, NotifyStore
from nagare.alerting.notify.wanted import DeliveriesWanted
from nagare.alerting.store import AlertStore, Mandate
from nagare.lib.clock import ManualClock
from nagare.lib.counters import Counters
from nagare.model.event import Event
from nagare.model.notify.incident import Reason
from nagare.model.notify.notice import Delivery, DeliveryState
from nagare.model.notify.receiver import Receiver
from nagare.model.notify.sending import NotSent, Sent
from nagare.records.engine import Records
from tests.support.migrated import place_records
from tests.support.notify_room import NOW_MS, Given, Recorder, Steps, channel, delivery, no_link, notifying

S = DeliveryState
ONE = Mandate("one", 1)
BUSY = NotSent("busy")


@dataclass
class Rig:
    """An outbox that sends to a recorder."""

    clock: ManualClock
    store: NotifyStore
    outbox: Outbox
    post: Recorder
    book: Given
    steps: Steps
    counters: Counters
    told: list[Event]
    running: asyncio.Task[None] = field(init=False)

    async def add(self, *made: Delivery, limit: int = 1000) -> None:
        """Keep deliveries and have them sent."""
        self.outbox.take(await self.store.add(made, Bounds(limit, limit)))

    async def noted(self, count: int) -> None:
        """Return once so many tries were noted, and what follows from the last was done."""
        await self.steps.until("noted", count)
        await asyncio.sleep(0)

    async def states(self) -> dict[str, str]:
        """Return the state of every delivery."""
        return {one.id: one.state for one in await self.store.find_all(DeliveriesWanted(), None, 1000)}


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    """One that runs."""
    place_records(tmp_path / "records.db")
    async with Records(tmp_path / "records.db") as records, asyncio.TaskGroup() as tasks:
        await AlertStore(records).lead("one", NOW_MS, NOW_MS + 15_000)
        made = _rig(records, Recorder())
        await made.outbox.lead(ONE)
        made.running = tasks.create_task(made.outbox.run())
        yield made
        made.running.cancel()


def _rig(records: Records, post: Recorder) -> Rig:
    clock, steps, counters, told = ManualClock(NOW_MS), Steps(), Counters(), list[Event]()
    tools = Tools(clock, counters, steps, random.Random(7))
    store, book = NotifyStore(records, steps), Given(notifying())
    outbox = Outbox(store, book, Ways(post, no_link), told.append, tools)
    return Rig(clock, store, outbox, post, book, steps, counters, told)


async def test_what_is_kept_is_sent_and_noted(rig: Rig) -> None:
    one = delivery()
    await rig.add(one)
    await rig.noted(1)
    assert [(key, sent.id, ref) for key, sent, ref, _ in rig.post.sent] == [("ops/phone", one.id, "")]
    found = await rig.store.find(one.id)
    assert found is not None
    assert (found[0].state, found[0].ref, found[0].tries) == (S.SENT, "m1", 1)
    (attempt,) = await rig.store.attempts_of(one.id)
    assert (attempt.number, attempt.fault, attempt.attributes) == (1, "", {"ref": "m1"})
    assert rig.counters.get("notifications_sent") == 1
    assert rig.outbox.waiting() == {"ops/phone": 0}


async def test_what_fails_is_tried_again_later_and_later(rig: Rig) -> None:
    one = delivery()
    rig.post.always["ops/phone"] = BUSY
    await rig.add(one)
    await rig.noted(1)
    waits = []
    for tries in range(2, 15):
        found = await rig.store.find(one.id)
        assert found is not None
        assert (found[0].state, found[0].fault) == (S.WAITING, "busy")
        waits.append((found[0].due_ms - rig.clock.now_ms()) / 1000)
        await rig.clock.advance(waits[-1] - 0.01)
        assert rig.steps.count("noted") == tries - 1
        await rig.clock.advance(0.011)
        await rig.noted(tries)
    assert all(0.5 <= wait <= min(2**place, 300) for place, wait in enumerate(waits)), waits
    assert max(waits) > 100
    rig.post.always.clear()
    await rig.clock.advance(300)
    await rig.noted(15)
    assert await rig.states() == {one.id: "sent"}
    assert len({sent.id for _, sent, _, _ in rig.post.sent}) == 1


async def test_a_channel_says_when_to_come_again(rig: Rig) -> None:
    rig.post.answers["ops/phone"].append(NotSent("slow down", after_seconds=120.0))
    await rig.add(delivery())
    await rig.noted(1)
    # It is the channel that asks: other incidents wait as well.
    await rig.add(delivery("i2"))
    await rig.clock.advance(119)
    assert rig.steps.count("noted") == 1
    await rig.clock.advance(10)
    await rig.noted(3)
    assert set((await rig.states()).values()) == {"sent"}


async def test_notices_of_an_incident_go_in_order_and_other_incidents_are_not_held_up(rig: Rig) -> None:
    first, second, other = delivery("i1", 1), delivery("i1", 2), delivery("i2", 1)
    rig.post.answers["ops/phone"].append(BUSY)
    await rig.add(first, second)
    await rig.noted(1)
    await rig.add(other)
    await rig.noted(2)
    assert rig.post.ids() == [first.id, other.id]
    await rig.clock.advance(2)
    await rig.noted(4)
    assert rig.post.ids() == [first.id, other.id, first.id, second.id]
    assert rig.post.sent[-1][2] == "m3"


async def test_one_that_is_given_up_lets_the_next_of_its_incident_go(rig: Rig) -> None:
    first, second = delivery("i1", 1), delivery("i1", 2)
    rig.post.answers["ops/phone"].append(NotSent("no such user", is_final=True))
    await rig.add(first, second)
    await rig.noted(2)
    assert await rig.states() == {first.id: "dead", second.id: "sent"}
    assert rig.counters.get("notifications_dead") == 1
    (event,) = rig.told
    assert (event.kind, event.text) == (
        "notification.dead",
        "notification to ops/phone was given up: no such user",
    )


async def test_after_a_day_the_next_failure_is_the_last(rig: Rig) -> None:
    one, seldom = replace(delivery(), tries=8), delivery("i2")
    rig.post.always["ops/phone"] = BUSY
    await rig.add(one, seldom)
    await rig.noted(2)
    # As if the server had been away for that day: it is tried once more all the same.
    rig.outbox.rest()
    await rig.clock.advance(86_399)
    await rig.outbox.lead(ONE)
    await rig.noted(4)
    assert await rig.states() == {one.id: "waiting", seldom.id: "waiting"}
    await rig.clock.advance(300)
    await rig.noted(6)
    # A day in which hardly anything was tried is none.
    assert await rig.states() == {one.id: "dead", seldom.id: "waiting"}


async def test_a_clock_that_was_set_back_neither_holds_up_nor_gives_more_than_a_day(rig: Rig) -> None:
    ahead = NOW_MS + 30 * 86_400_000
    one = replace(delivery(made_ms=ahead))
    rig.post.answers["ops/phone"].append(BUSY)
    await rig.add(one)
    await rig.clock.advance(300)
    await rig.noted(1)
    found = await rig.store.find(one.id)
    assert found is not None
    assert found[0].until_ms == rig.clock.now_ms() + 86_400_000


async def test_who_stands_in_is_told_once_and_nobody_for_who_stands_in(rig: Rig) -> None:
    people = (
        Receiver("ops", (channel("ops/phone"),), fallback="boss"),
        Receiver("boss", (channel("boss/mail"), channel("boss/phone")), fallback="ops"),
    )
    rig.book.notifying = notifying(*people)
    refused = NotSent("no such user", is_final=True)
    rig.post.always.update({"ops/phone": refused, "boss/mail": refused})
    one = delivery()
    await rig.add(one)
    await rig.noted(3)
    assert rig.post.sent[0][0] == "ops/phone"
    assert {key for key, _, _, _ in rig.post.sent[1:]} == {"boss/mail", "boss/phone"}
    assert all(sent.notice == one.notice for _, sent, _, _ in rig.post.sent)
    assert sorted((await rig.states()).values()) == ["dead", "dead", "sent"]
    # Tried again by hand and refused again, it is not told to who stands in another time.
    again = await rig.store.retry(one.id, rig.clock.now_ms())
    assert again is not None
    rig.outbox.hasten(again)
    await rig.noted(4)
    assert len(rig.post.ids("boss/phone")) == 1


async def test_no_more_a_minute_than_a_channel_takes(rig: Rig) -> None:
    rig.book.notifying = notifying(Receiver("ops", (channel("ops/phone", per_minute=2.0),)))
    await rig.add(*(delivery(f"i{number}") for number in range(3)))
    await rig.noted(1)
    await rig.clock.advance(29)
    assert len(rig.post.sent) == 1
    await rig.clock.advance(1)
    await rig.noted(2)
    assert len(rig.post.sent) == 2


async def test_dead_channels_leave_places_to_those_that_live(rig: Rig) -> None:
    names = [f"c{number}" for number in range(FAILING_AT_ONCE + 4)]
    rig.book.notifying = notifying(
        Receiver("ops", tuple(channel(f"ops/{name}") for name in names)), Receiver("boss", (channel("boss/phone"),))
    )
    for name in names:
        rig.post.always[f"ops/{name}"] = BUSY
    await rig.add(*(delivery(f"i{place}", 1, f"ops/{name}") for place, name in enumerate(names)))
    await rig.noted(len(names))
    # From now on they do not even answer.
    rig.post.held.update({f"ops/{name}": asyncio.Event() for name in names})
    await rig.clock.advance(2)
    await rig.post.until(lambda: len(rig.post.sent) == len(names) + FAILING_AT_ONCE)
    await rig.add(delivery("i9", 1, "boss/phone"))
    await rig.noted(len(names) + 1)
    assert rig.post.ids("boss/phone") == [delivery("i9", 1, "boss/phone").id]


async def test_a_delivery_to_a_channel_that_is_gone_is_dropped(rig: Rig) -> None:
    one = delivery("i1", 1, "ops/pager")
    await rig.add(one, delivery("i1", 1))
    await rig.noted(1)
    await rig.steps.until("dropped", 1)
    found = await rig.store.find(one.id)
    assert found is not None
    assert "not in the configuration" in found[0].fault
    assert len(rig.post.sent) == 1
    assert [event.text for event in rig.told] == [f"notification to ops/pager was given up: {found[0].fault}"]
    assert rig.counters.get("notifications_dropped") == 1


async def test_what_waits_for_a_channel_that_is_gone_goes_to_who_stands_in_without_a_pace(rig: Rig) -> None:
    ops = Receiver("ops", (channel("ops/phone"),), fallback="boss")
    rig.book.notifying = notifying(ops, Receiver("boss", (channel("boss/phone"),)))
    await rig.add(*(delivery(f"i{number}", 1, "ops/pager") for number in range(100)))
    await rig.noted(100)
    assert len(rig.post.ids("boss/phone")) == 100


async def test_what_was_cut_off_is_sent_by_the_next_run(rig: Rig) -> None:
    rig.post.held["ops/phone"] = asyncio.Event()
    await rig.add(*(delivery(f"i{number}") for number in range(4)))
    await rig.post.until(lambda: len(rig.post.sent) == 4)
    # The second time it does not wait for what is on its way.
    rig.running.cancel()
    await asyncio.sleep(0)
    rig.running.cancel()
    await asyncio.wait([rig.running])
    rig.post.held.clear()
    again = asyncio.create_task(rig.outbox.run())
    await rig.noted(4)
    assert set((await rig.states()).values()) == {"sent"}
    again.cancel()


async def test_a_row_that_nobody_can_read_holds_up_its_incident_alone(rig: Rig) -> None:
    bad, good = delivery("i1"), delivery("i2")
    await rig.store.add([bad, good], Bounds(10, 10))
    broken = update(deliveries).where(deliveries.c.id == bad.id).values(notice={})
    await rig.store._records.write(lambda connection: connection.execute(broken))
    rig.outbox.take([bad, good])
    await rig.noted(1)
    assert rig.post.ids() == [good.id]
    for count in range(1, AT_ONCE + 2):
        await rig.steps.until("put_back", count)
        # Until it waits for the clock.
        await rig.clock.advance(0)
        assert rig.counters.get("outbox_failed") == count
        await rig.clock.advance(5)
    await rig.add(delivery("i3"))
    await rig.noted(2)


async def test_a_new_term_sends_nothing_that_is_on_its_way(rig: Rig) -> None:
    rig.post.held["ops/phone"] = asyncio.Event()
    one = delivery()
    await rig.add(one)
    await rig.post.until(lambda: len(rig.post.sent) == 1)
    await rig.outbox.lead(ONE)
    await rig.add(delivery("i2"))
    await rig.post.until(lambda: len(rig.post.sent) == 2)
    rig.post.held["ops/phone"].set()
    await rig.noted(2)
    assert sorted(rig.post.ids()) == [one.id, delivery("i2").id]


async def test_channels_that_are_slow_leave_places_to_the_others(rig: Rig) -> None:
    slow = [f"ops/c{number}" for number in range(AT_ONCE // 4)]
    rig.book.notifying = notifying(Receiver("ops", tuple(channel(key) for key in (*slow, "ops/quick"))))
    gates = rig.post.held
    gates.update({key: asyncio.Event() for key in slow})
    await rig.add(*(delivery(f"i{number}", 1, key) for key in slow for number in range(20)))
    await rig.post.until(lambda: len(rig.post.sent) == AT_ONCE)
    await rig.add(delivery("i1", 1, "ops/quick"))
    # One place becomes free: it is the turn of who had none.
    first, gates[slow[0]] = gates[slow[0]], asyncio.Event()
    first.set()
    await rig.post.until(lambda: "ops/quick" in [key for key, _, _, _ in rig.post.sent])


async def test_what_finds_no_room_goes_to_who_stands_in_and_other_channels_have_theirs(rig: Rig) -> None:
    ops = Receiver("ops", (channel("ops/phone"), channel("ops/mail")), fallback="boss")
    rig.book.notifying = notifying(ops, Receiver("boss", (channel("boss/phone"),)))
    bounds = replace(rig.outbox.bounds, a_channel=2)
    phone = [delivery(f"i{number}") for number in range(3)]
    made = await rig.store.add([*phone, delivery("i1", 1, "ops/mail")], bounds)
    assert [(one.channel, one.notice.incident, one.state) for one in made[2:]] == [
        ("ops/phone", "i2", S.DEAD),
        ("ops/mail", "i1", S.WAITING),
        ("boss/phone", "i2", S.WAITING),
    ]
    rig.outbox.take(made)
    await rig.noted(4)
    (event,) = rig.told
    assert event.text == "1 notifications were given up: cannot take notification: 2 wait already for its channel"


async def test_a_repeat_of_what_waits_still_is_not_kept(rig: Rig) -> None:
    first, other = delivery("i1", 1), delivery("i1", 2)
    again = replace(other, notice=replace(other.notice, reason=Reason.REPEAT))
    await rig.store.add([first], Bounds(10, 10))
    assert await rig.store.add([again], Bounds(10, 10)) == []
    assert await rig.store.add([delivery("i1", 2, "ops/mail"), other], Bounds(10, 10)) != []


async def test_a_bug_in_a_sender_is_the_fault_of_one_delivery(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Recorder):
        async def send(self, *_: object) -> Sent | NotSent:
            raise RuntimeError("https://secret.example/token")

    rig.outbox._ways = Ways(Broken(), no_link)
    one = delivery()
    await rig.add(one)
    await rig.noted(1)
    found = await rig.store.find(one.id)
    assert found is not None
    assert (found[0].state, found[0].fault) == (S.WAITING, "cannot send to ops/phone: RuntimeError")
    assert "RuntimeError < test_outbox.py:" in caplog.text
    assert "secret" not in caplog.text


async def test_too_many_that_wait_are_told_of_as_one_event(rig: Rig) -> None:
    rig.post.always["ops/phone"] = BUSY
    await rig.add(*(delivery(f"i{number}") for number in range(5)), limit=3)
    assert rig.counters.get("notifications_dead") == 2
    (event,) = rig.told
    assert event.text == "2 notifications were given up: cannot take notification: 3 wait already"


async def test_what_waits_is_sent_by_who_judges_next(rig: Rig, tmp_path: Path) -> None:
    rig.post.held["ops/phone"] = asyncio.Event()
    one = delivery()
    await rig.add(one)
    await rig.post.until(lambda: len(rig.post.sent) == 1)
    async with Records(tmp_path / "records.db") as records, asyncio.TaskGroup() as tasks:
        assert await AlertStore(records).lead("two", NOW_MS + 20_000, NOW_MS + 35_000) == 2
        other = _rig(records, Recorder())
        await other.outbox.lead(Mandate("two", 2))
        running = tasks.create_task(other.outbox.run())
        await other.noted(1)
        assert other.post.ids() == [one.id]
        # The first one comes back: its word of it counts no more, and it sends nothing on.
        rig.post.held["ops/phone"].set()
        await rig.noted(1)
        assert len(await other.store.attempts_of(one.id)) == 1
        running.cancel()


async def test_who_stops_lets_what_is_on_its_way_arrive(rig: Rig) -> None:
    rig.post.held["ops/phone"] = asyncio.Event()
    one = delivery()
    rig.outbox.take(await rig.store.add([one], Bounds(10, 10)))
    await rig.post.until(lambda: len(rig.post.sent) == 1)
    rig.running.cancel()
    await asyncio.sleep(0)
    rig.post.held["ops/phone"].set()
    await rig.noted(1)
    assert await rig.states() == {one.id: "sent"}


async def test_records_that_are_away_cost_no_second_message(rig: Rig) -> None:
    rig.post.held["ops/phone"] = asyncio.Event()
    one = delivery()
    await rig.add(one)
    await rig.post.until(lambda: len(rig.post.sent) == 1)
    writer = rig.store._records._writer
    # As many requests wait as may.
    writer._waiting += 1000
    rig.post.held["ops/phone"].set()
    await rig.steps.until("sent", 1)
    await asyncio.sleep(0)
    assert rig.counters.get("outbox_failed") == 1
    writer._waiting -= 1000
    await rig.clock.advance(5)
    await rig.noted(1)
    assert len(rig.post.sent) == 1
    assert await rig.states() == {one.id: "sent"}


async def test_one_that_is_dropped_is_not_sent_and_one_that_is_wanted_again_is_sent_now(rig: Rig) -> None:
    rig.post.always["ops/phone"] = BUSY
    one, other = delivery(), delivery("i2")
    await rig.add(one, other)
    await rig.noted(2)
    dropped = await rig.store.drop(one.id, "enough", rig.clock.now_ms())
    assert dropped is not None
    rig.outbox.discard(dropped)
    rig.post.always.clear()
    await rig.clock.advance(10)
    await rig.noted(3)
    assert await rig.states() == {one.id: "dropped", other.id: "sent"}
    again = await rig.store.retry(one.id, rig.clock.now_ms())
    assert again is not None
    rig.outbox.hasten(again)
    await rig.noted(4)
    assert set((await rig.states()).values()) == {"sent"}
