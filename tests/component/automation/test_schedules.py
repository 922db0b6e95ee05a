"""Schedules over real records: each moment decided once, whoever looks, however late, on both databases."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from nagare.automation.schedules.store import ScheduleStore
from nagare.automation.tasks.service import Tasks
from nagare.config.settings import RecordsSettings
from nagare.errors import ConflictError, InputError, NotFoundError, PermissionDeniedError, StaleVersionError
from nagare.lib.clock import ManualClock
from nagare.model.principal import Permission, Principal, PrincipalKind
from nagare.model.task import TaskState, Wanted
from nagare.records.engine import Records
from nagare.wire.tasks import ScheduleRequest
from tests.support.schedule_room import MINUTE_MS, START_MS, schedule_request, schedule_server
from tests.support.task_room import LOCAL


async def _made(tasks: Tasks) -> list[int]:
    return sorted(task.moment_ms or 0 for task in await tasks.newest(10_000))


async def test_every_moment_is_one_task(tmp_path: Path, database: RecordsSettings) -> None:
    clock = ManualClock()
    async with schedule_server(tmp_path, 1, database, clock) as (schedules, tasks):
        view = await schedules.save(LOCAL, "each", schedule_request(overlap="queue"))
        assert view.next[0] == "2025-10-09T08:54:00+00:00"
        for _ in range(40):
            await schedules.look()
            await clock.advance(15)
        made = await _made(tasks)
        assert len(made) == 10
        assert [moment % MINUTE_MS for moment in made] == [0] * 10
        assert len(set(made)) == 10
        (found,) = await schedules.schedules()
        assert (found.last_outcome, found.last_moment_at) == ("made", "2025-10-09T09:03:00.000Z")


async def test_several_servers_make_each_run_once(tmp_path: Path, database: RecordsSettings) -> None:
    clock = ManualClock()
    async with (
        schedule_server(tmp_path, 1, database, clock) as (first, tasks),
        schedule_server(tmp_path, 2, database, clock) as (second, _),
    ):
        await first.save(LOCAL, "each", schedule_request(overlap="queue"))
        for _ in range(30):
            await asyncio.gather(first.look(), second.look())
            await clock.advance(20)
        made = await _made(tasks)
        assert len(made) == len(set(made)) == 10


@pytest.mark.parametrize(
    ("missed", "expected"),
    [("skip", []), ("run-once", [-1]), ("run-all", [-3, -2, -1])],
)
async def test_moments_at_which_no_server_was_up(
    tmp_path: Path, database: RecordsSettings, missed: str, expected: list[int]
) -> None:
    clock = ManualClock()
    request = schedule_request(cron="0 * * * *", missed=missed, missed_limit=3, overlap="queue")
    async with schedule_server(tmp_path, 1, database, clock) as (schedules, _):
        await schedules.save(LOCAL, "hourly", request)
    # Ten hours, and twenty minutes beyond the last one.
    await clock.advance(10 * 3600 + 1600)
    async with schedule_server(tmp_path, 1, database, clock) as (schedules, tasks):
        await schedules.look()
        await schedules.look()
        hours = [START_MS - START_MS % 3_600_000 + number * 3_600_000 for number in range(1, 12)]
        assert await _made(tasks) == [hours[place] for place in expected]


async def test_what_is_late_by_less_than_the_grace_is_in_time(tmp_path: Path, database: RecordsSettings) -> None:
    clock = ManualClock()
    async with schedule_server(tmp_path, 1, database, clock) as (schedules, tasks):
        await schedules.save(LOCAL, "a", schedule_request(cron="0 * * * *", grace_seconds=600))
        await clock.advance(400 + 590)
        await schedules.look()
        assert len(await _made(tasks)) == 1


async def test_a_grace_that_is_shorter_than_a_look_means_a_look(tmp_path: Path, database: RecordsSettings) -> None:
    clock = ManualClock()
    async with schedule_server(tmp_path, 1, database, clock) as (schedules, tasks):
        await schedules.save(LOCAL, "a", schedule_request(cron="0 * * * *", grace_seconds=0))
        await clock.advance(400 + 6)
        await schedules.look()
        assert len(await _made(tasks)) == 1
        await clock.advance(3600 + 6)
        await schedules.look()
        assert (await schedules.get("a")).last_outcome == "missed"


async def test_runs_that_are_made_up_for_do_not_hold_each_other(tmp_path: Path, database: RecordsSettings) -> None:
    clock = ManualClock()
    async with schedule_server(tmp_path, 1, database, clock) as (schedules, tasks):
        await schedules.save(LOCAL, "a", schedule_request(cron="0 * * * *", missed="run-all", missed_limit=3))
        await clock.advance(10 * 3600)
        await schedules.look()
        assert len(await _made(tasks)) == 3
        # The next one is held by them, as by any run that is not over.
        await clock.advance(3600 - START_MS // 1000 % 3600)
        await schedules.look()
        assert len(await _made(tasks)) == 3
        assert (await schedules.get("a")).last_outcome == "overlapped"


async def test_a_clock_that_was_ahead_silences_nothing_and_doubles_nothing(
    tmp_path: Path, database: RecordsSettings
) -> None:
    clock, ahead = ManualClock(), ManualClock(START_MS + 3600_000)
    async with schedule_server(tmp_path, 1, database, ahead) as (schedules, tasks):
        await schedules.save(LOCAL, "each", schedule_request(overlap="queue"))
        await ahead.advance(60)
        await schedules.look()
        early = await _made(tasks)
        assert len(early) == 1
    async with schedule_server(tmp_path, 1, database, clock) as (schedules, tasks):
        for _ in range(70):
            await schedules.look()
            await clock.advance(60)
        made = await _made(tasks)
        assert len(made) == len(set(made)) == 69
        assert set(early) < set(made)


async def test_a_clock_that_is_set_back_while_the_server_is_up_silences_nothing(
    tmp_path: Path, database: RecordsSettings
) -> None:
    clock = ManualClock()
    async with schedule_server(tmp_path, 1, database, clock) as (schedules, tasks):
        await schedules.save(LOCAL, "each", schedule_request(overlap="queue"))
        await clock.advance(7200)
        await schedules.look()
        before = len(await _made(tasks))
        await clock.advance(-7140)
        for _ in range(4):
            await schedules.look()
            await clock.advance(60)
        assert len(await _made(tasks)) == before + 3


async def test_one_that_cannot_be_told_stops_no_other(tmp_path: Path, database: RecordsSettings) -> None:
    clock = ManualClock()
    async with schedule_server(tmp_path, 1, database, clock) as (schedules, tasks):
        for name in ("a", "b", "c"):
            await schedules.save(LOCAL, name, schedule_request())
        async with Records(tmp_path / "records.db", database) as records:
            store = ScheduleStore(records)
            (kept,) = [one for one in await store.load() if one.name == "b"]
            await store.save(replace(kept, zone="Europe/Nowhere"), 10)
        await clock.advance(60)
        await schedules.look()
        assert sorted(task.schedule for task in await tasks.newest(10)) == ["a", "c"]
        a, b, _ = await schedules.schedules()
        assert (a.fault, len(a.next)) == ("", 5)
        assert (b.fault, b.next) == ("cannot use zone 'Europe/Nowhere': there is no such zone", [])
        assert [next_ms is None for _, next_ms in await schedules.newest()] == [False, True, False]


async def test_too_many_open_tasks_stand_as_a_fault_until_there_is_room(
    tmp_path: Path, database: RecordsSettings
) -> None:
    clock = ManualClock()
    async with schedule_server(tmp_path, 1, database, clock, open_limit=1) as (schedules, tasks):
        for name in ("a", "b"):
            await schedules.save(LOCAL, name, schedule_request())
        await clock.advance(45)
        assert await schedules.look() == 5.0
        (task,) = await tasks.newest(10)
        assert [one.fault != "" for one in await schedules.schedules()] == [False, True]
        await tasks.cancel(LOCAL, task.id)
        await schedules.look()
        assert [one.schedule for one in await tasks.newest(10)].count("b") == 1
        assert [one.fault for one in await schedules.schedules()] == ["", ""]


async def test_nothing_is_written_while_nothing_is_owed(tmp_path: Path, database: RecordsSettings) -> None:
    clock = ManualClock()
    async with (
        schedule_server(tmp_path, 1, database, clock) as (schedules, _),
        Records(tmp_path / "records.db", database) as records,
    ):
        await schedules.save(LOCAL, "daily", schedule_request(cron="@daily"))
        seen: set[int] = set()
        for _ in range(120):
            await schedules.look()
            seen.update(one.seen_ms for one in await ScheduleStore(records).load())
            await clock.advance(60)
        assert len(seen) == 2


async def test_an_earlier_run_that_is_not_over_holds_the_next_one(tmp_path: Path, database: RecordsSettings) -> None:
    clock = ManualClock()
    async with schedule_server(tmp_path, 1, database, clock) as (schedules, tasks):
        await schedules.save(LOCAL, "each", schedule_request())
        for _ in range(3):
            await clock.advance(60)
            await schedules.look()
        (task,) = await tasks.newest(10)
        assert (await schedules.get("each")).last_outcome == "overlapped"
        assert (await tasks.cancel(LOCAL, task.id)).state is TaskState.CANCELLED
        await clock.advance(60)
        await schedules.look()
        assert len(await tasks.newest(10)) == 2


async def test_switched_off_it_makes_nothing_and_makes_up_for_nothing(
    tmp_path: Path, database: RecordsSettings
) -> None:
    clock = ManualClock()
    async with schedule_server(tmp_path, 1, database, clock) as (schedules, tasks):
        await schedules.save(LOCAL, "each", schedule_request(missed="run-all"))
        assert (await schedules.enable(LOCAL, "each", enabled=False)).next == []
        await clock.advance(600)
        await schedules.look()
        await schedules.enable(LOCAL, "each", enabled=True)
        await schedules.look()
        assert await _made(tasks) == []
        now = await schedules.run_now(LOCAL, "each")
        assert (now.schedule, now.moment_ms, now.owner.name) == ("each", None, "local")


async def test_who_changes_a_schedule_owns_it(tmp_path: Path, database: RecordsSettings) -> None:
    clock = ManualClock()
    may = frozenset({Permission.SCHEDULES_WRITE, Permission.TASKS_WRITE})
    alice = Principal("s", "alice", may, kind=PrincipalKind.USER, user_id="u1")
    async with schedule_server(tmp_path, 1, database, clock) as (schedules, tasks):
        await schedules.save(LOCAL, "each", schedule_request())
        changed = await schedules.save(alice, "each", schedule_request(cron="*/2 * * * *"))
        assert (changed.owner, changed.made_at) == ("alice", "2025-10-09T08:53:20.000Z")
        await clock.advance(50)
        await schedules.look()
        (task,) = await tasks.store.page(Wanted(schedule="each"), 10)
        assert set(task.owner.rights["permissions"]) == {"schedules.write", "tasks.write"}


async def test_of_two_that_change_what_they_read_the_second_is_refused(
    tmp_path: Path, database: RecordsSettings
) -> None:
    async with schedule_server(tmp_path, 1, database, ManualClock()) as (schedules, _):
        read = await schedules.save(LOCAL, "each", schedule_request(is_new=True))
        theirs = schedule_request(cron="*/2 * * * *", revision=read.revision)
        ours = schedule_request(text="mine", revision=read.revision)
        both = await asyncio.gather(
            schedules.save(LOCAL, "each", theirs), schedules.save(LOCAL, "each", ours), return_exceptions=True
        )
        assert [type(one) for one in both].count(StaleVersionError) == 1
        now = await schedules.get("each")
        assert now.revision == read.revision + 1
        assert (now.cron, now.text) in {("*/2 * * * *", ""), ("* * * * *", "mine")}
        for late in (
            schedules.enable(LOCAL, "each", enabled=False, revision=read.revision),
            schedules.run_now(LOCAL, "each", read.revision),
            schedules.remove("each", read.revision),
        ):
            with pytest.raises(StaleVersionError, match="it was changed since it was read"):
                await late
        assert await schedules.get("each") == now
        assert not (await schedules.enable(LOCAL, "each", enabled=False, revision=now.revision)).enabled
        # Whoever names none means what is there, whatever it is.
        assert (await schedules.save(LOCAL, "each", schedule_request())).enabled


async def test_one_that_was_removed_or_made_again_is_not_the_one_that_was_read(
    tmp_path: Path, database: RecordsSettings
) -> None:
    async with schedule_server(tmp_path, 1, database, ManualClock()) as (schedules, _):
        read = await schedules.save(LOCAL, "each", schedule_request(is_new=True))
        with pytest.raises(ConflictError, match="it is there already"):
            await schedules.save(LOCAL, "each", schedule_request(is_new=True))
        await schedules.remove("each", read.revision)
        mine = schedule_request(revision=read.revision)
        with pytest.raises(StaleVersionError, match="it was removed since it was read"):
            await schedules.save(LOCAL, "each", mine)
        # The first number is drawn: in a thousand million runs of this test it may be the same one.
        assert (await schedules.save(LOCAL, "each", schedule_request())).revision != read.revision
        with pytest.raises(StaleVersionError, match="it was changed since it was read"):
            await schedules.save(LOCAL, "each", mine)


@pytest.mark.parametrize(
    ("request_", "pointer"),
    [
        (schedule_request(cron="61 * * * *"), "#/cron"),
        (schedule_request(cron="0 0 31 2 *"), "#/cron"),
        (schedule_request(zone="Europe/Nowhere"), "#/zone"),
        (schedule_request(zone="../etc/passwd"), "#/zone"),
        (schedule_request(zone="localtime"), "#/zone"),
        (schedule_request(zone="posix/Europe/Berlin"), "#/zone"),
        (schedule_request(missed="sometimes"), "#/missed"),
        (schedule_request(overlap="maybe"), "#/overlap"),
        (schedule_request(arguments={"nonsense": 1}), "#/arguments"),
    ],
)
async def test_what_is_not_lawful_is_refused_with_its_place(
    tmp_path: Path, database: RecordsSettings, request_: ScheduleRequest, pointer: str
) -> None:
    async with schedule_server(tmp_path, 1, database, ManualClock()) as (schedules, _):
        with pytest.raises(InputError) as refused:
            await schedules.save(LOCAL, "a", request_)
        assert refused.value.errors[0]["pointer"].startswith(pointer)
        with pytest.raises(InputError, match="cannot name a schedule"):
            await schedules.save(LOCAL, "a/b", schedule_request())
        with pytest.raises(NotFoundError, match="there is none of that name"):
            await schedules.remove("a")
        nobody = Principal("h", "web1", frozenset(Permission), host="web1", kind=PrincipalKind.HOST)
        with pytest.raises(PermissionDeniedError):
            await schedules.save(nobody, "a", schedule_request())


async def test_removed_it_makes_nothing_and_its_tasks_stay(tmp_path: Path, database: RecordsSettings) -> None:
    clock = ManualClock()
    async with schedule_server(tmp_path, 1, database, clock) as (schedules, tasks):
        await schedules.save(LOCAL, "each", schedule_request())
        await clock.advance(60)
        await schedules.look()
        await schedules.remove("each")
        await clock.advance(60)
        await schedules.look()
        assert len(await tasks.newest(10)) == 1
        # One of the same name begins anew.
        await schedules.save(LOCAL, "each", schedule_request(overlap="queue"))
        await clock.advance(60)
        await schedules.look()
        assert len(await tasks.newest(10)) == 2
