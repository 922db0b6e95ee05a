"""Which tier answers a statement, and that the answer is the one of raw rows; a second store without rollups knows it."""

import math
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from nagare.lib.clock import ManualClock
from nagare.metrics.store import MetricStore
from nagare.wire.sql import SqlReply, SqlRequest
from tests.support.metric_store import START_MS, make_batch, make_store
from tests.support.samples import STALE, make_samples

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
DAY_MS = 24 * HOUR_MS
BEGIN_MS = START_MS // DAY_MS * DAY_MS
END_MS = BEGIN_MS + 3 * DAY_MS + 1234


class Pair(NamedTuple):
    """A store with rollups, and one that never made any."""

    rolled: MetricStore
    plain: MetricStore

    async def both(self, sql: str, params: Any = None, **fields: Any) -> tuple[SqlReply, SqlReply]:
        request = SqlRequest(sql, params, **fields)
        return await self.rolled.query(request), await self.plain.query(request)


def _tables(number: int) -> dict[str, Any]:
    count = 300
    times = [BEGIN_MS + (number * count + step) * 45_000 + (step % 7) * 100 for step in range(count)]
    times = [ts for ts in times if ts < END_MS]
    values = [None if step % 11 == 0 else math.sin(step * (number + 1)) for step in range(len(times))]
    cores = ["all" if step % 2 else "0" for step in range(len(times))]
    return {
        "cpu": {"ts": times, "core": cores, "busy_ratio": values, "interrupts_total": list(range(len(times)))},
        "app": {
            "ts": times,
            "name": [f"n{step % 3}" for step in range(len(times))],
            "v": values,
            "up": [step % 5 > 0 for step in range(len(times))],
        },
    }


async def _append_samples(store: MetricStore, host: str, cells: dict[str, Any]) -> None:
    numbers = [store.series.intern("load", {"host": host, "kind": name}) for name in cells["name"]]
    values = [STALE if value is None else value for value in cells["v"]]
    await store.append_samples(make_samples(numbers, cells["ts"], values))


@pytest.fixture(scope="module")
async def pair(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pair]:
    clock = ManualClock(END_MS)
    folder = tmp_path_factory.mktemp("tiers")
    async with make_store(folder / "rolled", clock=clock) as rolled, make_store(folder / "plain", clock=clock) as plain:
        for number in range(20):
            for store in (rolled, plain):
                for host in ("web1", "web2"):
                    if _tables(number)["cpu"]["ts"]:
                        await store.append(make_batch(number, _tables(number), host=host))
                        await _append_samples(store, host, _tables(number)["app"])
                if number % 4 == 3:
                    await store.flush()
            if number == 15:
                await rolled.keep_house()
        late = {"cpu": {"ts": [BEGIN_MS + 5 * HOUR_MS + 7], "core": ["all"], "busy_ratio": [77.0]}}
        for store in (rolled, plain):
            await store.append(make_batch(99, late, host="web1"))
        yield Pair(rolled, plain)


def _same(found: SqlReply, expected: SqlReply) -> None:
    assert found.columns == expected.columns
    assert len(found.rows) == len(expected.rows)
    for row, other in zip(sorted(found.rows, key=_order), sorted(expected.rows, key=_order), strict=True):
        assert row == pytest.approx(other, rel=1e-9, abs=1e-9)


def _order(row: list[Any]) -> list[str]:
    return [repr(round(cell, 6)) if isinstance(cell, float) else repr(cell) for cell in row]


