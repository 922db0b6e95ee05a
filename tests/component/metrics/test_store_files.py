"""The metric store and its files: flush, merge, retention, loss, damage, full disks, and reading them offline."""

import asyncio
import errno
import os
import sqlite3
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nagare.config.places import Places
from nagare.config.settings import Settings
from nagare.errors import (
    DiskFullError,
    InputError,
    OverloadedError,
    StorageError,
)
from nagare.lib.clock import ManualClock
from nagare.metrics.offline import OfflineStore
from nagare.metrics.store import MetricStore
from nagare.model.event import Event, Severity
from tests.support.metric_store import START_MS, files, make_batch, make_store, rows

DAY_MS = 86_400_000


EVENT = Event("a", START_MS, "web1", "note", Severity.INFO, "ann", "deployed")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[MetricStore]:
    async with make_store(tmp_path) as store:
        yield store


async def test_rows_older_than_retention_are_dropped_with_their_blocks(tmp_path: Path) -> None:
    clock = ManualClock(START_MS)
    async with make_store(tmp_path, clock=clock, retention_seconds=3600.0) as store:
        await store.append(make_batch(1))
        await store.append_events([EVENT])
        await store.flush()
        await store.keep_house()
        assert store.status().block_count == 2
        await clock.advance(4000)
        await store.keep_house()
        assert store.status().block_count == 0
        with sqlite3.connect(Places(tmp_path).catalog) as connection:
            for table in ("seqs", "event_ids", "unrolled"):
                assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
            assert connection.execute("SELECT metric_table FROM blocks").fetchall() == [("load_1h",), ("load_1m",)]
        connection.close()
        assert await rows(store, "SELECT * FROM load") == []
        assert files(tmp_path, "metrics/load/date=*") == []


async def test_merging_blocks_changes_no_answer(tmp_path: Path) -> None:
    sql = "SELECT ts, host, cores, load1, extra FROM load ORDER BY ts, host"
    async with make_store(tmp_path) as store:
        for seq in range(20):
            tables = {
                "load": {"ts": [START_MS + seq], "cores": [seq]} | ({"extra": [seq]} if seq % 3 else {"load1": [0.5]})
            }
            await store.append(make_batch(seq, tables, host=f"web{seq % 4}"))
            await store.flush()
        before = await rows(store, sql)
        await store.keep_house()
        assert store.status().block_count < 20
        assert await rows(store, sql) == before
    async with make_store(tmp_path, clock=ManualClock(START_MS + 3 * DAY_MS)) as store:
        await store.keep_house()
        assert store.status().block_count == 1
        assert len(files(tmp_path, "metrics/load/*/*.parquet")) == 1
        assert await rows(store, sql) == before


async def test_duckdb_rests_while_nobody_needs_it(store: MetricStore) -> None:
    core = store._core
    assert core is not None
    for seq in (1, 2):
        await store.append(make_batch(seq))
        await rows(store, "SELECT 1 FROM load")
        await store.keep_house()
        await store.keep_house()
        assert core._engine.is_open(), "rows of the head are in it"
        await store.flush()
        await store.keep_house()
        await store.keep_house()
        assert not core._engine.is_open()
        assert await rows(store, "SELECT max(cores) FROM load") == [[seq]]


