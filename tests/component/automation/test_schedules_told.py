"""What schedules do is on record, and what they do not do is told: bounded, whatever comes every minute."""

import json
import sqlite3
from pathlib import Path
from typing import Any

from nagare.audit.store import AuditStore
from nagare.audit.wanted import Wanted
from nagare.config.settings import RecordsSettings
from nagare.errors import StorageError
from nagare.lib.clock import ManualClock
from nagare.model.event import Event, Severity
from nagare.records.engine import Records
from tests.support.schedule_room import START_MS, schedule_request, schedule_server
from tests.support.task_room import LOCAL, Book


async def _entries(folder: Path, database: RecordsSettings) -> list[dict[str, Any]]:
    """Return what the audit log has of runs, oldest first."""
    async with Records(folder / "records.db", database) as records:
        found = await AuditStore(records).find(Wanted(action="tasks.submit", limit=1000))
    return [json.loads(entry.line) for entry in reversed(found)]


async def test_a_run_is_on_record_with_its_owner_and_its_schedule(tmp_path: Path, database: RecordsSettings) -> None:
    clock = ManualClock()
    async with schedule_server(tmp_path, 1, database, clock) as (schedules, tasks):
        view = await schedules.save(LOCAL, "hourly", schedule_request(cron="0 * * * *", overlap="queue"))
        await clock.advance(400)
        for _ in range(3):
            await schedules.look()
            await clock.advance(3600)
        ids = [task.id for task in reversed(await tasks.newest(10))]
        found = await _entries(tmp_path, database)
    assert [entry["after"]["task"] for entry in found] == [entry["request_id"] for entry in found] == ids
    assert {(entry["actor"], entry["actor_kind"], entry["outcome"], entry["count"]) for entry in found} == {
        ("local", "schedule", "done", 1)
    }
    assert found[0]["target"] == "again"
    assert found[0]["detail"] == "by schedule hourly"
    assert found[0]["after"] == {
        "schedule": "hourly",
        "revision": view.revision,
        "kind": "again",
        "task": ids[0],
        "moment": "2025-10-09T09:00:00.000Z",
    }


async def test_what_runs_every_minute_is_counted_and_no_run_is_left_out(
    tmp_path: Path, database: RecordsSettings
) -> None:
    clock = ManualClock()
    async with schedule_server(tmp_path, 1, database, clock) as (schedules, tasks):
        for name in ("switched", "changed", "removed"):
            await schedules.save(LOCAL, name, schedule_request(overlap="queue"))
        for _ in range(150):
            await clock.advance(60)
            await schedules.look()
        made = len(await tasks.newest(1000))
        assert made == 450
        early = await _entries(tmp_path, database)
        # At the first run, and one for each hour since.
        assert [entry["count"] for entry in early] == [1] * 3 + [60] * 6
        await schedules.enable(LOCAL, "switched", enabled=False)
        await schedules.save(LOCAL, "changed", schedule_request(cron="@yearly"))
        await schedules.remove("removed")
        found = await _entries(tmp_path, database)
        assert sum(entry["count"] for entry in found) == made
        assert {entry["after"]["schedule"] for entry in found[9:]} == {"switched", "changed", "removed"}


async def test_a_clock_that_was_ahead_keeps_no_run_from_the_record(tmp_path: Path, database: RecordsSettings) -> None:
    ahead, clock = ManualClock(START_MS + 86_400_000), ManualClock()
    for now in (ahead, clock):
        async with schedule_server(tmp_path, 1, database, now) as (schedules, _):
            if now is ahead:
                await schedules.save(LOCAL, "each", schedule_request(overlap="queue"))
            for _ in range(2):
                await schedules.look()
                await now.advance(60)
            await schedules.look()
    # The hour of the first clock is not that of the second one.
    assert [entry["count"] for entry in await _entries(tmp_path, database)] == [1, 2]


async def test_a_run_that_cannot_be_recorded_is_not_made(tmp_path: Path) -> None:
    database, clock, book = RecordsSettings(), ManualClock(), Book(tmp_path)
    async with schedule_server(tmp_path, 1, database, clock, book=book) as (schedules, tasks):
        await schedules.save(LOCAL, "each", schedule_request(missed="run-all"))
        with sqlite3.connect(tmp_path / "records.db", isolation_level=None) as other:
            other.execute("create trigger full before insert on audit_entries begin select raise(abort, 'full'); end")
            await clock.advance(60)
            await schedules.look()
            assert await tasks.newest(10) == []
            assert (await schedules.get("each")).fault != ""
            other.execute("drop trigger full")
        other.close()
        await schedules.look()
        assert [task.schedule for task in await tasks.newest(10)] == ["each"]
    assert [event.kind for event in book.events] == ["schedule.fault"]


