"""What SQL may see of commands: the table ``commands``, one row a command of a host.

These are the rows of the records; the metric store joins those that moved into blocks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from nagare.commands.heads import Heads
from nagare.commands.history import Row, columns_of, command_cells, job_cells
from nagare.commands.store import CommandStore
from nagare.model.columns import Columns, RecordTable
from nagare.model.command.job import Command, Job
from nagare.model.history import COMMANDS

# What one statement reads of the records: the newest ones.
COMMANDS_LIMIT = 50_000
# What a command wrote stands apart, and is read only where it is asked for.
COSTLY = frozenset({"stdout", "stderr", "stdout_bytes", "stderr_bytes"})
_OUTPUTS = 50
# Made into rows at one time on the event loop.
_PIECE = 500
Commands = Sequence[tuple[Job, Command]]


def commands_table(store: CommandStore) -> RecordTable:
    """Return the table, read whenever a query names it."""

    async def fetch() -> Columns:
        return await columns_in_pieces(await store.newest(COMMANDS_LIMIT), {})

    async def fetch_all() -> Columns:
        found = await store.newest(COMMANDS_LIMIT)
        heads = await heads_in_pieces(found, store.load_heads)
        # What moved since then is in blocks with all that it wrote: a row without it would hide that one.
        return await columns_in_pieces([(job, command) for job, command in found if command.id in heads], heads)

    return RecordTable(COMMANDS, fetch, COSTLY, fetch_all)


async def columns_in_pieces(found: Commands, heads: Mapping[str, Heads | None]) -> Columns:
    """Return commands as the columns of the table, and let others have their turn in between."""
    rows: list[Row] = []
    for start in range(0, len(found), _PIECE):
        rows += [
            {**job_cells(job), **command_cells(command, heads.get(command.id))}
            for job, command in found[start : start + _PIECE]
        ]
        await asyncio.sleep(0)
    return columns_of(rows)


async def heads_in_pieces(
    found: Commands, load: Callable[[list[str]], Awaitable[Mapping[str, Heads | None]]]
) -> dict[str, Heads | None]:
    """Return the begin of what commands wrote, some commands at a time."""
    heads: dict[str, Heads | None] = {}
    for start in range(0, len(found), _OUTPUTS):
        heads |= await load([command.id for _, command in found[start : start + _OUTPUTS]])
    return heads
