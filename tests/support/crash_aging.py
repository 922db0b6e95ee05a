"""Moves old jobs out of the records and is killed at a named step.

Usage: python crash_aging.py FOLDER STEP NUMBER     (the NUMBERth time STEP is reached)
"""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from nagare.commands.store import CommandStore, Kept
from nagare.lib.clock import ManualClock
from nagare.records.engine import Records
from tests.support.aged_jobs import aging_of
from tests.support.command_jobs import NOW_MS
from tests.support.kill_at import KillAt
from tests.support.metric_store import make_store


class Watched(CommandStore):
    """Tells of the two moments around the removal, too."""

    def __init__(self, records: Records, kill: KillAt) -> None:
        super().__init__(records)
        self._kill = kill

    async def forget_moved(self, moved: Sequence[Kept]) -> int:
        """Remove them."""
        self._kill.step("before_removal")
        count = await super().forget_moved(moved)
        self._kill.step("after_removal")
        return count


async def main() -> None:
    folder, step, number = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    kill, clock = KillAt(step, number), ManualClock(NOW_MS)
    async with (
        Records(folder / "records.db") as records,
        make_store(folder, clock=clock, observer=kill) as metrics,
    ):
        await aging_of(Watched(records, kill), metrics, clock).move()


if __name__ == "__main__":
    asyncio.run(main())
