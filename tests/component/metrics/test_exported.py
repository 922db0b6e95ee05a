"""An export says what a query says, to a file: with the same rights, all rows of it, in constant memory, within its bounds."""

import asyncio
import csv
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nagare.config.places import Places
from nagare.errors import (
    DiskFullError,
    LimitExceededError,
    NagareError,
    QuerySyntaxError,
    ResultTooLargeError,
    StorageError,
)
from nagare.lib.clock import SystemClock
from nagare.metrics.history import History
from nagare.metrics.sql.growing import GrowingFile
from nagare.metrics.sql.stop import Stop
from nagare.metrics.store import MetricStore
from nagare.model.columns import Columns, RecordTable
from nagare.model.export import ExportTarget
from nagare.model.tables import Column, ColumnKind, ColumnType, Table
from nagare.wire.sql import SqlReply, SqlRequest
from tests.support.metric_store import START_MS, make_batch, make_store
from tests.support.source import ROOT

ROWS = 300
FORMATS = ("csv", "ndjson", "parquet")


def _cpu(host: str, seq: int) -> Any:
    stamps = [START_MS - 1000 * place for place in range(ROWS)]
    cells = {"ts": stamps, "core": [str(place) for place in range(ROWS)], "user_ratio": [0.25] * ROWS}
    return make_batch(seq, {"cpu": cells}, host=host)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[MetricStore]:
    async with make_store(tmp_path, row_limit=10, clock=SystemClock(), retention_seconds=10**9) as store:
        Places(tmp_path).exports.mkdir(parents=True)
        await store.append(_cpu("web1", 1))
        await store.flush()
        await store.append(_cpu("db1", 1))
        yield store


def _target(tmp_path: Path, form: str = "csv", limit_bytes: int = 2**30) -> ExportTarget:
    return ExportTarget(Places(tmp_path).exports / f"e.{form}", form, limit_bytes, lambda _: None)


async def _export(
    store: MetricStore, tmp_path: Path, sql: str, form: str = "csv", **more: Any
) -> tuple[SqlReply, list[dict[str, Any]]]:
    target = _target(tmp_path, form)
    reply = await store.export(SqlRequest(sql, more.pop("params", None)), target, **more)
    return reply, await asyncio.to_thread(_read, target.file, form)


def _read(file: Path, form: str) -> list[dict[str, Any]]:
    if form == "csv":
        with file.open(newline="") as source:
            return list(csv.DictReader(source))
    if form == "ndjson":
        return [json.loads(line) for line in file.read_text().splitlines()]
    import pyarrow.parquet

    return list(pyarrow.parquet.read_table(file).to_pylist())


@pytest.mark.parametrize("form", FORMATS)
async def test_every_row_is_in_it_however_few_an_answer_may_have(store: MetricStore, tmp_path: Path, form: str) -> None:
    sql = "select host, core, user_ratio from cpu where user_ratio < $1 order by host, core::int"
    with pytest.raises(ResultTooLargeError):
        await store.query(SqlRequest(sql, [1]))
    reply, rows = await _export(store, tmp_path, sql, form, params=[1])
    assert (reply.rows, reply.tier, [column.name for column in reply.columns]) == (
        [[2 * ROWS]], "raw", ["host", "core", "user_ratio"],
    )  # fmt: skip
    assert [(row["host"], int(row["core"]), float(row["user_ratio"])) for row in rows] == [
        (host, core, 0.25) for host in ("db1", "web1") for core in range(ROWS)
    ]


@pytest.mark.parametrize("form", FORMATS)
async def test_nobody_exports_what_he_may_not_see(store: MetricStore, tmp_path: Path, form: str) -> None:
    async def fetch() -> Columns:
        return {"ts": [START_MS], "host": ["web1"], "word": ["secret"]}

    columns = (Column("word", ColumnType.TEXT, ColumnKind.ATTRIBUTE, "a word"),)
    store.register_records(RecordTable(Table("words", "Words.", columns), fetch))
    _, rows = await _export(store, tmp_path, "select distinct host from cpu", form, hosts=frozenset({"db1"}))
    assert rows == [{"host": "db1"}]
    await asyncio.to_thread(_target(tmp_path, form).file.unlink)
    _, rows = await _export(store, tmp_path, "select word from words", form, hosts=frozenset({"web1"}))
    assert rows == [{"word": "secret"}]
    await asyncio.to_thread(_target(tmp_path, form).file.unlink)
    with pytest.raises(QuerySyntaxError, match="words"):
        await _export(store, tmp_path, "select word from words", form, hidden=frozenset({"words"}))
    for sql in (
        "copy (select 1) to '/tmp/x'",
        "select * from read_csv('/etc/passwd')",
        "select 1) to '/tmp/x' (format csv) --",
        "select 1 ) AS answer(c0)) TO '/tmp/x' --",
        "explain select 1",
    ):
        with pytest.raises(QuerySyntaxError):
            await _export(store, tmp_path, sql, form)
    assert not _target(tmp_path, form).file.exists()


