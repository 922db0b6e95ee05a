"""How long each tier is kept, what recompression and a lost catalog leave of it, and rollups that cannot be made."""

import errno
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nagare.errors import CorruptBlockError
from nagare.lib.clock import ManualClock
from nagare.metrics.store import MetricStore
from tests.support.metric_store import START_MS, files, make_batch, make_store, rows

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
BEGIN_MS = START_MS // DAY_MS * DAY_MS
# Asked so that only raw rows can tell.
RAW_COUNT = "SELECT count(*) FROM (SELECT * FROM load)"
SQL = "SELECT epoch_ms(ts), host, load1, load1_min, load1_max, load1_last, load1_count, samples_count FROM {} ORDER BY ALL"


def load(begin_ms: int, count: int = 60, step_ms: int = 30_000) -> dict[str, Any]:
    return {"load": {"ts": [begin_ms + n * step_ms for n in range(count)], "load1": [n / 8 for n in range(count)]}}


async def both(store: MetricStore) -> list[list[list[Any]]]:
    return [await rows(store, SQL.format(table)) for table in ("load_1m", "load_1h")]


async def test_raw_rows_go_and_their_rollups_stay(tmp_path: Path) -> None:
    clock = ManualClock(BEGIN_MS + HOUR_MS)
    async with make_store(tmp_path, clock=clock, retention_seconds=86400.0) as store:
        await store.append(make_batch(1, load(BEGIN_MS)))
        await store.flush()
        before = await both(store)
        await clock.advance(26 * 3600)
        await store.keep_house()
        assert await rows(store, RAW_COUNT) == [[0]]
        assert await both(store) == before
        stale = await store.append(make_batch(2, load(BEGIN_MS, count=1)))
        assert (stale.accepted, len(stale.refused)) == (0, 1)


async def test_raw_rows_stay_until_their_rollups_are_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ManualClock(BEGIN_MS + HOUR_MS)
    async with make_store(tmp_path, clock=clock, retention_seconds=86400.0) as store:
        await store.append(make_batch(1, load(BEGIN_MS)))
        await store.flush()
        before = await both(store)
        await clock.advance(26 * 3600)
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", _full)
            await store.keep_house()
        assert store.status().rollup_failures_total == 1
        assert store.status().rollup_lag_seconds > 86400
        assert await rows(store, RAW_COUNT) == [[60]]
        await clock.advance(1200)
        await store.keep_house()
        assert await rows(store, RAW_COUNT) == [[0]]
        assert await both(store) == before
        assert store.status().rollup_lag_seconds == 0


def _full(*arguments: Any) -> Any:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


async def test_rows_that_wait_in_the_head_keep_their_hour_whole(tmp_path: Path) -> None:
    clock = ManualClock(BEGIN_MS + HOUR_MS)
    async with make_store(tmp_path, clock=clock, retention_seconds=86400.0) as store:
        await store.append(make_batch(1, load(BEGIN_MS)))
        await store.flush()
        await clock.advance(86400 - 1800 - 60)
        late = await store.append(make_batch(2, load(BEGIN_MS + HOUR_MS - 60_000, count=1)))
        assert late.accepted == 1
        await clock.advance(3600)
        await store.keep_house()
        assert await rows(store, RAW_COUNT) == [[61]], "the hour of a row that waits"
        before = await both(store)
        await store.flush()
        await store.keep_house()
        assert await rows(store, RAW_COUNT) == [[0]]
        assert await both(store) == before


