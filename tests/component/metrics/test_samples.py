"""Foreign samples through the whole store: numbers, dedup, refusals, restarts, blocks and the two views."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from nagare.config.settings import Settings
from nagare.errors import BodyTooLargeError, InvalidLabelError, InvariantError, OverloadedError
from nagare.lib.clock import ManualClock
from nagare.metrics.offline import OfflineStore
from nagare.metrics.samples.slabs import FIRST_ROWS
from nagare.metrics.store import MetricStore
from nagare.model.samples import REFUSED_SERIES, MetricMetadata, SamplesReply
from tests.support.metric_store import START_MS, files, make_batch, make_store, rows
from tests.support.samples import STALE, make_samples
from tests.support.source import ROOT

ALL = "SELECT epoch_ms(ts), host, name, labels, value, isnan(value) FROM samples ORDER BY ts, name, host"


def _up(store: MetricStore) -> int:
    return store.series.intern("up", {"job": "node", "instance": "web1:9100"})


async def test_what_was_appended_is_answered_from_head_blocks_and_a_replayed_log(tmp_path: Path) -> None:
    async with make_store(tmp_path) as store:
        up, load = _up(store), store.series.intern("load", [("host", "web2")])
        reply = await store.append_samples(
            make_samples([up, load, load], [START_MS, START_MS, START_MS + 5], [1.5, float("nan"), STALE])
        )
        assert reply == SamplesReply(3)
        labels = {"instance": "web1:9100", "job": "node"}
        expected = [
            [START_MS, "web2", "load", {"host": "web2"}, None, True],
            [START_MS, "web1", "up", labels, 1.5, False],
            [START_MS + 5, "web2", "load", {"host": "web2"}, None, None],
        ]
        assert await rows(store, ALL) == expected
    async with make_store(tmp_path) as store:
        assert await rows(store, ALL) == expected
        assert await store.flush() == 1
        assert await rows(store, ALL) == expected
    async with make_store(tmp_path) as store:
        assert await rows(store, ALL) == expected
        assert _up(store) == up


@pytest.mark.parametrize("flushed", [False, True])
@pytest.mark.parametrize("restarted", [False, True])
async def test_the_first_sample_of_a_time_stays(tmp_path: Path, *, flushed: bool, restarted: bool) -> None:
    store = make_store(tmp_path)
    async with store:
        up, load = _up(store), store.series.intern("load", {})
        await store.append_samples(make_samples([up, load], [START_MS, START_MS], [1, 2]))
        if flushed:
            await store.flush()
    if restarted:
        store = make_store(tmp_path)
    async with store:
        reply = await store.append_samples(
            make_samples(
                [up, load, up, up, up],
                [START_MS, START_MS, START_MS - 1, START_MS + 1, START_MS + 1],
                [9, 9, 3, 4, 9],
            )
        )
        assert reply == SamplesReply(2, 3)
        found = await rows(store, "SELECT epoch_ms(ts), name, value FROM samples ORDER BY name, ts")
        assert found == [
            [START_MS, "load", 2],
            [START_MS - 1, "up", 3],
            [START_MS, "up", 1],
            [START_MS + 1, "up", 4],
        ]


async def test_what_cannot_be_stored_is_counted_by_its_reason(tmp_path: Path) -> None:
    async with make_store(tmp_path, retention_seconds=3600, future_seconds=10) as store:
        up = _up(store)
        times = [START_MS, START_MS - 3_600_001, START_MS + 10_001, START_MS]
        reply = await store.append_samples(make_samples([up, up, up, REFUSED_SERIES], times, [1, 2, 3, 4]))
        assert reply == SamplesReply(1, 0, {"stale": 1, "future": 1, "cardinality": 1})
        assert store.counters.get("refused_samples_stale") == 1


async def test_series_past_a_limit_are_refused_and_known_ones_are_not(tmp_path: Path) -> None:
    async with make_store(tmp_path, series_limit=3, host_series_limit=2) as store:
        given = [store.series.intern("a", {"host": host, "n": n}) for host, n in (("h", "1"), ("h", "2"), ("h", "3"))]
        assert given == [0, 1, REFUSED_SERIES]
        assert [store.series.intern("a", {"host": host}) for host in ("i", "j")] == [2, REFUSED_SERIES]
        assert store.series.intern("a", {"host": "h", "n": "2"}) == 1
        assert store.series.refused == 2


async def test_a_number_is_never_given_to_another_series(tmp_path: Path) -> None:
    async with make_store(tmp_path) as store:
        never_written, written = store.series.intern("a", {}), store.series.intern("b", {})
        await store.append_samples(make_samples([written], [START_MS], [1]))
    for _ in range(2):
        async with make_store(tmp_path) as store:
            assert store.series.intern("b", {}) == written
            assert store.series.intern("c", {}) not in (never_written, written)
            await store.flush()


async def test_names_that_no_series_may_have(tmp_path: Path) -> None:
    async with make_store(tmp_path) as store:
        for name, labels in (
            ("", []),
            ("a", [("", "x")]),
            ("a", [("b", "1"), ("b", "2")]),
            ("a" * 2000, []),
            ("a", [("b", "x" * 70_000)]),
            ("a", [("b", "\ud800")]),
            ("a", [(f"l{n}", "x") for n in range(300)]),
        ):
            with pytest.raises(InvalidLabelError):
                store.series.intern(name, labels)
        assert store.series.intern("a", [("z", ""), ("b", "1")]) == store.series.intern("a", {"b": "1"})


async def test_numbers_that_were_not_given_are_a_bug_of_the_caller_alone(tmp_path: Path) -> None:
    async with make_store(tmp_path) as store:
        up = _up(store)
        # Handed in together, so that one group commit meets all of them.
        replies = await asyncio.gather(
            *(store.append_samples(make_samples([number], [START_MS], [1])) for number in (up, up + 1, 2**31 - 1)),
            return_exceptions=True,
        )
        assert replies[0] == SamplesReply(1)
        assert [type(each) for each in replies[1:]] == [InvariantError, InvariantError]
        assert len(await rows(store, ALL)) == 1


async def test_the_newest_sample_of_each_series(tmp_path: Path) -> None:
    newest = "SELECT epoch_ms(ts), host, name, value FROM samples_last ORDER BY name"
    async with make_store(tmp_path) as store:
        up, load = _up(store), store.series.intern("load", {})
        await store.append_samples(make_samples([up, load, load], [START_MS, START_MS, START_MS + 2], [1, 2, 3]))
        await store.append_samples(make_samples([up, load], [START_MS - 5, START_MS + 1], [8, 9]))
        expected = [[START_MS + 2, "", "load", 3], [START_MS, "web1", "up", 1]]
        assert await rows(store, newest) == expected
        await store.flush()
        await store.append_samples(make_samples([load], [START_MS + 9], [STALE]))
    async with make_store(tmp_path) as store:
        assert await rows(store, newest) == [[START_MS + 9, "", "load", None], expected[1]]


async def test_a_caller_of_some_hosts_sees_only_theirs(tmp_path: Path) -> None:
    async with make_store(tmp_path) as store:
        numbers = [store.series.intern("a", {"host": host}) for host in ("web1", "web2", "")]
        for shift, flush in ((0, True), (1, False)):
            await store.append_samples(make_samples(numbers, [START_MS + shift] * 3, [1, 2, 3]))
            if flush:
                await store.flush()
        from nagare.wire.sql import SqlRequest

        for table, count in (("samples", 2), ("samples_last", 1)):
            request = SqlRequest(f"SELECT host, name, labels FROM {table}")
            reply = await store.query(request, hosts=frozenset({"web2"}))
            assert reply.rows == [["web2", "a", {"host": "web2"}]] * count
            assert (await store.query(request, hosts=frozenset())).rows == []


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT labels['k'] FROM samples",
        "SELECT map_keys(s.labels)[1] FROM samples AS s",
        "SELECT t.e['k'] FROM samples AS t(a, b, c, e, f)",
        "SELECT x['k'] FROM (SELECT * FROM samples) AS t(a, b, c, x, e)",
        "SELECT samples.labels['k'] FROM samples",
        "SELECT struct_extract(s, 'labels')['k'] FROM samples AS s",
        "SELECT s.labels['k'] FROM samples AS s JOIN samples_last AS l USING (labels)",
        "SELECT count(*)::VARCHAR FROM samples NATURAL JOIN samples_last HAVING count(*) = 1",
        "WITH w AS (FROM samples) SELECT labels['k'] FROM w",
        "SELECT #4['k'] FROM samples",
    ],
)
async def test_labels_are_there_however_they_are_named(tmp_path: Path, sql: str) -> None:
    async with make_store(tmp_path) as store:
        number = store.series.intern("a", {"k": "v"})
        await store.append_samples(make_samples([number], [START_MS], [1]))
        from nagare.errors import QuerySyntaxError

        try:
            found = await rows(store, sql)
        except QuerySyntaxError:
            # Not every way to write it is allowed; what is allowed must see the labels.
            return
        assert found[0][0] in ("v", "k", "1")


async def test_samples_and_batches_share_log_and_checkpoint(tmp_path: Path) -> None:
    async with make_store(tmp_path) as store:
        up = _up(store)
        await store.append(make_batch(1))
        await store.append_samples(make_samples([up], [START_MS], [1]))
        assert await store.flush() == 2
        await store.append(make_batch(2))
        await store.append_samples(make_samples([up], [START_MS + 1], [2]))
    async with make_store(tmp_path) as store:
        assert (await store.append(make_batch(2))).duplicate
        assert await rows(store, "SELECT count(*) FROM samples") == [[2]]
        assert await rows(store, "SELECT count(*) FROM load") == [[2]]


async def test_the_offline_store_answers_alike(tmp_path: Path) -> None:
    async with make_store(tmp_path) as store:
        up = _up(store)
        await store.append_samples(make_samples([up], [START_MS], [1.25]))
        await store.flush()
        await store.append_samples(make_samples([up], [START_MS + 1], [2.5]))
        expected = await rows(store, ALL)
    async with OfflineStore(Settings(data=tmp_path), clock=ManualClock(START_MS)) as offline:
        assert await rows(offline, ALL) == expected
        assert await rows(offline, "SELECT value FROM samples_last") == [[2.5]]


async def test_a_full_head_refuses_and_a_flush_makes_room(tmp_path: Path) -> None:
    async with make_store(tmp_path, flush_samples_bytes=65_536) as store:
        up = _up(store)
        count = 4 * 65_536 // 20 + 1
        times = list(range(START_MS - count, START_MS))
        await store.append_samples(make_samples([up] * count, times, [1.0] * count))
        with pytest.raises(OverloadedError, match="wait to be moved"):
            await store.append_samples(make_samples([up], [START_MS], [1]))
        await store.flush()
        await store.append_samples(make_samples([up], [START_MS], [1]))


@pytest.mark.parametrize(
    ("where", "groups"),
    [("value > 1", 7), ("name = 'm07'", 1), ("name = 'm07' AND host = 'h3'", 1), ("name IN ('m00', 'm39')", 2)],
)
async def test_one_metric_reads_only_its_part_of_a_block(tmp_path: Path, where: str, groups: int) -> None:
    async with make_store(tmp_path) as store:
        numbers = [store.series.intern(f"m{n:02d}", {"host": f"h{n % 4}"}) for n in range(40)]
        times = [START_MS - 10_000 + n for n in range(10_000)] * 40
        values = [float(n) for n in range(400_000)]
        await store.append_samples(make_samples([n for n in numbers for _ in range(10_000)], times, values))
        await store.flush()
        plan = await rows(store, f"EXPLAIN ANALYZE SELECT sum(value) FROM samples WHERE {where}")
        assert f"Row Groups Scanned: {groups} / 7" in str(plan)


async def test_old_blocks_of_samples_are_compressed_again_and_answer_the_same(tmp_path: Path) -> None:
    clock = ManualClock(START_MS)
    async with make_store(tmp_path, clock=clock, recompress_level=19) as store:
        up = _up(store)
        times = [START_MS - 5_000_000 + n * 1000 for n in range(5000)]
        # Two decimals at first and none later: the second block begins with more of them than it needs.
        for part in (times[:2500], times[2500:]):
            values = [ts / 100 if part[0] == times[0] else ts for ts in part]
            await store.append_samples(make_samples([up] * 2500, part, [*values[:-2], float("nan"), STALE]))
            await store.flush()
        before = await rows(store, ALL)
        sizes = [path.stat().st_size for path in files(tmp_path, "metrics/samples/*/*.parquet")]
        await clock.advance(9 * 86_400)
        await store.keep_house()
        (block,) = files(tmp_path, "metrics/samples/*/*.parquet")
        assert block.stat().st_size < sum(sizes)
        assert await rows(store, ALL) == before


def _as_earlier(path: Path) -> None:
    """Write a block once more as versions did that knew no base, below a name without a checksum."""
    import duckdb

    (log,) = duckdb.execute(
        f"SELECT decode(value) FROM parquet_kv_metadata('{path}') WHERE decode(key) = 'nagare_log'"
    ).fetchone() or ("",)
    duckdb.execute(
        f"COPY (SELECT name, host, series, ts, mantissa + base AS mantissa, divisor, raw FROM '{path}') "
        f"TO '{path.with_name(path.stem[:-8] + '.parquet')}' (KV_METADATA {{nagare_log: '{log}', nagare_sources: ''}})"
    )
    path.unlink()


async def test_blocks_of_earlier_versions_are_read_and_merged(tmp_path: Path) -> None:
    clock = ManualClock(START_MS)
    async with make_store(tmp_path, clock=clock) as store:
        up, values = _up(store), [1.25, -0.0, float("inf"), STALE, 0.1]
        await store.append_samples(make_samples([up] * 5, [START_MS + n for n in range(5)], values))
        await store.flush()
        before = await rows(store, ALL)
    _as_earlier(*files(tmp_path, "metrics/samples/*/*.parquet"))
    (tmp_path / "catalog.db").unlink()
    async with make_store(tmp_path, clock=clock) as store:
        assert await rows(store, ALL) == before
        await store.append_samples(make_samples([up] * 2, [START_MS + 4, START_MS + 5], [7.0, 317_506 * 0.001]))
        await store.flush()
        both = await rows(store, ALL)
        assert both == [*before, [START_MS + 5, *before[0][1:4], 317_506 * 0.001, False]]
        await clock.advance(2 * 86_400)
        await store.keep_house()
        assert len(files(tmp_path, "metrics/samples/*/*.parquet")) == 1
        assert await rows(store, ALL) == both


async def test_the_sql_of_the_documents_reads_blocks_without_us(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import duckdb

    document = (ROOT / "docs" / "explanation" / "storage-format.md").read_text()
    (sql,) = re.findall(r"```sql\n(.*?)```", document, re.DOTALL)
    async with make_store(tmp_path) as store:
        for ts in (START_MS, START_MS + 1):
            await store.append_samples(make_samples([_up(store)], [ts], [ts / 7]))
            await store.flush()
    monkeypatch.chdir(tmp_path)
    found = duckdb.connect().execute(sql).fetchall()
    labels = {"instance": "web1:9100", "job": "node"}
    assert [(*row[:3], row[4]) for row in found] == [("up", "web1", labels, ts / 7) for ts in (START_MS, START_MS + 1)]


async def test_series_that_ended_long_ago_make_room_and_their_numbers_stay_theirs(tmp_path: Path) -> None:
    clock = ManualClock(START_MS)
    day = 86_400
    async with make_store(tmp_path, clock=clock, retention_seconds=day, series_limit=2) as store:
        old, steady = store.series.intern("old", {}), store.series.intern("steady", {})
        await store.append_samples(make_samples([old, steady], [START_MS] * 2, [1, 2]))
        await store.flush()
        await clock.advance(4 * day)
        await store.append_samples(make_samples([steady], [clock.now_ms()], [3]))
        assert store.series.intern("new", {}) == REFUSED_SERIES
        await store.keep_house()
        assert await rows(store, "SELECT name FROM samples_last") == [["steady"]]
        # A codec may remember the number; the series counts again with the first sample that has it.
        await store.append_samples(make_samples([old], [clock.now_ms()], [4]))
        assert store.series.intern("old", {}) == old
        assert store.series.intern("new", {}) == REFUSED_SERIES
        await store.flush()
        await clock.advance(4 * day)
        await store.append_samples(make_samples([steady], [clock.now_ms()], [5]))
        await store.keep_house()
    async with make_store(tmp_path, clock=clock, retention_seconds=day, series_limit=2) as store:
        assert store.series.intern("new", {}) not in (old, steady, REFUSED_SERIES)
        assert store.series.intern("steady", {}) == steady


@pytest.mark.parametrize("flushed", [False, True])
async def test_what_senders_say_of_metrics_is_kept(tmp_path: Path, *, flushed: bool) -> None:
    first, later = MetricMetadata("up", "gauge"), MetricMetadata("up", "gauge", "", "whether the target answers")
    async with make_store(tmp_path) as store:
        up = _up(store)
        await store.append_samples(make_samples([up], [START_MS], [1]), metadata=[first])
        # Also with no sample that is new.
        assert await store.append_samples(make_samples([up], [START_MS], [1]), metadata=[later]) == SamplesReply(0, 1)
        if flushed:
            await store.flush()
    async with make_store(tmp_path) as store:
        assert store.find_metadata("up") == later
        assert store.find_metadata("down") is None


async def test_rollups_keep_the_labels_of_series_that_ended_long_ago(tmp_path: Path) -> None:
    clock = ManualClock(START_MS)
    day = 86_400
    labels = "SELECT labels['job'], value FROM samples_1h WHERE name = 'old'"
    async with make_store(tmp_path, clock=clock, retention_seconds=day) as store:
        old, steady = store.series.intern("old", {"job": "a"}), store.series.intern("steady", {})
        await store.append_samples(make_samples([old, steady], [START_MS] * 2, [1, 2]))
        await store.flush()
        await clock.advance(day / 2)
        await store.keep_house()
        await clock.advance(4 * day)
        await store.append_samples(make_samples([steady], [clock.now_ms()], [3]))
        await store.keep_house()
        assert await rows(store, labels) == [["a", 1.0]]
    async with make_store(tmp_path, clock=clock, retention_seconds=day, series_limit=2) as store:
        assert await rows(store, labels) == [["a", 1.0]]
        assert await rows(store, "SELECT name FROM samples_last") == [["steady"]]
        # It comes again: what the log alone knows of it counts after a restart.
        await store.append_samples(make_samples([old], [clock.now_ms()], [4]))
    async with make_store(tmp_path, clock=clock, retention_seconds=day, series_limit=2) as store:
        assert store.series.intern("old", {"job": "a"}) == old
        assert store.series.intern("new", {}) == REFUSED_SERIES


async def test_names_of_many_new_series_at_once_fit_the_records_of_the_log(tmp_path: Path) -> None:
    async with make_store(tmp_path) as store:
        # Together more than one record holds, as when a whole fleet comes to a new server.
        requests = [
            make_samples(
                [store.series.intern("up", {"n": f"{request}-{each}".ljust(60_000)}) for each in range(20)],
                [START_MS] * 20,
                [request] * 20,
            )
            for request in range(60)
        ]
        replies = await asyncio.gather(*map(store.append_samples, requests))
        assert replies == [SamplesReply(20)] * len(requests)
        wide = [store.series.intern("wide", {"n": str(each).ljust(60_000)}) for each in range(600)]
        with pytest.raises(BodyTooLargeError):
            await store.append_samples(make_samples(wide, [START_MS] * 600, [0] * 600))


async def test_views_of_one_statement_see_different_times_of_a_large_head(tmp_path: Path) -> None:
    later_ms = START_MS // 3_600_000 * 3_600_000 + 3_540_000
    async with make_store(tmp_path, clock=ManualClock(later_ms)) as store:
        up = store.series.intern("up", {})
        await store.append_samples(
            make_samples([up] * FIRST_ROWS, range(START_MS, START_MS + FIRST_ROWS), [0] * FIRST_ROWS)
        )
        await store.append_samples(make_samples([up], [later_ms], [1]))
        sql = "SELECT (SELECT count(*) FROM samples), (SELECT sum(samples_count) FROM samples_1m)"
        assert await rows(store, sql, since_ms=later_ms) == [[1, 1]]


async def test_late_samples_of_another_day_make_a_block_of_that_day(tmp_path: Path) -> None:
    day = 86_400_000
    async with make_store(tmp_path) as store:
        up = _up(store)
        await store.append_samples(make_samples([up] * 3, [START_MS, START_MS - 2 * day, START_MS - day], [1, 2, 3]))
        assert await store.flush() == 3
        found: list[Any] = await rows(store, "SELECT value FROM samples ORDER BY ts")
        assert found == [[2], [3], [1]]