TYPES = """
select 9007199254740993 as big, 5::bigint as small, 'nan'::double as odd, 1.5::double as real, true as yes, null::integer as nothing,
  timestamp_ms '2026-01-02 03:04:05.678' as ms, timestamp '2026-01-02 03:04:05.000001' as us, date '2026-01-02' as day,
  'a,"b' || chr(10) || 'c' as text, blob '\\xAB' as bytes, [1, 2] as list, ['inf'::double, 2] as reals, map {'k': 'v'} as labels,
  1::bigint as "odd ""name", 2::bigint as small
"""


async def test_values_are_those_of_an_answer(store: MetricStore, tmp_path: Path) -> None:
    answer = await store.query(SqlRequest(TYPES))
    _, (told,) = await _export(store, tmp_path, TYPES, "ndjson")
    assert list(told.values()) == answer.rows[0]
    assert list(told)[-2:] == ['odd "name', "small_1"]
    _, (cells,) = await _export(store, tmp_path, TYPES)
    assert cells == {
        "big": "9007199254740993", "small": "5", "odd": "", "real": "1.5", "yes": "true", "nothing": "",
        "ms": "2026-01-02T03:04:05.678Z", "us": "2026-01-02T03:04:05.000001Z", "day": "2026-01-02", "text": 'a,"b\nc',
        "bytes": "ab", "list": "[1,2]", "reals": "[null,2.0]", "labels": '{"k":"v"}', 'odd "name': "1", "small_1": "2",
    }  # fmt: skip
    _, (kept,) = await _export(store, tmp_path, TYPES, "parquet")
    assert (kept["big"], kept["bytes"], kept["list"], kept["labels"]) == (2**53 + 1, b"\xab", [1, 2], [("k", "v")])
    assert kept["ms"].isoformat().startswith("2026-01-02T03:04:05.678")


MANY = "select a.core, b.core as other, a.ts, repeat('x', 200) as text from cpu a, cpu b, cpu c"


async def test_one_that_passes_its_bound_is_ended_and_leaves_nothing(store: MetricStore, tmp_path: Path) -> None:
    told: list[int] = []
    target = replace(_target(tmp_path, limit_bytes=2**20), report=told.append)
    with pytest.raises(LimitExceededError, match=r"more than 1048576 bytes \(tasks.export_limit_bytes\)"):
        await store.export(SqlRequest(MANY), target)
    assert max(told) > 2**20
    assert await asyncio.to_thread(lambda: list(target.file.parent.iterdir())) == []
    # Also one that is written before anybody looks.
    with pytest.raises(LimitExceededError):
        await store.export(SqlRequest("select core from cpu"), _target(tmp_path, limit_bytes=10))
    assert await asyncio.to_thread(lambda: list(target.file.parent.iterdir())) == []


async def test_the_last_free_bytes_are_not_written(tmp_path: Path) -> None:
    async with make_store(tmp_path, clock=SystemClock(), free_reserve_bytes=2**60) as store:
        target = _target(tmp_path)
        await asyncio.to_thread(target.file.parent.mkdir, parents=True)
        with pytest.raises(DiskFullError, match="free_reserve_bytes"):
            await store.export(SqlRequest("select 1"), target)
        assert await asyncio.to_thread(lambda: list(target.file.parent.iterdir())) == []


async def test_one_that_is_cancelled_ends_and_queries_go_on_beside_it(store: MetricStore, tmp_path: Path) -> None:
    written = asyncio.Event()
    target = ExportTarget(Places(tmp_path).exports / "e.csv", "csv", 2**40, lambda _: written.set())
    async with asyncio.TaskGroup() as group:
        export = group.create_task(store.export(SqlRequest(MANY), target))
        await written.wait()
        assert (await store.query(SqlRequest("select count(*) from cpu"))).rows == [[2 * ROWS]]
        export.cancel()
    assert not target.file.exists()
    # Its thread takes the next one.
    assert (await _export(store, tmp_path, "select 1 as one"))[1] == [{"one": "1"}]


