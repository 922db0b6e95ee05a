import asyncio

import pytest

from nagare.errors import NotFoundError
from nagare.lib.tasks import TaskSupervisor
from nagare.server.finisher import Finisher


async def test_the_outcome_is_the_callers() -> None:
    async def answer() -> int:
        return 7

    async def fail() -> None:
        raise NotFoundError("cannot find x: it is not there")

    async with TaskSupervisor() as tasks:
        finisher = Finisher(tasks)
        assert await finisher.finish(answer()) == 7
        with pytest.raises(NotFoundError):
            await finisher.finish(fail())


@pytest.mark.parametrize("fails", [False, True])
async def test_a_cancelled_caller_leaves_the_work_running(fails: bool) -> None:
    begun, may_end, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        await may_end.wait()
        ended.set()
        if fails:
            raise NotFoundError("cannot find x: nobody waits for this any more")

    async with TaskSupervisor() as tasks:
        finisher = Finisher(tasks)
        async with asyncio.TaskGroup() as callers:
            caller = callers.create_task(finisher.finish(work()))
            await begun.wait()
            caller.cancel()
        assert caller.cancelled()
        assert not ended.is_set()
        may_end.set()
        await ended.wait()


async def test_work_that_the_owner_stops_cancels_its_caller() -> None:
    begun = asyncio.Event()

    async def work() -> None:
        begun.set()
        await asyncio.Event().wait()

    async with asyncio.TaskGroup() as callers, TaskSupervisor() as tasks:
        caller = callers.create_task(Finisher(tasks).finish(work()))
        await begun.wait()
    assert caller.cancelled()
