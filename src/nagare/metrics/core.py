"""The store without an event loop: what opens, flushes and closes the files; every method blocks.

Used by the maintenance thread only; the writer's thread and the query threads meet it through the library.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from nagare.config.places import Places
from nagare.config.settings import BucketSettings, QuerySettings, StorageSettings
from nagare.lib.atomic_file import sync_directory
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters
from nagare.lib.segment_log import SegmentLog
from nagare.metrics.blocks.catalog import Block, Catalog
from nagare.metrics.blocks.compact import Compactor
from nagare.metrics.blocks.files import DAY_MS, BlockFiles
from nagare.metrics.blocks.flush import Flusher, Sealed
from nagare.metrics.blocks.library import Library
from nagare.metrics.blocks.recover import open_catalog
from nagare.metrics.blocks.scrub import scrub
from nagare.metrics.blocks.sources import Sources
from nagare.metrics.blocks.verify import BlockCheck
from nagare.metrics.bucket.bucket import Bucket
from nagare.metrics.bucket.sync import Ground
from nagare.metrics.engine import Engine
from nagare.metrics.head import Generation, HeadTable
from nagare.metrics.history import History
from nagare.metrics.observe import Observer
from nagare.metrics.rollups.housekeeping import RollupQueue
from nagare.metrics.rollups.recompress import Recompressor
from nagare.metrics.rollups.retention import Retention
from nagare.metrics.rollups.roller import Roller
from nagare.metrics.samples.mirror import SeriesMirror
from nagare.metrics.samples.recover import recovered, with_newer
from nagare.metrics.samples.room import SampleRoom
from nagare.metrics.samples.series import SeriesTable
from nagare.metrics.samples.series_files import SeriesFiles
from nagare.metrics.samples.stored import Stored
from nagare.metrics.samples.views import SampleViews
from nagare.metrics.samples.write import SampleWriter
from nagare.metrics.schema import Schemas, is_raw
from nagare.metrics.sql.query import QueryRunner
from nagare.metrics.totals import totals
from nagare.metrics.wal.prepare import Preparer
from nagare.metrics.wal.replay import replay
from nagare.metrics.wal.seen import Seen
from nagare.metrics.wal.watch import Watch
from nagare.metrics.wal.writer import Head, LogWriter
from nagare.metrics.wide.admit import WideAdmission
from nagare.metrics.wide.again import NewestPoints
from nagare.wire.system import StoreStatus

log = logging.getLogger(__name__)


# Names of batches and events age in days: an hourly look is plenty, and it is a write.
FORGET_SECONDS = 3600.0
# A clock that went forward by more than it ran is doubted this long before anything is dropped by it.
CLOCK_JUMP_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Sections:
    """The settings that concern the store."""

    storage: StorageSettings
    query: QuerySettings
    bucket: BucketSettings


class StoreCore:
    """Everything of one open store."""

    def __init__(
        self,
        places: Places,
        sections: Sections,
        clock: Clock,
        observer: Observer,
        crowded: Callable[[HeadTable], None],
    ) -> None:
        """Describe it; ``open`` touches the disk."""
        storage, query = sections.storage, sections.query
        self._places = places
        self._storage = storage
        self._clock = clock
        self._observer = observer
        self._crowded = crowded
        self._catalog = Catalog(places.catalog)
        self._files = BlockFiles(places.metrics)
        self._log = SegmentLog(places.log, segment_limit_bytes=storage.segment_limit_bytes)
        self._engine = Engine(places.metrics, query, places.exports.absolute())
        self.library = Library()
        self.bucket = Bucket.open(sections.bucket, self._files, self._lose)
        self._check = BlockCheck(self._files, self.library, self._note_damage, cache=self.bucket.cache)
        self.series = SeriesTable(storage.series_limit, storage.host_series_limit)
        self._mirror = SeriesMirror(self.series, self._engine)
        stored = Stored(self.library, self._engine, str(places.metrics), self._check)
        self._newest_points = NewestPoints(self._block_end_ns, lambda: self._log.next_index)
        self.room = SampleRoom(self.series, stored, storage, clock)
        views = self._sample_views = SampleViews(self._mirror, self.room.newest, str(places.metrics), self.bucket.cache)
        self.runner = QueryRunner(self._engine, self.library, self._check, views, query)
        self._next_generation = 1
        self._sealed: Sealed | None = None
        self._forgot_at = clock.monotonic()
        # What the wall clock shows beyond the running one, when it was last looked at, and how long it is doubted.
        self._offset_seconds = clock.now_ms() / 1000 - clock.monotonic()
        self._doubted_until = clock.monotonic()
        self._damages: list[str] = []
        # Listed in the catalog, but not there: told at every start until retention would have dropped them.
        self._lost: list[Block] = []

    def open(self) -> None:
        """Open catalog, blocks and log, and replay what is in no block yet. Raises StorageError."""
        for folder in (self._places.data, self._places.metrics):
            if not folder.is_dir():
                folder.mkdir(parents=True, mode=0o700)
                sync_directory(folder.parent)
        is_restored = self.bucket.prepare(self._places)
        self._log.open()
        blocks = self._open_catalog(is_restored=is_restored)
        checkpoint = self._catalog.checkpoint_index()
        self._files.remove_unlisted(blocks)
        self.schemas = Schemas(self._catalog.foreign())
        self._seen = Seen(self._catalog.seqs(), self._catalog.has_event)
        self.room.load(self._catalog.samples())
        self._log.skip_to(checkpoint + 1)
        generation = self._new_generation()
        self.library.start(generation, blocks, [(one.table, one.hour_ms) for one in self._catalog.unrolled()])
        self.library.raise_floor(self._catalog.floor_ms())
        self._replay(checkpoint + 1, generation)
        self._log.drop_before(checkpoint + 1)
        self._damages.extend(
            f"{damage.segment.name}: {damage.reason} at {damage.offset}..{damage.end}" for damage in self._log.damages
        )
        for damage in self._damages:
            log.warning("store_damage %s", damage)
        self._make_workers()
        self.watch = Watch(self._places.log, self._storage, self._clock, self._observer)
        self.watch.measure()
        wide = WideAdmission(self._newest_points, self._storage)
        self._preparer = Preparer(self.schemas, self._seen, wide, self._storage, self._clock)
        self._preparer.floor_ms = self.room.floor_ms = self._catalog.floor_ms()
        head = Head(generation, self._crowded)
        self.writer = LogWriter(self._log, self._seen, self._preparer, self.room, head, self.watch)
        self.writer.start()
        self.bucket.start(Ground(self._catalog, self.library, self._places.metrics, self._clock, self._observer))

    def _open_catalog(self, *, is_restored: bool) -> list[Block]:
        """Open the catalog, made again when it is lost, and return its blocks that are there."""
        # Without a segment no record waits for replay, whatever the numbers in the blocks say.
        log_first = self._log.first_index if self._log.segment_starts else None
        open_catalog(self._catalog, self._files, self._engine, log_first, self._damages)
        self.bucket.note_removals(self._catalog, self._clock)
        if is_restored:
            newer = self.bucket.adopt_newer(self._catalog, self._engine, self._damages)
            found = recovered(self._engine, self._places.metrics, newer)
            self._catalog.adopt_samples(with_newer(self._catalog.samples(), found))
        blocks = self._existing_blocks()
        if self._catalog.is_new:
            self._catalog.adopt_samples(recovered(self._engine, self._places.metrics, blocks))
        return blocks

    def _make_workers(self) -> None:
        """Make what moves blocks on the maintenance thread."""
        samples = SampleWriter(self._files, self.series)
        shared = (self._engine, self._files, self._catalog, self.library, self.schemas)
        self._series_files = SeriesFiles(self._places.metrics)
        self._flusher = Flusher(*shared, samples, self._series_files, self._observer)
        self._compactor = Compactor(*shared, samples, self._check, self._observer)
        self._recompressor = Recompressor(*shared, samples, self._check, self._storage, self._observer)
        self.history = History(self._engine, self._files, self._catalog, self.library, self._check, self._observer)
        self._retention = Retention(self._storage, self._files, self._catalog, self.library)
        sources = Sources(self._engine, str(self._files.directory), self._sample_views, self.bucket.cache)
        flush_ms = round(self._storage.flush_seconds * 1000)
        self.rollups = RollupQueue(Roller(sources, *shared[1:], self._check, self._observer, flush_ms), self._clock)

    def close(self) -> None:
        """Store what waits, end the writer, close the files."""
        self.bucket.stop()
        self.writer.stop()
        self._log.close()
        self._engine.close()
        self._catalog.close()

    def flush(self) -> int:
        """Seal the head, move it into blocks, let the log forget it; return the number of blocks. Raises StorageError."""
        if self.is_broken:
            self.reload()
        if self._sealed is None:
            self._sealed = self.writer.call(self._seal).result()
        if self._sealed is None:
            return 0
        sealed = self._sealed
        blocks = self._flusher.write(sealed, self._clock.now_ms())
        self._sealed = None
        self.writer.call(lambda: self._forget(sealed)).result()
        self._observer.step("log_dropped")
        self.bucket.wake()
        return blocks

    def roll_up(self) -> bool:
        """Make one piece of the rollups that are due; tell whether more are."""
        # What retention would take next comes first.
        is_doubted = self._clock.monotonic() < self._doubted_until
        return self.rollups.work(0 if is_doubted else self._retention.wanted_floor_ms(self._clock.now_ms()))

    def recompress(self) -> bool:
        """Compress one old block again; tell whether more are due. Raises StorageError."""
        return self._recompressor.work(self._clock.now_ms())

    def keep_house(self) -> None:
        """Drop what is older than retention and merge small blocks. Raises StorageError."""
        self.watch.measure()
        self.rollups.roller.mend(self._clock.now_ms())
        now_ms, now = self._clock.now_ms(), self._clock.monotonic()
        oldest_ms = now_ms - round(self._storage.retention_seconds * 1000)
        if not self._is_clock_doubted(now):
            self._drop_old(now_ms)
        if now - self._forgot_at >= FORGET_SECONDS and now >= self._doubted_until:
            self._forgot_at = now
            # Rows may be ahead of the clock by as much when they come, and are not stale before their own time is.
            unheard_ms = oldest_ms - round(self._storage.future_seconds * 1000)
            self.writer.call(lambda: self._seen.forget_before(unheard_ms)).result()
            self._catalog.forget_before(unheard_ms)
            self._forget_series(oldest_ms)
        if now >= self._doubted_until:
            self._files.remove_aside_before(oldest_ms)
        self._compactor.merge_small(self._clock.now_ms())
        self._series_files.keep_few(self._engine)
        scrub(self._check, self._blocks(), self._storage.scrub_bytes)
        self._engine.rest(self._is_engine_empty)

    def _drop_old(self, now_ms: int) -> None:
        floor_ms = self._retention.wanted_floor_ms(now_ms)

        def refuse_older() -> None:
            self._preparer.floor_ms = self.room.floor_ms = floor_ms

        # Before the head is looked at: what it does not have then, it never gets.
        self.writer.call(refuse_older).result()
        self._retention.drop_raw(floor_ms)
        self._retention.drop_rollups(now_ms)
        self._retention.drop_history(now_ms)
        lost = [block for block in self._lost if block.max_ms < floor_ms and is_raw(block.table)]
        if lost:
            self._catalog.replace_blocks(lost, ())
            self._lost = [block for block in self._lost if block not in lost]

    def _forget_series(self, oldest_ms: int) -> None:
        # A block goes when all of it is old, so a series may have rows in one for a day more.
        gone = self.writer.call(lambda: self.room.forget_before(oldest_ms - 2 * DAY_MS)).result()
        if gone:
            self._catalog.forget_series(gone, len(self.series))

    def _is_clock_doubted(self, now: float) -> bool:
        """Tell whether the wall clock went forward by itself lately: rows dropped by a wrong time do not come back."""
        offset = self._clock.now_ms() / 1000 - now
        if offset - self._offset_seconds > CLOCK_JUMP_SECONDS:
            self._doubted_until = now + CLOCK_JUMP_SECONDS
            log.warning("clock_jumped seconds=%d: nothing is dropped for an hour", offset - self._offset_seconds)
        self._offset_seconds = offset
        return now < self._doubted_until

    def reload(self) -> None:
        """Make the head again from the log, after DuckDB broke and took its tables along."""
        log.error("duckdb_broken: the head is made again from the log")
        self.writer.call(self._rebuild).result()

    @property
    def is_broken(self) -> bool:
        """Tell whether DuckDB answers nothing until ``reload``."""
        return self._engine.is_broken

    def _rebuild(self) -> None:
        """Replay into a new generation; runs on the writer's thread, so that no record comes meanwhile."""
        self._engine.close()
        # Broken until the end: what fails on the way is tried again, and nothing is flushed meanwhile.
        self._engine.is_broken = True
        generation = self._new_generation()
        records = self._log.replay(self._catalog.checkpoint_index() + 1)
        # Samples are no tables of DuckDB's: those of the head are as they were, and those of the log known.
        for old in self.library.current.generations:
            generation.samples.take_over(old.samples)
        for _, crowded in replay(records, generation, self.schemas, self._damages, room=self.room):
            for table in crowded:
                self.freeze(table)
        if self._sealed is not None:
            self._seen.unseal(self._sealed.seen)
            self.room.unseal(self._sealed.samples)
            self._sealed = None
        self.library.start(generation, self._blocks())
        self.writer.head.generation = generation
        self._engine.is_broken = False

    def _is_engine_empty(self) -> bool:
        generations = self.library.current.generations
        return not any(table.columns for generation in generations for table in generation.tables.values())

    def freeze(self, *tables: HeadTable) -> None:
        """Turn the rows that wait in ``tables`` into arrays."""
        for table in tables:
            table.freeze(self.schemas.current[table.table])

    def status(self, counters: Counters) -> StoreStatus:
        """Return the store in numbers, without touching the disk."""
        return StoreStatus(
            log_bytes=self._log.size_bytes,
            samples_total=int(counters.get("samples")),
            series=self.series.count,
            rows_total=int(counters.get("rows")),
            batches_total=int(counters.get("batches")),
            duplicates_total=int(counters.get("duplicates")),
            refused_rows_total=int(counters.get("refused_rows")),
            queries_total=int(counters.get("queries")),
            query_failures_total=int(counters.get("query_failures")),
            disk_free_bytes=self.watch.free_bytes,
            is_writable=self.watch.is_writable,
            damages=list(self._damages),
            scrubbed_bytes_total=self._check.tally.scrubbed_bytes,
            quarantined_total=self._check.tally.quarantined,
            unverified_bytes=sum(block.bytes for block in self._blocks() if not self._files.looks.turn(block.path)),
            rollup_lag_seconds=self.rollups.lag_seconds,
            rollup_failures_total=self.rollups.failures,
            bucket=self.bucket.status(),
            **totals(self.library.current),
        )

    def _note_damage(self, damage: str) -> None:
        # Appended from query threads too; a list takes that.
        self._damages.append(damage)
        log.error("store_damage %s", damage)

    def _lose(self, block: Block, text: str) -> str:
        return self._check.lose(block, text)

    def _block_end_ns(self, table: str) -> int | None:
        """Return a time in nanoseconds beyond which the blocks of ``table`` hold nothing, None without blocks."""
        end = max((block.max_ms for block in self.library.current.blocks.get(table, ())), default=None)
        return None if end is None else (end + 1) * 1_000_000 - 1

    def _blocks(self) -> list[Block]:
        return [block for group in self.library.current.blocks.values() for block in group]

    def _existing_blocks(self) -> list[Block]:
        blocks = []
        for block in self._catalog.blocks():
            if (self._files.directory / block.path).is_file() or self.bucket.is_used:
                blocks.append(block)
            else:
                self._lost.append(block)
                self._damages.append(f"{block.path}: the catalog lists this block, but its file is missing")
        return blocks

    def _new_generation(self) -> Generation:
        generation = Generation(self._next_generation)
        self._next_generation += 1
        return generation

    def _replay(self, start: int, generation: Generation) -> None:
        records = replay(
            self._log.replay(start),
            generation,
            self.schemas,
            self._damages,
            self._seen.has_record,
            room=self.room,
            newest=self._newest_points,
        )
        for record, crowded in records:
            self._seen.add(record)
            for table in crowded:
                self.freeze(table)

    def _seal(self) -> Sealed | None:
        """End the newest generation and the segment it is in; runs on the writer's thread."""
        generation = self.writer.head.generation
        if not generation.last_index:
            return None
        # First, because it can fail: a generation that left the head unsealed would be in no checkpoint's blocks.
        self._log.rotate()
        fresh = self._new_generation()
        self.library.add_generation(fresh)
        self.writer.head.generation = fresh
        sealed = Sealed(generation, self._seen.seal(), tuple(self.schemas.foreign()), self.room.seal())
        self._observer.step("head_sealed")
        return sealed

    def _forget(self, sealed: Sealed) -> None:
        """Drop the log records that are in blocks; runs on the writer's thread."""
        self._seen.confirm()
        self._log.drop_before(sealed.generation.last_index + 1)