LOW, HIGH = BEGIN_MS + 3 * HOUR_MS + 17_000, BEGIN_MS + 2 * DAY_MS + 123_456
BETWEEN = f"ts >= make_timestamp_ms({LOW}) AND ts < make_timestamp_ms({HIGH})"
SAME = [
    ("1h", "SELECT host, avg(busy_ratio), min(busy_ratio), max(busy_ratio), count(busy_ratio), count(*), sum(busy_ratio) FROM cpu GROUP BY host"),
    ("1h", f"SELECT core, mean(c.busy_ratio) * 100 AS percent FROM cpu c WHERE {BETWEEN} AND c.host = 'web1' GROUP BY ALL ORDER BY percent"),
    ("1h", "SELECT time_bucket(INTERVAL '1 hour', ts) AS t, host, max(busy_ratio) FROM cpu GROUP BY ALL ORDER BY ALL"),
    ("1m", "SELECT time_bucket('5m'::INTERVAL, ts) AS t, avg(busy_ratio) FROM cpu GROUP BY t ORDER BY t"),
    ("1m", f"SELECT epoch_ms(ts) // 180000 * 180000 AS t, host, avg(CAST(busy_ratio AS DOUBLE)) AS value, min(busy_ratio) low FROM cpu WHERE busy_ratio IS NOT NULL AND core = 'all' AND {BETWEEN} GROUP BY ALL ORDER BY t"),
    ("1h", "SELECT date_trunc('day', ts) AS day, count(*), sum(CAST(interrupts_total AS DOUBLE)), avg(interrupts_total), max(interrupts_total) FROM cpu GROUP BY 1"),
    ("1h", "SELECT hour(ts), max(busy_ratio) FILTER (WHERE core = 'all'), count(*) FILTER (WHERE core = 'none') FROM cpu GROUP BY 1"),
    ("1h", "SELECT ts::DATE, min(v) FROM app WHERE name IN ('n0', 'n1') GROUP BY 1 HAVING count(*) > 10"),
    ("1h", "WITH a AS (SELECT host, avg(v) AS mean FROM app GROUP BY host) SELECT max(mean) FROM a"),
    ("1h", "SELECT name, avg(CAST(up AS DOUBLE)), max(up) FROM app GROUP BY name"),
    ("1h", "SELECT host, avg(v) FROM app GROUP BY host UNION ALL SELECT host, max(busy_ratio) FROM cpu GROUP BY host"),
    ("1h", f"SELECT count(*) FROM cpu WHERE ts BETWEEN make_timestamp_ms({LOW}) AND TIMESTAMP '2030-01-01'"),
    ("1h", f"SELECT count(*) FROM cpu WHERE make_timestamp_ms({LOW}) <= ts"),
    ("1h", "SELECT count(*) FROM cpu WHERE ts > now() - INTERVAL 100 YEARS"),
    ("1h", "SELECT name, host, avg(value), min(value), count(value), count(*) FROM samples GROUP BY ALL"),
    ("1m", f"SELECT time_bucket(INTERVAL '10 minutes', ts) t, labels['kind'] kind, sum(value) FROM samples WHERE name = 'load' AND labels['host'] = 'web1' AND {BETWEEN} GROUP BY ALL"),
]  # fmt: skip
RAW_ONLY = [
    "SELECT median(busy_ratio) FROM cpu",
    "SELECT stddev(busy_ratio), avg(busy_ratio) FROM cpu",
    "SELECT count(DISTINCT host) FROM cpu",
    "SELECT sum(interrupts_total) FROM cpu",
    "SELECT max(busy_ratio) FROM cpu WHERE busy_ratio < 0.5",
    "SELECT max(busy_ratio - 1) FROM cpu",
    "SELECT max(ts) FROM cpu",
    "SELECT epoch_ms(ts) // 1000 AS t, max(busy_ratio) FROM cpu GROUP BY 1",
    "SELECT time_bucket(INTERVAL '90 seconds', ts) AS t, max(busy_ratio) FROM cpu GROUP BY 1",
    "SELECT time_bucket(INTERVAL '1 hour', ts, TIMESTAMP '2020-01-01 00:00:01') AS t, max(busy_ratio) FROM cpu GROUP BY 1",
    "SELECT host, ts, max(busy_ratio) FROM cpu GROUP BY ALL",
    "SELECT avg(busy_ratio), count(interrupts_total) FROM cpu WHERE busy_ratio IS NOT NULL",
    "SELECT max(a.busy_ratio) FROM cpu a JOIN app b ON a.host = b.host AND a.ts = b.ts",
    "SELECT max(busy_ratio) FROM cpu WHERE host IN (SELECT host FROM app WHERE v > 0)",
    "SELECT host, max(busy_ratio) OVER (PARTITION BY host) FROM cpu ORDER BY ALL LIMIT 3",
    "WITH cpu AS (SELECT host, v AS busy_ratio FROM app) SELECT max(busy_ratio) FROM cpu",
    "SELECT host, max(busy_ratio) FROM cpu GROUP BY ROLLUP (host)",
    "SELECT DISTINCT host FROM cpu",
    f"SELECT max(busy_ratio) FROM cpu WHERE ts >= make_timestamp_ms({BEGIN_MS}) AND ts < make_timestamp_ms({BEGIN_MS + HOUR_MS})",
    f"SELECT max(busy_ratio) FROM cpu WHERE ts = make_timestamp_ms({BEGIN_MS}) OR host = 'web1'",
    "SELECT any_value(busy_ratio) IS NOT NULL FROM cpu",
    "SELECT count(DISTINCT labels) FROM samples",
]  # fmt: skip