async def test_a_statement_that_writes_has_no_threads_that_an_end_of_it_may_wait_for(store: MetricStore) -> None:
    # With them one COPY in about thirty that is interrupted never ends, and one that fails may not either.
    def count(history: History, stop: Stop) -> str:
        with history.engine.cursor() as cursor, stop.stopping(cursor):
            return str(cursor.execute("SELECT current_setting('async_threads')").fetchall()[0][0])

    assert await store.look_back(count) == "0"


# Writes little, and for long.
SLOW = f"{MANY} where hash(a.ts, b.ts, c.ts) % 50 = 0"


async def _flush_more(store: MetricStore, seq: int) -> int:
    """Add rows, look at them, so that DuckDB has them, and move them into a block; return what it holds after that."""
    count = 20_000
    cells = {"ts": [START_MS - place for place in range(count)], "load1": [float(place) for place in range(count)]}
    await store.append(make_batch(seq, {"load": cells}))
    assert (await store.query(SqlRequest("select count(*) from load"))).rows == [[count * (seq - 1)]]
    await store.flush()
    return await store.look_back(_held_bytes)


def _held_bytes(history: History, stop: Stop) -> int:
    with history.engine.cursor() as cursor, stop.stopping(cursor):
        found = cursor.execute(
            "SELECT CAST(sum(memory_usage_bytes) AS BIGINT) FROM duckdb_memory() WHERE tag = 'IN_MEMORY_TABLE'"
        )
        ((held,),) = found.fetchall()
    return int(held)


async def test_what_is_flushed_beside_it_does_not_stay_in_memory(store: MetricStore, tmp_path: Path) -> None:
    written = asyncio.Event()
    target = ExportTarget(Places(tmp_path).exports / "e.csv", "csv", 2**40, lambda _: written.set())
    async with asyncio.TaskGroup() as group:
        export = group.create_task(store.export(SqlRequest(SLOW), target))
        await written.wait()
        held = [await _flush_more(store, seq) for seq in range(2, 8)]
        assert not export.done()
        export.cancel()
    # What the export reads itself is the one generation that stays.
    assert held[1:] == [held[0]] * 5


async def test_a_folder_that_is_not_there_is_said_to_be_what_is_wrong(store: MetricStore, tmp_path: Path) -> None:
    target = ExportTarget(Places(tmp_path).exports / "none" / "e.csv", "csv", 2**30, lambda _: None)
    with pytest.raises(NagareError, match=r"cannot write export e\.csv"):
        await store.export(SqlRequest("select 1"), target)


async def test_a_folder_that_goes_meanwhile_ends_it_with_the_cause(tmp_path: Path) -> None:
    stop = Stop()

    async def work() -> None:
        await asyncio.to_thread(stop.stopped.wait, 60)
        stop.check_stopped()

    target = replace(_target(tmp_path), file=tmp_path / "none" / "e.csv")
    with pytest.raises(StorageError, match=r"cannot write export e\.csv: No such file or directory"):
        await GrowingFile(target, 0, SystemClock()).watched(work(), stop)


SCRIPT = """
import asyncio, resource, sys
from pathlib import Path
from nagare.model.export import ExportTarget
from nagare.wire.sql import SqlRequest
from tests.component.metrics.test_exported import _cpu
from tests.support.metric_store import make_store

async def main(folder, form, times):
    async with make_store(folder, retention_seconds=10**9) as store:
        await store.append(_cpu("web1", 1))
        target = ExportTarget(folder / "blobs" / "exports" / f"e.{form}", form, 2**40, lambda _: None)
        target.file.parent.mkdir(parents=True)
        sql = f"select a.core, b.user_ratio + random() as r, a.ts from cpu a, cpu b, range({times})"
        reply = await store.export(SqlRequest(sql), target)
        print(reply.rows[0][0], target.file.stat().st_size, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)

asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
"""


def _peak(folder: Path, form: str, times: int) -> tuple[int, int]:
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder), form, str(times)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    rows, size, peak = map(int, ended.stdout.split())
    assert rows == ROWS * ROWS * times
    return size, peak


@pytest.mark.parametrize("form", ["csv", "ndjson"])
def test_one_ten_times_as_large_takes_no_more_memory(tmp_path: Path, form: str) -> None:
    small, least = _peak(tmp_path / "small", form, 3)
    large, peak = _peak(tmp_path / "large", form, 30)
    assert large > 9 * small
    assert large > 100 * 2**20
    # Of what it wrote more, it held a small part at the most.
    assert peak - least < (large - small) / 3
