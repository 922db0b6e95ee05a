"""Tasks in real workers: done, failed, tried again, ended, and true about it."""

import os
from pathlib import Path
from typing import Any

import pytest

from nagare.bus.embedded.bus import EmbeddedBus
from nagare.errors import ConflictError, InputError, NotFoundError, PermissionDeniedError
from nagare.model.principal import Permission, Principal, PrincipalKind, Rights
from nagare.model.task import Task, TaskReason, TaskState, Wanted
from nagare.records.engine import Records
from nagare.wire.tasks import TaskRequest
from tests.support.buses import until
from tests.support.task_kinds import overlaps
from tests.support.task_room import LOCAL, Room, room


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _pids(folder: Path) -> list[int]:
    file = folder / "pids"
    return [int(text) for text in file.read_text().split()] if file.exists() else []


async def _gone(pid: int) -> None:
    await until(lambda: not _is_alive(pid))


async def test_a_task_is_done_and_its_worker_does_the_next(one: Room, tmp_path: Path) -> None:
    first = await one.ended(await one.submit(folder=str(tmp_path)))
    assert (first.state, first.result, first.attempt, first.progress_ratio) == (TaskState.DONE, {"name": "t"}, 1, 1.0)
    pids = one.tasks.crew.pids()
    await one.ended(await one.submit(do="print"))
    assert one.tasks.crew.pids() == pids
    assert one.book.events == []


async def test_what_the_server_offers_may_be_called_and_nothing_else(one: Room) -> None:
    done = await one.ended(await one.submit(do="call"))
    assert done.result == {"said": "local: hello from again"}
    failed = await one.ended(await one.submit(do="call_more"))
    assert (failed.state, failed.text) == (TaskState.FAILED, "cannot call secrets: the kind again may not")


@pytest.mark.parametrize(
    ("do", "text"),
    [
        ("refuse", "cannot do it: it is wrong"),
        ("bug", "a bug of ours: ZeroDivisionError; the server's log has the rest"),
    ],
)
async def test_what_cannot_get_better_is_not_tried_again(one: Room, tmp_path: Path, do: str, text: str) -> None:
    failed = await one.ended(await one.submit(do=do, folder=str(tmp_path)))
    assert (failed.state, failed.reason, failed.text, failed.attempt) == (TaskState.FAILED, TaskReason.ERROR, text, 1)
    (event,) = one.book.events
    assert (event.kind, event.attributes["task"]) == ("task.failed", failed.id)


async def test_a_worker_that_dies_is_replaced_and_what_may_run_twice_runs_again(one: Room, tmp_path: Path) -> None:
    done = await one.ended(await one.submit(do="die", folder=str(tmp_path)))
    assert (done.state, done.attempt, done.result) == (TaskState.DONE, 2, {"begun": 2})


async def test_what_must_not_run_twice_is_lost_and_said_to_be(one: Room, tmp_path: Path) -> None:
    lost = await one.ended(await one.submit("once", do="die", folder=str(tmp_path)))
    assert (lost.state, lost.reason, lost.attempt) == (TaskState.LOST, TaskReason.WORKER_DIED, 1)
    assert lost.text == "its worker was ended by SIGKILL"
    assert [event.kind for event in one.book.events] == ["task.lost"]
    dead = await one.tasks._ground.bus.dead_letters("tasks")
    assert [letter.message.data.decode() for letter in dead] == [lost.id]


async def test_cancelling_ends_what_waits_at_once_and_what_runs_with_all_that_it_started(
    records: Records, bus: EmbeddedBus, tmp_path: Path
) -> None:
    async with room(records, bus, tmp_path, workers=1) as one:
        running = await one.submit(do="hang", folder=str(tmp_path))
        waiting = await one.submit(folder=str(tmp_path), name="never")
        await one.until(running, lambda task: task.progress_text == "hangs")
        assert (await one.tasks.cancel(LOCAL, waiting.id)).state is TaskState.CANCELLED
        await until(lambda: len(_pids(tmp_path)) == 2)
        pids = _pids(tmp_path)
        await one.tasks.cancel(LOCAL, running.id)
        ended = await one.ended(running)
        assert (ended.state, ended.text) == (TaskState.CANCELLED, "cancelled by local")
        for pid in pids:
            await _gone(pid)
        assert not (tmp_path / "never.log").exists()
        with pytest.raises(ConflictError, match="it is cancelled"):
            await one.tasks.cancel(LOCAL, running.id)


async def test_time_and_memory_have_an_end(records: Records, bus: EmbeddedBus, tmp_path: Path) -> None:
    async with room(records, bus, tmp_path, memory_limit_bytes=100 * 2**20) as one:
        late = await one.submit("short", do="hang", folder=str(tmp_path))
        fat = await one.submit(do="eat")
        assert (await one.ended(late)).reason is TaskReason.DEADLINE
        failed = await one.ended(fat)
        assert (failed.state, failed.reason) == (TaskState.FAILED, TaskReason.MEMORY)


