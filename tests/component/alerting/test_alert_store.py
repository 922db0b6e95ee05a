"""Alerts in both databases: one is first, one is open, and who lost the lease writes nothing."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from nagare.alerting.alerts.board import Board
from nagare.alerting.alerts.lifecycle import Step
from nagare.alerting.alerts.wanted import Wanted
from nagare.alerting.store import AlertStore, open_alerts
from nagare.config.settings import RecordsSettings
from nagare.lib.clock import SystemClock
from nagare.lib.counters import Counters
from nagare.lib.teller import Teller
from nagare.model.alert.alert import Alert, AlertState, Transition
from nagare.model.event import Event, Severity
from nagare.records.engine import Records

S = AlertState
NOW_MS = 1_760_000_000_000


@pytest.fixture
async def store(tmp_path: Path, migrated: RecordsSettings) -> AsyncIterator[AlertStore]:
    """A store over fresh records."""
    async with Records(tmp_path / "records.db", migrated) as records:
        yield AlertStore(records)


def alert(
    number: int = 1, *, thing: int | None = None, state: AlertState = S.FIRING, changed_ms: int = NOW_MS
) -> Alert:
    """Return an alert; ``thing`` is what it is about."""
    labels = {"alertname": "Full", "host": f"web{number}", "note": "ünï \N{GRINNING FACE}"}
    name, about = f"a{number:03d}", f"f{number if thing is None else thing}"
    return Alert(name, "rules", about, "Full", Severity.HIGH, labels, {}, NOW_MS, NOW_MS, changed_ms, state, 0.5)


def step(one: Alert, before: AlertState | None = None) -> Step:
    """Return a step to ``one``."""
    return Step(one, (Transition(one.changed_ms, before, one.state, "rule Full", "because", {"value": "1"}),))


async def test_an_alert_comes_back_as_it_was(store: AlertStore) -> None:
    one = replace(
        alert(), comes=(1, 2), owner="alice", is_stale=True, again_ms=5, value=None, rule="R" * 64 + "/rule-failing"
    )
    kept = await store.apply([step(one)])
    assert kept == {one.id: replace(one, revision=1)}
    assert await store.find(one.id) == await store.find_open("rules", "f1") == kept[one.id]
    assert await store.load_open() == [kept[one.id]]
    assert await store.turns_of(one.id) == [(1, step(one).turns[0])]


async def test_who_comes_second_changes_nothing(store: AlertStore) -> None:
    first = (await store.apply([step(alert())]))["a001"]
    assert first is not None
    taken = replace(first, state=S.ACKNOWLEDGED, owner="alice")
    assert await store.apply([step(taken, S.FIRING)])
    for late in (step(replace(first, state=S.RESOLVED), S.FIRING), Step(first), Step(first, is_dropped=True)):
        assert await store.apply([late]) == {}
    assert await store.find("a001") == replace(taken, revision=2)
    # Not even what happened to it is gone, when dropping it came too late.
    assert [turn.after for _, turn in await store.turns_of("a001")] == [S.FIRING, S.ACKNOWLEDGED]


async def test_of_a_thing_one_is_open(store: AlertStore) -> None:
    assert await store.apply([step(alert(1, thing=7)), step(alert(2, thing=7))]) == {
        "a001": replace(alert(1, thing=7), revision=1)
    }
    assert await store.turns_of("a002") == []
    first = replace(alert(1, thing=7), revision=1)
    over = step(replace(first, state=S.CLOSED), S.RESOLVED)
    assert set(await store.apply([over, step(alert(2, thing=7))])) == {"a001", "a002"}
    assert [one.id for one in await store.load_open()] == ["a002"]


async def test_a_dropped_one_leaves_nothing(store: AlertStore) -> None:
    kept = (await store.apply([step(alert(state=S.PENDING))]))["a001"]
    assert kept is not None
    assert await store.apply([Step(kept, is_dropped=True)]) == {"a001": None}
    assert await store.find("a001") is None
    assert await store.turns_of("a001") == []


async def test_who_lost_the_lease_writes_nothing(store: AlertStore) -> None:
    assert await store.lead("one", NOW_MS, NOW_MS + 15_000) == 1
    assert await store.lead("two", NOW_MS + 14_999, NOW_MS + 29_999) is None
    assert await store.lead("one", NOW_MS + 5000, NOW_MS + 20_000) == 1
    assert await store.lead("two", NOW_MS + 20_000, NOW_MS + 35_000) == 2
    assert await store.apply([step(alert())], "one", 1) == {}
    assert await store.find("a001") is None
    assert await store.apply([step(alert())], "two", 2)
    # The first leads again: its old term is as void as before.
    await store.retire("two")
    assert await store.lead("one", NOW_MS + 20_001, NOW_MS + 35_001) == 3
    assert await store.apply([step(alert(2))], "one", 1) == {}
    assert await store.apply([step(alert(2))], "one", 3)


async def test_a_lease_of_a_clock_that_was_ahead_holds_nobody_up(store: AlertStore) -> None:
    assert await store.lead("one", NOW_MS + 86_400_000, NOW_MS + 86_415_000) == 1
    assert await store.lead("two", NOW_MS, NOW_MS + 15_000) == 2


async def test_who_is_alone_waits_for_no_lease(store: AlertStore) -> None:
    assert await store.lead("gone", NOW_MS, NOW_MS + 15_000) == 1
    assert await store.lead("new", NOW_MS + 1, NOW_MS + 15_001, is_alone=True) == 2
    assert await store.apply([step(alert())], "gone", 1) == {}


async def test_pages_skip_and_repeat_nothing_that_stays(store: AlertStore) -> None:
    # Many of one moment: the id tells them apart.
    await store.apply([step(alert(number, changed_ms=NOW_MS + number // 4)) for number in range(1, 31)])
    found: list[str] = []
    before: tuple[int, str] | None = None
    moved = {"a005", "a020"}
    while page := await store.find_all(Wanted(), before, 7):
        found += [one.id for one in page]
        before = (page[-1].changed_ms, page[-1].id)
        for name in moved:
            one = await store.find(name)
            assert one is not None
            await store.apply([step(replace(one, changed_ms=one.changed_ms + 100_000), one.state)])
    assert len(found) == len(set(found))
    assert set(found) >= {f"a{number:03d}" for number in range(1, 31)} - moved


async def test_a_list_is_narrowed(store: AlertStore) -> None:
    await store.apply(
        [
            step(alert(1)),
            step(alert(2, state=S.RESOLVED)),
            step(replace(alert(3), severity=Severity.INFO, rule="Other")),
        ]
    )

    async def names(**wanted: object) -> list[str]:
        return [one.id for one in await store.find_all(Wanted(**wanted), None, 10)]  # type: ignore[arg-type]

    assert await names() == ["a003", "a002", "a001"]
    assert await names(states=("firing",)) == ["a003", "a001"]
    assert await names(severity=2) == ["a002", "a001"]
    assert await names(host="web2") == ["a002"]
    assert await names(rule="Other") == ["a003"]
    assert await names(since_ms=NOW_MS + 1) == []


async def test_a_list_has_alerts_of_those_hosts_at_the_most(store: AlertStore) -> None:
    await store.apply([step(alert(number)) for number in range(1, 5)])

    async def names(*hosts: str) -> list[str]:
        return [one.id for one in await store.find_all(Wanted(hosts=frozenset(hosts)), None, 10)]

    assert await names("web3", "web1", "none") == ["a003", "a001"]
    assert await names() == []
    # More than a statement can name: who asks leaves out what is not to be seen.
    assert len(await names(*(f"h{number}" for number in range(10_001)))) == 4


async def test_open_alerts_are_found_by_their_index(store: AlertStore) -> None:
    plans: list[str] = []

    def explain(connection: Connection) -> None:
        if connection.dialect.name == "postgresql":
            # A table as small as this one would be read as a whole.
            connection.execute(text("SET LOCAL enable_seqscan = off"))
        words = "EXPLAIN" if connection.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
        for query in (open_alerts(), open_alerts("rules", "f1")):
            asked = str(query.compile(connection, compile_kwargs={"literal_binds": True}))
            plans.append(str(connection.execute(text(f"{words} {asked}")).all()))

    await store._records.read(explain)
    assert ["uq_alerts_open" in plan for plan in plans] == [True, True], plans


async def test_what_is_old_goes_in_pieces(store: AlertStore) -> None:
    await store.apply([step(alert(number, state=S.CLOSED)) for number in range(1, 6)])
    await store.apply([step(alert(6)), step(alert(7, state=S.CLOSED, changed_ms=NOW_MS + 5))])
    assert [await store.forget(NOW_MS + 1, 2) for _ in range(4)] == [2, 2, 1, 0]
    assert {one.id for one in await store.find_all(Wanted(), None, 10)} == {"a006", "a007"}
    assert await store.turns_of("a001") == []
    assert len(await store.turns_of("a007")) == 1


async def test_of_what_happened_lately_no_more_than_asked_for_is_read_and_that_is_the_newest(store: AlertStore) -> None:
    await store.apply([step(alert(number, changed_ms=NOW_MS + number)) for number in range(1, 6)])
    found = await store.turns_since(NOW_MS + 2, 3)
    assert [one.id for one, _, _ in found] == ["a003", "a004", "a005"]
    assert [one.id for one, _, _ in await store.turns_since(NOW_MS + 5, 3)] == ["a005"]


async def test_what_is_measured_while_it_is_written_is_not_lost(store: AlertStore) -> None:
    board = Board(store, Teller[Event](_never, SystemClock(), Counters()), SystemClock())
    await board.apply([step(alert())])
    (one,) = board.open()
    await board.apply([Step(replace(one, held_ms=NOW_MS + 1))])

    async with asyncio.TaskGroup() as tasks:
        writing = tasks.create_task(board.write_measured())
        await asyncio.sleep(0)
        assert not writing.done()
        (one,) = board.open()
        await board.apply([Step(replace(one, held_ms=NOW_MS + 2))])
    (one,) = board.open()
    assert (one.held_ms, one.revision) == (NOW_MS + 2, 2)
    await board.write_measured()
    assert [(found.held_ms, found.revision) for found in await store.load_open()] == [(NOW_MS + 2, 3)]


async def _never(event: Event) -> None:
    raise AssertionError(event)
