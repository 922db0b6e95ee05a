"""The metric store through its public face: append, query, flush, restart, offline."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from nagare.errors import (
    DeadlineExceededError,
    InputError,
    NotReadyError,
    OverloadedError,
    QuerySyntaxError,
    StorageError,
)
from nagare.metrics.head import Generation
from nagare.metrics.store import MetricStore
from nagare.metrics.wal import writer
from nagare.model.columns import Columns, RecordTable
from nagare.model.event import Event, Severity
from nagare.model.tables import TABLES, Column, ColumnKind, ColumnType, Table
from nagare.wire.batch import BatchReply, Refusal
from nagare.wire.sql import SqlRequest
from tests.support.metric_store import START_MS, files, make_batch, make_store, rows

DAY_MS = 86_400_000


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[MetricStore]:
    async with make_store(tmp_path) as store:
        yield store


def _event(event_id: str, **fields: Any) -> Event:
    given: dict[str, Any] = {
        "id": event_id, "ts": START_MS, "host": "web1", "kind": "note", "severity": Severity.INFO,
        "source": "ann", "text": "deployed", "attributes": {"version": "2"},
    } | fields  # fmt: skip
    return Event(**given)


async def test_rows_answer_at_once_after_a_flush_and_after_a_restart(tmp_path: Path) -> None:
    sql = "SELECT ts, host, core, user_ratio, context_switches_total FROM cpu ORDER BY ts, core"
    cpu = {
        "ts": [START_MS, START_MS, START_MS - DAY_MS], "core": ["all", "0", "all"],
        "user_ratio": [1, None, 0.25], "context_switches_total": [7.0, None, 2**62],
    }  # fmt: skip
    expected = [
        ["2025-10-08T08:53:20.000Z", "web1", "all", 0.25, str(2**62)],
        ["2025-10-09T08:53:20.000Z", "web1", "0", None, None],
        ["2025-10-09T08:53:20.000Z", "web1", "all", 1.0, 7],
    ]
    async with make_store(tmp_path) as store:
        reply = await store.append(make_batch(1, {"cpu": cpu}))
        assert (reply.accepted, reply.duplicate, reply.refused) == (3, False, [])
        assert await rows(store, sql) == expected
        assert await store.flush() == 2
        assert await rows(store, sql) == expected
        await store.append(make_batch(2))
    async with make_store(tmp_path) as store:
        assert await rows(store, sql) == expected
        assert await rows(store, "SELECT cores FROM load") == [[2]]
        status = store.status()
        assert (status.block_count, status.head_rows, status.damages) == (2, 1, [])
        assert status.oldest_ms == START_MS - DAY_MS


async def test_blocks_are_plain_parquet_that_anybody_can_read(store: MetricStore, tmp_path: Path) -> None:
    import duckdb

    await store.append(make_batch(1))
    await store.flush()
    (path,) = files(tmp_path, "metrics/load/date=2025-10-09/*.parquet")
    assert path.name.startswith(f"{START_MS + 1}-{START_MS + 1}-")
    assert path.stat().st_mode & 0o777 == 0o600
    with duckdb.connect() as connection:
        found = connection.execute(f"SELECT host, load1, cores FROM '{path}'").fetchall()
    assert found == [("web1", 1.0, 1)]


async def test_a_repeat_is_a_duplicate_at_every_stage(tmp_path: Path) -> None:
    async with make_store(tmp_path) as store:
        replies = await asyncio.gather(*(store.append(make_batch(1)) for _ in range(5)))
        assert sorted(reply.duplicate for reply in replies) == [False, True, True, True, True]
        assert (await store.append(make_batch(1))).duplicate
        await store.flush()
        assert (await store.append(make_batch(1))).duplicate
    async with make_store(tmp_path) as store:
        assert (await store.append(make_batch(1))).duplicate
        assert not (await store.append(make_batch(1, boot="another"))).duplicate
        assert not (await store.append(make_batch(1, host="web2"))).duplicate
        assert await rows(store, "SELECT count(*) FROM load") == [[3]]


async def test_batches_come_in_any_order(store: MetricStore) -> None:
    for seq in (9, 3, 7, 1, 8, 2):
        assert not (await store.append(make_batch(seq))).duplicate
    for seq in (9, 3, 7, 1, 8, 2):
        assert (await store.append(make_batch(seq))).duplicate
    assert not (await store.append(make_batch(4))).duplicate


async def test_a_thinned_batch_stands_for_those_it_replaces(store: MetricStore) -> None:
    assert not (await store.append(make_batch(10, replaces=[4, 5, 6]))).duplicate
    assert (await store.append(make_batch(5))).duplicate
    assert (await store.append(make_batch(11, replaces=[5, 6]))).duplicate
    assert not (await store.append(make_batch(12, replaces=[6, 7]))).duplicate


async def test_a_batch_without_rows_is_acknowledged_once(store: MetricStore) -> None:
    assert (await store.append(make_batch(1, {}))).accepted == 0
    assert (await store.append(make_batch(1, {"load": {"ts": []}}))).duplicate


@pytest.mark.parametrize(
    ("fields", "tables"),
    [
        ({"v": 2}, None),
        ({"host": "../etc"}, None),
        ({"host": ""}, None),
        ({"boot": ""}, None),
        ({"boot": "x" * 65}, None),
        ({"boot": "a b"}, None),
        ({"seq": -1}, None),
        ({"seq": 2**63}, None),
        ({"replaces": [-1]}, None),
        ({"replaces": [2**64]}, None),
        ({}, {"load": {"load1": [1.0]}}),
        ({}, {"load": {"ts": [START_MS], "load1": [1.0, 2.0]}}),
        ({}, {"load": {"ts": [START_MS, START_MS], "load1": [1.0]}}),
        ({}, {"load": {"ts": ["now"], "load1": [1.0]}}),
        ({}, {"load": {"ts": [1.5], "load1": [1.0]}}),
        ({}, {"load": {"ts": [None], "load1": [1.0]}}),
        ({}, {"load": {"ts": [True], "load1": [1.0]}}),
        ({}, {"load": {"ts": [START_MS], "load1": ["high"]}}),
        ({}, {"load": {"ts": [START_MS], "load1": [True]}}),
        ({}, {"load": {"ts": [START_MS], "load1": [float("nan")]}}),
        ({}, {"load": {"ts": [START_MS], "load1": [float("inf")]}}),
        ({}, {"load": {"ts": [START_MS], "load1": [10**400]}}),
        ({}, {"load": {"ts": [START_MS], "cores": [1.5]}}),
        ({}, {"load": {"ts": [START_MS], "cores": [2**63]}}),
        ({}, {"load": {"ts": [START_MS], "cores": [-(2**63) - 1]}}),
        ({}, {"load": {"ts": [START_MS], "cores": [1e300]}}),
        ({}, {"cpu": {"ts": [START_MS], "core": [7]}}),
        ({}, {"cpu": {"ts": [START_MS], "core": [{"a": "b"}]}}),
        ({}, {"cpu": {"ts": [START_MS], "core": ["x" * 65_537]}}),
        ({}, {"cpu": {"ts": [START_MS], "core": ["\ud800"]}}),
        ({}, {"load": {"ts": [START_MS], "load1": [1.0], "host": ["web2"]}}),
        ({}, {"load": {"ts": [START_MS], "Load1": [1.0]}}),
        ({}, {"load": {"ts": [START_MS], 'x" ; drop': [1.0]}}),
        ({}, {"Load": {"ts": [START_MS], "load1": [1.0]}}),
        ({}, {"": {"ts": [START_MS]}}),
        ({}, {"../load": {"ts": [START_MS]}}),
        ({}, {"load": {"ts": [START_MS], "x" * 64: [1.0]}}),
    ],
)
async def test_a_malformed_batch_is_refused_whole(fields: Any, tables: Any, store: MetricStore) -> None:
    sound = {"memory": {"ts": [START_MS], "used_bytes": [1]}}
    with pytest.raises(InputError) as refusal:
        await store.append(make_batch(1, sound | tables if tables else None, **fields))
    assert refusal.value.message.startswith("cannot ")
    assert await rows(store, "SELECT count(*) FROM memory") == [[0]]
    assert not (await store.append(make_batch(1))).duplicate


async def test_stale_and_future_rows_are_refused_one_by_one(store: MetricStore) -> None:
    times = [START_MS, START_MS - 31 * DAY_MS, START_MS + 301_000, START_MS + 299_000, 0, -(2**70), 2**70]
    reply = await store.append(
        make_batch(1, {"load": {"ts": times, "cores": list(range(7))}, "disk": {"ts": [0], "mount": ["/"]}})
    )
    assert reply.accepted == 2
    assert reply.refused == [
        Refusal("load", [1, 4, 5], "stale: older than raw retention"),
        Refusal("load", [2, 6], "future: ahead of the server's clock"),
        Refusal("disk", [0], "stale: older than raw retention"),
    ]
    assert await rows(store, "SELECT cores FROM load ORDER BY 1") == [[0], [3]]
    assert store.status().refused_rows_total == 6


async def test_foreign_tables_and_columns_are_stored_within_limits(tmp_path: Path) -> None:
    async with make_store(tmp_path, table_limit=32, column_limit=64) as store:
        app = {
            "ts": [START_MS],
            "select": [1],
            "order_id": ["a"],
            "ok": [True],
            "labels": [{"k": "v"}],
            "nothing": [None],
        }
        assert (await store.append(make_batch(1, {"app": app, "load": {"ts": [START_MS], "extra": [5]}}))).accepted == 2
        assert await rows(store, 'SELECT "select", order_id, ok, labels FROM app') == [[1.0, "a", True, {"k": "v"}]]
        assert await rows(store, "SELECT extra, load1 FROM load") == [[5.0, None]]
        reply = await store.append(
            make_batch(2, {"app": {"ts": [START_MS] * 3, "select": [2, "two", 3.5], "more": [None, "x", 1]}})
        )
        assert [(refusal.rows, refusal.reason) for refusal in reply.refused] == [
            ([1], "type conflict: column select holds float"),
            ([2], "type conflict: column more holds text"),
        ]
        assert await rows(store, 'SELECT "select" FROM app ORDER BY 1') == [[1.0], [2.0]]
        wide = {"ts": [START_MS]} | {f"c{number}": [1] for number in range(65)}
        reply = await store.append(make_batch(3, {"wide": wide}))
        assert "too many columns" in reply.refused[0].reason
        many = {f"t{number}": {"ts": [START_MS], "value": [1]} for number in range(32)}
        reply = await store.append(make_batch(4, many))
        assert reply.accepted == 32 - len(TABLES) - 1
        assert {refusal.reason for refusal in reply.refused} == {"too many tables: the limit is 32"}
        for seq, name in enumerate(("hosts", "silences", "samples", "cpu_1m", "load_1h"), 5):
            reply = await store.append(make_batch(seq, {name: {"ts": [START_MS]}}))
            assert "reserved" in reply.refused[0].reason
        await store.flush()
    async with make_store(tmp_path, table_limit=32) as store:
        assert await rows(store, 'SELECT "select", labels FROM app ORDER BY 1') == [[1.0, {"k": "v"}], [2.0, None]]
        found = {view.name: view for view in store.describe()}
        assert [column.name for column in found["app"].columns][:4] == ["ts", "host", "select", "order_id"]
        assert found["cpu"].columns[0].type == "TIMESTAMP_MS"


async def test_columns_that_come_later_are_null_before(store: MetricStore) -> None:
    await store.append(make_batch(1, {"app": {"ts": [START_MS], "a": [1]}}))
    await rows(store, "SELECT * FROM app")
    await store.append(make_batch(2, {"app": {"ts": [START_MS + 1], "b": ["x"]}}))
    assert await rows(store, "SELECT a, b FROM app ORDER BY ts") == [[1.0, None], [None, "x"]]
    await store.flush()
    await store.append(make_batch(3, {"app": {"ts": [START_MS + 2], "c": [True]}}))
    assert await rows(store, "SELECT a, b, c FROM app ORDER BY ts") == [
        [1.0, None, None], [None, "x", None], [None, None, True],
    ]  # fmt: skip


async def test_events_are_known_by_their_id(tmp_path: Path) -> None:
    async with make_store(tmp_path) as store:
        assert await store.append_events([_event("a"), _event("b", host=""), _event("a")]) == [True, True, False]
        assert await store.append_events([]) == []
        both = await asyncio.gather(store.append_events([_event("c")]), store.append_events([_event("c")]))
        assert sorted(both) == [[False], [True]]
        await store.flush()
        assert await store.append_events([_event("a"), _event("d")]) == [False, True]
    async with make_store(tmp_path) as store:
        assert await store.append_events([_event(name) for name in "abcde"]) == [False, False, False, False, True]
        found = await rows(store, "SELECT id, host, kind, severity, source, text, attributes FROM events ORDER BY id")
        assert [row[0] for row in found] == ["a", "b", "c", "d", "e"]
        assert found[1][1:] == ["", "note", 0, "ann", "deployed", {"version": "2"}]


async def test_events_in_a_batch_need_ids_of_their_own(store: MetricStore) -> None:
    await store.append_events([_event("a")])
    events = {
        "ts": [START_MS, 0, START_MS, START_MS, START_MS], "id": ["a", "x", None, "b", "b"],
        "kind": ["unit.failed"] * 5, "severity": [2] * 5,
    }  # fmt: skip
    reply = await store.append(make_batch(1, {"events": events}))
    assert reply.accepted == 1
    assert [refusal.rows for refusal in reply.refused] == [[1], [0, 2, 4]]
    assert await rows(store, "SELECT id, host FROM events ORDER BY id") == [["a", "web1"], ["b", "web1"]]
    reply = await store.append(make_batch(2, {"events": {"ts": [START_MS], "kind": ["x"]}}))
    assert reply.accepted == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"id": ""}, {"id": "x" * 129}, {"host": "../x"}, {"ts": 0}, {"ts": START_MS + DAY_MS}, {"kind": ""},
        {"text": "x" * 70_000}, {"attributes": {"k": "x" * 70_000}}, {"text": "\ud800"},
    ],
)  # fmt: skip
async def test_a_malformed_event_is_refused(fields: dict[str, Any], store: MetricStore) -> None:
    with pytest.raises(InputError):
        await store.append_events([_event("good"), _event(**({"event_id": "bad"} | _renamed(fields)))])
    assert await store.append_events([_event("good")]) == [True]


def _renamed(fields: dict[str, Any]) -> dict[str, Any]:
    return {("event_id" if name == "id" else name): value for name, value in fields.items()}


async def test_a_caller_sees_only_its_hosts(store: MetricStore) -> None:
    for number, host in enumerate(("web1", "web2", "web3")):
        await store.append(make_batch(number, host=host))
    await store.flush()
    await store.append(make_batch(9, host="web2"))
    store.register_records(_hosts_table())
    sql = SqlRequest("SELECT host, count(*) FROM load GROUP BY 1 ORDER BY 1")
    assert (await store.query(sql, hosts=frozenset({"web2", "it's", "web3"}))).rows == [["web2", 2], ["web3", 1]]
    assert (await store.query(sql, hosts=frozenset())).rows == []
    assert (await store.query(sql)).rows == [["web1", 1], ["web2", 2], ["web3", 1]]
    named = SqlRequest("SELECT host FROM hosts")
    assert (await store.query(named, hosts=frozenset({"web2"}))).rows == [["web2"]]
    explained = await store.query(SqlRequest("EXPLAIN ANALYZE SELECT * FROM load"), hosts=frozenset({"web2"}))
    assert explained.rows


async def test_an_error_tells_no_value_of_a_host_that_is_hidden(store: MetricStore) -> None:
    for host in ("web1", "web2"):
        await store.append(make_batch(1, {"cpu": {"ts": [START_MS], "core": [f"secret of {host}"]}}, host=host))
    request = SqlRequest("SELECT * FROM cpu WHERE core::INT > 0")
    with pytest.raises(InputError, match="secret"):
        await store.query(request)
    with pytest.raises(InputError) as refusal:
        await store.query(request, hosts=frozenset({"web1"}))
    assert "secret" not in refusal.value.message + refusal.value.hint


async def test_a_bug_in_the_writer_fails_its_senders_and_those_who_come_later(
    store: MetricStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(threading, "excepthook", lambda arguments: None)
    monkeypatch.setattr(Generation, "add", broken)
    with pytest.raises(StorageError, match="writer ended"):
        await store.append(make_batch(1))
    with pytest.raises(NotReadyError):
        await store.append(make_batch(2))


async def test_a_batch_that_is_handed_in_is_answered_as_one_that_is_waited_for(tmp_path: Path) -> None:
    outcomes: asyncio.Queue[BatchReply | BaseException] = asyncio.Queue()

    def broken(outcome: object) -> None:
        outcomes.put_nowait(ZeroDivisionError())
        raise ZeroDivisionError

    store = make_store(tmp_path)
    with pytest.raises(NotReadyError):
        store.hand_in(make_batch(1), outcomes.put_nowait)
    async with store:
        store.hand_in(make_batch(1), outcomes.put_nowait)
        assert outcomes.empty()
        assert await outcomes.get() == BatchReply(1)
        # In one group: a bug of one sender's is not the next one's.
        for done, seq in ((broken, 2), (outcomes.put_nowait, 2), (outcomes.put_nowait, 3)):
            store.hand_in(make_batch(seq), done)
        store.hand_in(make_batch(4, {"load": {"ts": [1, 2], "load1": [1.0]}}), outcomes.put_nowait)
        found = [await outcomes.get() for _ in range(4)]
        assert [type(outcome) for outcome in found] == [ZeroDivisionError, BatchReply, BatchReply, InputError]
        assert found[1:3] == [BatchReply(0, duplicate=True), BatchReply(1)]
        assert (store.counters.get("batches"), store.counters.get("rows")) == (4, 3)
        assert outcomes.empty()
        assert await rows(store, "SELECT count(*) FROM load") == [[3]]


async def test_too_many_that_are_handed_in_are_refused_at_once(
    store: MetricStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "QUEUE_LIMIT", 2)
    outcomes: asyncio.Queue[BatchReply | BaseException] = asyncio.Queue()
    for seq in (1, 2):
        store.hand_in(make_batch(seq), outcomes.put_nowait)
    with pytest.raises(OverloadedError):
        store.hand_in(make_batch(3), outcomes.put_nowait)
    assert [await outcomes.get() for _ in range(2)] == [BatchReply(1), BatchReply(1)]


def _hosts_table() -> RecordTable:
    async def fetch() -> Columns:
        return {
            "ts": [START_MS, START_MS + 1], "host": ["web1", "web2"], "state": ["up", None],
            "labels": [{"env": "prod"}, {}], "interval_seconds": [5.0, None],
        }  # fmt: skip

    columns = (
        Column("state", ColumnType.TEXT, ColumnKind.ATTRIBUTE, "state"),
        Column("labels", ColumnType.MAP, ColumnKind.ATTRIBUTE, "labels"),
        Column("interval_seconds", ColumnType.FLOAT, ColumnKind.GAUGE, "interval"),
        Column("version", ColumnType.TEXT, ColumnKind.ATTRIBUTE, "version"),
    )
    return RecordTable(Table("hosts", "Hosts.", columns), fetch)


async def test_records_since_a_moment_are_asked_for_alone(store: MetricStore) -> None:
    asked: list[int | None] = []

    async def fetch(since_ms: int | None = None) -> Columns:
        asked.append(since_ms)
        return {"ts": [START_MS, START_MS + 1], "host": ["web1", "web2"]}

    store.register_records(RecordTable(Table("hosts", "Hosts.", ()), fetch, fetch_since=fetch))
    for since_ms in (START_MS + 1, None):
        reply = await store.query(SqlRequest("SELECT host FROM hosts ORDER BY host", since_ms=since_ms))
        assert reply.rows == ([["web2"]] if since_ms else [["web1"], ["web2"]])
    assert asked == [START_MS + 1, None]


async def test_records_join_metrics(store: MetricStore) -> None:
    store.register_records(_hosts_table())
    await store.append(make_batch(1))
    assert await rows(store, "SELECT h.host, h.labels['env'], l.cores FROM hosts h JOIN load l USING (host)") == [
        ["web1", "prod", 1]
    ]
    assert "hosts" in {view.name for view in store.describe()}
    assert await rows(store, "SELECT host FROM hosts", since_ms=START_MS + 1) == [["web2"]]


async def test_a_window_bounds_every_table(store: MetricStore) -> None:
    for seq in range(10):
        await store.append(make_batch(seq))
        if seq in (3, 6):
            await store.flush()
    window: dict[str, Any] = {"since_ms": START_MS + 2, "until_ms": START_MS + 8}
    assert await rows(store, "SELECT min(cores), max(cores), count(*) FROM load", **window) == [[2, 7, 6]]
    joined = "SELECT count(*) FROM load a JOIN load b ON a.cores = b.cores + 1"
    assert await rows(store, joined, **window) == [[5]]


async def test_parameters_are_bound_never_pasted(store: MetricStore) -> None:
    await store.append(make_batch(1))
    assert await rows(store, "SELECT cores FROM load WHERE host = ? AND cores = ?", params=["web1", 1]) == [[1]]
    assert await rows(store, "SELECT cores FROM load WHERE host = $h", params={"h": "x' OR 'a' = 'a"}) == []
    assert await rows(store, "SELECT ?::VARCHAR", params=["'; drop"]) == [["'; drop"]]
    for wrong in ([], [1, 2], {"a": 1}, [[[{"deep": [1]}]]]):
        with pytest.raises(InputError):
            await rows(store, "SELECT cores FROM load WHERE host = ? AND cores < ?", params=wrong)


async def test_limit_cuts_and_says_so(store: MetricStore) -> None:
    reply = await store.query(SqlRequest("SELECT * FROM range(10)", limit=3))
    assert (reply.rows, reply.truncated) == ([[0], [1], [2]], True)
    reply = await store.query(SqlRequest("SELECT * FROM range(10)", limit=10))
    assert (len(reply.rows), reply.truncated) == (10, False)
    for limit in (0, -5):
        with pytest.raises(QuerySyntaxError):
            await store.query(SqlRequest("SELECT 1", limit=limit))


@pytest.mark.parametrize("type_", ["TIMESTAMP_MS", "TIMESTAMP", "TIMESTAMP_NS"])
async def test_a_time_is_told_as_exactly_as_it_is(tmp_path: Path, type_: str) -> None:
    most = {"TIMESTAMP_MS": 3, "TIMESTAMP": 6, "TIMESTAMP_NS": 9}[type_]
    async with make_store(tmp_path) as store:
        for whole in ("1969-12-31 23:59:59", "2026-01-02 03:04:05"):
            for digits in ("000", "100", "123", "123456", "100000001", "123456789", "999999999"):
                fraction = digits.ljust(9, "0")[:most].ljust(9, "0")
                shown = (
                    fraction[:3] if fraction[3:] == "000000" else fraction[:6] if fraction[6:] == "000" else fraction
                )
                sql = f"SELECT {type_} '{whole}.{fraction[:most]}', CAST(NULL AS {type_})"
                assert await rows(store, sql) == [[f"{whole.replace(' ', 'T')}.{shown}Z", None]]


async def test_values_are_safe_for_json(store: MetricStore) -> None:
    found = await rows(
        store,
        "SELECT 'nan'::DOUBLE, 'inf'::DOUBLE, 1.5::DECIMAL(10,2), 170141183460469231731687303715884105727::HUGEINT, "
        "'\\x01'::BLOB, INTERVAL '1 month 2 hours', [1, NULL], {'a': 'nan'::DOUBLE}, MAP {'k': 1}, DATE '2025-01-02', "
        "TIME '10:00:00', NULL, TIMESTAMP '2025-01-02 03:04:05.678901', '290000-01-01'::TIMESTAMP, "
        "'00000000-0000-0000-0000-000000000001'::UUID",
    )
    assert found == [
        [
            None, None, 1.5, "170141183460469231731687303715884105727", "01", "1 month 02:00:00", [1, None],
            {"a": None}, {"k": 1}, "2025-01-02", "10:00:00", None, "2025-01-02T03:04:05.678901Z",
            "290000-01-01T00:00:00.000Z", "00000000-0000-0000-0000-000000000001",
        ]
    ]  # fmt: skip


async def test_columns_of_one_name_keep_it(store: MetricStore) -> None:
    reply = await store.query(SqlRequest("SELECT 1 AS a, 2 AS a, now() AS a"))
    assert [column.name for column in reply.columns] == ["a", "a", "a"]
    assert len(reply.rows[0]) == 3


async def test_the_newest_of_every_series(store: MetricStore) -> None:
    for seq in range(3):
        cpu = {"ts": [START_MS + seq] * 2, "core": ["all", "0"], "user_ratio": [seq / 4, seq / 8]}
        await store.append(make_batch(seq, {"cpu": cpu}))
    sql = "SELECT core, arg_max(user_ratio, ts) FROM cpu GROUP BY ALL ORDER BY ALL"
    assert await rows(store, sql) == [["0", 0.25], ["all", 0.5]]


async def test_too_many_senders_are_told_to_come_back(store: MetricStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "QUEUE_LIMIT", 4)
    replies = await asyncio.gather(*(store.append(make_batch(seq)) for seq in range(200)), return_exceptions=True)
    refused = [reply for reply in replies if isinstance(reply, OverloadedError)]
    assert refused
    assert all(error.retry_after_seconds for error in refused)
    assert await rows(store, "SELECT count(*) FROM load") == [[200 - len(refused)]]


async def test_too_many_queries_are_told_to_come_back(tmp_path: Path) -> None:
    async with make_store(tmp_path, concurrency=1, queue_limit=2, deadline_seconds=1.0) as store:
        slow = SqlRequest("select sum((a.range*b.range)%7) from range(100000) a, range(100000) b")
        errors = await asyncio.gather(*(store.query(slow) for _ in range(6)), return_exceptions=True)
        assert {type(error) for error in errors} == {DeadlineExceededError, OverloadedError}
        assert await rows(store, "SELECT 1") == [[1]]


async def test_a_caller_that_goes_away_ends_its_query(tmp_path: Path) -> None:
    async with make_store(tmp_path, concurrency=1, deadline_seconds=60.0) as store:
        slow = SqlRequest("select sum((a.range*b.range)%7) from range(100000) a, range(100000) b")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await store.query(slow)
        async with asyncio.timeout(10):
            assert await rows(store, "SELECT 1") == [[1]]


async def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    with pytest.raises(NotReadyError):
        await store.append(make_batch(1))
    async with store:
        await store.append(make_batch(1))
    with pytest.raises(NotReadyError):
        await store.query(SqlRequest("SELECT 1"))


async def test_one_host_cannot_use_up_the_tables_of_all(store: MetricStore) -> None:
    tables = {f"t{number}": {"ts": [START_MS], "x": [1]} for number in range(150)}
    reply = await store.append(make_batch(1, tables, host="greedy"))
    assert reply.accepted == 100
    assert {refusal.reason.split(":")[0] for refusal in reply.refused} == {"too many new tables from this host"}
    assert (await store.append(make_batch(2, {"t3": {"ts": [START_MS], "x": [1]}}, host="greedy"))).accepted == 1
    assert (await store.append(make_batch(3, {"t149": {"ts": [START_MS], "x": [1]}}, host="greedy"))).accepted == 0
    assert (await store.append(make_batch(1, {"t149": {"ts": [START_MS], "x": [1]}}, host="other"))).accepted == 1
