"""The guard itself: it accuses code of ours that blocks, and nothing else."""

import asyncio
import gc
import time
from pathlib import Path
from typing import Any

from tests.support.loop_guard import LoopGuard

LIMIT = 0.2


SLEEPER = """
import time

async def block():
    time.sleep(0.6)

def plain():
    time.sleep(0.6)
"""


def _names(filename: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(SLEEPER, filename, "exec"), names)
    return names


async def _block(filename: str) -> None:
    await asyncio.sleep(0)
    await _names(filename)["block"]()


def test_a_callback_of_ours_that_blocks_is_reported_with_its_place() -> None:
    with LoopGuard(LIMIT) as guard:
        asyncio.run(_block(str(Path("/x/src/nagare/server/slow.py"))))
    assert len(guard.blocks) == 1
    assert "slow.py" in guard.blocks[0]


def test_code_of_a_test_may_block() -> None:
    with LoopGuard(LIMIT) as guard:
        asyncio.run(_block("/x/tests/test_slow.py"))
    assert guard.blocks == []


def test_plain_code_of_ours_that_a_test_calls_may_block() -> None:
    async def call() -> None:
        _names(str(Path("/x/src/nagare/server/slow.py")))["plain"]()

    with LoopGuard(LIMIT) as guard:
        asyncio.run(call())
    assert guard.blocks == []


def test_a_collection_of_garbage_is_nobodys_fault() -> None:
    def slow(phase: str, _info: dict[str, int]) -> None:
        if phase == "start":
            time.sleep(0.3)

    async def collect() -> None:
        names: dict[str, Any] = {"gc": gc}
        exec(compile("async def run():\n    gc.collect()\n", "/x/src/nagare/agent/main.py", "exec"), names)
        await names["run"]()

    with LoopGuard(LIMIT) as guard:
        gc.callbacks.append(slow)
        try:
            asyncio.run(collect())
        finally:
            gc.callbacks.remove(slow)
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
