"""Rollups of a store: what they hold, when they are made, and that no row counts twice or is missed."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from nagare.config.settings import Settings
from nagare.interop.influx.codec import InfluxCodec
from nagare.lib.clock import ManualClock
from nagare.metrics.offline import OfflineStore
from nagare.metrics.store import MetricStore
from nagare.wire.sql import SqlRequest
from tests.support.metric_store import START_MS, files, make_batch, make_store, rows
from tests.support.samples import STALE, make_samples

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
# The begin of an hour.
BEGIN_MS = START_MS // HOUR_MS * HOUR_MS


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(BEGIN_MS + 10 * HOUR_MS)


@pytest.fixture
async def store(tmp_path: Path, clock: ManualClock) -> AsyncIterator[MetricStore]:
    async with make_store(tmp_path, clock=clock) as store:
        yield store


def cpu(ts: list[int], values: list[float | None], core: str = "all") -> dict[str, Any]:
    return {"cpu": {"ts": ts, "core": [core] * len(ts), "busy_ratio": values, "interrupts_total": [*range(len(ts))]}}


async def test_a_rollup_has_least_greatest_mean_last_and_count(store: MetricStore) -> None:
    times = [BEGIN_MS, BEGIN_MS + 59_999, BEGIN_MS + 30_000, BEGIN_MS + 60_000]
    await store.append(make_batch(1, cpu(times, [0.5, None, 0.1, 0.9])))
    await store.flush()
    await store.keep_house()
    columns = "epoch_ms(ts), host, core, busy_ratio, busy_ratio_min, busy_ratio_max, busy_ratio_last, busy_ratio_count"
    assert await rows(store, f"SELECT {columns}, samples_count, interrupts_total_last FROM cpu_1m ORDER BY ts") == [
        [BEGIN_MS, "web1", "all", 0.3, 0.1, 0.5, 0.1, 2, 3, 1],
        [BEGIN_MS + 60_000, "web1", "all", 0.9, 0.9, 0.9, 0.9, 1, 1, 3],
    ]
    assert await rows(store, f"SELECT {columns}, samples_count, interrupts_total_last FROM cpu_1h") == [
        [BEGIN_MS, "web1", "all", 0.5, 0.1, 0.9, 0.9, 3, 4, 3]
    ]


async def test_an_open_hour_is_answered_from_its_rows(store: MetricStore, clock: ManualClock) -> None:
    now = clock.now_ms()
    for seq, ts in enumerate((BEGIN_MS, now - 120_000, now - 1000)):
        await store.append(make_batch(seq, cpu([ts], [seq / 4])))
        if seq < 2:
            await store.flush()
            await store.keep_house()
    assert store.status().rollup_blocks == 2, "the first hour alone is over"
    expected = [[BEGIN_MS, 0.0], [now - 120_000, 0.25], [now - 60_000, 0.5]]
    assert await rows(store, "SELECT epoch_ms(ts), busy_ratio_max FROM cpu_1m ORDER BY ts") == expected
    assert await rows(store, "SELECT sum(busy_ratio_count) FROM cpu_1h") == [[3]]


async def test_a_late_row_changes_the_rollup_of_its_hour_alone(
    store: MetricStore, clock: ManualClock, tmp_path: Path
) -> None:
    for hour in range(3):
        await store.append(make_batch(hour, cpu([BEGIN_MS + hour * HOUR_MS], [0.25])))
    await store.flush()
    await store.keep_house()
    before = set(files(tmp_path, "metrics/cpu_1m/*/*.parquet"))
    await store.append(make_batch(9, cpu([BEGIN_MS + HOUR_MS + 1], [0.75])))
    sql = "SELECT epoch_ms(ts), busy_ratio, samples_count FROM cpu_1h ORDER BY ts"
    expected = [[BEGIN_MS, 0.25, 1], [BEGIN_MS + HOUR_MS, 0.5, 2], [BEGIN_MS + 2 * HOUR_MS, 0.25, 1]]
    assert await rows(store, sql) == expected
    await store.flush()
    await store.keep_house()
    assert set(files(tmp_path, "metrics/cpu_1m/*/*.parquet")) == before, "late rows come in crowds"
    assert await rows(store, sql) == expected
    assert store.status().rollup_lag_seconds > 0
    await clock.advance(660)
    await store.keep_house()
    assert set(files(tmp_path, "metrics/cpu_1m/*/*.parquet")).isdisjoint(before)
    assert store.status().rollup_lag_seconds == 0
    assert await rows(store, sql) == expected


async def test_a_senders_own_columns_come_before_statistics_of_that_name(store: MetricStore) -> None:
    cells = {
        "ts": [BEGIN_MS, BEGIN_MS + 1],
        "x": [1, 2],
        "x_max": [10, 20],
        "samples_count": [5, 6],
        "name": ["a", "a"],
        "up": [True, False],
    }
    await store.append(make_batch(1, {"app": cells}))
    sql = "SELECT x, x_min, x_max, x_max_max, samples_count, samples_count_count, name, up, up_max FROM app_1m"
    expected = [[1.5, 1.0, 15.0, 20.0, 5.5, 2, "a", 0.5, True]]
    assert await rows(store, sql) == expected
    await store.flush()
    await store.keep_house()
    assert await rows(store, sql) == expected


async def test_what_describes_is_the_last_of_its_bucket_and_ranks_name_no_series(store: MetricStore) -> None:
    network = {
        "ts": [BEGIN_MS, BEGIN_MS + 1, BEGIN_MS + 2],
        "interface": ["eth0"] * 3,
        "state": ["down", "up", None],
        "sent_bytes_total": [5, 7, 6],
    }
    process = {
        "ts": [BEGIN_MS, BEGIN_MS + 1],
        "rank": [1, 2],
        "pid": [7, 7],
        "name": ["init"] * 2,
        "user": ["root"] * 2,
        "cpu_ratio": [1.0, 0.0],
    }
    await store.append(make_batch(1, {"network": network, "process": process}))
    await store.flush()
    await store.keep_house()
    assert await rows(store, "SELECT state, sent_bytes_total_last, sent_bytes_total_max FROM network_1h") == [
        ["up", 6, 7]
    ]
    assert await rows(store, "SELECT pid, name, rank_min, cpu_ratio FROM process_1m") == [[7, "init", 1, 0.5]]


async def test_events_have_no_rollup(store: MetricStore) -> None:
    names = {view.name for view in store.describe()}
    assert {"cpu", "cpu_1m", "cpu_1h", "events"} <= names
    assert names.isdisjoint({"events_1m", "events_1h"})


async def test_a_window_and_hosts_hold_for_rollups(store: MetricStore) -> None:
    for seq, host in enumerate(("web1", "web2")):
        await store.append(
            make_batch(seq, cpu([BEGIN_MS + minute * 60_000 for minute in range(5)], [0.5] * 5), host=host)
        )
    sql = "SELECT count(*), min(epoch_ms(ts)), max(epoch_ms(ts)) FROM cpu_1m"
    window = {"since_ms": BEGIN_MS + 60_000, "until_ms": BEGIN_MS + 180_000}
    for _ in range(2):
        assert await rows(store, sql, **window) == [[4, BEGIN_MS + 60_000, BEGIN_MS + 120_000]]
        reply = await store.query(
            SqlRequest(sql, since_ms=window["since_ms"], until_ms=window["until_ms"]), hosts=frozenset({"web2"})
        )
        assert reply.rows == [[2, BEGIN_MS + 60_000, BEGIN_MS + 120_000]]
        await store.flush()
        await store.keep_house()


async def test_rollups_merge_and_are_read_without_a_server(tmp_path: Path, clock: ManualClock) -> None:
    sql = "SELECT epoch_ms(ts), host, core, busy_ratio, busy_ratio_min, busy_ratio_last, samples_count FROM {} ORDER BY ALL"
    async with make_store(tmp_path, clock=clock) as store:
        for hour in range(9):
            times = [BEGIN_MS + hour * HOUR_MS + step * 25_000 for step in range(100)]
            await store.append(make_batch(hour, cpu(times, [step / 128 for step in range(100)])))
            await store.flush()
            await store.keep_house()
        before = [await rows(store, sql.format(table)) for table in ("cpu_1m", "cpu_1h")]
        assert len(before[1]) == 9
        assert len(files(tmp_path, "metrics/cpu_1h/*/*.parquet")) < 9, "eight of a size are one"
    async with OfflineStore(Settings(tmp_path), clock=clock) as offline:
        assert [await rows(offline, sql.format(table)) for table in ("cpu_1m", "cpu_1h")] == before
    later = ManualClock(clock.now_ms() + 40 * DAY_MS)
    async with make_store(tmp_path, clock=later, retention_seconds=100 * 86400.0) as store:
        await store.keep_house()
        assert [len(files(tmp_path, f"metrics/cpu_{tier}/*/*.parquet")) for tier in ("1m", "1h")] == [1, 1]
        assert [await rows(store, sql.format(table)) for table in ("cpu_1m", "cpu_1h")] == before


async def test_samples_roll_up_by_series(store: MetricStore, clock: ManualClock, tmp_path: Path) -> None:
    up = store.series.intern("up", {"instance": "web1:9100", "job": "node"})
    load = [store.series.intern("load", {"host": "web2", "core": str(core)}) for core in range(2)]
    times = [BEGIN_MS + step * 30_000 for step in range(4)]
    await store.append_samples(make_samples([up] * 4, times, [1.0, 0.0, STALE, 0.5]))
    await store.append_samples(make_samples([load[0]] * 2 + [load[1]] * 2, times, [1.0, 2.0, 3.0, 4.0]))
    sql = "SELECT epoch_ms(ts), host, name, labels['core'], value, value_min, value_last, value_count, samples_count FROM samples_1m ORDER BY ALL"
    minute = BEGIN_MS + 60_000
    expected = [
        [BEGIN_MS, "web1", "up", None, 0.5, 0.0, 0.0, 2, 2],
        [BEGIN_MS, "web2", "load", "0", 1.5, 1.0, 2.0, 2, 2],
        [minute, "web1", "up", None, 0.5, 0.5, 0.5, 1, 2],
        [minute, "web2", "load", "1", 3.5, 3.0, 4.0, 2, 2],
    ]
    assert await rows(store, sql) == expected
    await store.flush()
    await store.keep_house()
    assert len(files(tmp_path, "metrics/samples_1m/*/*.parquet")) == 1
    assert await rows(store, sql) == expected
    await store.append_samples(make_samples([load[1]], [minute + 1], [9.0]))
    expected[3] = [minute, "web2", "load", "1", 16 / 3, 3.0, 4.0, 3, 3]
    assert await rows(store, sql) == expected
    await store.flush()
    assert await rows(store, sql) == expected
    await clock.advance(700)
    await store.keep_house()
    assert await rows(store, sql) == expected
    assert await rows(store, "SELECT sum(value_count) FROM samples_1h") == [[8]]
    async with OfflineStore(Settings(tmp_path), clock=clock) as offline:
        assert await rows(offline, sql) == expected


async def test_a_point_that_came_twice_counts_once(store: MetricStore) -> None:
    for value in (1, 2, 4):
        lines = "\n".join(
            f"weather,place={place} temperature={found} {BEGIN_MS * 1_000_000 + 7}"
            for place, found in (("a", value), ("b", 8))
        )
        await store.append_wide(InfluxCodec().decode(lines.encode(), 1, BEGIN_MS * 1_000_000).tables)
        await store.flush()
    await store.keep_house()
    sql = (
        "SELECT place, temperature, temperature_min, temperature_count, samples_count FROM influx.weather_1h ORDER BY 1"
    )
    assert await rows(store, sql) == [["a", 4.0, 4.0, 1, 1], ["b", 8.0, 8.0, 1, 1]]
