"""The metric store of an installation whose server is down: reads blocks and the log, writes nothing.

The catalog is copied before it is opened, because SQLite would finish what a crash left half done in place; the log
is read without cutting its torn tail. Whether a server runs is the caller's to check.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

from nagare.config.places import Places
from nagare.config.settings import Settings
from nagare.errors import NotReadyError, QuerySyntaxError, StorageError
from nagare.lib.clock import Clock, SystemClock
from nagare.lib.database_copy import copied
from nagare.lib.segment_file import Damage
from nagare.lib.segment_log import read_log
from nagare.metrics.blocks.catalog import Block, Catalog, Unrolled
from nagare.metrics.blocks.files import BlockFiles
from nagare.metrics.blocks.library import Library
from nagare.metrics.blocks.verify import BlockCheck
from nagare.metrics.bucket.bucket import Bucket
from nagare.metrics.cardinality import TOP, count_series
from nagare.metrics.describe import describe
from nagare.metrics.engine import Engine
from nagare.metrics.head import Generation
from nagare.metrics.samples.mirror import SeriesMirror
from nagare.metrics.samples.room import SampleRoom
from nagare.metrics.samples.series import SeriesTable
from nagare.metrics.samples.stored import Stored
from nagare.metrics.samples.views import SampleViews
from nagare.metrics.schema import RECORD_TABLES, Schemas
from nagare.metrics.sql.pool import QueryPool
from nagare.metrics.sql.query import QueryRunner
from nagare.metrics.sql.service import Bounds, SqlService
from nagare.metrics.wal.replay import replay
from nagare.model.columns import RecordTable
from nagare.wire.cardinality import CardinalityReply
from nagare.wire.sql import SqlReply, SqlRequest, TableView


class OfflineStore:
    """``query`` and ``describe`` as MetricStore has them, over the files of ``settings.data``."""

    def __init__(self, settings: Settings, *, clock: Clock | None = None, records: Sequence[RecordTable] = ()) -> None:
        """Describe the store; ``async with`` reads the files. ``records`` are tables that SQL sees besides."""
        self._records = {table.table.name: table for table in records}
        self._places = Places(settings.data)
        self._settings = settings.query
        self._clock = clock or SystemClock()
        self.damages: list[str] = []
        self._engine = Engine(self._places.metrics, settings.query)
        self._library = Library()
        self._schemas = Schemas()
        self._series = SeriesTable(settings.storage.series_limit, settings.storage.host_series_limit)
        files = BlockFiles(self._places.metrics)
        self._bucket = Bucket.open(settings.bucket, files, self._lose)
        self._check = BlockCheck(
            files, self._library, self.damages.append, may_set_aside=False, cache=self._bucket.cache
        )
        stored = Stored(self._library, self._engine, str(self._places.metrics))
        self._room = SampleRoom(self._series, stored, settings.storage, self._clock)
        self._sql: SqlService | None = None

    async def __aenter__(self) -> Self:
        """Read catalog and log. Raises StorageError."""
        with ThreadPoolExecutor(1, thread_name_prefix="nagare-offline") as executor:
            await asyncio.get_running_loop().run_in_executor(executor, self._open)
        views = SampleViews(
            SeriesMirror(self._series, self._engine), self._room.newest, str(self._places.metrics), self._bucket.cache
        )
        runner = QueryRunner(self._engine, self._library, self._check, views, self._settings)
        self._sql = SqlService(runner, QueryPool(self._settings), self._records, self._clock, Bounds(self._settings, 0))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close DuckDB."""
        if self._sql is not None:
            self._sql.close()
            self._sql = None
        self._engine.close()

    async def query(self, request: SqlRequest, *, hosts: frozenset[str] | None = None) -> SqlReply:
        """Answer one SELECT over the tables. Raises the errors that MetricStore.query names."""
        if self._sql is None:
            raise NotReadyError("cannot use the metric store: it is not open")
        try:
            return await self._sql.query(request, hosts, self._schemas.current)
        except QuerySyntaxError as error:
            raise _needs_server(error) from error

    async def cardinality(self, top: int = TOP) -> CardinalityReply:
        """Return how many series there are, with the ``top`` groups of each kind. Raises as ``query`` does."""
        return await count_series(self.query, self._schemas.current, self._library.current, top)

    def describe(self) -> list[TableView]:
        """Return every table that SQL sees, with its columns; most records are the server's and not among them."""
        return describe(self._schemas.current, self._records)

    def _open(self) -> None:
        blocks, unrolled, checkpoint = self._read_catalog()
        generation = Generation(1)
        self._library.start(generation, blocks, [(one.table, one.hour_ms) for one in unrolled])
        found: list[Damage] = []
        records = read_log(self._places.log, checkpoint + 1, found)
        for _, crowded in replay(records, generation, self._schemas, self.damages, room=self._room):
            for table in crowded:
                table.fill(self._schemas.current[table.table], self._engine)
        self.damages.extend(f"{damage.segment.name}: {damage.reason}" for damage in found)

    def _read_catalog(self) -> tuple[list[Block], list[Unrolled], int]:
        catalog = self._places.catalog
        if not catalog.exists() or not catalog.stat().st_size:
            if next(self._places.metrics.glob("*/date=*/*.parquet"), None) is not None:
                raise StorageError(
                    f"cannot read catalog {catalog}: it is missing or empty though blocks are there",
                    hint="start the server once: it makes the catalog again from the blocks",
                )
            return [], [], 0
        with copied(catalog, is_live=False) as copy:
            opened = Catalog(copy)
            try:
                opened.open()
                self._schemas = Schemas(opened.foreign())
                self._library.raise_floor(opened.floor_ms())
                self._room.load(opened.samples())
                blocks = [block for block in opened.blocks() if self._is_there(block)]
                return blocks, opened.unrolled(), opened.checkpoint_index()
            finally:
                opened.close()

    def _lose(self, block: Block, text: str) -> str:
        return self._check.lose(block, text)

    def _is_there(self, block: Block) -> bool:
        is_there = (self._places.metrics / block.path).is_file() or self._bucket.is_used
        if not is_there:
            self.damages.append(f"{block.path}: the catalog lists this block, but its file is missing")
        return is_there


def _needs_server(error: QuerySyntaxError) -> QuerySyntaxError:
    """Return ``error``, or a better one when the table that it misses is one of records."""
    for name in RECORD_TABLES:
        if error.message.lower() == f"cannot query {name!r}: there is no such table":
            return QuerySyntaxError(
                f"cannot query {name!r}: the server keeps it, and none runs", hint="begin: nagare up"
            )
    return error
