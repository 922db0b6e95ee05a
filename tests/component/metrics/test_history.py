"""Rows that left the records: whatever comes, in whatever order and however often, the newest revision of each is there once."""

import asyncio
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nagare.config.places import Places
from nagare.config.settings import BucketSettings
from nagare.errors import CorruptBlockError, DeadlineExceededError, StorageError
from nagare.lib.clock import ManualClock
from nagare.metrics.sql.stop import Stop
from nagare.metrics.store import MetricStore
from nagare.model.columns import Columns, RecordTable
from nagare.model.history import COMMANDS
from tests.support.metric_store import START_MS, files, make_batch, make_store, rows

DAY_MS = 86_400_000
# A name, how often it changed, and on which of four days it was made: that follows from its name.
_ROWS = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 2)), max_size=8, unique_by=lambda row: row[0])
_MOVES = st.lists(st.one_of(_ROWS, st.sampled_from(["merge", "open again", "lose the catalog"])), max_size=8)


def _columns(given_rows: Sequence[tuple[int, int]]) -> Columns:
    return {
        "ts": [START_MS - (40 + number % 4) * DAY_MS for number, _ in given_rows],
        "host": [f"h{number % 3}" for number, _ in given_rows],
        "id": [f"c{number}" for number, _ in given_rows],
        "text": [None if number % 2 else f"text {number}" for number, _ in given_rows],
        "revision": [revision for _, revision in given_rows],
    }


async def _seen(store: MetricStore, hot: Sequence[tuple[int, int]] = ()) -> list[tuple[int, int]]:
    async def fetch() -> Columns:
        return _columns(hot)

    store.register_records(RecordTable(COMMANDS, fetch))
    found = await rows(store, "SELECT id, revision, host, text, ts FROM commands")
    for name, _, host, text, _ in found:
        number = int(name[1:])
        assert (host, text) == (f"h{number % 3}", None if number % 2 else f"text {number}")
    return sorted((int(name[1:]), revision) for name, revision, *_ in found)


