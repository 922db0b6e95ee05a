"""Foreign tables in the store: whatever is repeated, late, flushed, merged or lost, a point keeps its last values."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nagare.config.places import Places
from nagare.config.settings import Settings
from nagare.interop.influx.codec import InfluxCodec
from nagare.lib.clock import ManualClock
from nagare.metrics.offline import OfflineStore
from nagare.metrics.store import MetricStore
from nagare.wire.sql import SqlRequest
from tests.support.metric_store import START_MS, files, make_batch, make_store, rows

NS = START_MS * 1_000_000
DAY_NS = 86_400 * 10**9


async def _write(store: MetricStore, lines: str) -> Any:
    return await store.append_wide(InfluxCodec().decode(lines.encode(), 1, NS).tables)


async def test_a_merge_keeps_what_a_view_shows(tmp_path: Path) -> None:
    async with make_store(tmp_path) as store:
        for turn in range(9):
            await _write(store, f"cpu,host=a x={turn}i {NS}\ncpu,host=a x={turn}i {NS + turn}")
            await store.flush()
        query = "select x, epoch_ns(ts)::varchar from influx.cpu order by ts"
        before = await rows(store, query)
        assert before[0] == [8, str(NS)]
        assert len(before) == 9
        await store.keep_house()
        assert len(files(tmp_path, "metrics/*/*/*.parquet")) == 1
        assert await rows(store, query) == before
    import duckdb

    (path,) = files(tmp_path, "metrics/influx%2Ecpu/*/*.parquet")
    plain = duckdb.connect().execute(f"select host, x, ts, typeof(ts) from '{path}' order by ts desc").fetchone()
    assert plain is not None
    assert plain[0] == "a"
    assert plain[3] == "TIMESTAMP_NS"


@pytest.mark.parametrize("is_flushed", [False, True])
@pytest.mark.parametrize(
    "sql",
    [
        "select usageUser, Total, hostName from influx.cpuM",
        "select USAGEUSER, total, hostname from influx.cpum",
        "select t.usageuser, T.total, t.HostName from influx.cpuM as T where Total > 2 order by Usageuser",
        'select "usageUser", max("TOTAL"), "hostName" from "influx.cpuM" group by usageuser, HOSTNAME',
    ],
)
async def test_a_field_is_found_whatever_its_case(tmp_path: Path, sql: str, is_flushed: bool) -> None:
    async with make_store(tmp_path) as store:
        await _write(store, f"cpuM,Rack=r,hostName=b usageUser=1.5,Total=3i {NS}")
        if is_flushed:
            await store.flush()
        assert await rows(store, sql) == [[1.5, 3, "b"]]


async def test_a_lost_catalog_knows_tags_again(tmp_path: Path) -> None:
    lines = f'cpu,host=a,core=0 x=1i,note="n" {NS}\ncpu,host=a,core=1 x=2i,note="n" {NS}'
    async with make_store(tmp_path) as store:
        await _write(store, lines)
        await store.flush()
    (tmp_path / "catalog.db").unlink()
    async with make_store(tmp_path) as store:
        await _write(store, lines)
        assert await rows(store, "select core, x, note from influx.cpu order by core") == [["0", 1, "n"], ["1", 2, "n"]]
        assert (
            (await _write(store, f"cpu,host=a,note=tag x=1i {NS}"))
            .refused[0]
            .reason.startswith("'note': type conflict")
        )


async def test_rows_are_there_while_the_server_is_down(tmp_path: Path) -> None:
    async with make_store(tmp_path) as store:
        await _write(store, f"cpu,host=a x=1i {NS}")
        await store.flush()
        await _write(store, f"cpu,host=a x=2i {NS}\ncpu,host=b x=3i {NS}")
    async with OfflineStore(Settings(data=Places(tmp_path).data), clock=ManualClock(START_MS)) as offline:
        reply = await offline.query(SqlRequest("select host, x from influx.cpu order by host"))
        assert reply.rows == [["a", 2], ["b", 3]]


async def test_limits_are_told_line_by_line(tmp_path: Path) -> None:
    async with make_store(tmp_path, table_limit=32, column_limit=64) as store:
        fields = ",".join(f"f{number}=1i" for number in range(70))
        reply = await _write(store, f"cpu {fields} {NS}\ncpu f0=2i {NS}")
        assert (reply.accepted, [refusal.line for refusal in reply.refused]) == (1, [1])
        assert "limit of 64 columns" in reply.refused[0].reason
        reply = await _write(store, "\n".join(f"m{number} x=1 {NS}" for number in range(40)))
        assert reply.accepted < 40
        assert "limit of 32 tables" in reply.refused[0].reason
        reply = await _write(store, f'long t="{"x" * 70_000}" {NS}\n{"m" * 300} x=1 {NS}')
        assert reply.accepted == 0
        assert (await store.append(make_batch(1))).accepted == 1


@pytest.mark.parametrize("table", ["cpu", "CPU é", "a/../b", "x" * 40, "select", "influx.cpu", "a\\ b"])
async def test_names_of_measurements(tmp_path: Path, table: str) -> None:
    async with make_store(tmp_path) as store:
        written = table.replace("\\ ", " ").replace(" ", "\\ ")
        name = table.replace("\\ ", " ")
        assert (await _write(store, f"{written} x=1i {NS}")).accepted == 1
        await store.flush()
        assert await rows(store, f'select x from influx."{name}"') == [[1]]
        assert len(files(tmp_path, "metrics/influx%2E*/date=*/*.parquet")) == 1


_KEYS = st.tuples(st.sampled_from(["a", "b"]), st.sampled_from([None, "0", "1"]))
_POINTS = st.lists(
    st.tuples(
        _KEYS,
        st.integers(0, 3).map(lambda day: NS - day * DAY_NS) | st.integers(NS - 3, NS),
        st.dictionaries(st.sampled_from(["x", "y"]), st.integers(-9, 9), min_size=1),
    ),
    min_size=1,
    max_size=6,
)
_STEPS = st.lists(
    st.tuples(st.just("write"), _POINTS) | st.tuples(st.sampled_from(["flush", "house", "restart", "look"]), st.none()),
    min_size=1,
    max_size=12,
)


@settings(max_examples=40)
@given(_STEPS)
def test_histories(steps: list[tuple[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_play(Path(folder), steps))


async def _play(folder: Path, steps: list[tuple[str, Any]]) -> None:
    expected: dict[Any, dict[str, int]] = {}
    waiting = [*steps, ("look", None)]
    while waiting:
        async with make_store(folder, clock=ManualClock(START_MS)) as store:
            while waiting:
                verb, points = waiting.pop(0)
                if verb == "restart":
                    break
                await _step(store, verb, points, expected)


async def _step(store: MetricStore, verb: str, points: Any, expected: dict[Any, dict[str, int]]) -> None:
    if verb == "write":
        lines = []
        for (host, core), ts, fields in points:
            tag = "" if core is None else f",core={core}"
            lines.append(f"m,host={host}{tag} {','.join(f'{key}={value}i' for key, value in fields.items())} {ts}")
            expected[host, core, ts] = {**expected.get((host, core, ts), {}), **fields}
        assert (await _write(store, "\n".join(lines))).accepted == len(points)
    elif verb == "flush":
        await store.flush()
    elif verb == "house":
        await store.keep_house()
    elif expected:
        # Columns come to be with their first value.
        known = [
            name
            for name in ("core", "x", "y")
            if any((name in fields) or (name == "core" and key[1]) for key, fields in expected.items())
        ]
        listed = ", ".join(known)
        found = await rows(store, f"select host, epoch_ns(ts)::varchar, {listed} from influx.m order by all")
        wanted = [
            [host, str(ts), *(core if name == "core" else fields.get(name) for name in known)]
            for (host, core, ts), fields in expected.items()
        ]
        assert sorted(found, key=str) == sorted(wanted, key=str)


async def test_rollups_count_a_repeated_point_once(tmp_path: Path) -> None:
    async with make_store(tmp_path) as store:
        minute = NS - NS % (60 * 10**9)
        for value in (1, 5, 5):
            await _write(store, f"cpu,host=a,core=0 x={value}i {minute}\ncpu,host=a,core=0 x=9i {minute + value}")
            if value == 1:
                await store.flush()
        for _ in range(2):
            found = await rows(store, "select host, core, x_min, x_max, x_count, x from influx.cpu_1m")
            assert found == [["a", "0", 5, 9, 3, (5 + 9 + 9) / 3]]
            await store.flush()
            await store.keep_house()


async def test_a_row_that_was_refused_makes_no_other_a_repeat(tmp_path: Path) -> None:
    from pyarrow import parquet

    async with make_store(tmp_path) as store:
        reply = await _write(store, f"cpu,host=a x=1i {NS + 9 * DAY_NS}\ncpu,host=a x=2i {NS}\ncpu,host=a x=3i {NS}")
        assert [refusal.line for refusal in reply.refused] == [1]
        assert await rows(store, "select x from influx.cpu") == [[3]]
        await store.flush()
        await _write(store, f"cpu,host=a x=4i {NS + 1}")
        await store.flush()
    marked = [
        "_again" in parquet.read_schema(path).names for path in files(tmp_path, "metrics/influx%2Ecpu/*/*.parquet")
    ]
    assert sorted(marked) == [False, True]


async def test_one_repeat_costs_its_day_and_no_other(tmp_path: Path) -> None:
    import duckdb

    async with make_store(tmp_path) as store:
        for ts in (NS - 2 * DAY_NS, NS - DAY_NS, NS - DAY_NS, NS - 1, NS):
            await _write(store, f"cpu,host=a x=1i {ts}")
            await store.flush()
        marked = [
            "_again" in [row[0] for row in duckdb.connect().execute(f"describe select * from '{path}'").fetchall()]
            for path in files(tmp_path, "metrics/influx%2Ecpu/*/*.parquet")
        ]
        assert sorted(marked) == [False, False, False, False, True]
        assert await rows(store, "select count(*) from influx.cpu") == [[4]]