async def test_the_oldest_days_go_first_when_a_tier_is_too_large(tmp_path: Path) -> None:
    clock = ManualClock(BEGIN_MS)
    async with make_store(tmp_path, clock=clock) as store:
        for day in range(4):
            await store.append(make_batch(day, load(clock.now_ms())))
            await store.flush()
            await clock.advance(86400)
        await store.keep_house()
        raw = sum(path.stat().st_size for path in files(tmp_path, "metrics/load/*/*.parquet"))
        before = await both(store)
    async with make_store(tmp_path, clock=clock, retention_bytes=raw // 2, retention_1h_bytes=1) as store:
        await store.keep_house()
        assert await rows(store, "SELECT count(DISTINCT ts::DATE) FROM load") == [[2]]
        minutes, hours = await both(store)
        assert minutes == before[0]
        assert hours == [], "a byte is room for nothing, and no row is of today"
        late = await store.append(make_batch(9, load(BEGIN_MS + DAY_MS, count=1)))
        assert late.accepted == 0, "an hour that is no longer whole takes no more rows"
    async with make_store(tmp_path, clock=clock, retention_1m_seconds=2.5 * 86400) as store:
        assert (await store.append(make_batch(10, load(BEGIN_MS + DAY_MS, count=1)))).accepted == 0
        await store.keep_house()
        assert await rows(store, "SELECT count(DISTINCT ts::DATE) FROM load_1m") == [[2]]


async def test_old_blocks_are_compressed_again_and_answer_the_same(tmp_path: Path) -> None:
    from pyarrow import parquet

    sql = "SELECT ts, host, load1, cores, extra FROM load ORDER BY ALL"
    async with make_store(tmp_path, clock=ManualClock(BEGIN_MS + DAY_MS)) as store:
        tables = load(BEGIN_MS, count=2000, step_ms=40_000)
        tables["load"] |= {"cores": [n % 7 for n in range(2000)], "extra": [f"note {n % 30}" for n in range(2000)]}
        await store.append(make_batch(1, tables))
        await store.flush()
        await store.keep_house()
        before = await rows(store, sql), await both(store)
        young = [path.stat().st_size for path in files(tmp_path, "metrics/*/*/*.parquet")]
    clock = ManualClock(BEGIN_MS + 9 * DAY_MS)
    async with make_store(tmp_path, clock=clock, recompress_level=19) as store:
        await store.keep_house()
        old = files(tmp_path, "metrics/*/*/*.parquet")
        assert len(old) == len(young) == 3
        assert sum(path.stat().st_size for path in old) < sum(young)
        assert (await rows(store, sql), await both(store)) == before
        await store.keep_house()
        assert files(tmp_path, "metrics/*/*/*.parquet") == old, "once is enough"
    assert parquet.read_metadata(old[0]).metadata[b"nagare_sources"] != b""
    async with make_store(tmp_path, clock=clock, recompress_level=19) as store:
        await store.keep_house()
        assert files(tmp_path, "metrics/*/*/*.parquet") == old, "also after a restart"
        assert (await rows(store, sql), await both(store)) == before


def _lose(catalog: Path) -> None:
    catalog.unlink()


def _break(catalog: Path) -> None:
    catalog.write_bytes(b"SQLite format 3\x00" + os.urandom(4096))


@pytest.mark.parametrize("damage", [_lose, _break])
async def test_a_lost_catalog_costs_no_rollup(damage: Callable[[Path], None], tmp_path: Path) -> None:
    clock = ManualClock(BEGIN_MS + HOUR_MS)
    async with make_store(tmp_path, clock=clock, retention_seconds=86400.0) as store:
        for seq, begin in enumerate((BEGIN_MS, BEGIN_MS + 25 * HOUR_MS)):
            await store.append(make_batch(seq, load(begin, count=240)))
            await store.flush()
            await clock.advance(27 * 3600 * (1 - seq))
            await store.keep_house()
        before = await both(store)
        await store.append(make_batch(8, load(BEGIN_MS + 26 * HOUR_MS + 1, count=3)))
        await store.flush()
        late = await both(store)
        assert late != before
    damage(tmp_path / "catalog.db")
    async with make_store(tmp_path, clock=clock, retention_seconds=86400.0) as store:
        assert await both(store) == late
        await store.keep_house()
        assert await both(store) == late
        assert "made again" in store.status().damages[-1]
    async with make_store(tmp_path, clock=clock, retention_seconds=86400.0) as store:
        assert await both(store) == late


async def test_a_catalog_of_an_earlier_version_gets_its_rollups(tmp_path: Path) -> None:
    clock = ManualClock(BEGIN_MS + 5 * HOUR_MS)
    async with make_store(tmp_path, clock=clock) as store:
        await store.append(make_batch(1, load(BEGIN_MS, count=300)))
        await store.flush()
        expected = await both(store)
    connection = sqlite3.connect(tmp_path / "catalog.db")
    connection.executescript("DROP TABLE unrolled; DROP TABLE recompressed; PRAGMA user_version = 2;")
    connection.close()
    async with make_store(tmp_path, clock=clock) as store:
        assert await both(store) == expected
        await store.keep_house()
        assert store.status().rollup_blocks == 2
        assert await both(store) == expected


async def test_a_block_that_does_not_read_back_is_not_rolled_up_without(tmp_path: Path) -> None:
    clock = ManualClock(BEGIN_MS + 5 * HOUR_MS)
    async with make_store(tmp_path, clock=clock) as store:
        for seq in range(2):
            await store.append(make_batch(seq, load(BEGIN_MS + seq * 1000)))
            await store.flush()
        expected = await both(store)
    block = files(tmp_path, "metrics/load/*/*.parquet")[0]
    content = block.read_bytes()
    block.unlink()
    async with make_store(tmp_path, clock=clock) as store:
        await store.keep_house()
        status = store.status()
        assert (status.rollup_failures_total, status.rollup_blocks) == (1, 0)
        assert status.rollup_lag_seconds > 0
    block.write_bytes(content)
    async with make_store(tmp_path, clock=clock) as store:
        await store.keep_house()
        assert store.status().rollup_blocks == 2
        assert await both(store) == expected


async def test_a_rollup_that_does_not_read_back_is_made_again(tmp_path: Path) -> None:
    clock = ManualClock(BEGIN_MS + 5 * HOUR_MS)
    async with make_store(tmp_path, clock=clock) as store:
        await store.append(make_batch(1, load(BEGIN_MS, count=300)))
        await store.flush()
        await store.keep_house()
        expected = await both(store)
    (block,) = files(tmp_path, "metrics/load_1m/*/*.parquet")
    content = bytearray(block.read_bytes())
    content[len(content) // 2] ^= 1
    block.write_bytes(content)
    async with make_store(tmp_path, clock=clock) as store:
        with pytest.raises(CorruptBlockError):
            await rows(store, SQL.format("load_1m"))
        await store.keep_house()
        assert await both(store) == expected, "from raw rows"
        await clock.advance(700)
        await store.keep_house()
        assert await both(store) == expected
        assert len(files(tmp_path, "metrics/load_1m/*/*.parquet")) == 1
    async with make_store(tmp_path, clock=clock) as store:
        assert await both(store) == expected
        assert store.status().damages == []
