"""The way in for foreign words, in both databases: nobody pays for another sender, nothing is dropped, silence is not mistaken."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from nagare.alerting.alerts.board import Board
from nagare.alerting.foreign import intake
from nagare.alerting.foreign.intake import Intake
from nagare.alerting.store import AlertStore
from nagare.config.settings import RecordsSettings
from nagare.errors import InputError
from nagare.lib import teller
from nagare.lib.clock import ManualClock
from nagare.lib.counters import Counters
from nagare.lib.teller import Teller
from nagare.model.alert.alert import AlertState
from nagare.model.alert.foreign import Told
from nagare.model.event import Event, Severity
from nagare.records.engine import Records

FOREIGN_SECONDS = 5 * 3600.0


class Way:
    """An intake that runs, with what it told."""

    def __init__(self, records: Records, clock: ManualClock) -> None:
        self.clock = clock
        self.counters = Counters()
        self.told: list[Event] = []
        self.teller = Teller[Event](self._store, clock, self.counters)
        self.board = Board(AlertStore(records), self.teller, clock)
        self.intake = Intake(self.board, clock, self.counters, FOREIGN_SECONDS)

    async def _store(self, event: Event) -> None:
        # As slow as a disk: slower than a transaction that makes many of them.
        for _ in range(3):
            await self.board.store.newest_turn_ms()
        self.told.append(event)


@pytest.fixture
async def records(tmp_path: Path, migrated: RecordsSettings) -> AsyncIterator[Records]:
    """Fresh records."""
    async with Records(tmp_path / "records.db", migrated) as opened:
        yield opened


@asynccontextmanager
async def _running(records: Records, clock: ManualClock) -> AsyncIterator[Way]:
    way = Way(records, clock)
    await way.board.load()
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(way.intake.run()), tasks.create_task(way.teller.run())]
        yield way
        for task in running:
            task.cancel()


def _told(name: str, ends_ms: int | None = None) -> Told:
    return Told("prometheus", name, {"alertname": name}, {}, Severity.HIGH, is_firing=True, ends_ms=ends_ms)


async def test_what_a_database_refuses_of_one_sender_costs_no_other_one_its_word(records: Records) -> None:
    async with _running(records, ManualClock()) as way:
        senders = [way.intake.take([_told(name)]) for name in ("a", "b\x00", "c")]
        answers = await asyncio.gather(*senders, return_exceptions=True)
        assert [answers[0], answers[2]] == [None, None]
        # SQLite takes it.
        assert answers[1] is None or isinstance(answers[1], InputError)
        assert {alert.fingerprint for alert in await way.board.store.load_open()} >= {"a", "c"}


async def test_of_a_burst_every_event_is_told(records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teller, "_WAITING_LIMIT", 60)
    monkeypatch.setattr(teller, "_ROOM", 30)
    monkeypatch.setattr(intake, "_BATCH", 20)
    async with _running(records, ManualClock()) as way:
        await way.intake.take([_told(f"n{number}") for number in range(200)])
        await way.teller.flush()
        assert way.counters.get("events_dropped") == 0
        assert len({event.id for event in way.told}) == 200


async def test_an_outage_of_our_own_ends_nothing_and_silence_after_it_does(records: Records) -> None:
    clock = ManualClock()
    async with _running(records, clock) as way:
        await way.intake.take([_told("a", clock.now_ms() + 240_000), _told("b", clock.now_ms() + 240_000)])
    # Killed: what was only measured would be lost.
    await clock.advance(3600)
    async with _running(records, clock) as way:
        await _aged(way, 10)
        assert [alert.is_active for alert in way.board.open()] == [True, True]
        await way.intake.take([_told("a", clock.now_ms() + 600_000)])
        await _aged(way, 300)
        states = {alert.fingerprint: alert.state for alert in await way.board.store.load_open()}
        assert states == {"a": AlertState.FIRING, "b": AlertState.RESOLVED}


async def test_records_that_are_away_end_no_intake(records: Records) -> None:
    clock = ManualClock()
    async with _running(records, clock) as way:
        await way.intake.take([_told("a", clock.now_ms() + 1_000)])
        # As many requests wait as may.
        records._writer._waiting += 1000
        for _ in range(100):
            # Long enough to have listened.
            await clock.advance(6)
        assert way.counters.get("foreign_age_failed") >= 1
        records._writer._waiting -= 1000
        await way.intake.take([_told("b")])


async def _aged(way: Way, seconds: float) -> None:
    """Let time pass, and the intake look."""
    await way.clock.advance(seconds)
    await way.intake._age()
