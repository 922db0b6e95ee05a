"""The guard itself: it accuses code of ours that blocks, and nothing else."""

import asyncio
import time
from pathlib import Path
from types import CodeType

from tests.support.loop_guard import LoopGuard

LIMIT = 0.2


def _sleeper(filename: str) -> CodeType:
    return compile("import time\ntime.sleep(0.4)\n", filename, "exec")


async def _block(filename: str) -> None:
    await asyncio.sleep(0)
    exec(_sleeper(filename), {})


def test_a_callback_of_ours_that_blocks_is_reported_with_its_place() -> None:
    with LoopGuard(LIMIT) as guard:
        asyncio.run(_block(str(Path("/x/src/nagare/server/slow.py"))))
    assert len(guard.blocks) == 1
    assert "slow.py" in guard.blocks[0]


def test_code_of_a_test_may_block() -> None:
    with LoopGuard(LIMIT) as guard:
        asyncio.run(_block("/x/tests/test_slow.py"))
    assert guard.blocks == []


def test_a_patient_coroutine_is_fine() -> None:
    async def wait() -> None:
        await asyncio.sleep(0.4)

    with LoopGuard(LIMIT) as guard:
        asyncio.run(wait())
    assert guard.blocks == []


def test_the_guard_leaves_the_loop_as_it_was() -> None:
    before = asyncio.Handle._run
    with LoopGuard(LIMIT):
        time.sleep(0)
    assert asyncio.Handle._run is before
