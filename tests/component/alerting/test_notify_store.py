"""Incidents and deliveries in both databases: all of a change or nothing, once, and only by who judges."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from nagare.alerting.notify.fanout import PATIENCE_MS, Telling
from nagare.alerting.notify.store import Bounds, NotifyStore
from nagare.alerting.notify.wanted import DeliveriesWanted
from nagare.alerting.store import AlertStore, Mandate
from nagare.config.settings import RecordsSettings
from nagare.model.notify.incident import FIRING, RESOLVED, Incident
from nagare.model.notify.notice import Attempt, Delivery, DeliveryState
from nagare.records.engine import Records
from tests.support.notify_room import NOW_MS, change, delivery, incident

ONE = Mandate("one", 1)
LIMIT = Bounds(100, 100)


@pytest.fixture
async def records(tmp_path: Path, migrated: RecordsSettings) -> AsyncIterator[Records]:
    """Fresh records in which ``ONE`` judges."""
    async with Records(tmp_path / "records.db", migrated) as opened:
        assert await AlertStore(opened).lead("one", NOW_MS, NOW_MS + 15_000) == 1
        yield opened


@pytest.fixture
def store(records: Records) -> NotifyStore:
    """A store over them."""
    return NotifyStore(records)


async def _kept(store: NotifyStore, after: Incident, *deliveries: Delivery, before: Incident | None = None) -> Incident:
    kept = await store.keep([Telling(change(after, before), deliveries)], ONE, LIMIT)
    assert kept.deliveries == list(deliveries)
    return kept.incidents[after.id]


def _sent(one: Delivery, **fields: object) -> Delivery:
    return replace(one, state=DeliveryState.SENT, tries=one.tries + 1, done_ms=NOW_MS + 5, ref="m1", **fields)  # type: ignore[arg-type]


async def test_an_incident_and_its_deliveries_come_back_as_they_were(store: NotifyStore) -> None:
    told = {"a1": FIRING, "a2": RESOLVED}
    one = replace(
        incident(look_ms=1, told=told, told_ms=2, waiting_ms=4, step=5, told_to=("ops", "boss")),
        number=3,
        severities={"a1": 3},
    )
    first = delivery("i1", 1)
    kept = await _kept(store, one, first, delivery("i1", 1, "ops/mail"))
    assert kept == replace(one, revision=1)
    assert await store.load_open() == [kept]
    assert await store.find_incident("i1") == kept
    assert await store.find(first.id) == (first, "")
    assert [entry.channel for entry in await store.load_waiting(None, 10)] == ["ops/mail", "ops/phone"]
    (brief,) = await store.find_all(DeliveriesWanted(channel="ops/phone"), None, 10)
    assert (brief.id, brief.hosts, brief.alertnames, brief.firing) == (first.id, ("web1",), ("Full",), 1)


async def test_who_comes_second_keeps_nothing_of_it(store: NotifyStore) -> None:
    first = await _kept(store, incident())
    after = await _kept(store, replace(first, number=1), delivery("i1", 1), before=first)
    late = Telling(change(replace(first, number=7), first), (delivery("i1", 7),))
    kept = await store.keep([late], ONE, LIMIT)
    assert (kept.incidents, kept.deliveries) == ({}, [])
    assert await store.find_incident("i1") == after
    assert [one.number for one in await store.load_waiting(None, 10)] == [1]


async def test_of_a_group_one_incident_is_open(store: NotifyStore) -> None:
    first = await _kept(store, incident(1))
    same = replace(incident(2), labels=first.labels)
    assert (await store.keep([Telling(change(same), (delivery("i2"),))], ONE, LIMIT)).incidents == {}
    await _kept(store, replace(first, ended_ms=NOW_MS), before=first)
    assert (await _kept(store, same, delivery("i2"))).id == "i2"
    assert [one.id for one in await store.load_open()] == ["i2"]


async def test_who_lost_the_lease_writes_nothing(store: NotifyStore, records: Records) -> None:
    one = await _kept(store, incident(), delivery())
    assert await AlertStore(records).lead("two", NOW_MS + 20_000, NOW_MS + 35_000) == 2
    after = Telling(change(replace(one, number=2), one), (delivery("i1", 2),))
    assert (await store.keep([after], ONE, LIMIT)).incidents == {}
    fate = _sent(delivery())
    assert await store.note(Attempt(fate.id, 1, NOW_MS, 5), fate, (), ONE, LIMIT) is None
    assert await store.attempts_of(fate.id) == []
    assert [entry.id for entry in await store.load_waiting(None, 10)] == [fate.id]


async def test_a_delivery_is_kept_once_however_often_it_is_made(store: NotifyStore) -> None:
    one = delivery()
    assert await store.add([one, delivery("i2")], LIMIT) == [one, delivery("i2")]
    fate = _sent(one)
    await store.note(Attempt(one.id, 1, NOW_MS, 5), fate, (), ONE, LIMIT)
    assert await store.add([one], LIMIT) == []
    assert await store.find(one.id) == (fate, "")


async def test_an_attempt_its_outcome_and_what_comes_instead_are_kept_together(store: NotifyStore) -> None:
    one, instead = delivery(), delivery("i1", 1, "boss/phone")
    await store.add([one], LIMIT)
    later = replace(one, tries=1, due_ms=NOW_MS + 1000, fault="busy")
    assert await store.note(Attempt(one.id, 1, NOW_MS, 7, "busy"), later, (), ONE, LIMIT) == []
    dead = replace(later, tries=2, state=DeliveryState.DEAD, done_ms=NOW_MS + 9, fault="gone")
    tried = Attempt(one.id, 2, NOW_MS + 8, 1, "gone", {"status": "410"})
    assert await store.note(tried, dead, [instead], ONE, LIMIT) == [instead]
    assert await store.find(one.id) == (dead, "")
    assert await store.attempts_of(one.id) == [Attempt(one.id, 1, NOW_MS, 7, "busy"), tried]
    assert [entry.id for entry in await store.load_waiting(None, 10)] == [instead.id]


async def test_what_was_dropped_meanwhile_stays_dropped_unless_it_was_sent(store: NotifyStore) -> None:
    one, other = delivery(), delivery("i2")
    await store.add([one, other], LIMIT)
    for each in (one, other):
        assert await store.drop(each.id, "enough", NOW_MS + 1)
    dead = replace(one, tries=1, state=DeliveryState.DEAD, fault="gone")
    assert await store.note(Attempt(one.id, 1, NOW_MS, 1, "gone"), dead, [delivery("i1", 1, "b/x")], ONE, LIMIT) == []
    assert await store.note(Attempt(other.id, 1, NOW_MS, 1), _sent(other), (), ONE, LIMIT) == []
    found = [await store.find(each.id) for each in (one, other)]
    assert [each and each[0].state for each in found] == [DeliveryState.DROPPED, DeliveryState.SENT]


async def test_what_was_given_up_can_be_tried_again_and_nothing_else(store: NotifyStore) -> None:
    one = delivery()
    await store.add([one], LIMIT)
    assert await store.retry(one.id, NOW_MS) is None
    dropped = await store.drop(one.id, "enough", NOW_MS + 1)
    assert dropped == replace(one, state=DeliveryState.DROPPED, done_ms=NOW_MS + 1, fault="enough")
    assert await store.drop(one.id, "enough", NOW_MS + 1) is None
    again = await store.retry(one.id, NOW_MS + 2)
    assert again is not None
    assert (again.state, again.done_ms, again.until_ms) == (DeliveryState.WAITING, None, NOW_MS + 2 + PATIENCE_MS)
    await store.note(Attempt(one.id, 1, NOW_MS, 5), _sent(one), (), ONE, LIMIT)
    assert await store.retry(one.id, NOW_MS) is None
    assert await store.drop(one.id, "enough", NOW_MS) is None


async def test_a_later_message_knows_what_the_channel_called_the_earlier_one(store: NotifyStore) -> None:
    numbers = [delivery("i1", number) for number in (1, 2, 3)]
    await store.add([*numbers, delivery("i1", 1, "ops/mail"), delivery("i2")], LIMIT)
    for one, ref in zip(numbers, ("first", "", ""), strict=True):
        await store.note(Attempt(one.id, 1, NOW_MS, 5), replace(_sent(one), ref=ref), (), ONE, LIMIT)
    found = await store.find(numbers[2].id)
    assert found is not None
    assert found[1] == "first"
    other = await store.find(delivery("i2").id)
    assert other is not None
    assert other[1] == ""


async def test_what_waits_is_read_in_pages_that_skip_nothing(store: NotifyStore) -> None:
    made = [delivery(f"i{number % 7}", number, f"ops/c{number % 3}") for number in range(40)]
    await store.add(made, LIMIT)
    found, last = [], None
    while page := await store.load_waiting(last, 7):
        found += page
        last = page[-1]
    assert sorted(entry.id for entry in found) == sorted(one.id for one in made)
    of_one = [entry.number for entry in found if (entry.channel, entry.incident) == ("ops/c1", "i1")]
    assert of_one == sorted(of_one)


async def test_more_than_may_wait_is_kept_as_dead(store: NotifyStore) -> None:
    kept = await store.add([delivery(f"i{number}") for number in range(5)], Bounds(3, 3))
    assert [one.state for one in kept] == [DeliveryState.WAITING] * 3 + [DeliveryState.DEAD] * 2
    assert "3 wait already" in kept[-1].fault
    assert len(await store.load_waiting(None, 10)) == 3
    found = await store.find(kept[-1].id)
    assert found is not None
    assert found[0] == kept[-1]


async def test_lists_are_narrowed_and_paged(store: NotifyStore) -> None:
    made = [delivery(f"i{number % 3}", number, made_ms=NOW_MS + number // 4) for number in range(20)]
    await store.add(made, LIMIT)
    await store.drop(made[4].id, "enough", NOW_MS)

    async def numbers(**wanted: object) -> set[int]:
        return {one.number for one in await store.find_all(DeliveriesWanted(**wanted), None, 100)}  # type: ignore[arg-type]

    assert await numbers(states=("dropped",)) == {4}
    assert await numbers(incident="i1") == {1, 4, 7, 10, 13, 16, 19}
    assert await numbers(severity=3) == set()
    assert await numbers(receiver="ops", channel="ops/phone", since_ms=NOW_MS + 4) == {16, 17, 18, 19}
    found: list[int] = []
    before: tuple[int, str] | None = None
    while page := await store.find_all(DeliveriesWanted(), before, 6):
        found += [one.number for one in page]
        before = (page[-1].made_ms, page[-1].id)
    assert sorted(found) == list(range(20))


async def test_incidents_are_paged_the_newest_first(store: NotifyStore) -> None:
    for number in range(1, 6):
        await _kept(store, incident(number, ended_ms=NOW_MS if number % 2 else None))
    assert [one.id for one in await store.find_incidents(None, 3)] == ["i5", "i4", "i3"]
    assert [one.id for one in await store.find_incidents((NOW_MS + 3, "i3"), 3)] == ["i2", "i1"]
    assert [one.id for one in await store.find_incidents(None, 9, is_open=True)] == ["i4", "i2"]
    assert [one.id for one in await store.find_incidents(None, 9, is_open=False)] == ["i5", "i3", "i1"]


async def test_what_is_old_goes_in_pieces_and_what_waits_stays(store: NotifyStore) -> None:
    for number in range(1, 4):
        await _kept(store, incident(number, ended_ms=NOW_MS + number), delivery(f"i{number}"))
    await _kept(store, incident(9))
    for number in (1, 2):
        one = delivery(f"i{number}")
        await store.note(Attempt(one.id, 1, NOW_MS, 5), _sent(one), (), ONE, LIMIT)
    assert [await store.forget(NOW_MS + 10, 1) for _ in range(4)] == [1, 1, 1, 0]
    assert [one.id for one in await store.find_incidents(None, 9)] == ["i9"]
    assert [one.id for one in await store.find_all(DeliveriesWanted(), None, 9)] == [delivery("i3").id]
    assert await store.attempts_of(delivery("i1").id) == []


async def test_what_waits_and_what_is_open_is_found_by_an_index(store: NotifyStore) -> None:
    queries = (
        "SELECT id FROM deliveries WHERE state = 'waiting' ORDER BY channel, incident, number",
        "SELECT count(*) FROM deliveries WHERE state = 'waiting'",
        "SELECT id FROM incidents WHERE incidents.is_open",
    )

    def explain(connection: Connection) -> list[str]:
        if connection.dialect.name == "postgresql":
            # A table as small as this one would be read as a whole.
            connection.execute(text("SET LOCAL enable_seqscan = off"))
        words = "EXPLAIN" if connection.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
        return [str(connection.execute(text(f"{words} {query}")).all()) for query in queries]

    plans = await store._records.read(explain)
    assert ["ix_deliveries_waiting" in plans[0], "ix_deliveries_waiting" in plans[1]] == [True, True], plans
    assert "uq_incidents_open" in plans[2]