async def test_a_bug_of_one_kind_ends_no_other_task(one: Room, tmp_path: Path) -> None:
    other = await one.submit(seconds=0.5, folder=str(tmp_path))
    failed = await one.ended(await one.submit("stumbles"))
    assert (failed.state, failed.attempt) == (TaskState.FAILED, 1)
    assert failed.text == "a bug of ours: ZeroDivisionError; the server's log has the rest"
    done = await one.ended(other)
    assert (done.state, done.attempt) == (TaskState.DONE, 1)


async def test_one_key_is_one_task(one: Room) -> None:
    first = await one.submit(key="k", name="a")
    assert (await one.submit(key="k", name="a")).id == first.id
    with pytest.raises(ConflictError, match="is another one"):
        await one.submit(key="k", name="b")
    await one.ended(first)
    assert (await one.submit(key="k", name="a")).id == first.id


async def test_what_is_not_lawful_is_refused_before_it_is_kept(one: Room) -> None:
    with pytest.raises(NotFoundError, match="there is no such kind"):
        await one.submit("agian")
    with pytest.raises(InputError) as refused:
        await one.submit(nonsense=1)
    assert refused.value.errors
    nobody = Principal("h", "web1", frozenset(Permission), host="web1", kind=PrincipalKind.HOST)
    with pytest.raises(PermissionDeniedError):
        await one.tasks.submit(nobody, TaskRequest("again"))
    assert (await one.tasks.tasks(Wanted(), 10, "")).tasks == []


async def test_rights_are_those_of_now_and_never_more_than_those_of_then(one: Room) -> None:
    one.book.rights = Rights(frozenset({Permission.TASKS_READ}), {})
    refused = await one.ended(await one.submit())
    assert (refused.state, refused.reason) == (TaskState.FAILED, TaskReason.NOT_ALLOWED)
    one.book.is_gone = True
    assert (await one.ended(await one.submit())).reason is TaskReason.NOT_ALLOWED


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"is_gone": True}, "it was ended while it ran: user local is gone, or may not come in"),
        (
            {"rights": Rights(frozenset({Permission.TASKS_READ}), {})},
            "it was ended while it ran: local lacks the permission tasks.write",
        ),
    ],
)
async def test_who_loses_the_right_while_it_runs_has_it_ended_with_all_that_it_started(
    one: Room, tmp_path: Path, change: dict[str, Any], text: str
) -> None:
    task = await one.submit(do="hang", folder=str(tmp_path))
    await one.until(task, lambda found: found.progress_text == "hangs")
    await until(lambda: len(_pids(tmp_path)) == 2)
    pids = _pids(tmp_path)
    for name, value in change.items():
        setattr(one.book, name, value)
    ended = await one.ended(task)
    assert (ended.state, ended.reason, ended.text) == (TaskState.FAILED, TaskReason.NOT_ALLOWED, text)
    for pid in pids:
        await _gone(pid)
    assert [event.kind for event in one.book.events] == ["task.failed"]


async def test_a_stop_of_the_server_puts_a_task_back_and_the_next_one_does_it(
    records: Records, bus: EmbeddedBus, tmp_path: Path
) -> None:
    made: list[Task] = []
    async with room(records, bus, tmp_path) as one:
        for kind in ("again", "once"):
            task = await one.submit(kind, name=kind, seconds=1.5, folder=str(tmp_path))
            made.append(await one.until(task, lambda task: task.state is TaskState.RUNNING))
    # What a stop ends is told as everything else.
    assert [event.kind for event in one.book.events] == ["task.lost"]
    assert one.tasks.counters.get("tasks_lost") == 1
    async with room(records, bus, tmp_path) as one:
        again, once = [await one.ended(task) for task in made]
        assert (again.state, again.attempt) == (TaskState.DONE, 2)
        assert (once.state, once.reason) == (TaskState.LOST, TaskReason.SERVER_STOPPED)
    assert overlaps(tmp_path) == []


async def test_lists_are_filtered_where_the_tasks_are(one: Room) -> None:
    done = await one.ended(await one.submit(name="a"))
    failed = await one.ended(await one.submit("once", do="refuse"))
    pages = one.tasks.tasks

    async def ids(wanted: Wanted, limit: int = 10, after: str = "") -> list[str]:
        return [task.id for task in (await pages(wanted, limit, after)).tasks]

    assert await ids(Wanted()) == [failed.id, done.id]
    assert await ids(Wanted(states=("done",))) == [done.id]
    assert await ids(Wanted(kind="once")) == [failed.id]
    assert await ids(Wanted(owner="nobody")) == []
    first = await pages(Wanted(), 1, "")
    assert (first.tasks[0].id, first.next) == (failed.id, failed.id)
    assert await ids(Wanted(), 1, first.next) == [done.id]
    assert (await one.tasks.counts())["done"] == 1
