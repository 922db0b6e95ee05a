"""The rules of states held against the records, on both databases: two servers, a clock, and whatever order things come in."""

from dataclasses import replace
from pathlib import Path

import pytest

from nagare.automation.tasks.rules import Ending, decide
from nagare.automation.tasks.store import OpenLimits, TaskStore, Verdict, lose_unended
from nagare.config.settings import RecordsSettings
from nagare.errors import LimitExceededError
from nagare.model.task import ENDED, Owner, Task, TaskReason, TaskState
from nagare.records.engine import Records
from tests.support.task_kinds import ONCE, REPEATABLE

NOW = 1_760_000_000_000
LEASE = 30_000


def _task(number: int = 1, **more: object) -> Task:
    values: dict[str, object] = {"made_ms": NOW, "due_ms": NOW, "changed_ms": NOW, **more}
    return Task(f"{number:032x}", "again", {"name": "a"}, Owner("u1", "alice", {"permissions": []}), **values)  # type: ignore[arg-type]


async def test_one_of_two_claims_it_and_the_other_is_told(tmp_path: Path, database: RecordsSettings) -> None:
    async with (
        Records(tmp_path / "records.db", database) as first,
        Records(tmp_path / "records.db", database) as second,
    ):
        one, two = TaskStore(first), TaskStore(second)
        await one.add(_task(), OpenLimits(10))
        claimed = await one.claim(_task().id, "s1", NOW, NOW + LEASE)
        assert claimed is not None
        assert (claimed.state, claimed.attempt, claimed.runner) == (TaskState.RUNNING, 1, "s1")
        assert await two.claim(_task().id, "s2", NOW, NOW + LEASE) is None


async def test_nobody_begins_before_it_is_due(tmp_path: Path, database: RecordsSettings) -> None:
    async with Records(tmp_path / "records.db", database) as records:
        store = TaskStore(records)
        await store.add(_task(due_ms=NOW + 1_000), OpenLimits(10))
        assert await store.claim(_task().id, "s1", NOW, NOW + LEASE) is None
        assert await store.claim(_task().id, "s1", NOW + 1_000, NOW + LEASE) is not None


async def test_what_a_clock_that_was_ahead_put_off_is_due_again(tmp_path: Path, database: RecordsSettings) -> None:
    async with Records(tmp_path / "records.db", database) as records:
        store, day = TaskStore(records), 86_400_000
        for number, due_ms in ((1, NOW + day), (2, NOW + 500), (3, NOW + day)):
            await store.add(_task(number, due_ms=due_ms, made_ms=NOW + day), OpenLimits(10))
        assert await store.lower_due(NOW + day, NOW + 600, NOW) == 0
        assert await store.lower_due(NOW + 1000, NOW + 600, NOW) == 2
        found = [await store.find(_task(number).id) for number in (1, 2, 3)]
        assert [(task.due_ms - NOW, task.revision) for task in found if task] == [(600, 1), (500, 0), (600, 1)]
        # It is said again once it is due, though the clock that was ahead said it last.
        assert await store.untold(NOW + 599, NOW + 599, ("again",), 10) == []
        untold = await store.untold(NOW + 600, NOW + 600, ("again",), 10)
        assert sorted(task.id for task in untold) == [_task(1).id, _task(3).id]


async def test_what_nobody_knows_is_found_once_it_waited_for_a_while(tmp_path: Path, database: RecordsSettings) -> None:
    async with Records(tmp_path / "records.db", database) as records:
        store = TaskStore(records)
        for number, kind in ((1, "again"), (2, "gone"), (3, "gone")):
            await store.add(replace(_task(number), kind=kind), OpenLimits(10))
        assert await store.strangers(("again",), NOW - 1, 10) == []
        claimed = await store.claim(_task(3).id, "a", NOW, NOW + LEASE)
        assert claimed is not None
        (found,) = await store.strangers(("again", "once"), NOW, 10)
        assert found.id == _task(2).id
        verdict = Verdict(TaskState.FAILED, TaskReason.UNKNOWN_KIND, "nobody knows it")
        ended = await store.end_waiting(found, verdict, NOW + 5)
        assert ended is not None
        assert (ended.state, ended.reason, ended.attempt) == (TaskState.FAILED, TaskReason.UNKNOWN_KIND, 0)
        # Neither twice, nor one that somebody began.
        assert await store.end_waiting(found, verdict, NOW + 6) is None
        assert await store.end_waiting(claimed, verdict, NOW + 6) is None


