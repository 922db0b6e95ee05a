"""The metric store as the rest of the server sees it: append, query, describe, and a loop that keeps house.

Nothing here touches a file or DuckDB on the event loop: the log has its writer's thread, queries have theirs, and
opening, flushing, compaction and retention share one maintenance thread. Open order: catalog, block files, log,
replay. Close order: writer (which stores what waits), queries, catalog; nothing is flushed by force.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import Self, TypeVar

from nagare.config.places import Places
from nagare.config.settings import BucketSettings, QuerySettings, StorageSettings
from nagare.errors import NagareError, NotReadyError, OverloadedError, StorageError
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters
from nagare.metrics.cardinality import TOP, count_series
from nagare.metrics.core import Sections, StoreCore
from nagare.metrics.describe import describe
from nagare.metrics.head import HeadTable
from nagare.metrics.history import History
from nagare.metrics.observe import NoObserver, Observer
from nagare.metrics.samples.room import SamplesWork, check_samples
from nagare.metrics.samples.series import SeriesTable
from nagare.metrics.schema import Schema
from nagare.metrics.sql.pool import QueryPool
from nagare.metrics.sql.service import Bounds, SqlService
from nagare.metrics.sql.stop import Stop
from nagare.metrics.tally import count_batch, count_events, count_samples, count_wide
from nagare.metrics.wal.prepare import WideWork
from nagare.metrics.wal.writer import Reply
from nagare.model.columns import Cell, Columns, RecordTable
from nagare.model.event import Event
from nagare.model.export import ExportTarget
from nagare.model.samples import MetricMetadata, Samples, SamplesReply
from nagare.model.tables import Table
from nagare.model.wide import WideReply, WideRows
from nagare.wire.batch import Batch, BatchReply
from nagare.wire.cardinality import CardinalityReply
from nagare.wire.queries import QueryCosts
from nagare.wire.sound_batch import SoundBatch
from nagare.wire.sql import SqlReply, SqlRequest, TableView
from nagare.wire.system import StoreStatus

log = logging.getLogger(__name__)

T = TypeVar("T")
# A head this many times over its flush size means that flushing fails or lags: senders must wait, not memory grow.
HEAD_LIMIT_FLUSHES = 4
# Retention and compaction look this often; a day's block ages a day at a time.
HOUSEKEEPING_SECONDS = 60.0
# How long a round may go on with pieces of one kind of work; the rest waits for the next one.
PIECES_SECONDS = 10.0


class MetricStore:
    """Keeps metrics and events of all hosts and answers SQL over them; see the module for threads and order."""

    def __init__(
        self,
        places: Places,
        storage: StorageSettings,
        query: QuerySettings,
        *,
        clock: Clock,
        observer: Observer | None = None,
        bucket: BucketSettings | None = None,
    ) -> None:
        """Describe the store; ``async with`` opens it."""
        self._storage = storage
        self._query = query
        self._clock = clock
        self._places = places
        self._observer = observer or NoObserver()
        self._bucket = bucket or BucketSettings()
        self._records: dict[str, RecordTable] = {}
        self._core: StoreCore | None = None
        self._pool: QueryPool | None = None
        self._sql: SqlService | None = None
        self._maintenance: ThreadPoolExecutor | None = None
        self._wake = asyncio.Event()
        self._crowded: list[HeadTable] = []
        self.counters = Counters()

    async def __aenter__(self) -> Self:
        """Open the files and replay the log. Raises StorageError."""
        loop = asyncio.get_running_loop()
        self._maintenance = ThreadPoolExecutor(1, thread_name_prefix="nagare-store")

        def crowded(table: HeadTable) -> None:
            loop.call_soon_threadsafe(self._note_crowded, table)

        sections = Sections(self._storage, self._query, self._bucket)
        core = StoreCore(self._places, sections, self._clock, self._observer, crowded)
        try:
            await self._maintain(core.open)
        except BaseException:
            self._maintenance.shutdown(wait=False)
            raise
        self._core = core
        self._pool = QueryPool(self._query)
        self._sql = SqlService(
            core.runner, self._pool, self._records, self._clock, Bounds(self._query, self._storage.free_reserve_bytes)
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Store what waits, end the threads, close the files."""
        core, self._core = self._core, None
        if self._sql is not None:
            self._sql.close()
        if core is not None and self._maintenance is not None:
            # Shielded: a second cancellation must not leave the log's thread behind with senders waiting.
            await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._maintenance, core.close))
        if self._maintenance is not None:
            self._maintenance.shutdown(wait=False)

    async def run(self) -> None:
        """Flush in time and when the head is large, drop what is too old, merge small blocks; until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._flush_in_time(), name="store-flush")
            tasks.create_task(self._serve_wakes(), name="store-wakes")
            tasks.create_task(self._keep_house(), name="store-house")

    async def append(self, batch: Batch | SoundBatch) -> BatchReply:
        """Store ``batch`` durably and say what became of it; the same (host, boot, seq) again is a duplicate.

        Raises InputError (malformed, nothing stored), OverloadedError, DiskFullError, StorageError, NotReadyError.
        """
        core = self._open_core()
        self._check_head(core)
        return self._noted(core, count_batch(self.counters, await core.writer.submit(batch)))

    def hand_in(self, batch: Batch | SoundBatch, done: Callable[[BatchReply | BaseException], None]) -> None:
        """Do what ``append`` does, but return at once; ``done`` is called later, on this loop, with the reply or an error.

        Raises OverloadedError and NotReadyError when the batch is not even taken; ``done`` is not called then.
        """
        core = self._open_core()
        self._check_head(core)
        core.writer.hand_in(batch, partial(self._end, core, count_batch, done))

    def hand_in_samples(
        self,
        samples: Samples,
        metadata: Sequence[MetricMetadata],
        done: Callable[[SamplesReply | BaseException], None],
    ) -> None:
        """Do what ``append_samples`` does, but return at once, as ``hand_in`` does for a batch. Raises BodyTooLargeError too."""
        core = self._open_core()
        check_samples(samples)
        self._check_head(core)
        core.writer.hand_in(SamplesWork(samples, metadata), partial(self._end, core, count_samples, done))

    def _end(
        self,
        core: StoreCore,
        count: Callable[[Counters, Reply], T],
        done: Callable[[T | BaseException], None],
        outcome: Reply | BaseException,
    ) -> None:
        done(outcome if isinstance(outcome, BaseException) else self._noted(core, count(self.counters, outcome)))

    def _noted(self, core: StoreCore, reply: T) -> T:
        if self._is_head_full(core):
            self._wake.set()
        return reply

    async def append_events(self, events: Sequence[Event]) -> list[bool]:
        """Store ``events`` durably; False marks one whose id is known already. Raises as ``append`` does."""
        if not events:
            return []
        core = self._open_core()
        self._check_head(core)
        return count_events(self.counters, await core.writer.submit(tuple(events)))

    @property
    def series(self) -> SeriesTable:
        """The numbers of series, for whoever makes samples. Raises NotReadyError while the store is not open."""
        return self._open_core().series

    def find_metadata(self, metric: str) -> MetricMetadata | None:
        """Return what a sender said last of ``metric``: its type, unit and help."""
        return self._open_core().room.metadata.get(metric)

    async def append_samples(self, samples: Samples, *, metadata: Sequence[MetricMetadata] = ()) -> SamplesReply:
        """Store ``samples`` durably and say what became of them; a (series, ts) again is a duplicate, the first one stays.

        Raises BodyTooLargeError, OverloadedError, DiskFullError, StorageError, NotReadyError.
        """
        core = self._open_core()
        check_samples(samples)
        self._check_head(core)
        return self._noted(core, count_samples(self.counters, await core.writer.submit(SamplesWork(samples, metadata))))

    async def append_wide(self, rows: Sequence[WideRows]) -> WideReply:
        """Store foreign rows, each table once, durably; of a point that comes again the last value of each field counts.

        Raises InputError (text that UTF-8 cannot hold), BodyTooLargeError, OverloadedError, DiskFullError, StorageError.
        """
        core = self._open_core()
        self._check_head(core)
        return self._noted(core, count_wide(self.counters, await core.writer.submit(WideWork(rows))))

    async def query(
        self, request: SqlRequest, *, hosts: frozenset[str] | None = None, hidden: frozenset[str] = frozenset()
    ) -> SqlReply:
        """Answer one SELECT over the tables but the ``hidden`` ones, only rows of ``hosts`` when given.

        Raises QuerySyntaxError, DeadlineExceededError, ResultTooLargeError, OverloadedError, StorageError.
        """
        sql, schemas = self._open_sql()
        return await self._counted(sql.query(request, hosts, schemas, hidden))

    async def export(
        self,
        request: SqlRequest,
        target: ExportTarget,
        *,
        hosts: frozenset[str] | None = None,
        hidden: frozenset[str] = frozenset(),
    ) -> SqlReply:
        """Write what ``query`` would answer to the file of ``target`` below ``exports``, with as many rows as there are.

        The reply's one row is their number. Of a failure no file is left. Raises what ``query`` raises, and
        LimitExceededError, DiskFullError.
        """
        sql, schemas = self._open_sql()
        self.counters.add("exports")
        return await self._counted(sql.export(request, hosts, schemas, hidden, target))

    async def _counted(self, work: Awaitable[SqlReply]) -> SqlReply:
        self.counters.add("queries")
        started = self._clock.monotonic()
        try:
            return await work
        except NagareError:
            self.counters.add("query_failures")
            if self._open_core().is_broken:
                self._wake.set()
            raise
        finally:
            self.counters.add("query_seconds", max(0.0, self._clock.monotonic() - started))

    def _open_sql(self) -> tuple[SqlService, Mapping[str, Schema]]:
        core = self._open_core()
        if self._sql is None:
            raise _not_open()
        return self._sql, core.schemas.current

    async def cardinality(
        self, top: int = TOP, *, hosts: frozenset[str] | None = None, hidden: frozenset[str] = frozenset()
    ) -> CardinalityReply:
        """Return how many series a caller sees, with the ``top`` groups of each kind. Raises as ``query`` does."""
        core = self._open_core()
        schemas = {name: schema for name, schema in core.schemas.current.items() if name not in hidden}
        return await count_series(partial(self.query, hosts=hosts), schemas, core.library.current, top)

    def query_costs(self, limit: int) -> QueryCosts:
        """Return the shapes of statements that took most time since the store was opened."""
        if self._sql is None:
            raise _not_open()
        return self._sql.costs.top(limit)

    async def add_history(self, table: Table, rows: Columns) -> int:
        """Store rows that left the records, durably; those that are there already, in that revision, are not stored again.

        Returns how many were new. Raises StorageError, DiskFullError.
        """
        return await self._maintain(partial(self._open_core().history.add, table, rows))

    async def find_history(self, table: Table, column: str, value: str, at_ms: int) -> list[dict[str, Cell]]:
        """Return the rows of that moment whose ``column`` has that ``value``. Raises as ``look_back`` does."""
        return await self.look_back(lambda history, stop: history.find(table, column, value, at_ms, stop))

    async def look_back(self, look: Callable[[History, Stop], T]) -> T:
        """Return what ``look`` finds in old rows. Raises OverloadedError, DeadlineExceededError, StorageError."""
        history, stop = self._open_core().history, Stop()
        if self._pool is None:
            raise _not_open()
        return await self._pool.run(partial(look, history, stop), stop.stop)

    def register_records(self, table: RecordTable) -> None:
        """Let SQL see ``table``; its rows are fetched when a query names it. Replaces one of the same name."""
        self._records[table.table.name] = table

    def describe(self) -> list[TableView]:
        """Return every table that SQL sees, with its columns."""
        return describe(self._open_core().schemas.current, self._records)

    def status(self) -> StoreStatus:
        """Return the store in numbers."""
        return self._open_core().status(self.counters)

    async def flush(self) -> int:
        """Move the head into blocks and let the log forget it; return the number of blocks. Raises StorageError."""
        core = self._open_core()
        blocks = await self._maintain(core.flush)
        self.counters.add("flushes")
        return blocks

    async def sync_bucket(self) -> None:
        """Send every block that waits to the bucket, and a copy of the catalog; nothing without a bucket.

        Raises BucketUnavailableError, and ConfigError when the bucket is another's.
        """
        await asyncio.to_thread(self._open_core().bucket.work)

    async def keep_house(self) -> None:
        """Make rollups, drop what is too old, merge small blocks, recompress old ones. Raises StorageError.

        Each in short pieces on the maintenance thread, so that a flush comes between them.
        """
        core = self._open_core()
        await self._while_time(core.roll_up)
        await self._maintain(core.keep_house)
        await self._while_time(core.recompress)

    async def _while_time(self, work: Callable[[], bool]) -> None:
        until = self._clock.monotonic() + PIECES_SECONDS
        while await self._maintain(work) and self._clock.monotonic() < until:
            pass

    async def _maintain(self, work: Callable[[], T]) -> T:
        if self._maintenance is None:
            raise _not_open()
        return await asyncio.get_running_loop().run_in_executor(self._maintenance, work)

    async def _flush_in_time(self) -> None:
        while True:
            await self._clock.sleep(self._storage.flush_seconds)
            await self._try("flush", self.flush)

    async def _serve_wakes(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            core = self._open_core()
            if core.is_broken:
                await self._try("reload", partial(self._maintain, core.reload))
            crowded, self._crowded = self._crowded, []
            await self._try("freeze", partial(self._freeze, crowded))
            if self._is_head_full(core):
                await self._try("flush", self.flush)

    async def _keep_house(self) -> None:
        while True:
            await self._clock.sleep(HOUSEKEEPING_SECONDS)
            await self._try("housekeeping", self.keep_house)

    async def _freeze(self, tables: Sequence[HeadTable]) -> None:
        if tables:
            await self._maintain(partial(self._open_core().freeze, *tables))

    async def _try(self, name: str, work: Callable[[], Awaitable[object]]) -> None:
        """Run one round of housekeeping; a storage fault is counted and tried again in time, never the end of the loop."""
        try:
            await work()
        except StorageError as error:
            self.counters.add(f"{name}_failures")
            log.error("store_%s_failed error=%s", name, error.message)  # noqa: TRY400  the message says it all

    def _note_crowded(self, table: HeadTable) -> None:
        if table not in self._crowded:
            self._crowded.append(table)
        self._wake.set()

    def _is_head_full(self, core: StoreCore) -> bool:
        newest = core.library.current.generations[-1]
        storage = self._storage
        return newest.rows >= storage.flush_rows or newest.samples.size_bytes >= storage.flush_samples_bytes

    def _check_head(self, core: StoreCore) -> None:
        generations = core.library.current.generations
        if len(generations) == 1 and not self._is_head_full(core):
            return  # asked for every batch, and so nearly always
        rows = sum(generation.rows for generation in generations)
        size = sum(generation.samples.size_bytes for generation in generations)
        is_over = rows > HEAD_LIMIT_FLUSHES * self._storage.flush_rows
        if is_over or size > HEAD_LIMIT_FLUSHES * self._storage.flush_samples_bytes:
            self._wake.set()
            what = f"{rows} rows" if is_over else f"{size} bytes of samples"
            raise OverloadedError(f"cannot store more: {what} wait to be moved into blocks", retry_after_seconds=5)

    def _open_core(self) -> StoreCore:
        if self._core is None:
            raise _not_open()
        return self._core


def _not_open() -> NotReadyError:
    return NotReadyError("cannot use the metric store: it is not open", retry_after_seconds=5)
