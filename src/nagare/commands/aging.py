"""Moves jobs that ended long ago from the records into blocks, where they cost little and SQL still finds them.

Rows are durable in a block first and leave the records afterwards; between the two a query sees them once, by their ids.
Killed anywhere, the next round does the rest: what is in a block is not written again. A job that has a lost command stays
longer, because its host may still come back with the truth.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from nagare.commands.asking import HistoryBook
from nagare.commands.board import Board
from nagare.commands.history import Row, columns_of, command_cells, job_cells, kept_of, streams_by_id
from nagare.commands.store import CommandStore, Kept, Streams
from nagare.commands.tables import COMMANDS_LIMIT
from nagare.errors import NagareError, NotFoundError
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters
from nagare.lib.rfc3339 import format_ms

log = logging.getLogger(__name__)
_ROUND_SECONDS = 3600.0
# How much longer a job with a lost command stays.
LOST_TIMES = 6
_JOBS = 100
# Of one write into blocks; and of one look at what commands wrote, a megabyte each at the worst.
_ROWS, _OUTPUTS = 500, 10
# Of a job whose history was dropped it is known for as long again that there was one, and a day at least: so young a row
# may still stand in a block that others keep.
_KNOWN_TIMES, _KNOWN_MS = 2, 86_400_000
# Who shows them all reads so many: those that came before move however young they are.
_CROWD = COMMANDS_LIMIT // 2


@dataclass(frozen=True, slots=True)
class Found:
    """A job, wherever it is; ``streams`` is what is left of the output of one that moved, None of any other."""

    kept: Kept
    streams: Mapping[str, Streams] | None = None


@dataclass(frozen=True, slots=True)
class Ages:
    """How long jobs stay in the records, and their history in blocks."""

    keep_seconds: float
    history_seconds: float


class Aging:
    """Moves jobs, and finds those that moved."""

    def __init__(
        self,
        store: CommandStore,
        board: Board,
        book: HistoryBook,
        clock: Clock,
        counters: Counters,
        ages: Ages,
    ) -> None:
        """Keep the neighbours."""
        self._store = store
        self._board = board
        self._book = book
        self._clock = clock
        self._counters = counters
        self._keep_ms = round(ages.keep_seconds * 1000)
        self._known_ms = round(_KNOWN_TIMES * ages.history_seconds * 1000) + _KNOWN_MS

    async def run(self) -> None:
        """Move what is due, every hour, until cancelled."""
        while True:
            try:
                await self.move()
            except NagareError as error:
                # They stay where they are, whole, and move in an hour.
                self._counters.add("moves_failed")
                log.warning("commands_not_moved: %s", error.message)
            await self._clock.sleep(_ROUND_SECONDS)

    async def move(self) -> int:
        """Move every job that is due; return how many. Of those that moved long ago nothing is known any more. Raises StorageError."""
        now_ms = self._clock.now_ms()
        before_ms = max(now_ms - self._keep_ms, await self._store.find_crowd_ms(_CROWD))
        moved = 0
        while ids := await self._store.find_aged(before_ms, now_ms - LOST_TIMES * self._keep_ms, _JOBS):
            gone = await self._move([job_id for job_id in ids if self._board.find(job_id) is None])
            moved += gone
            if not gone:
                # Somebody looks at them, or they changed just now.
                break
        if moved:
            self._counters.add("jobs_moved", moved)
            log.info("commands_moved jobs=%d", moved)
        await self._store.forget_dropped(now_ms - self._known_ms)
        return moved

    async def find(self, job_id: str, *, tells_dropped: bool = False) -> Found | None:
        """Return a job, None when there is none. Raises NotFoundError for one whose history was dropped, if that is to be told."""
        opened = self._board.find(job_id)
        kept = Kept(opened.job, opened.ordered()) if opened is not None else await self._store.find(job_id)
        return Found(kept) if kept is not None else await self._find_moved(job_id, tells_dropped=tells_dropped)

    async def load_streams(self, found: Found) -> Mapping[str, Streams]:
        """Return what there is of the output of a job, by its commands. Raises StorageError."""
        if found.streams is not None:
            return found.streams
        streams = await self._store.load_streams(found.kept.job.id)
        if streams:
            return streams
        # Nothing was written, or it moved just now.
        moved = await self._find_moved(found.kept.job.id)
        return {} if moved is None or moved.streams is None else moved.streams

    async def _find_moved(self, job_id: str, *, tells_dropped: bool = False) -> Found | None:
        made_ms = await self._store.find_moved(job_id)
        if made_ms is None:
            return None
        rows = await self._book.find_history(job_id, made_ms)
        if not rows and tells_dropped:
            raise NotFoundError(
                f"cannot find job {job_id}: it was made at {format_ms(made_ms)}, and its history is gone",
                hint="storage.retention_commands_seconds says how long it is kept; the audit log still has who asked for it",
            )
        return Found(kept_of(rows), streams_by_id(rows)) if rows else None

    async def _move(self, job_ids: list[str]) -> int:
        waiting: list[Row] = []
        moved: list[Kept] = []
        for job_id in job_ids:
            kept = await self._store.find(job_id)
            if kept is None:
                continue
            for start in range(0, len(kept.commands), _OUTPUTS):
                waiting += await self._rows(kept, start)
                if len(waiting) >= _ROWS:
                    await self._book.keep_history(columns_of(waiting))
                    waiting = []
            moved.append(kept)
        if waiting:
            await self._book.keep_history(columns_of(waiting))
        return await self._store.forget_moved(moved)

    async def _rows(self, kept: Kept, start: int) -> list[Row]:
        piece = kept.commands[start : start + _OUTPUTS]
        heads = await self._store.load_heads([command.id for command in piece])
        shared = job_cells(kept.job)
        return [{**shared, **command_cells(command, heads.get(command.id))} for command in piece]
