"""Tells which samples are stored already: looks through the head, then through the blocks of their time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import duckdb
import numpy as np
from numpy.typing import NDArray

from nagare.metrics.blocks.catalog import Block
from nagare.metrics.blocks.library import Library, Snapshot
from nagare.metrics.blocks.verify import BlockCheck
from nagare.metrics.bucket.cache import BlockCache, NoCache
from nagare.metrics.engine import Engine, quote_text, storage_error
from nagare.metrics.head import Generation
from nagare.model.samples import Samples

SAMPLES = "samples"


@dataclass(frozen=True, slots=True)
class Stored:
    """What the library holds; used by the log's writer."""

    library: Library
    engine: Engine
    # The folder of the blocks.
    directory: str
    # Who reads a stopped installation looks into no block.
    check: BlockCheck | None = None

    @property
    def cache(self) -> BlockCache:
        """Where files come from that are not here."""
        return NoCache() if self.check is None else self.check.cache

    def find(self, samples: Samples) -> NDArray[np.bool_]:
        """Tell which of ``samples`` the head or a block that reads back holds. Raises StorageError."""
        while True:
            try:
                return self._find(samples)
            except duckdb.Error as error:
                # One block that does not read back must not hold up all senders.
                if not self._take_out(samples):
                    raise storage_error("look for samples in blocks of", self.directory, error) from error

    def _find(self, samples: Samples) -> NDArray[np.bool_]:
        with self.library.pinned() as snapshot:
            # Of the same moment as the blocks: a flush may end meanwhile.
            found = _find_in(snapshot.generations, samples)
            rest = np.flatnonzero(~found)
            blocks = _blocks_of(snapshot, samples)
            if len(rest) and blocks:
                found[rest] = self._find_in_blocks(samples.series[rest], samples.ts_ms[rest], blocks)
        return found

    def _take_out(self, samples: Samples) -> bool:
        """Leave out what does not read back; tell whether that was any."""
        if self.check is None:
            return False
        try:
            with self.engine.cursor() as cursor:
                return bool(self.check.take_out(cursor, _blocks_of(self.library.current, samples)))
        except duckdb.Error:
            return False

    def find_in_head(self, samples: Samples) -> NDArray[np.bool_]:
        """Tell which of ``samples`` a generation of the head holds."""
        return _find_in(self.library.current.generations, samples)

    def _find_in_blocks(
        self, series: NDArray[np.int32], ts_ms: NDArray[np.int64], blocks: list[Block]
    ) -> NDArray[np.bool_]:
        with self.cache.holding():
            self.cache.need(blocks)
            return self._find_in_files(series, ts_ms, [f"{self.directory}/{block.path}" for block in blocks])

    def _find_in_files(
        self, series: NDArray[np.int32], ts_ms: NDArray[np.int64], files: list[str]
    ) -> NDArray[np.bool_]:
        paths = ", ".join(map(quote_text, files))
        found = np.zeros(len(series), bool)
        rows = np.arange(len(series), dtype=np.int64)
        with self.engine.cursor() as cursor:
            cursor.register("late", {"row": rows, "series": series, "ts": ts_ms.view("datetime64[ms]")})
            hits = cursor.execute(
                "SELECT late.row FROM late SEMI JOIN "  # noqa: S608  made by us
                f"(SELECT series, ts FROM read_parquet([{paths}], hive_partitioning = false) "
                f"WHERE ts BETWEEN make_timestamp_ms({int(ts_ms.min())}) AND make_timestamp_ms({int(ts_ms.max())}) "
                f"AND series BETWEEN {int(series.min())} AND {int(series.max())}) AS stored "
                "ON late.series = stored.series AND late.ts = stored.ts"
            ).fetchnumpy()
        found[hits["row"]] = True
        return found


def _find_in(generations: Iterable[Generation], samples: Samples) -> NDArray[np.bool_]:
    found = np.zeros(len(samples), bool)
    low, high = int(samples.ts_ms.min()), int(samples.ts_ms.max())
    for generation in generations:
        for slab in generation.samples.slabs:
            if slab.has_between(low, high):
                found |= slab.holds(samples)
    return found


def _blocks_of(snapshot: Snapshot, samples: Samples) -> list[Block]:
    """Return the blocks that may hold any of ``samples``."""
    low, high = int(samples.ts_ms.min()), int(samples.ts_ms.max())
    return [block for block in snapshot.blocks.get(SAMPLES, ()) if block.min_ms <= high and block.max_ms >= low]
