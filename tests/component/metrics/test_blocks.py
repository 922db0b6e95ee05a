"""Blocks as anybody reads them, and blocks that do not read back: named, left out, the rest answered."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from nagare.config.settings import Settings
from nagare.errors import CorruptBlockError, QuerySyntaxError
from nagare.lib.clock import ManualClock
from nagare.metrics.blocks import flush
from nagare.metrics.blocks.compact import Policy
from nagare.metrics.offline import OfflineStore
from nagare.model.event import Event, Severity
from tests.support.metric_store import START_MS, files, make_batch, make_store, rows

CORES = "SELECT cores FROM load ORDER BY 1"
DAY_MS = 86_400_000


async def test_a_block_is_plain_parquet(tmp_path: Path) -> None:
    from pyarrow import parquet

    cells = {
        "cpu": {
            "ts": [START_MS + 1000, START_MS, START_MS + 1000, START_MS],
            "core": ["all", "all", "0", "0"],
            "user_ratio": [0.1, None, 1 / 3, 1e-300],
        }
    }
    async with make_store(tmp_path) as store:
        await store.append(make_batch(1, cells, host="web2"))
        await store.append(make_batch(1, cells, host="web1"))
        await store.append(
            make_batch(2, {"process": {"ts": [START_MS], "rank": [1], "pid": [2**53 + 1], "name": ["ä"]}})
        )
        await store.append(make_batch(3, {"own": {"ts": [START_MS], "is_up": [True], "at": ["x"], "n": [7]}}))
        await store.append_events([Event("a", START_MS, "web1", "note", Severity.HIGH, "ann", "up", {"k": "v"})])
        await store.flush()
    (cpu,) = files(tmp_path, "metrics/cpu/date=2025-10-09/*.parquet")
    table = parquet.read_table(cpu, partitioning=None)
    kinds = {field.name: str(field.type) for field in table.schema}
    assert kinds.items() >= {"ts": "timestamp[ms]", "host": "string", "core": "string", "user_ratio": "double"}.items()
    start = datetime.fromtimestamp(START_MS / 1000, UTC).replace(tzinfo=None)
    later = datetime.fromtimestamp(START_MS / 1000 + 1, UTC).replace(tzinfo=None)
    expected = [("0", start, 1e-300), ("0", later, 1 / 3), ("all", start, None), ("all", later, 0.1)]
    assert table.select(["host", "core", "ts", "user_ratio"]).to_pylist() == [
        {"host": host, "core": core, "ts": ts, "user_ratio": value}
        for host in ("web1", "web2")
        for core, ts, value in expected
    ]
    facts = parquet.read_metadata(cpu)
    assert facts.metadata[b"nagare_log"] == b"1-5"
    assert facts.metadata[b"nagare_sources"] == b""
    assert {facts.row_group(0).column(at).compression for at in range(facts.num_columns)} == {"SNAPPY"}
    (process,) = files(tmp_path, "metrics/process/*/*.parquet")
    assert parquet.read_table(process, partitioning=None).select(["pid", "name"]).to_pylist() == [
        {"pid": 2**53 + 1, "name": "ä"}
    ]
    (own,) = files(tmp_path, "metrics/own/*/*.parquet")
    (row,) = parquet.read_table(own, partitioning=None).select(["is_up", "at", "n"]).to_pylist()
    assert row == {"is_up": True, "at": "x", "n": 7.0}
    (events,) = files(tmp_path, "metrics/events/*/*.parquet")
    (event,) = parquet.read_table(events, partitioning=None).to_pylist()
    assert (event["id"], event["severity"], event["attributes"]) == ("a", 2, [("k", "v")])


def _ruin_footer(block: Path) -> None:
    block.write_bytes(block.read_bytes()[:-12] + b"x" * 12)


def _ruin_pages(block: Path) -> None:
    content = bytearray(block.read_bytes())
    content[4:200] = b"\xff" * 196
    block.write_bytes(content)


def _cut(block: Path) -> None:
    block.write_bytes(block.read_bytes()[: block.stat().st_size // 2])


def _empty(block: Path) -> None:
    block.write_bytes(b"")


RUINS = [_ruin_footer, _ruin_pages, _cut, _empty, Path.unlink]


@pytest.mark.parametrize("ruin", RUINS)
async def test_a_block_that_does_not_read_back_is_named_and_left_out(
    ruin: Callable[[Path], None], tmp_path: Path
) -> None:
    async with make_store(tmp_path) as store:
        for seq in range(3):
            await store.append(make_batch(seq, {"load": {"ts": [START_MS + seq], "cores": [seq], "load1": [0.5]}}))
            await store.flush()
        await store.append(make_batch(3))
        block = next(path for path in files(tmp_path, "metrics/load/*/*.parquet") if f"{START_MS + 1}-" in path.name)
        ruin(block)
        with pytest.raises(CorruptBlockError) as refusal:
            await rows(store, "SELECT * FROM load")
        assert refusal.value.message.startswith(f"cannot read block load/date=2025-10-09/{block.name}: ")
        assert "nagare doctor" in refusal.value.hint
        assert await rows(store, CORES) == [[0], [2], [3]]
        assert await rows(store, "SELECT count(*) FROM cpu") == [[0]]
        (damage,) = store.status().damages
        assert block.name in damage
        assert "1 rows are left out" in damage
        with pytest.raises(QuerySyntaxError):
            await rows(store, "SELECT nothing FROM load")
        await store.flush()
        await store.keep_house()
        assert await rows(store, CORES) == [[0], [2], [3]]
    async with OfflineStore(Settings(tmp_path)) as offline:
        if block.exists():
            with pytest.raises(CorruptBlockError):
                await rows(offline, "SELECT * FROM load")
        assert await rows(offline, CORES) == [[0], [2], [3]]
        assert block.name in offline.damages[0]


@pytest.mark.parametrize("table", ["load", "cpu", "own"])
async def test_a_block_that_is_whole_already_is_packed_well_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    from pyarrow import parquet

    # The bound is lowered, so that it needs no block of a million rows.
    monkeypatch.setattr(flush, "TABLE_POLICY", Policy(8, 40, 10**6, whole=0.75, large=0.1))
    column = {"load": "load1", "cpu": "user_ratio", "own": "x"}[table]
    keys: dict[str, list[Any]] = {"core": ["all"] * 30} if table == "cpu" else {}
    async with make_store(tmp_path) as store:
        for seq, count in ((1, 29), (2, 30)):
            times = [START_MS + seq * 60_000 + step for step in range(count)]
            cells: dict[str, list[Any]] = {"ts": times, column: [0.5] * count}
            cells |= {name: values[:count] for name, values in keys.items()}
            await store.append(make_batch(seq, {table: cells}))
            await store.flush()
        found = sorted(
            (facts.num_rows, facts.row_group(0).column(0).compression)
            for facts in map(parquet.read_metadata, files(tmp_path, f"metrics/{table}/*/*.parquet"))
        )
        assert found == [(29, "SNAPPY"), (30, "ZSTD")]


async def test_a_block_is_packed_quickly_first_and_well_once_it_is_merged(tmp_path: Path) -> None:
    from pyarrow import parquet

    def packed() -> set[str]:
        (block,) = files(tmp_path, "metrics/load/*/*.parquet")
        return {parquet.read_metadata(block).row_group(0).column(at).compression for at in range(3)}

    async with make_store(tmp_path) as store:
        await store.append(make_batch(1))
        await store.flush()
        assert packed() == {"SNAPPY"}
        await store.append(make_batch(2))
        await store.flush()
    async with make_store(tmp_path, clock=ManualClock(START_MS + 3 * DAY_MS)) as store:
        for _ in range(2):
            await store.keep_house()
        assert packed() == {"ZSTD"}
        assert await rows(store, CORES) == [[1], [2]]


@pytest.mark.parametrize("ruin", RUINS)
async def test_a_merge_leaves_out_what_does_not_read_back(ruin: Callable[[Path], None], tmp_path: Path) -> None:
    async with make_store(tmp_path) as store:
        for seq in range(4):
            await store.append(make_batch(seq))
            await store.flush()
        block = next(path for path in files(tmp_path, "metrics/load/*/*.parquet") if f"{START_MS + 1}-" in path.name)
        ruin(block)
    async with make_store(tmp_path, clock=ManualClock(START_MS + 3 * DAY_MS)) as store:
        for _ in range(2):
            await store.keep_house()
        assert await rows(store, CORES) == [[0], [2], [3]]
        assert store.status().block_count == 1
        assert block.name in store.status().damages[0]


async def test_a_callers_mistake_costs_no_block(tmp_path: Path) -> None:
    async with make_store(tmp_path) as store:
        await store.append(make_batch(1))
        await store.flush()
        for sql in ("SELECT nothing FROM load", "SELECT host::int FROM load", "SELECT sum(host) FROM load"):
            with pytest.raises(QuerySyntaxError):
                await rows(store, sql)
        assert store.status().damages == []
        assert await rows(store, CORES) == [[1]]
