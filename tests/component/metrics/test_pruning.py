"""Blocks that a statement cannot want are not opened, which no answer may tell: a store without blocks knows the answers."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nagare.lib.clock import ManualClock
from nagare.metrics.blocks.files import ROW_GROUP_ROWS
from nagare.metrics.store import MetricStore
from nagare.wire.sql import SqlRequest
from tests.support.metric_store import START_MS, make_batch, make_store, rows
from tests.support.samples import make_samples

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
BEGIN_MS = START_MS // DAY_MS * DAY_MS
# One block of each table for each of them.
HOURS = 12


class Pair(NamedTuple):
    """The same rows in blocks of an hour, and all in the head."""

    blocks: MetricStore
    head: MetricStore


def _tables(hour: int) -> dict[str, Any]:
    times = [BEGIN_MS + hour * HOUR_MS + step * 20 * 60_000 + step for step in range(3)]
    return {
        "cpu": {"ts": times, "core": ["all", "0", "1"], "busy_ratio": [hour / 16, None, 0.5]},
        "load": {"ts": times[:2], "load1": [float(hour), None]},
    }


@pytest.fixture(scope="module")
async def pair() -> AsyncIterator[Pair]:
    clock = ManualClock(BEGIN_MS + HOURS * HOUR_MS)
    with tempfile.TemporaryDirectory() as folder:
        async with (
            make_store(Path(folder) / "a", clock=clock) as blocks,
            make_store(Path(folder) / "b", clock=clock) as head,
        ):
            for hour in range(HOURS):
                for store in (blocks, head):
                    await store.append(make_batch(hour, _tables(hour), host=f"web{hour % 2}"))
                await blocks.flush()
            yield Pair(blocks, head)


def at(hours: float) -> str:
    """Return the moment so many hours after the first row, as SQL."""
    return f"make_timestamp_ms({BEGIN_MS + int(hours * HOUR_MS)})"


async def blocks_of(store: MetricStore, sql: str, **fields: Any) -> str:
    """Return what EXPLAIN says about the blocks of ``sql``."""
    found = await rows(store, f"EXPLAIN {sql}", **fields)
    assert found[0][0] == "reads"
    return str(found[0][1]).splitlines()[0]


OF_CPU = "SELECT core FROM cpu WHERE "


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (f"{OF_CPU} ts >= {at(10)}", 2),
        (f"{OF_CPU} {at(10)} <= ts", 2),
        (f"{OF_CPU} ts < {at(1.5)}", 2),
        (f"{OF_CPU} ts BETWEEN {at(2)} AND {at(3.5)}", 2),
        (f"{OF_CPU} ts = {at(4)}", 1),
        (f"{OF_CPU} (ts BETWEEN {at(2)} AND {at(3.5)} AND core = 'all') OR ts = {at(5)}", 4),
        (f"{OF_CPU} ts > {at(10)} OR core = 'all'", 12),
        (f"{OF_CPU} NOT ts > {at(10)}", 12),
        ("SELECT core FROM cpu AS c WHERE c.ts >= '2025-10-09 10:00:00'", 2),
        ("SELECT core FROM cpu WHERE ts >= TIMESTAMP '2025-10-09 12:00' - INTERVAL 2 HOUR", 2),
        ("SELECT core FROM cpu WHERE ts > now() - INTERVAL 15 MINUTE", 0),
        ("SELECT core FROM cpu WHERE ts < now() - INTERVAL 15 MINUTE", 12),
        ("SELECT core FROM cpu WHERE ts > 'now'", 12),
        (f"SELECT * FROM (SELECT ts FROM cpu WHERE ts >= {at(10)})", 2),
        (f"WITH late AS (SELECT * FROM cpu WHERE ts >= {at(11)}) SELECT count(*) FROM late", 1),
        (f"SELECT core, {at(11)} AS ts FROM cpu WHERE ts >= {at(10)}", 12),
        (f"SELECT 1 FROM cpu WHERE ts >= {at(11)} UNION ALL SELECT 1 FROM cpu WHERE ts < {at(0.9)}", 2),
    ],
)  # fmt: skip
async def test_blocks_outside_the_bounds_are_not_read(pair: Pair, sql: str, expected: int) -> None:
    assert BEGIN_MS == 1_759_968_000_000  # 2025-10-09
    assert await blocks_of(pair.blocks, sql) == f"blocks: {expected} of 12 (cpu {expected} of 12)"


async def test_parameters_and_the_window_bound_too(pair: Pair) -> None:
    named = "SELECT core FROM cpu WHERE ts >= $since AND ts < $until::TIMESTAMP"
    params = {"since": "2025-10-09T02:00:00", "until": "2025-10-09 04:00:00"}
    assert "cpu 3 of 12" in await blocks_of(pair.blocks, named, params=params)
    placed = "SELECT core FROM cpu WHERE ts >= make_timestamp_ms(?)"
    assert "cpu 1 of 12" in await blocks_of(pair.blocks, placed, params=[BEGIN_MS + 11 * HOUR_MS])
    assert "cpu 2 of 12" in await blocks_of(pair.blocks, "SELECT core FROM cpu", since_ms=BEGIN_MS + 10 * HOUR_MS)


async def test_each_table_of_a_join_has_its_own_bounds(pair: Pair) -> None:
    joined = f"SELECT 1 FROM cpu c LEFT JOIN load l ON c.ts = l.ts WHERE c.ts > {at(10.9)} AND l.ts < {at(0.5)}"
    assert await blocks_of(pair.blocks, joined) == "blocks: 2 of 24 (cpu 1 of 12, load 1 of 12)"
    asof = f"SELECT 1 FROM cpu c ASOF JOIN load l ON c.ts >= l.ts WHERE c.ts > {at(10.9)} AND l.ts < {at(0.5)}"
    assert await blocks_of(pair.blocks, asof) == "blocks: 24 of 24 (cpu 12 of 12, load 12 of 12)"


async def test_explain_counts_rows_of_blocks_and_head_and_names_the_tier(tmp_path: Path) -> None:
    async with make_store(tmp_path, clock=ManualClock(BEGIN_MS + 2 * HOUR_MS)) as store:
        await store.append(make_batch(1, _tables(0)))
        await store.flush()
        await store.append(make_batch(2, _tables(1)))
        for sql in ("EXPLAIN SELECT * FROM cpu", "EXPLAIN ANALYZE SELECT * FROM CPU"):
            blocks, stored, head, tier = str((await rows(store, sql))[0][1]).splitlines()
            assert (blocks, head, tier) == ("blocks: 1 of 1 (cpu 1 of 1)", "head: 3 rows", "tier: raw")
            assert stored.startswith("rows: 3 in ")
        assert (await rows(store, "EXPLAIN SELECT 1"))[0][1].startswith(
            "blocks: 0 of 0\nrows: 0 in 0 bytes\nhead: 0 rows"
        )
        up = store.series.intern("up", (("host", "web1"),))
        await store.append_samples(make_samples([up, up], [BEGIN_MS, BEGIN_MS + 1], [1.0, 2.0]))
        assert "head: 2 rows" in (await rows(store, "EXPLAIN SELECT * FROM samples"))[0][1]


async def test_rows_of_a_rollup_do_not_lose_what_the_table_itself_is_not_asked_for(tmp_path: Path) -> None:
    async with make_store(tmp_path, clock=ManualClock(BEGIN_MS + HOURS * HOUR_MS)) as store:
        for hour in range(4):
            await store.append(make_batch(hour, _tables(hour)))
            await store.flush()
        # No rollups were made, so that minutes are made of raw rows on the way.
        late = f"SELECT 'raw' AS t, count(*) FROM cpu WHERE ts >= {at(3)}"
        both = await rows(store, f"{late} UNION ALL SELECT 'minutes', sum(samples_count) FROM cpu_1m ORDER BY t")
        assert both == [["minutes", 12], ["raw", 3]]


async def test_one_host_reads_its_row_groups_alone(tmp_path: Path) -> None:
    async with make_store(tmp_path, clock=ManualClock(START_MS), flush_rows=10_000_000) as store:
        count = ROW_GROUP_ROWS
        for number in range(2):
            times = [START_MS - count + step for step in range(count)]
            cells = {"ts": times, "core": ["all"] * count, "busy_ratio": [0.5] * count}
            await store.append(make_batch(1, {"cpu": cells}, host=f"web{number}"))
        await store.flush()
        plan = str(await rows(store, "EXPLAIN ANALYZE SELECT sum(busy_ratio) FROM cpu WHERE host = 'web1'"))
        assert "Row Groups Scanned: 1 / 2" in plan


MOMENTS = st.one_of(
    st.integers(-1, 2 * HOURS + 1).map(lambda half: at(half / 2)),
    st.integers(0, HOURS).map(lambda hour: f"epoch_ms({BEGIN_MS + hour * HOUR_MS + 20 * 60_000 + 1})"),
    st.integers(0, 23).map(lambda hour: f"TIMESTAMP '2025-10-09 {hour:02}:20:00.001'"),
    st.integers(0, 23).map(lambda hour: f"'2025-10-09 {hour:02}:40:00.0019'"),
    st.integers(0, 9).map(lambda hour: f"DATE '2025-10-09' + INTERVAL {hour} HOUR"),
    st.sampled_from(["$moment", "now() - INTERVAL '1 hour'", "now()", "NULL", "(SELECT max(ts) FROM load)"]),
)
COMPARED = st.builds(
    lambda side, moment, is_turned: f"{moment} {side} {{0}}" if is_turned else f"{{0}} {side} {moment}",
    st.sampled_from(["<", "<=", ">", ">=", "=", "<>", "IS DISTINCT FROM"]), MOMENTS, st.booleans(),
)  # fmt: skip
PREDICATES = st.recursive(
    st.one_of(
        COMPARED, COMPARED,
        st.builds("{{0}} {} {} AND {}".format, st.sampled_from(["BETWEEN", "NOT BETWEEN"]), MOMENTS, MOMENTS),
        st.sampled_from(["{0} IS NULL", "{1} = 'web1'", "true", "false", "NULL", "epoch_ms({0}) % 3 = 1"]),
    ),
    lambda inner: st.one_of(
        st.builds("({} AND {})".format, inner, inner), st.builds("({} OR {})".format, inner, inner),
        inner.map("(NOT ({}))".format), inner.map("(({}) IS NOT FALSE)".format), inner.map("coalesce({}, true)".format),
    ),
    max_leaves=6,
)  # fmt: skip
ONE, TWO, LOAD = ("ts", "host"), ("c.ts", "c.host"), ("l.ts", "l.host")
STATEMENTS = st.one_of(
    PREDICATES.map(lambda where: f"SELECT ts, host, core FROM cpu WHERE {where.format(*ONE)}"),
    PREDICATES.map(lambda where: f"SELECT host, count(*), max(ts) FROM cpu AS c WHERE {where.format(*TWO)} GROUP BY ALL"),
    PREDICATES.map(lambda where: f"SELECT * EXCLUDE (core) REPLACE (host AS ts) FROM cpu WHERE {where.format(*ONE)}"),
    PREDICATES.map(lambda where: f"SELECT busy_ratio, load.ts AS ts FROM cpu, load WHERE {where.format('cpu.ts', 'cpu.host')}"),
    st.builds(
        lambda kind, on, where, other: (
            f"SELECT c.ts, l.ts, load1 FROM cpu c {kind} JOIN load l ON {on} "
            f"WHERE {where.format(*TWO)} AND ({other.format(*LOAD)})"
        ),
        st.sampled_from(["INNER", "LEFT", "RIGHT", "FULL"]), st.sampled_from(["c.ts = l.ts", "c.ts = l.ts + INTERVAL 2 HOUR"]),
        PREDICATES, PREDICATES,
    ),
    PREDICATES.map(lambda where: f"SELECT ts, load1 FROM cpu ASOF JOIN load USING (host, ts) WHERE {where.format('ts', 'core')}"),
    PREDICATES.map(lambda where: f"SELECT c.ts FROM cpu c ANTI JOIN load l USING (ts, host) WHERE {where.format(*TWO)}"),
    st.builds(
        lambda where, other: (
            f"SELECT core FROM cpu WHERE {where.format(*ONE)} "
            f"UNION ALL SELECT core FROM cpu WHERE {other.format(*ONE)}"
        ),
        PREDICATES, PREDICATES,
    ),
    st.builds(
        lambda where, other: (
            f"WITH cpu AS (SELECT ts, host, core FROM cpu WHERE {where.format(*ONE)}) "
            f"SELECT core, count(*) OVER (ORDER BY ts) FROM cpu WHERE {other.format(*ONE)}"
        ),
        PREDICATES, PREDICATES,
    ),
    st.builds(
        lambda where, other: (
            f"SELECT ts, (SELECT count(*) FROM load AS l WHERE {other.format(*LOAD)} AND {where.format(*TWO)}) "
            f"FROM cpu AS c WHERE EXISTS (SELECT 1 FROM load WHERE load.ts >= c.ts AND {other.format('ts', 'host')})"
        ),
        PREDICATES, PREDICATES,
    ),
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sql=STATEMENTS, hour=st.integers(0, HOURS))
async def test_no_answer_tells_that_blocks_were_left_out(pair: Pair, sql: str, hour: int) -> None:
    params = {"moment": f"2025-10-09 {hour:02}:20:00.001"} if "$moment" in sql else None
    request = SqlRequest(sql, params)
    found, expected = await pair.blocks.query(request), await pair.head.query(request)
    assert found.columns == expected.columns
    assert sorted(map(repr, found.rows)) == sorted(map(repr, expected.rows))