@pytest.mark.parametrize(("tier", "sql"), SAME)
async def test_a_rollup_gives_the_answer_of_raw_rows(pair: Pair, tier: str, sql: str) -> None:
    found, expected = await pair.both(sql)
    assert (found.tier, found.notes, expected.tier) == (tier, [], "raw")
    _same(found, expected)


@pytest.mark.parametrize("sql", RAW_ONLY)
async def test_what_rollups_cannot_tell_is_read_from_raw_rows(pair: Pair, sql: str) -> None:
    found, expected = await pair.both(sql)
    assert (found.tier, found.notes) == ("raw", [])
    _same(found, expected)


async def test_parameters_and_windows_choose_a_tier_too(pair: Pair) -> None:
    sql = "SELECT epoch_ms(ts) // $step * $step AS t, max(busy_ratio) FROM cpu WHERE core = $core GROUP BY ALL"
    window = {"since_ms": LOW, "until_ms": HIGH}
    for step, tier in ((60_000, "1m"), (90_000, "raw"), (7_200_000, "1h")):
        found, expected = await pair.both(sql, {"step": step, "core": "all"}, **window)
        assert found.tier == tier
        _same(found, expected)
    by_place = "SELECT count(*) FROM cpu WHERE host = ? AND ts >= epoch_ms(?) AND ts < epoch_ms(?)"
    found, expected = await pair.both(by_place, ["web1", LOW, HIGH])
    assert found.tier == "1h"
    _same(found, expected)
    mine = SqlRequest("SELECT host, count(*) FROM cpu GROUP BY host", since_ms=LOW)
    found = await pair.rolled.query(mine, hosts=frozenset({"web2"}))
    assert found.tier == "1h"
    assert found.rows == (await pair.plain.query(mine, hosts=frozenset({"web2"}))).rows


async def test_half_a_day_of_few_rows_a_minute_is_read_raw(pair: Pair) -> None:
    sql = "SELECT time_bucket(INTERVAL '5 minutes', ts) AS t, max(busy_ratio) FROM cpu GROUP BY t ORDER BY t"
    for hours, tier in ((12, "raw"), (30, "1m")):
        found, expected = await pair.both(sql, since_ms=LOW, until_ms=LOW + hours * HOUR_MS)
        assert found.tier == tier
        _same(found, expected)


async def test_half_a_day_of_many_rows_a_minute_is_read_by_the_minute(tmp_path: Path) -> None:
    clock = ManualClock(BEGIN_MS + 13 * HOUR_MS)
    async with make_store(tmp_path, clock=clock) as store:
        times = [BEGIN_MS + step * 5_000 for step in range(12 * 720)]
        await store.append(make_batch(1, {"load": {"ts": times, "load1": [float(n) for n in range(len(times))]}}))
        await store.flush()
        await clock.advance(1800)
        await store.keep_house()
        sql = "SELECT date_trunc('hour', ts) AS t, max(load1) FROM load GROUP BY t ORDER BY t LIMIT 2"
        reply = await store.query(SqlRequest(sql))
        assert (reply.tier, [row[1] for row in reply.rows]) == ("1m", [719.0, 1439.0])


async def test_rows_outside_of_the_time_that_is_asked_for_decide_nothing(tmp_path: Path) -> None:
    clock = ManualClock(BEGIN_MS + 17 * HOUR_MS)
    few = [BEGIN_MS + step * 30_000 for step in range(8 * 120)]
    # In one block with a late row of the first hour.
    many = [BEGIN_MS + 1, *(BEGIN_MS + 8 * HOUR_MS + step * 3500 for step in range(8 * 1028))]
    async with make_store(tmp_path, clock=clock) as store:
        for seq, times in enumerate((few, many)):
            await store.append(make_batch(seq, {"load": {"ts": times, "load1": [1.0] * len(times)}}))
            await store.flush()
            await clock.advance(1800)
            await store.keep_house()
        sql = "SELECT date_trunc('hour', ts) AS t, count(load1) FROM load GROUP BY t ORDER BY t LIMIT 2"
        for begin, tier, counts in ((0, "raw", [121, 120]), (8, "1m", [1029, 1029])):
            since_ms = BEGIN_MS + begin * HOUR_MS
            reply = await store.query(SqlRequest(sql, since_ms=since_ms, until_ms=since_ms + 8 * HOUR_MS))
            assert (reply.tier, [row[1] for row in reply.rows]) == (tier, counts)