@settings(max_examples=15)
@given(moves=_MOVES, hot=_ROWS)
def test_hot_and_cold_rows_are_one_table(
    moves: list[Any], hot: list[tuple[int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("history")
    known: dict[int, int] = {}

    async def work() -> None:
        store = await make_store(folder).__aenter__()
        for move in moves:
            if isinstance(move, list):
                fresh = [row for row in move if row[1] > known.get(row[0], -1)]
                assert await store.add_history(COMMANDS, _columns(move)) == len(fresh)
                known.update(fresh)
            elif move == "merge":
                await store.keep_house()
            else:
                await store.__aexit__(None, None, None)
                if move == "lose the catalog":
                    Places(folder).catalog.unlink()
                store = await make_store(folder).__aenter__()
            assert await _seen(store) == sorted(known.items())
        assert await _seen(store, hot) == sorted({**known, **dict(hot)}.items())
        await store.__aexit__(None, None, None)

    asyncio.run(work())


async def test_a_sender_cannot_write_into_it(tmp_path: Path) -> None:
    async with make_store(tmp_path) as store:
        batch = make_batch(1, {"commands": {"ts": [START_MS], "id": ["forged"], "state": ["done"]}})
        reply = await store.append(batch)
        assert reply.accepted == 0
        await store.add_history(COMMANDS, _columns([(1, 0)]))
        await store.append(make_batch(2, {"commands": {"ts": [START_MS], "id": ["forged"], "text": ["done"]}}))
        await store.flush()
        assert await _seen(store) == [(1, 0)]
    async with make_store(tmp_path) as store:
        assert await _seen(store) == [(1, 0)]


async def test_raw_ages_and_rollups_do_not_concern_it(tmp_path: Path) -> None:
    clock = ManualClock(START_MS)
    async with make_store(tmp_path, clock=clock, retention_seconds=86_400.0, retention_commands_bytes=0) as store:
        await store.add_history(COMMANDS, _columns([(n, 0) for n in range(8)]))
        await store.append(make_batch(1))
        await store.flush()
        await clock.advance(3 * 86_400.0)
        await store.keep_house()
        assert len(await _seen(store)) == 8
        assert await rows(store, "SELECT load1 FROM load") == []
        assert files(tmp_path, "metrics/commands_1*") == []


async def test_by_size_the_oldest_days_go(tmp_path: Path) -> None:
    async with make_store(tmp_path) as store:
        await store.add_history(COMMANDS, _columns([(n, 0) for n in range(4)]))
        sizes = [path.stat().st_size for path in files(tmp_path, "metrics/commands/*/*.parquet")]
    async with make_store(tmp_path, retention_commands_bytes=sum(sizes) - 1) as store:
        await store.keep_house()
        assert await _seen(store) == [(0, 0), (1, 0), (2, 0)]


async def test_a_block_that_is_damaged_is_told_and_what_is_asked_for_again_is_written_again(tmp_path: Path) -> None:
    async with make_store(tmp_path) as store:
        await store.add_history(COMMANDS, _columns([(0, 0), (1, 0)]))
    path = files(tmp_path, "metrics/commands/*/*.parquet")[0]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    async with make_store(tmp_path) as store:
        with pytest.raises(CorruptBlockError):
            await store.add_history(COMMANDS, _columns([(0, 0), (1, 0)]))
        assert await store.add_history(COMMANDS, _columns([(0, 0), (1, 0)])) == 1
        assert await _seen(store) == [(0, 0), (1, 0)]


async def test_a_folder_that_cannot_be_made_stores_nothing_and_says_so(tmp_path: Path) -> None:
    async with make_store(tmp_path) as store:
        (tmp_path / "metrics" / "commands").write_text("in the way")
        with pytest.raises(StorageError):
            await store.add_history(COMMANDS, _columns([(0, 0)]))
        (tmp_path / "metrics" / "commands").unlink()
        assert await store.add_history(COMMANDS, _columns([(0, 0)])) == 1


async def test_in_a_bucket_it_is_found_and_known_again(tmp_path: Path) -> None:
    bucket = BucketSettings(directory=tmp_path / "bucket")
    (tmp_path / "bucket").mkdir()
    async with make_store(tmp_path, bucket=bucket) as store:
        await store.add_history(COMMANDS, _columns([(n, 0) for n in range(6)]))
        await store.sync_bucket()
    shutil.rmtree(tmp_path / "metrics" / "commands")
    async with make_store(tmp_path, bucket=bucket) as store:
        assert await store.add_history(COMMANDS, _columns([(1, 0), (7, 0)])) == 1
        assert await _seen(store) == [(n, 0) for n in (*range(6), 7)]
        found = await store.find_history(COMMANDS, "id", "c2", START_MS - 42 * DAY_MS)
        assert [row["text"] for row in found] == ["text 2"]


async def test_who_looks_for_one_does_not_wait_for_maintenance(tmp_path: Path) -> None:
    free = threading.Event()
    async with make_store(tmp_path) as store:
        await store.add_history(COMMANDS, _columns([(2, 0)]))
        busy = asyncio.ensure_future(store._maintain(free.wait))
        try:
            async with asyncio.timeout(60):
                found = await store.find_history(COMMANDS, "id", "c2", START_MS - 42 * DAY_MS)
            assert not busy.done()
        finally:
            free.set()
        assert await busy
        assert [row["text"] for row in found] == ["text 2"]


async def test_it_is_found_once_while_its_block_is_replaced(tmp_path: Path) -> None:
    async with make_store(tmp_path) as store:
        await store.add_history(COMMANDS, _columns([(2, 0), (6, 0)]))
        for revision in range(1, 8):
            adding = asyncio.ensure_future(store.add_history(COMMANDS, _columns([(2, revision)])))
            while not adding.done():
                found = await store.find_history(COMMANDS, "id", "c2", START_MS - 42 * DAY_MS)
                assert [row["revision"] for row in found] in ([revision - 1], [revision])
            assert await adding == 1
    assert len(files(tmp_path, "metrics/commands/*/*.parquet")) == 2


async def test_who_stopped_waiting_gets_the_deadline(tmp_path: Path) -> None:
    stop = Stop()
    stop.stop()
    async with make_store(tmp_path) as store:
        await store.add_history(COMMANDS, _columns([(2, 0)]))
        with pytest.raises(DeadlineExceededError):
            store._open_core().history.find(COMMANDS, "id", "c2", START_MS - 42 * DAY_MS, stop)
