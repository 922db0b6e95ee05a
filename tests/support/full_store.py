"""A metric store on a small file system that is filled at a named step, but for some bytes, and freed a while later.

Usage: python -m tests.support.full_store FOLDER STEP LEFT     inside ``Tmpfs.argv``; the file system of FOLDER is filled
Ends with an error at the first thing that is not as promised, and with the line ``filled at STEP`` when all is.
"""

import asyncio
import sys
from dataclasses import dataclass, field
from pathlib import Path

from nagare.errors import DiskFullError
from nagare.lib.clock import ManualClock
from nagare.metrics.core import StoreCore
from nagare.metrics.store import MetricStore
from tests.support.crash_store import samples_of, tables_of
from tests.support.metric_store import START_MS, files, make_batch, make_store, rows
from tests.support.small_disk import fill, free

# A batch and two samples a turn; turns between flushes, flushes between rounds of housekeeping.
TURNS, FLUSHES, ROUNDS = 4, 8, 6
REST_SECONDS = 601
RESERVE_BYTES = 2**20


class FillAt:
    """Fills the file system when a step happens for the first time."""

    def __init__(self, folder: Path, step: str, left_bytes: int) -> None:
        self._folder, self._step, self._left_bytes = folder, step, left_bytes
        self.has_filled = False

    def step(self, name: str) -> None:
        """Count ``name``, and let something take all room when its time has come."""
        if name == self._step and not self.has_filled:
            fill(self._folder, self._left_bytes)
            self.has_filled = True


@dataclass
class Feeder:
    """Appends, and remembers what was acknowledged and what refused."""

    clock: ManualClock
    seq: int = 0
    acked: set[int] = field(default_factory=set)
    sampled: set[int] = field(default_factory=set)
    refused: int = 0
    faults: list[str] = field(default_factory=list)

    async def turn(self, store: MetricStore) -> None:
        """Send one batch and two samples; a full disk may refuse each."""
        self.seq += 1
        try:
            reply = await store.append(make_batch(self.seq, tables_of(self.seq, self.clock.now_ms())))
        except DiskFullError:
            self.refused += 1
        else:
            assert not reply.duplicate
            self.acked.add(self.seq)
        try:
            taken = await store.append_samples(samples_of(store, self.seq, self.clock.now_ms()))
        except DiskFullError:
            self.refused += 1
        else:
            assert taken.accepted == 2
            self.sampled.add(self.seq)

    async def work(self, name: str, store: MetricStore) -> None:
        """Flush or keep house; only a full disk may be in the way."""
        try:
            await getattr(store, name)()
        except DiskFullError as error:
            self.faults.append(error.message)

    async def check(self, store: MetricStore) -> None:
        """Compare what the store answers with what was acknowledged."""
        load = await rows(store, "SELECT cores, load1 FROM load ORDER BY 1")
        assert load == [[seq, seq / 8] for seq in sorted(self.acked)], "own rows"
        steady = await rows(store, "SELECT count(*), count(DISTINCT ts) FROM samples WHERE name = 'steady'")
        assert steady == [[len(self.sampled)] * 2], (steady, len(self.sampled))
        passing = await rows(store, "SELECT value FROM samples WHERE name = 'passing' ORDER BY 1")
        assert passing == [[seq / 8] for seq in sorted(self.sampled)], "samples"
        assert not store.status().damages


async def rounds(store: MetricStore, feeder: Feeder, observer: FillAt, count: int) -> None:
    """Take in, flush and keep house; once the disk is full, only until all of that was tried on it."""
    for _ in range(count):
        for _ in range(FLUSHES):
            for _ in range(TURNS):
                await feeder.turn(store)
            await feeder.work("flush", store)
        await feeder.work("keep_house", store)
        await feeder.clock.advance(REST_SECONDS)
        if observer.has_filled:
            return


def left_nothing(store: MetricStore, data: Path) -> StoreCore:
    """Compare the files with the catalog: what failed left none behind."""
    core = store._core
    assert core is not None
    listed = {block.path for block in core._catalog.blocks()}
    assert {str(path.relative_to(data / "metrics")) for path in files(data, "metrics/*/date=*/*")} == listed
    assert not files(data, "metrics/series/*.tmp")
    return core


async def filled(store: MetricStore, feeder: Feeder, observer: FillAt, data: Path) -> None:
    """Work until the disk fills, then go on without room: nothing is taken and everything is answered."""
    await rounds(store, feeder, observer, ROUNDS)
    assert observer.has_filled, "the step did not happen"
    refused = feeder.refused
    await rounds(store, feeder, observer, 1)
    assert feeder.refused == refused + 2 * FLUSHES * TURNS, "something was taken without room for it"
    assert not store.status().is_writable
    await feeder.check(store)
    # Before a restart, which would sweep it.
    left_nothing(store, data)


async def resumed(store: MetricStore, feeder: Feeder, observer: FillAt, data: Path) -> None:
    """Work with room again: nothing fails, what had failed is made up for, and nothing is left behind."""
    refused, faults = feeder.refused, len(feeder.faults)
    await rounds(store, feeder, observer, 2)
    assert (feeder.refused, len(feeder.faults)) == (refused, faults), feeder.faults[faults:]
    assert store.status().is_writable
    await feeder.check(store)
    rolled = await rows(store, "SELECT sum(samples_count), min(seq_min), max(seq_max) FROM old_1m")
    assert rolled == [[len(feeder.acked), min(feeder.acked), max(feeder.acked)]], rolled
    core = left_nothing(store, data)
    assert len(files(data, "log/*")) <= 2
    assert max(map(len, core.library.current.blocks.values())) < 2 * FLUSHES, "blocks were not merged"


async def main() -> None:
    folder, step, left_bytes = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    data, observer, feeder = folder / "data", FillAt(folder, step, left_bytes), Feeder(ManualClock(START_MS))

    def store() -> MetricStore:
        return make_store(
            data, clock=feeder.clock, observer=observer, segment_limit_bytes=20_000, recompress_seconds=3600.0,
            free_reserve_bytes=RESERVE_BYTES,
        )  # fmt: skip

    async with store() as opened:
        await filled(opened, feeder, observer, data)
    # Stopped while full, and started again while full.
    async with store() as opened:
        await feeder.check(opened)
        await feeder.turn(opened)
        free(folder)
        await resumed(opened, feeder, observer, data)
    async with store() as opened:
        await feeder.check(opened)
    print(f"filled at {step}; refused {feeder.refused}, faults {len(feeder.faults)}")


if __name__ == "__main__":
    asyncio.run(main())
