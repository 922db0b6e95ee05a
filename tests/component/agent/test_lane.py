"""Collectors in real threads: order, faults, hangs and what returns after it was given up."""

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from nagare.agent.lane import Lane, Outcome, Verdict
from nagare.collect.collector import AbsentError, Tables, Tick
from nagare.errors import StorageError
from nagare.lib.clock import SystemClock
from tests.component.agent.collectors import Hanging, one_row, scripted

TICK = Tick(1_000, 1.0)


@pytest.fixture
async def lane() -> AsyncIterator[Lane]:
    lane = Lane("test", SystemClock(), timeout_seconds=0.1)
    yield lane
    lane.close()


def _verdicts(outcomes: list[Outcome]) -> list[tuple[str, Verdict]]:
    return [(outcome.name, outcome.verdict) for outcome in outcomes]


async def test_collectors_run_in_order_in_one_thread_off_the_loop(lane: Lane) -> None:
    group = [scripted(name, one_row) for name in "abc"]
    await lane.run(group, TICK)
    outcomes = await lane.run(group, TICK)
    assert _verdicts(outcomes) == [("a", Verdict.OK), ("b", Verdict.OK), ("c", Verdict.OK)]
    assert outcomes[0].tables == {"load": {"load1": [1.0]}}
    threads = {thread for collector in group for thread in collector.threads}
    assert len(threads) == 1
    assert threading.current_thread() not in threads


async def test_nothing_to_run_starts_no_thread(lane: Lane) -> None:
    before = threading.active_count()
    assert await lane.run([], TICK) == []
    assert threading.active_count() == before


async def test_every_kind_of_fault_stays_with_its_collector(lane: Lane) -> None:
    def fail(error: Exception) -> Tables:
        raise error

    faults = {
        "absent": (AbsentError("no such device"), Verdict.ABSENT, "no such device"),
        "ours": (StorageError("cannot read x: \x1b gone"), Verdict.FAILED, "cannot read x: ␛ gone"),
        "system": (PermissionError(13, "Permission denied"), Verdict.FAILED, "[Errno 13] Permission denied"),
        "bug": (ZeroDivisionError("division by zero"), Verdict.FAILED, "ZeroDivisionError: division by zero"),
    }
    group = [scripted(name, lambda _, e=error: fail(e)) for name, (error, _, _) in faults.items()]  # type: ignore[misc]
    outcomes = await lane.run([*group, scripted("well", one_row)], TICK)
    assert [(one.name, one.verdict, one.error) for one in outcomes[:-1]] == [
        (name, verdict, text) for name, (_, verdict, text) in faults.items()
    ]
    assert outcomes[-1].verdict is Verdict.OK
    assert [one.bug is not None for one in outcomes] == [False, False, False, True, False]


async def test_a_hanging_collector_is_given_up_and_the_others_go_on(lane: Lane) -> None:
    hang = Hanging()
    stuck, before, after = scripted("stuck", hang), scripted("before", one_row), scripted("after", one_row)
    outcomes = await lane.run([before, stuck, after], TICK)
    assert _verdicts(outcomes) == [("before", Verdict.OK), ("stuck", Verdict.LATE), ("after", Verdict.OK)]
    assert outcomes[1].error == "no answer within 0.1 s"
    assert before.threads[0] is stuck.threads[0] is not after.threads[0]

    assert _verdicts(await lane.run([stuck, after], TICK)) == [("after", Verdict.OK)]
    assert (stuck.count, lane.stuck) == (1, {"stuck"})

    hang.release.set()
    thread = stuck.threads[0]
    await asyncio.get_running_loop().run_in_executor(None, thread.join, 10)
    assert not thread.is_alive()
    await asyncio.sleep(0)  # the thread's last word is a callback on the loop
    assert lane.stuck == set()
    assert _verdicts(await lane.run([stuck], TICK)) == [("stuck", Verdict.OK)]


async def test_two_that_hang_are_each_given_up(lane: Lane) -> None:
    hangs = [Hanging(), Hanging()]
    group = [scripted("one", hangs[0]), scripted("two", hangs[1]), scripted("three", one_row)]
    outcomes = await lane.run(group, TICK)
    assert _verdicts(outcomes) == [("one", Verdict.LATE), ("two", Verdict.LATE), ("three", Verdict.OK)]
    for hang in hangs:
        hang.release.set()


async def test_a_collector_that_ends_at_the_last_moment_is_told_once() -> None:
    # The end and the deadline race; whichever wins, there is exactly one outcome and nobody stays stuck for ever.
    for _ in range(30):
        lane = Lane("race", SystemClock(), timeout_seconds=0.002)
        gate = threading.Event()
        outcomes = await lane.run([scripted("racer", lambda tick, g=gate: (g.wait(0.002), one_row(tick))[1])], TICK)  # type: ignore[misc]
        assert [outcome.name for outcome in outcomes] == ["racer"]
        lane.close()


async def test_a_run_that_is_cancelled_leaves_its_collector_marked_until_it_returns() -> None:
    hang = Hanging()
    stuck, waiting = scripted("stuck", hang), scripted("waiting", one_row)
    lane = Lane("test", SystemClock(), timeout_seconds=20.0)
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(lane.run([stuck, waiting], TICK))
        await loop.run_in_executor(None, hang.entered.wait, 10)
        task.cancel()
    assert lane.stuck == {"stuck"}
    hang.release.set()
    await loop.run_in_executor(None, stuck.threads[0].join, 10)
    await asyncio.sleep(0)
    assert lane.stuck == set()
    assert waiting.count == 0
    lane.close()


async def test_a_long_group_is_not_late_as_long_as_each_is_quick(lane: Lane) -> None:
    pause = threading.Event()

    def brief(tick: Tick) -> Tables:
        pause.wait(0.04)
        return one_row(tick)

    outcomes = await lane.run([scripted(name, brief) for name in "abcdef"], TICK)
    assert {outcome.verdict for outcome in outcomes} == {Verdict.OK}


async def test_a_thread_that_returns_after_the_loop_has_closed_harms_nobody() -> None:
    hang = Hanging()
    stuck = scripted("stuck", hang)

    def in_a_loop_of_its_own() -> None:
        async def give_up() -> None:
            lane = Lane("gone", SystemClock(), timeout_seconds=0.01)
            await lane.run([stuck], TICK)
            lane.close()

        asyncio.run(give_up())

    await asyncio.get_running_loop().run_in_executor(None, in_a_loop_of_its_own)
    hang.release.set()
    await asyncio.get_running_loop().run_in_executor(None, stuck.threads[0].join, 10)
    assert not stuck.threads[0].is_alive()