@pytest.mark.parametrize("sealed", [False, True])
async def test_a_broken_duckdb_is_made_again_from_the_log(
    sealed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with make_store(tmp_path) as store:
        core = store._core
        assert core is not None
        await store.append(make_batch(1))
        await store.flush()
        for seq in (2, 3):
            await store.append(make_batch(seq))
            await store.append_events([replace(EVENT, id=str(seq))])
        if sealed:
            with monkeypatch.context() as patch:
                patch.setattr(os, "fsync", _fails(errno.EIO))
                with pytest.raises(StorageError):
                    await store.flush()
        await rows(store, "SELECT * FROM load")
        await store._maintain(core.reload)
        await store.append(make_batch(4))
        assert await rows(store, "SELECT cores FROM load ORDER BY 1") == [[1], [2], [3], [4]]
        await store.flush()
        assert await rows(store, "SELECT cores FROM load ORDER BY 1") == [[1], [2], [3], [4]]
        assert await rows(store, "SELECT count(*) FROM events") == [[2]]
    async with make_store(tmp_path) as store:
        assert [(await store.append(make_batch(seq))).duplicate for seq in (1, 2, 3, 4)] == [True] * 4
        assert await store.append_events([replace(EVENT, id="2")]) == [False]


async def test_files_that_the_catalog_does_not_list_are_removed(tmp_path: Path) -> None:
    async with make_store(tmp_path) as store:
        await store.append(make_batch(1))
        await store.flush()
    (block,) = files(tmp_path, "metrics/load/*/*.parquet")
    stray = block.with_name(f"{START_MS}-{START_MS}-00ff.parquet")
    stray.write_bytes(block.read_bytes())
    (block.parent / f"{START_MS}-{START_MS}-00fe.tmp").write_bytes(b"half")
    async with make_store(tmp_path) as store:
        assert await rows(store, "SELECT cores FROM load") == [[1]]
    assert list(block.parent.iterdir()) == [block]


@pytest.mark.parametrize("damage", ["lost", "broken"])
async def test_a_lost_catalog_is_made_again_from_the_blocks(damage: str, tmp_path: Path) -> None:
    async with make_store(tmp_path) as store:
        for seq in range(9):
            await store.append(make_batch(seq, {"load": {"ts": [START_MS + seq], "cores": [seq], "extra": ["x"]}}))
            await store.flush()
        await store.keep_house()
        await store.append(make_batch(20))
    catalog = tmp_path / "catalog.db"
    if damage == "lost":
        catalog.unlink()
    else:
        catalog.write_bytes(b"SQLite format 3\x00" + os.urandom(4096))
    async with make_store(tmp_path) as store:
        assert await rows(store, "SELECT cores, extra FROM load ORDER BY 1") == [[seq, "x"] for seq in range(9)] + [
            [20, None]
        ]
        assert any("made again" in damage for damage in store.status().damages)
        assert (await store.append(make_batch(20))).duplicate, "the log still names it"
    async with make_store(tmp_path) as store:
        assert store.status().damages == []
        assert await rows(store, "SELECT count(*) FROM load") == [[10]]


async def test_a_missing_block_is_told_and_the_rest_answers(tmp_path: Path) -> None:
    async with make_store(tmp_path) as store:
        for seq in (1, 2):
            await store.append(make_batch(seq))
            await store.flush()
    files(tmp_path, "metrics/load/*/*.parquet")[0].unlink()
    async with make_store(tmp_path) as store:
        assert await rows(store, "SELECT cores FROM load") == [[2]]
        assert "missing" in store.status().damages[0]


async def test_a_lost_log_directory_loses_nothing_that_is_in_blocks(tmp_path: Path) -> None:
    async with make_store(tmp_path) as store:
        await store.append(make_batch(1))
        await store.flush()
    for segment in files(tmp_path, "log/*"):
        segment.unlink()
    for _ in range(2):
        async with make_store(tmp_path) as store:
            await store.append(make_batch(2))
            assert await rows(store, "SELECT cores FROM load ORDER BY 1") == [[1], [2]]


async def test_offline_reads_blocks_and_log_and_writes_nothing(tmp_path: Path) -> None:
    async with make_store(tmp_path) as store:
        await store.append(make_batch(1, {"load": {"ts": [START_MS], "cores": [1], "extra": [1]}}))
        await store.flush()
        await store.append(make_batch(2))
    segment = files(tmp_path, "log/*.seg")[-1]
    segment.write_bytes(segment.read_bytes() + b"torn")
    before = {path: path.stat().st_mtime_ns for path in files(tmp_path, "**/*")}
    async with OfflineStore(Settings(tmp_path)) as offline:
        assert await rows(offline, "SELECT cores, extra FROM load ORDER BY 1") == [[1, 1.0], [2, None]]
        assert "load" in {view.name for view in offline.describe()}
        with pytest.raises(InputError):
            await rows(offline, "SELECT * FROM read_text('/etc/passwd')")
    assert {path: path.stat().st_mtime_ns for path in files(tmp_path, "**/*")} == before


async def test_offline_without_an_installation_is_empty(tmp_path: Path) -> None:
    async with OfflineStore(Settings(tmp_path / "none")) as offline:
        assert await rows(offline, "SELECT count(*) FROM cpu") == [[0]]
        with pytest.raises(InputError, match="cannot query 'hosts': the server keeps it"):
            await rows(offline, "SELECT * FROM hosts")
    assert not (tmp_path / "none").exists()


async def test_no_batch_is_acknowledged_into_the_reserve(tmp_path: Path) -> None:
    async with make_store(tmp_path, free_reserve_bytes=2**62) as store:
        with pytest.raises(DiskFullError, match="reserve"):
            await store.append(make_batch(1))
        assert not store.status().is_writable
        assert await rows(store, "SELECT count(*) FROM load") == [[0]]
    async with make_store(tmp_path) as store:
        assert not (await store.append(make_batch(1))).duplicate


async def test_a_full_disk_refuses_and_recovers_by_itself(store: MetricStore, monkeypatch: pytest.MonkeyPatch) -> None:
    await store.append(make_batch(1))
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", _fails(errno.ENOSPC))
        replies = await asyncio.gather(*(store.append(make_batch(seq)) for seq in (1, 2, 2, 3)), return_exceptions=True)
    assert all(isinstance(reply, DiskFullError) for reply in replies[1:])
    assert not store.status().is_writable
    assert [(await store.append(make_batch(seq))).duplicate for seq in (2, 3)] == [False, False]
    assert store.status().is_writable
    assert await rows(store, "SELECT cores FROM load ORDER BY 1") == [[1], [2], [3]]


async def test_a_failed_sync_fails_its_senders_and_nobody_else(
    store: MetricStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", _fails(errno.EIO))
        with pytest.raises(StorageError):
            await store.append(make_batch(1))
    assert not (await store.append(make_batch(1))).duplicate
    assert await rows(store, "SELECT count(*) FROM load") == [[1]]


def _fails(number: int) -> Callable[..., Any]:
    def fail(*arguments: Any) -> Any:
        raise OSError(number, os.strerror(number))

    return fail


async def test_a_flush_that_fails_is_tried_again_and_loses_nothing(
    store: MetricStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.append(make_batch(1))
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", _fails(errno.ENOSPC))
        with pytest.raises(StorageError):
            await store.flush()
    await store.append(make_batch(2))
    assert await rows(store, "SELECT cores FROM load ORDER BY 1") == [[1], [2]]
    assert files(tmp_path, "metrics/load/*/*") == []
    assert await store.flush() == 1
    assert await store.flush() == 1
    assert await rows(store, "SELECT cores FROM load ORDER BY 1") == [[1], [2]]


async def test_run_flushes_in_time_and_when_the_head_is_large(tmp_path: Path) -> None:
    clock = ManualClock(START_MS)
    flushed = asyncio.Event()

    class Watch:
        def step(self, name: str) -> None:
            if name == "log_dropped":
                loop.call_soon_threadsafe(flushed.set)

    loop = asyncio.get_running_loop()
    async with make_store(tmp_path, clock=clock, observer=Watch(), flush_seconds=60.0, flush_rows=100) as store:
        running = asyncio.ensure_future(store.run())
        await store.append(make_batch(1))
        await clock.advance(61)
        await asyncio.wait_for(flushed.wait(), 5)
        flushed.clear()
        await store.append(make_batch(2, {"load": {"ts": [START_MS] * 100, "cores": [1] * 100}}))
        await asyncio.wait_for(flushed.wait(), 5)
        assert store.status().head_rows == 0
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


async def test_a_head_that_cannot_be_flushed_pushes_back(tmp_path: Path) -> None:
    async with make_store(tmp_path, flush_rows=100) as store:
        await store.append(make_batch(1, {"load": {"ts": [START_MS] * 401, "cores": [1] * 401}}))
        with pytest.raises(OverloadedError):
            await store.append(make_batch(2))
        await store.flush()
        assert (await store.append(make_batch(2))).accepted == 1


async def test_damage_in_the_log_costs_its_record_and_is_told(tmp_path: Path) -> None:
    async with make_store(tmp_path) as store:
        for seq in range(3):
            await store.append(make_batch(seq))
    (segment,) = files(tmp_path, "log/*.seg")
    content = bytearray(segment.read_bytes())
    content[len(content) // 2] ^= 0x10
    segment.write_bytes(content)
    async with make_store(tmp_path) as store:
        assert await rows(store, "SELECT cores FROM load ORDER BY 1") == [[0], [2]]
        assert len(store.status().damages) == 1
        assert not (await store.append(make_batch(1))).duplicate, "the sender may bring it again"


async def test_a_catalog_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    async with make_store(tmp_path):
        pass
    connection = sqlite3.connect(Places(tmp_path).catalog)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StorageError, match="newer version"):
        async with make_store(tmp_path):
            pass