async def test_an_old_attempt_changes_nothing_any_more(tmp_path: Path, database: RecordsSettings) -> None:
    async with Records(tmp_path / "records.db", database) as records:
        store = TaskStore(records)
        await store.add(_task(), OpenLimits(10))
        old = await store.claim(_task().id, "s1", NOW, NOW + LEASE)
        assert old is not None
        (lapsed,) = await store.lapsed(NOW + LEASE + 1, 10)
        verdict = decide(REPEATABLE, lapsed, Ending(TaskReason.SERVER_DIED), NOW + LEASE)
        taken = await store.take_lapsed(lapsed, verdict, NOW + LEASE)
        assert taken is not None
        assert taken.state is TaskState.QUEUED
        new = await store.claim(taken.id, "s1", NOW + LEASE, NOW + 2 * LEASE)
        assert new is not None
        assert new.attempt == 2
        # The first one comes back, on the same server even.
        assert await store.renew(old, NOW + 3 * LEASE, NOW, 0.5, "late") is None
        assert await store.settle(old, Verdict(TaskState.DONE), NOW) is None
        found = await store.find(new.id)
        assert found == new


async def test_who_renewed_meanwhile_keeps_it(tmp_path: Path, database: RecordsSettings) -> None:
    async with Records(tmp_path / "records.db", database) as records:
        store = TaskStore(records)
        await store.add(_task(), OpenLimits(10))
        held = await store.claim(_task().id, "s1", NOW, NOW + LEASE)
        assert held is not None
        (lapsed,) = await store.lapsed(NOW + LEASE + 1, 10)
        assert await store.renew(held, NOW + 2 * LEASE, NOW, None, "") is not None
        assert await store.take_lapsed(lapsed, Verdict(TaskState.LOST), NOW + LEASE) is None
        assert await store.lapsed(NOW + LEASE + 1, 10) == []


async def test_one_key_of_an_owner_is_one_task(tmp_path: Path, database: RecordsSettings) -> None:
    async with (
        Records(tmp_path / "records.db", database) as first,
        Records(tmp_path / "records.db", database) as second,
    ):
        made, is_new = await TaskStore(first).add(_task(1, key="k"), OpenLimits(10))
        again, is_newer = await TaskStore(second).add(_task(2, key="k"), OpenLimits(10))
        assert (is_new, is_newer) == (True, False)
        assert again.id == made.id
        # Without a key each is one of its own.
        assert (await TaskStore(first).add(_task(3), OpenLimits(10)))[1]
        assert (await TaskStore(first).add(_task(4), OpenLimits(10)))[1]
        with pytest.raises(LimitExceededError, match="3 have not ended"):
            await TaskStore(first).add(_task(5), OpenLimits(3))


async def test_a_restored_installation_claims_nothing_that_may_have_been_done(
    tmp_path: Path, database: RecordsSettings
) -> None:
    async with Records(tmp_path / "records.db", database) as records:
        store = TaskStore(records)
        for number in (1, 2, 3):
            await store.add(_task(number), OpenLimits(10))
        running = await store.claim(_task(1).id, "s1", NOW, NOW + LEASE)
        done = await store.claim(_task(2).id, "s1", NOW, NOW + LEASE)
        assert running is not None
        assert done is not None
        await store.settle(done, Verdict(TaskState.DONE, result={"n": 1}), NOW)
        assert await records.write(lambda connection: lose_unended(connection, NOW)) == 2
        found = [await store.find(_task(number).id) for number in (1, 2, 3)]
        assert [task.state for task in found if task] == [TaskState.LOST, TaskState.DONE, TaskState.LOST]
        assert await store.claim(_task(3).id, "s1", NOW, NOW + LEASE) is None


async def test_what_ended_long_ago_is_forgotten(tmp_path: Path, database: RecordsSettings) -> None:
    async with Records(tmp_path / "records.db", database) as records:
        store = TaskStore(records)
        for number in (1, 2):
            await store.add(_task(number), OpenLimits(10))
        await store.cancel(_task(1), "alice", NOW)
        assert await store.forget(NOW) == []
        assert await store.forget(NOW + 1) == [_task(1).id]
        assert await store.find(_task(1).id) is None
        assert await store.find(_task(2).id) is not None


def test_kinds_of_the_tests_differ_in_what_they_may() -> None:
    lost = decide(ONCE, _task(state=TaskState.RUNNING, attempt=1), Ending(TaskReason.SERVER_DIED), NOW)
    assert lost.state is TaskState.LOST
    assert lost.state in ENDED
