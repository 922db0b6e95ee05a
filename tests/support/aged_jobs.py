"""Jobs that ended long ago, and a shelf for them: the metric store without a server around it."""

import random
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from nagare.commands.aging import Ages, Aging
from nagare.commands.board import Board
from nagare.commands.history import jobs_grouped
from nagare.commands.store import CommandStore, Kept
from nagare.commands.tables import commands_table
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters
from nagare.metrics.store import MetricStore
from nagare.model.columns import Cell, Columns
from nagare.model.command.job import JobsWanted
from nagare.model.command.result import CommandResult, Reason, StreamKept
from nagare.model.command.states import CommandState
from nagare.model.history import COMMANDS
from tests.support.command_jobs import NOW_MS, commands_of, job_of
from tests.support.metric_store import rows

DAY_MS = 86_400_000
KEEP_SECONDS = 30 * 86_400.0
HISTORY_SECONDS = 5 * 365 * 86_400.0
# What SQL can see of a command, but for nothing.
EVERYTHING = "SELECT * FROM commands ORDER BY ts, id"
ENDS = (CommandState.DONE, CommandState.FAILED, CommandState.EXPIRED, CommandState.CANCELLED)


class Shelf:
    """Takes what leaves the records, as the server's book does."""

    def __init__(self, metrics: MetricStore) -> None:
        self._metrics = metrics
        # How often somebody looked for a job.
        self.looks = 0

    async def keep_history(self, rows: Columns) -> None:
        """Store rows."""
        await self._metrics.add_history(COMMANDS, rows)

    async def find_history(self, job_id: str, made_ms: int) -> list[dict[str, Cell]]:
        """Return those of a job."""
        self.looks += 1
        return await self._metrics.find_history(COMMANDS, "job", job_id, made_ms)

    async def list_history(
        self, from_ms: int, until_ms: int, wanted: JobsWanted, hosts: Collection[str] | None
    ) -> list[dict[str, Any]]:
        """Return jobs in that time."""
        grouping = jobs_grouped(wanted, hosts)
        return await self._metrics.look_back(
            lambda history, stop: history.group(COMMANDS, grouping, from_ms, until_ms, stop)
        )


def aging_of(store: CommandStore, metrics: MetricStore, clock: Clock, shelf: Shelf | None = None) -> Aging:
    """Return what moves jobs from ``store`` into ``metrics``, which shows both from now on."""
    metrics.register_records(commands_table(store))
    board = Board(store, clock, lambda *_: None)
    ages = Ages(KEEP_SECONDS, HISTORY_SECONDS)
    return Aging(store, board, shelf or Shelf(metrics), clock, Counters(), ages)


def aged(days: float, *states: CommandState, **changes: Any) -> Kept:
    """Return a job that was made and ended so many days ago; commands that are done have a result."""
    made_ms = NOW_MS - round(days * DAY_MS)
    job = job_of(made_ms=made_ms, expires_ms=made_ms + 300_000, **changes)
    commands = [replace(command, changed_ms=made_ms + 1000) for command in commands_of(job, *(states or ENDS))]
    return Kept(job, commands)


async def add_ended(store: CommandStore, kept: Kept, output: bytes = b"out\n") -> None:
    """Store a job whose done commands wrote ``output``."""
    running = [replace(c, state=CommandState.STARTED) if c.state is CommandState.DONE else c for c in kept.commands]
    await store.add(Kept(kept.job, running))
    for command in running:
        if command.state is CommandState.STARTED:
            result = CommandResult(
                CommandState.DONE, Reason.EXIT, exit_code=0, started_ms=command.changed_ms, ended_ms=command.changed_ms + 5,
                cpu_seconds=0.25, max_rss_bytes=4096, confinement="rlimits", holds=("no-new-privileges",),
                stdout=StreamKept(output, b"", len(output)),
            )  # fmt: skip
            assert await store.end(command, CommandState.DONE, result, command.changed_ms) is not None


async def everything(metrics: MetricStore) -> list[list[Any]]:
    """Return every row of the table, with every column."""
    return await rows(metrics, EVERYTHING)


def many(seed: int, count: int) -> list[Kept]:
    """Return jobs of many ages, some too young to move."""
    chance = random.Random(seed)
    return [
        aged(chance.choice((1, 29, 31, 31.5, 40, 200)), *chance.sample(ENDS, chance.randint(1, 4)))
        for _ in range(count)
    ]
