"""The store over a bucket: every answer as without one, whatever was evicted, lost, damaged or away."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nagare.config.places import Places
from nagare.config.settings import BucketSettings, QuerySettings, Settings, StorageSettings
from nagare.errors import BucketUnavailableError, ConfigError, CorruptBlockError, ResultTooLargeError
from nagare.lib.clock import ManualClock
from nagare.metrics.bucket.bucket import open_objects
from nagare.metrics.bucket.sync import CATALOG_SECONDS, GRACE_SECONDS
from nagare.metrics.offline import OfflineStore
from nagare.metrics.store import MetricStore
from tests.component.bucket.conftest import Make
from tests.support.metric_store import START_MS, files, make_batch, rows
from tests.support.samples import make_samples

HOUR_MS = 3_600_000
SUM = "select count(*), sum(load1) from load"


class World:
    """One installation with a bucket, whose machine can be lost."""

    def __init__(self, folder: Path, bucket: BucketSettings) -> None:
        self.folder = folder
        self.bucket = bucket
        self.clock = ManualClock(START_MS + HOUR_MS)
        self.seq = 0

    @contextlib.asynccontextmanager
    async def store(self, **storage: Any) -> AsyncIterator[MetricStore]:
        """Run the store."""
        query = QuerySettings(deadline_seconds=60)
        opened = MetricStore(
            Places(self.folder), StorageSettings(**storage), query, clock=self.clock, bucket=self.bucket
        )
        async with opened as store:
            yield store

    async def fill(self, store: MetricStore, blocks: int = 3) -> None:
        """Store and flush some blocks of one row, and samples."""
        for _ in range(blocks):
            self.seq += 1
            await store.append(make_batch(self.seq))
            number = store.series.intern("up", {"job": "a"})
            await store.append_samples(make_samples([number], [START_MS + self.seq], [self.seq]))
            await store.flush()

    def blocks(self) -> list[Path]:
        """The block files that are here."""
        return files(self.folder / "metrics", "*/date=*/*.parquet")

    def far(self) -> dict[str, int]:
        """What is in the bucket."""
        return open_objects(self.bucket).list("")


@pytest.fixture
def world(tmp_path: Path, bucket: Make) -> World:
    return World(tmp_path / "data", bucket())


async def test_an_answer_is_the_same_when_all_of_it_was_evicted(world: World) -> None:
    async with world.store() as store:
        await world.fill(store, 4)
        await store.sync_bucket()
        before = await rows(store, SUM)
        assert before == [[4, 10.0]]
        assert await rows(store, "select count(*), sum(value) from samples") == [[4, 10.0]]
    kept = {str(path.relative_to(world.folder / "metrics")): path.read_bytes() for path in world.blocks()}
    assert {key.removeprefix("blocks/") for key in world.far() if key.startswith("blocks/")} == set(kept)
    for path in world.blocks():
        path.unlink()
    async with world.store() as store:
        assert await rows(store, SUM) == before
        assert await rows(store, "select count(*), sum(value) from samples") == [[4, 10.0]]
        status = store.status().bucket
        assert status is not None
        assert status.fetched_blocks_total == len(kept)
        assert store.status().damages == []
    assert {str(path.relative_to(world.folder / "metrics")): path.read_bytes() for path in world.blocks()} == kept


async def test_what_is_in_the_bucket_is_evicted_beyond_the_limit_and_what_is_not_stays(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world, "bucket", replace(world.bucket, cache_limit_bytes=3000))
    async with world.store() as store:
        await world.fill(store, 6)
        await store.sync_bucket()
        assert sum(path.stat().st_size for path in world.blocks()) <= 3000
        assert await rows(store, SUM, since_ms=START_MS + 6) == [[1, 6.0]]
        with pytest.raises(ResultTooLargeError, match="the cache holds 3000"):
            await rows(store, SUM)


async def test_replaced_blocks_go_from_the_bucket_but_not_at_once(world: World) -> None:
    async with world.store() as store:
        await world.fill(store, 20)
        await store.sync_bucket()
        before = {key for key in world.far() if key.startswith("blocks/load/")}
        await store.keep_house()
        await store.sync_bucket()
        assert before < {key for key in world.far() if key.startswith("blocks/load/")}
        await world.clock.advance(GRACE_SECONDS + CATALOG_SECONDS)
        await store.sync_bucket()
        local = {f"blocks/{path.relative_to(world.folder / 'metrics')}" for path in world.blocks()}
        assert {key for key in world.far() if key.startswith("blocks/")} == local
        assert await rows(store, SUM) == [[20, 210.0]]


async def test_a_lost_machine_comes_back_from_the_bucket(world: World, tmp_path: Path) -> None:
    async with world.store() as store:
        await world.fill(store, 3)
        await store.sync_bucket()
    lost = (world.folder / "metrics" / "installation").read_text().strip()
    world.folder = tmp_path / "new machine"
    with pytest.raises(ConfigError, match=lost):
        async with world.store():
            pass
    world.bucket = replace(world.bucket, take_over=lost)
    async with world.store() as store:
        assert world.blocks() == []
        assert await rows(store, SUM) == [[3, 6.0]]
        labels = "select labels['job'], count(*) from samples group by 1"
        assert await rows(store, labels) == [["a", 3]]
        # What was stored before the copy is still known, also by its names.
        assert (await store.append(make_batch(2))).duplicate
        again = make_samples([store.series.intern("up", {"job": "a"})], [START_MS + 2], [2.0])
        assert (await store.append_samples(again)).duplicate == 1
        await world.fill(store, 1)
        await store.sync_bucket()
        assert await rows(store, SUM) == [[4, 10.0]]


async def test_blocks_newer_than_the_copy_of_the_catalog_are_adopted(world: World, tmp_path: Path) -> None:
    async with world.store() as store:
        await world.fill(store, 2)
        await store.sync_bucket()
        copy = tmp_path / "copy"
        open_objects(world.bucket).get("catalog.db", copy)
        await world.fill(store, 2)
        await store.sync_bucket()
    open_objects(world.bucket).put("catalog.db", copy)
    lost = (world.folder / "metrics" / "installation").read_text().strip()
    world.folder, world.bucket = tmp_path / "new machine", replace(world.bucket, take_over=lost)
    async with world.store() as store:
        assert await rows(store, SUM) == [[4, 10.0]]
        assert await rows(store, "select count(*), sum(value) from samples") == [[4, 10.0]]
        assert await rows(store, "select host, name, value from samples_last") == [["", "up", 4.0]]


async def test_a_lost_catalog_comes_back_with_what_was_evicted(world: World) -> None:
    async with world.store() as store:
        await world.fill(store, 3)
        await store.sync_bucket()
    (world.folder / "catalog.db").unlink()
    for path in world.blocks()[:3]:
        path.unlink()
    async with world.store() as store:
        assert await rows(store, SUM) == [[3, 6.0]]
        assert await rows(store, "select count(*), sum(value) from samples") == [[3, 6.0]]


async def test_two_installations_never_share_a_prefix(world: World, tmp_path: Path) -> None:
    async with world.store() as store:
        await world.fill(store, 1)
        await store.sync_bucket()
        other = World(tmp_path / "other", world.bucket)
        with pytest.raises(ConfigError, match="it belongs to the installation"):
            async with other.store():
                pass
    lost = (world.folder / "metrics" / "installation").read_text().strip()
    own = World(tmp_path / "with blocks", BucketSettings())
    async with own.store() as store:
        await own.fill(store, 1)
    own.bucket = replace(world.bucket, take_over=lost)
    with pytest.raises(ConfigError, match=lost):
        async with own.store():
            pass


async def test_who_lost_the_bucket_to_another_writes_no_more(world: World) -> None:
    async with world.store() as store:
        await world.fill(store, 1)
        await store.sync_bucket()
        open_objects(world.bucket).put_bytes("owner.json", b'{"installation":"somebody"}')
        before = world.far()
        await world.clock.advance(CATALOG_SECONDS + 1)
        await world.fill(store, 1)
        with pytest.raises(ConfigError, match="somebody"):
            await store.sync_bucket()
        assert world.far() == before


@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
async def test_a_damaged_object_is_named_and_the_rest_answers(world: World, damage: str, tmp_path: Path) -> None:
    async with world.store() as store:
        await world.fill(store, 3)
        await store.sync_bucket()
    key = next(key for key in sorted(world.far()) if key.startswith("blocks/load/"))
    objects = open_objects(world.bucket)
    source = tmp_path / "object"
    objects.get(key, source)
    content = bytearray(source.read_bytes())
    content[len(content) // 2] ^= 1
    source.write_bytes(content if damage == "flip" else content[:-9])
    if damage == "remove":
        objects.delete([key])
    else:
        objects.put(key, source)
    for path in world.blocks():
        path.unlink()
    async with world.store() as store:
        with pytest.raises(CorruptBlockError, match=key.removeprefix("blocks/")):
            await rows(store, SUM)
        assert (await rows(store, "select count(*) from load")) == [[2]]
        assert len(store.status().damages) == 1
        assert not [path for path in world.blocks() if path.name == Path(key).name]


async def test_a_bucket_that_is_away_holds_up_nothing_that_is_here(world: World, tmp_path: Path) -> None:
    async with world.store() as store:
        await world.fill(store, 2)
        await store.sync_bucket()
    gone, there = World(world.folder, BucketSettings(directory=tmp_path / "not mounted")), world.bucket
    gone.seq, gone.clock = world.seq, world.clock
    async with gone.store() as store:
        await gone.fill(store, 1)
        assert await rows(store, SUM) == [[3, 6.0]]
        with pytest.raises(BucketUnavailableError):
            await store.sync_bucket()
        for path in gone.blocks()[:2]:
            path.unlink()
        with pytest.raises(BucketUnavailableError, match="not mounted"):
            await rows(store, "select * from load, samples")
    world.bucket = there
    async with world.store() as store:
        assert await rows(store, SUM) == [[3, 6.0]]
        await store.sync_bucket()


async def test_a_new_installation_does_not_begin_without_its_bucket(tmp_path: Path) -> None:
    world = World(tmp_path / "data", BucketSettings(directory=tmp_path / "not mounted"))
    with pytest.raises(BucketUnavailableError, match="not mounted"):
        async with world.store():
            pass


async def test_many_readers_fetch_a_block_once(world: World) -> None:
    async with world.store() as store:
        await world.fill(store, 3)
        await store.sync_bucket()
    for path in world.blocks():
        path.unlink()
    async with world.store() as store:
        answers = await asyncio.gather(*(rows(store, SUM) for _ in range(8)))
        assert answers == [[[3, 6.0]]] * 8
        status = store.status().bucket
        assert status is not None
        assert status.fetched_blocks_total == 3


async def test_merges_rollups_and_retention_read_what_was_evicted(world: World) -> None:
    async with world.store(retention_seconds=3600.0) as store:
        await world.fill(store, 20)
        await store.sync_bucket()
        for path in world.blocks():
            path.unlink()
        await store.keep_house()
        assert await rows(store, "select sum(load1_count) from load_1m") == [[20]]
        assert await rows(store, SUM) == [[20, 210.0]]
        await world.clock.advance(10 * 3600)
        await store.keep_house()
        assert await rows(store, "select count(*) from (select * from load)") == [[0]]
        await store.sync_bucket()
        await world.clock.advance(GRACE_SECONDS + 1)
        await store.sync_bucket()
        assert not [key for key in world.far() if key.startswith("blocks/load/")]


async def test_a_bucket_that_comes_later_gets_everything(world: World) -> None:
    with_bucket, world.bucket = world.bucket, BucketSettings()
    async with world.store() as store:
        await world.fill(store, 3)
    world.bucket = with_bucket
    async with world.store() as store:
        await store.sync_bucket()
    shutil.rmtree(world.folder / "metrics" / "load")
    async with world.store() as store:
        assert await rows(store, SUM) == [[3, 6.0]]


async def test_a_stopped_installation_answers_from_the_bucket_too(world: World) -> None:
    async with world.store() as store:
        await world.fill(store, 3)
        await store.sync_bucket()
    for path in world.blocks():
        path.unlink()
    async with OfflineStore(Settings(data=world.folder, bucket=world.bucket)) as store:
        assert await rows(store, SUM) == [[3, 6.0]]
        assert store.damages == []
