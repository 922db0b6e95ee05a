"""What goes wrong at the worst moment: no acknowledged row is lost, none is seen twice, and nothing is silent."""

import asyncio
import contextlib
import errno
import os
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb  # noqa: TID253  real DuckDB is tested here
import pytest

from nagare.errors import DiskFullError, StorageError
from nagare.lib.clock import ManualClock
from nagare.metrics.store import MetricStore
from nagare.model.event import Event, Severity
from tests.support.metric_store import START_MS, files, make_batch, make_store, rows

EVENT = Event("a", START_MS, "web1", "note", Severity.INFO, "ann", "deployed")
CORES = "SELECT cores FROM load ORDER BY 1"


def _fails(number: int) -> Callable[..., Any]:
    def fail(*arguments: Any) -> Any:
        raise OSError(number, os.strerror(number))

    return fail


async def _fill(folder: Path, count: int = 3) -> None:
    async with make_store(folder) as store:
        for seq in range(count):
            await store.append(make_batch(seq))
            await store.flush()


async def test_an_empty_catalog_is_made_again_from_the_blocks(tmp_path: Path) -> None:
    await _fill(tmp_path)
    (tmp_path / "catalog.db").write_bytes(b"")
    async with make_store(tmp_path) as store:
        assert await rows(store, CORES) == [[0], [1], [2]]
        assert "made again from 3 blocks" in store.status().damages[0]


async def test_a_broken_catalog_does_not_leave_its_journal_to_the_new_one(tmp_path: Path) -> None:
    await _fill(tmp_path)
    (tmp_path / "catalog.db").write_bytes(os.urandom(8192))
    (tmp_path / "catalog.db-journal").write_bytes(os.urandom(2048))
    async with make_store(tmp_path) as store:
        assert await rows(store, CORES) == [[0], [1], [2]]
    assert files(tmp_path, "catalog.db-journal") == []


async def test_a_catalog_from_a_backup_costs_no_later_block(tmp_path: Path) -> None:
    await _fill(tmp_path, 2)
    catalog = tmp_path / "catalog.db"
    backup = catalog.read_bytes()
    async with make_store(tmp_path) as store:
        for seq in (2, 3):
            await store.append(make_batch(seq))
            await store.flush()
        await store.append(make_batch(4))
    catalog.write_bytes(backup)
    async with make_store(tmp_path) as store:
        assert await rows(store, CORES) == [[seq] for seq in range(5)]
        assert "older than the log" in store.status().damages[0]
    async with make_store(tmp_path) as store:
        assert await rows(store, CORES) == [[seq] for seq in range(5)]
        assert store.status().damages == []


async def test_blocks_alone_are_enough_to_answer(tmp_path: Path) -> None:
    await _fill(tmp_path)
    (tmp_path / "catalog.db").unlink()
    for segment in files(tmp_path, "log/*"):
        segment.unlink()
    for seq in (3, 4):
        async with make_store(tmp_path) as store:
            await store.append(make_batch(seq))
            assert await rows(store, CORES) == [[number] for number in range(seq + 1)]
            await store.flush()


async def test_a_seal_that_fails_loses_nothing_at_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with make_store(tmp_path) as store:
        await store.append(make_batch(1))
        with monkeypatch.context() as patch:
            patch.setattr(os, "fdatasync", _fails(errno.EIO))
            with pytest.raises(StorageError):
                await store.flush()
        await store.append(make_batch(2))
        await store.flush()
        assert await rows(store, CORES) == [[1], [2]]
    async with make_store(tmp_path) as store:
        assert await rows(store, CORES) == [[1], [2]]


