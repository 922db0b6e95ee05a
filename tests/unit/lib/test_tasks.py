import asyncio
import itertools
import logging

import pytest

from nagare.lib.backoff import Backoff
from nagare.lib.clock import ManualClock
from nagare.lib.tasks import TaskSupervisor


async def test_a_failing_job_is_restarted_with_backoff_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    clock, runs = ManualClock(), list[float]()

    async def job() -> None:
        runs.append(clock.monotonic())
        raise ValueError("broken on purpose")

    async with TaskSupervisor(clock=clock) as tasks:
        tasks.supervise("job", job, backoff=Backoff(1, 4, floor_seconds=1))
        await asyncio.sleep(0)
        await clock.advance(30)
        assert tasks.counters.get("restarts.job") == len(runs)
    assert len(runs) >= 7
    # The sums of a clock are as exact as floats are.
    assert all(1 <= round(later - earlier, 6) <= 4 for earlier, later in itertools.pairwise(runs))
    assert "task_failed name=job" in caplog.text
    assert "broken on purpose" in caplog.text


async def test_a_job_that_returns_is_restarted_too() -> None:
    clock, runs = ManualClock(), list[int]()

    async def job() -> None:
        runs.append(1)

    async with TaskSupervisor(clock=clock) as tasks:
        tasks.supervise("job", job)
        await asyncio.sleep(0)
        await clock.advance(120)
    assert len(runs) > 1


async def test_a_long_run_resets_the_backoff() -> None:
    clock = ManualClock()
    backoff = Backoff(1, 4)

    async def job() -> None:
        await clock.sleep(100)
        raise ValueError

    async with TaskSupervisor(clock=clock) as tasks:
        backoff.attempt = 9
        tasks.supervise("job", job, backoff=backoff)
        await asyncio.sleep(0)
        await clock.advance(100)
        assert backoff.attempt == 1


async def test_leaving_cancels_every_task() -> None:
    ended = []

    async def forever(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(name)

    async with TaskSupervisor() as tasks:
        tasks.supervise("kept", lambda: forever("kept"))
        tasks.start("once", forever("once"))
        await asyncio.sleep(0)
    assert sorted(ended) == ["kept", "once"]


async def test_a_task_cancelled_before_its_first_step_leaves_no_warning() -> None:
    async def never() -> None:
        raise AssertionError("must not run")

    async with TaskSupervisor() as tasks:
        tasks.start("never", never())


async def test_an_error_of_a_single_run_is_logged_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise OSError("no such wire")

    async with TaskSupervisor() as tasks:
        await tasks.start("fail", fail())
        assert tasks.counters.get("failures.fail") == 1
    assert "no such wire" in caplog.text


async def test_a_stray_cancellation_below_a_job_does_not_end_it(caplog: pytest.LogCaptureFixture) -> None:
    clock, runs = ManualClock(), list[int]()

    async def job() -> None:
        runs.append(1)
        future = asyncio.get_running_loop().create_future()
        future.cancel()
        await future

    async with TaskSupervisor(clock=clock) as tasks:
        task = tasks.supervise("job", job)
        await asyncio.sleep(0)
        await clock.advance(10)
        assert not task.done()
    assert len(runs) > 1
    assert task.cancelled()


async def test_a_task_that_starts_another_while_ending_leaves_none_behind() -> None:
    started = []

    async with TaskSupervisor() as tasks:

        async def last() -> None:
            await asyncio.Event().wait()

        async def first() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                started.append(tasks.start("last", last()))

        tasks.start("first", first())
        await asyncio.sleep(0)
    assert started[0].cancelled()


async def test_a_task_that_will_not_end_is_named(caplog: pytest.LogCaptureFixture) -> None:
    release = asyncio.Event()

    async def stubborn() -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    with caplog.at_level(logging.ERROR):
        async with TaskSupervisor(stop_seconds=0.01) as tasks:
            task = tasks.start("stubborn", stubborn())
            await asyncio.sleep(0)
    assert "task_did_not_stop name=stubborn" in caplog.text
    release.set()
    await task