async def test_explain_tells_the_tier_and_shows_its_blocks(pair: Pair) -> None:
    reply, _ = await pair.both("EXPLAIN SELECT host, max(busy_ratio) FROM cpu GROUP BY host")
    assert reply.tier == "1h"


async def test_what_reaches_beyond_raw_rows_says_so(tmp_path: Path) -> None:
    clock = ManualClock(BEGIN_MS + 3 * HOUR_MS)
    async with make_store(tmp_path, clock=clock, retention_seconds=86400.0) as store:
        for day in (0, 1):
            times = [BEGIN_MS + day * (DAY_MS + HOUR_MS) + step * 45_000 + 5 for step in range(200)]
            await store.append(make_batch(day, {"load": {"ts": times, "load1": [float(n) for n in range(200)]}}))
            await store.flush()
            await clock.advance(25 * 3600 if day == 0 else 10 * 3600)
        sql = "SELECT time_bucket(INTERVAL '1 hour', ts) AS t, count(*), max(load1), avg(load1) FROM load GROUP BY t ORDER BY t"
        before = await store.query(SqlRequest(sql))
        assert before.notes == []
        await store.keep_house()
        after = await store.query(SqlRequest(sql))
        assert after.rows == before.rows
        assert after.tier == "1h"
        begin = "2025-10-09T14:00Z"
        assert after.notes == [f"raw rows of load begin at {begin}: before it the answer is of whole hours"]
        raw = await store.query(SqlRequest("SELECT median(load1), count(*) FROM load"))
        assert (raw.tier, raw.rows[0][1]) == ("raw", 200)
        assert raw.notes == [f"raw rows of load begin at {begin}; load_1m and load_1h go back further"]
        young = await store.query(
            SqlRequest("SELECT median(load1), count(*) FROM load", since_ms=BEGIN_MS + DAY_MS + HOUR_MS)
        )
        assert (young.notes, young.rows[0][1]) == ([], 200)
        minutes = "SELECT time_bucket(INTERVAL '1 minute', ts) AS t, count(*) FROM load GROUP BY t ORDER BY t"
        old = await store.query(SqlRequest(minutes, since_ms=BEGIN_MS + 90_000, until_ms=BEGIN_MS + 290_000))
        assert old.tier == "1m"
        assert [row[0] for row in old.rows] == ["2025-10-09T00:02:00.000Z", "2025-10-09T00:03:00.000Z"], "whole minutes"
        assert len(old.notes) == 1


async def test_what_is_left_of_raw_rows_before_the_floor_adds_nothing(tmp_path: Path) -> None:
    clock = ManualClock(BEGIN_MS + 28 * HOUR_MS)
    async with make_store(tmp_path, clock=clock, retention_seconds=28 * 3600.0) as store:
        # One block of the day is dropped, the other reaches beyond the floor.
        for seq, count in enumerate((60, 1500)):
            times = [BEGIN_MS + seq + step * 60_000 for step in range(count) if step * MINUTE_MS < DAY_MS]
            await store.append(make_batch(seq, {"load": {"ts": times, "load1": [1.0] * len(times)}}))
            await store.flush()
        await clock.advance(10 * 3600)
        await store.keep_house()
        assert store.status().block_count == 1
        # Of the first minute the block that is left has one row, and the one that was dropped had the other.
        window = {"since_ms": BEGIN_MS + 1, "until_ms": BEGIN_MS + DAY_MS}
        reply = await store.query(SqlRequest("SELECT count(*) FROM load", None, **window))
        assert (reply.tier, reply.rows) == ("1m", [[1440 + 60 - 2]]), "all but the minute that is cut"
        minutes = "SELECT time_bucket(INTERVAL '1 minute', ts) AS t, count(*) FROM load GROUP BY t ORDER BY t LIMIT 2"
        reply = await store.query(SqlRequest(minutes, None, **window))
        assert (reply.tier, [row[1] for row in reply.rows]) == ("1m", [2, 2])
        assert len(reply.notes) == 1