@pytest.mark.parametrize("sql", ["COMMIT", "BEGIN IMMEDIATE"])
async def test_a_catalog_that_cannot_commit_is_tried_again(
    sql: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with make_store(tmp_path) as store:
        await store.append(make_batch(1))
        with _catalog_fails(store, sql, monkeypatch), pytest.raises(DiskFullError):
            await store.flush()
        assert files(tmp_path, "metrics/*/*/*") == []
        await store.append(make_batch(2))
        assert await rows(store, CORES) == [[1], [2]]
        await store.flush()
        await store.flush()
        assert await rows(store, CORES) == [[1], [2]]
    async with make_store(tmp_path) as store:
        assert await rows(store, CORES) == [[1], [2]]


async def test_a_commit_that_is_told_as_failed_and_is_true_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with make_store(tmp_path) as store:
        await store.append(make_batch(1))
        with _catalog_fails(store, "COMMIT", monkeypatch, after=True):
            await store.flush()
        assert await rows(store, CORES) == [[1]]
    async with make_store(tmp_path) as store:
        assert await rows(store, CORES) == [[1]]
        assert store.status().damages == []


@pytest.mark.parametrize("after", [False, True])
async def test_a_merge_that_cannot_commit_leaves_no_file(
    after: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with make_store(tmp_path) as store:
        for seq in range(8):
            await store.append(make_batch(seq))
            await store.flush()
        with _catalog_fails(store, "COMMIT", monkeypatch, after=after):
            if after:
                await store.keep_house()
            else:
                with pytest.raises(StorageError):
                    await store.keep_house()
        assert len(files(tmp_path, "metrics/load/*/*")) == (1 if after else 8)
        assert await rows(store, CORES) == [[seq] for seq in range(8)]
        await store.keep_house()
        assert len(files(tmp_path, "metrics/load/*/*")) == 1
        assert await rows(store, CORES) == [[seq] for seq in range(8)]


class _Failing:
    """A connection on which one statement fails as on a full disk, before it is done or after."""

    def __init__(self, connection: sqlite3.Connection, sql: str, *, after: bool) -> None:
        self._connection = connection
        self._sql = sql
        self._after = after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, sql: str, *arguments: Any) -> Any:
        if sql != self._sql:
            return self._connection.execute(sql, *arguments)
        if self._after:
            self._connection.execute(sql, *arguments)
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error


def _catalog_fails(store: MetricStore, sql: str, monkeypatch: pytest.MonkeyPatch, *, after: bool = False) -> Any:
    core = store._core
    assert core is not None
    catalog = core._catalog
    connection = catalog._connection
    assert connection is not None

    @contextlib.contextmanager
    def failing() -> Any:
        with monkeypatch.context() as patch:
            patch.setattr(catalog, "_connection", _Failing(connection, sql, after=after))
            yield

    return failing()


async def test_an_event_is_known_while_a_flush_of_it_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with make_store(tmp_path) as store:
        await store.append_events([EVENT])
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", _fails(errno.ENOSPC))
            with pytest.raises(DiskFullError):
                await store.flush()
        assert await store.append_events([EVENT, replace(EVENT, id="b")]) == [False, True]
        for _ in range(3):
            await store.flush()
            assert await store.append_events([EVENT, replace(EVENT, id="b")]) == [False, False]
        assert await rows(store, "SELECT id FROM events ORDER BY 1") == [["a"], ["b"]]
    async with make_store(tmp_path) as store:
        assert await store.append_events([EVENT, replace(EVENT, id="b")]) == [False, False]


async def test_a_record_that_is_in_the_log_twice_is_replayed_once(tmp_path: Path) -> None:
    async with make_store(tmp_path) as store:
        await store.append(make_batch(1))
        await store.append_events([EVENT])
        core = store._core
        assert core is not None

        def repeat() -> None:
            core._log.append([payload for _, payload in list(core._log.replay())])
            core._log.sync()

        core.writer.call(repeat).result()
    async with make_store(tmp_path) as store:
        assert await rows(store, CORES) == [[1]]
        assert await rows(store, "SELECT count(*) FROM events") == [[1]]


async def test_a_damaged_last_record_is_told_and_nothing_else_is_lost(tmp_path: Path) -> None:
    async with make_store(tmp_path) as store:
        for seq in range(3):
            await store.append(make_batch(seq))
    (segment,) = files(tmp_path, "log/*.seg")
    content = bytearray(segment.read_bytes())
    content[-1] ^= 1
    segment.write_bytes(content)
    async with make_store(tmp_path) as store:
        assert segment.name in store.status().damages[0]
        await store.append(make_batch(4))
        await store.flush()
        assert await rows(store, CORES) == [[0], [1], [4]]
    assert (segment.with_name(f"{segment.name}.aside")).read_bytes() == content


async def test_rows_that_became_stale_are_replayed_and_then_dropped(tmp_path: Path) -> None:
    async with make_store(tmp_path, retention_seconds=3600.0) as store:
        await store.append(make_batch(1))
    clock = ManualClock(START_MS + 7_200_000)
    async with make_store(tmp_path, clock=clock, retention_seconds=3600.0) as store:
        assert await rows(store, CORES) == [[1]]
        assert (await store.append(make_batch(1))).duplicate
        await store.flush()
        await store.keep_house()
        assert await rows(store, CORES) == []


async def test_a_clock_that_jumps_back_loses_nothing_and_names_nothing_twice(tmp_path: Path) -> None:
    async with make_store(tmp_path) as store:
        await store.append(make_batch(1))
        await store.flush()
    async with make_store(tmp_path, clock=ManualClock(START_MS - 86_400_000)) as store:
        assert (await store.append(make_batch(1))).duplicate
        reply = await store.append(make_batch(2))
        assert [refusal.reason.split(":")[0] for refusal in reply.refused] == ["future"]
        await store.append(make_batch(3, {"load": {"ts": [START_MS - 86_400_000], "cores": [3]}}))
        await store.flush()
        await store.keep_house()
        assert await rows(store, CORES) == [[1], [3]]


class JumpingClock(ManualClock):
    """A clock whose hands somebody turns."""

    turned_seconds = 0

    def now_ms(self) -> int:
        """Return what the hands show."""
        return super().now_ms() + self.turned_seconds * 1000


async def test_a_clock_that_jumps_ahead_is_doubted_before_anything_is_dropped(tmp_path: Path) -> None:
    clock = JumpingClock(START_MS)
    async with make_store(tmp_path, clock=clock, retention_seconds=86_400.0) as store:
        await store.append(make_batch(1))
        await store.flush()
        (block,) = files(tmp_path, "metrics/load/*/*.parquet")
        aside = block.with_name(f"{block.name}.aside")
        aside.touch()
        clock.turned_seconds = 10 * 86_400
        await store.keep_house()
        await clock.advance(1800)
        await store.keep_house()
        clock.turned_seconds = 0
        await clock.advance(7200)
        await store.keep_house()
        assert await rows(store, CORES) == [[1]]
        assert aside.exists()
        clock.turned_seconds = 10 * 86_400
        await store.keep_house()
        await clock.advance(3601)
        await store.keep_house()
        assert await rows(store, CORES) == []
        assert not aside.exists()


async def test_queries_see_each_row_once_while_flushes_and_merges_move_them(tmp_path: Path) -> None:
    """Two flushes and a merge a round run beside queries; a row is in exactly one place of each snapshot."""
    acknowledged = submitted = looks = 0
    done = False
    async with make_store(tmp_path, concurrency=2) as store:

        async def write() -> None:
            nonlocal acknowledged, submitted, done
            while submitted < 120 or looks < 6:
                submitted += 1
                await store.append(make_batch(submitted - 1))
                acknowledged = submitted
            done = True

        async def move() -> None:
            while not done:
                await store.flush()
                await store.keep_house()

        async def look() -> None:
            nonlocal looks
            while not done:
                low = acknowledged
                ((total, distinct, top),) = await rows(
                    store, "SELECT count(*), count(DISTINCT cores), max(cores) FROM load"
                )
                assert total == distinct
                assert low <= total <= submitted
                assert total == (top + 1 if total else 0)
                looks += 1

        await asyncio.gather(write(), move(), look(), look())
        assert store.status().block_count > 0
        assert await rows(store, "SELECT count(*), sum(cores) FROM load") == [
            [submitted, submitted * (submitted - 1) // 2]
        ]


async def test_a_running_query_keeps_the_files_that_it_reads(tmp_path: Path) -> None:
    clock = ManualClock(START_MS)
    async with make_store(tmp_path, clock=clock, retention_seconds=3600.0) as store:
        for seq in range(8):
            await store.append(make_batch(seq))
            await store.flush()
        core = store._core
        assert core is not None
        with core.library.pinned() as snapshot:
            await store.keep_house()
            await clock.advance(4000)
            await store.keep_house()
            assert store.status().block_count == 0
            blocks = [tmp_path / "metrics" / block.path for block in snapshot.blocks["load"]]
            assert len(blocks) == 8
            assert all(block.stat().st_size for block in blocks)
        assert files(tmp_path, "metrics/load/*/*") == []


async def test_a_close_under_a_query_that_does_not_return_raises_nothing(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    begun = asyncio.Event()
    cursors: list[Any] = []

    def run(engine: Any) -> None:
        with engine.cursor() as cursor:
            cursors.append(cursor)
            loop.call_soon_threadsafe(begun.set)
            cursor.execute("SELECT sum(hash(a.range * b.range)) FROM range(1000000) a, range(1000000) b")

    async with make_store(tmp_path) as store:
        await store.append(make_batch(1))
        core = store._core
        assert core is not None
        running = loop.run_in_executor(None, run, core._engine)
        await begun.wait()
    while not running.done():
        # It may close between the look and the interrupt.
        with contextlib.suppress(duckdb.ConnectionException):
            cursors[0].interrupt()
        await asyncio.wait({running}, timeout=0.02)
    assert running.exception() is not None
    async with make_store(tmp_path) as store:
        assert await rows(store, CORES) == [[1]]