async def test_moments_that_were_missed_are_one_event(tmp_path: Path, database: RecordsSettings) -> None:
    clock, book = ManualClock(), Book(tmp_path)
    async with schedule_server(tmp_path, 1, database, clock) as (schedules, _):
        await schedules.save(LOCAL, "hourly", schedule_request(cron="0 * * * *", missed="run-once"))
    await clock.advance(10 * 3600 + 1600)
    async with schedule_server(tmp_path, 1, database, clock, book=book) as (schedules, _):
        for _ in range(3):
            await schedules.look()
            await clock.advance(5)
    (event,) = book.events
    assert (event.kind, event.severity, event.source) == ("schedule.missed", Severity.WARNING, "schedules")
    assert event.attributes == {"schedule": "hourly", "task_kind": "again", "owner": "local", "count": "10"}
    assert "missed 10 moments (2025-10-09T09:00:00.000Z to 2025-10-09T18:00:00.000Z)" in event.text


async def test_moments_that_were_passed_over_are_told_once_an_hour_with_their_number(
    tmp_path: Path, database: RecordsSettings
) -> None:
    clock, book = ManualClock(), Book(tmp_path)
    async with schedule_server(tmp_path, 1, database, clock, book=book) as (schedules, _):
        await schedules.save(LOCAL, "each", schedule_request())
        for _ in range(130):
            await clock.advance(60)
            await schedules.look()
    # The first minute has its run, and it never ends.
    assert [(event.kind, event.attributes["count"]) for event in book.events] == [
        ("schedule.overlapped", "1"), ("schedule.overlapped", "60"), ("schedule.overlapped", "60")
    ]  # fmt: skip
    assert len({event.id for event in book.events}) == 3
    assert book.events[0].severity is Severity.INFO


async def test_a_schedule_that_can_make_no_run_is_told_of_once(tmp_path: Path, database: RecordsSettings) -> None:
    clock, book = ManualClock(), Book(tmp_path)
    async with schedule_server(tmp_path, 1, database, clock, open_limit=1, book=book) as (schedules, _):
        for name in ("a", "b"):
            await schedules.save(LOCAL, name, schedule_request())
        for _ in range(20):
            await clock.advance(5)
            await schedules.look()
    faults = [event for event in book.events if event.kind == "schedule.fault"]
    assert [event.attributes["schedule"] for event in faults] == ["b"]
    assert "could not make a run: cannot make task again: 1 have not ended" in faults[0].text


async def test_many_that_missed_something_are_told_a_few_at_each_look(tmp_path: Path) -> None:
    database, clock, book = RecordsSettings(), ManualClock(), Book(tmp_path)
    async with schedule_server(tmp_path, 1, database, clock, book=book) as (schedules, _):
        for number in range(60):
            await schedules.save(LOCAL, f"s{number}", schedule_request(cron="0 * * * *", enabled=True))
        await clock.advance(3 * 3600 + 1600)
        await schedules.look()
        assert len(book.events) == 50
        await schedules.look()
        assert len({event.attributes["schedule"] for event in book.events}) == len(book.events) == 60
        await schedules.look()
        assert len(book.events) == 60


async def test_an_event_that_cannot_be_stored_stops_nothing(tmp_path: Path, database: RecordsSettings) -> None:
    clock, book = ManualClock(), Book(tmp_path)

    async def full(event: Event) -> None:
        raise StorageError("cannot store event: the disk is full")

    async with schedule_server(tmp_path, 1, database, clock, book=book) as (schedules, tasks):
        schedules._tell = full
        await schedules.save(LOCAL, "hourly", schedule_request(cron="0 * * * *", missed="run-once"))
        await clock.advance(10 * 3600)
        await schedules.look()
        assert len(await tasks.newest(10)) == 1
        assert tasks.counters.get("events_failed") == 1


async def test_what_could_not_be_stored_is_told_once_there_is_room_with_what_came_meanwhile(
    tmp_path: Path, database: RecordsSettings
) -> None:
    clock, book = ManualClock(), Book(tmp_path)
    tries: list[str] = []

    async def full(event: Event) -> None:
        tries.append(event.attributes["schedule"])
        raise StorageError("cannot store event: the disk is full")

    async with schedule_server(tmp_path, 1, database, clock, book=book) as (schedules, tasks):
        tell, schedules._tell = schedules._tell, full
        for name in ("a", "b"):
            await schedules.save(LOCAL, name, schedule_request())
        for _ in range(5):
            await clock.advance(60)
            await schedules.look()
        # One try a look, and none of them is in the other's way.
        assert tries == ["a", "b", "a", "b"]
        schedules._tell = tell
        await schedules.look()
        await schedules.look()
    assert sorted((event.attributes["schedule"], event.kind, event.attributes["count"]) for event in book.events) == [
        ("a", "schedule.overlapped", "4"), ("b", "schedule.overlapped", "4")
    ]  # fmt: skip
    assert tasks.counters.get("events_failed") == 4
