"""A caller that is limited to hosts gets the answers of a store that has those hosts only, whatever it asks."""

import asyncio
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nagare.errors import InputError, NagareError, QuerySyntaxError
from nagare.lib.clock import ManualClock
from nagare.metrics.store import MetricStore
from nagare.model.columns import Columns, RecordTable
from nagare.model.event import Event, Severity
from nagare.model.tables import Column, ColumnKind, ColumnType, Table
from nagare.model.wide import WideRows
from nagare.wire.sql import SqlRequest
from tests.component.server.loop_thread import LoopThread
from tests.support.metric_store import START_MS, make_batch, make_store
from tests.support.samples import make_samples

HOUR_MS = 3_600_000
OWN, OTHERS = "db1", ("web1", "web2", "")
SEEN = frozenset({OWN})
NUMBER = {"db1": 1.5, "web1": 770077.0, "web2": 880088.0, "": 990099.0}
TABLES = [
    "cpu", "cpu_1m", "cpu_1h", "samples", "samples_1m", "samples_last", "events", "hosts", "app", "app_1h", "influx.shop",
]  # fmt: skip
VALUE = {"cpu": "user_ratio", "cpu_1m": "user_ratio", "cpu_1h": "user_ratio_max", "samples": "value", "samples_1m": "value_max",
         "samples_last": "value", "events": "length(text)", "hosts": "interval_seconds", "app": "v", "app_1h": "v_last",
         "influx.shop": "total"}  # fmt: skip


async def _fill(store: MetricStore, hosts: tuple[str, ...]) -> None:
    def fetched(names: list[str]) -> Columns:
        return {"ts": [START_MS] * len(names), "host": names, "interval_seconds": [NUMBER[name] for name in names]}

    async def fetch() -> Columns:
        return fetched([host for host in hosts if host])

    columns = (Column("interval_seconds", ColumnType.FLOAT, ColumnKind.GAUGE, "interval"),)
    store.register_records(RecordTable(Table("hosts", "Hosts.", columns), fetch))
    for step in range(3):
        ts = START_MS - (3 - step) * HOUR_MS
        for host in hosts:
            number = NUMBER[host]
            if host:
                cpu = {"ts": [ts, ts + 60_000], "core": ["all", f"core of {host}"], "user_ratio": [number, number + 1]}
                app = {"ts": [ts], "word": [f"word of {host}"], "v": [number]}
                await store.append(make_batch(step, {"cpu": cpu, "app": app}, host=host))
            series = store.series.intern("load", {"kind": f"kind of {host}"} | ({"host": host} if host else {}))
            await store.append_samples(make_samples([series], [ts], [number]))
            text = str(int(number)) if host == OWN else f"text of {host}"
            event = Event(f"{host}-{step}", ts, host, f"kind of {host}", Severity.INFO, "ann", text, {"a": host})
            await store.append_events([event])
            shop = WideRows(
                "influx.shop", [ts * 1_000_000], [host], {"till": [f"till of {host}"]}, {"total": [number]},
                {"till": ColumnType.TEXT, "total": ColumnType.FLOAT}, [1],
            )  # fmt: skip
            await store.append_wide([shop])
        if step == 1:
            await store.flush()
            await store.keep_house()


class Pair:
    """A store with every host, and one that never heard of the others."""

    def __init__(self, folder: Path) -> None:
        self._thread = LoopThread()
        clock = ManualClock(START_MS)
        self.whole, self.own = make_store(folder / "whole", clock=clock), make_store(folder / "own", clock=clock)
        for store, hosts in ((self.whole, (OWN, *OTHERS)), (self.own, (OWN,))):
            self.run(store.__aenter__())
            self.run(_fill(store, hosts))

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._thread.loop).result(60)

    def close(self) -> None:
        for store in (self.whole, self.own):
            self.run(store.__aexit__(None, None, None))
        self._thread.close()

    def ask(self, sql: str, **more: Any) -> Any:
        """Return what the limited caller gets, as sorted texts, or the kind of its error."""
        return self._asked(self.whole, SqlRequest(sql, **more), SEEN)

    def expect(self, sql: str, **more: Any) -> Any:
        """Return what it should get."""
        return self._asked(self.own, SqlRequest(sql, **more), SEEN)

    def _asked(self, store: MetricStore, request: SqlRequest, hosts: frozenset[str]) -> Any:
        try:
            reply = self.run(store.query(request, hosts=hosts))
        except NagareError as error:
            return type(error).__name__
        return sorted(repr(row) for row in reply.rows)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    made = Pair(tmp_path_factory.mktemp("filter"))
    yield made
    made.close()


@st.composite
def _conditions(draw: st.DrawFn, table: str) -> str:
    value = VALUE[table]
    return draw(
        st.sampled_from(
            [
                "true",
                "host <> 'db1'",
                "host IN ('web1', 'web2', '') OR true",
                "NOT (host = 'db1')",
                f"{value} > 700000",
                f"{value} IS NOT NULL OR host IS NULL",
                f"{value} > (SELECT avg(user_ratio) FROM cpu)",
                "host LIKE '%'",
                "ts > TIMESTAMP '2000-01-01'",
                "EXISTS (SELECT 1 FROM events e WHERE e.host <> 'db1')",
                f"1000 // (CASE WHEN {value} > 700000 THEN 0 ELSE 1 END) > 0",
                "CAST(CASE WHEN host = 'web1' THEN 'x' ELSE '1' END AS INTEGER) = 1",
            ]
        )
    )


@st.composite
def _selects(draw: st.DrawFn) -> str:
    table = draw(st.sampled_from(TABLES))
    other = draw(st.sampled_from(TABLES))
    value, where = VALUE[table], draw(_conditions(table))
    shape = draw(
        st.sampled_from(
            [
                "SELECT * FROM {table} WHERE {where}",
                "SELECT host, {value} FROM {table} WHERE {where}",
                "SELECT count(*), sum({value}), max({value}), min(host), max(host) FROM {table} WHERE {where}",
                "SELECT host, avg({value}) FROM {table} WHERE {where} GROUP BY host",
                "SELECT string_agg(host, ',' ORDER BY host), list_sort(list(DISTINCT {value})) FROM {table} WHERE {where}",
                "SELECT a.host, b.host FROM {table} a LEFT JOIN {other} b ON a.host <> b.host WHERE {where_a}",
                "SELECT b.host, count(*) FROM {table} a RIGHT JOIN {other} b ON a.ts >= b.ts GROUP BY b.host",
                "SELECT host FROM {table} UNION SELECT host FROM {other}",
                "SELECT host FROM {other} EXCEPT SELECT host FROM {table}",
                "WITH x AS (SELECT * FROM {table}) SELECT count(*), max(host) FROM x WHERE {where}",
                "SELECT host, row_number() OVER (ORDER BY {value}, ts) AS n FROM {table} WHERE {where}",
                "SELECT lead(host) OVER (ORDER BY ts, {value}), {value} FROM {table} WHERE {where}",
                "SELECT (SELECT max({value}) FROM {table}), (SELECT count(DISTINCT host) FROM {other})",
                "SELECT histogram(host) FROM {table} WHERE {where}",
                "SELECT approx_count_distinct(host), arg_max(host, {value}) FROM {table} WHERE {where}",
                "SELECT host FROM {table} WHERE {where} ORDER BY {value} DESC LIMIT 3",
            ]
        )
    )
    return shape.format(table=table, other=other, value=value, where=where, where_a="true")


@settings(max_examples=settings().max_examples)
@given(sql=_selects(), since=st.sampled_from([None, START_MS - 2 * HOUR_MS, START_MS - HOUR_MS // 2]))
def test_no_statement_returns_or_counts_another_hosts_row(pair: Pair, sql: str, since: int | None) -> None:
    found = pair.ask(sql, since_ms=since)
    assert found == pair.expect(sql, since_ms=since)
    assert not any(word in str(found) for word in ("web1", "web2", "70077", "80088", "90099"))


@pytest.mark.parametrize("table", TABLES)
def test_each_table_has_rows_to_hide(pair: Pair, table: str) -> None:
    (count,) = pair.run(pair.whole.query(SqlRequest(f"SELECT count(*) FROM {table}"))).rows[0]
    (seen,) = pair.run(pair.whole.query(SqlRequest(f"SELECT count(*) FROM {table}"), hosts=SEEN)).rows[0]
    assert 0 < seen < count


def test_rows_that_are_hidden_fail_no_statement(pair: Pair) -> None:
    # Whether a statement fails would be a way to ask about rows that one does not see.
    for sql in (
        "SELECT sum(CAST(text AS INTEGER)) FROM events",
        "SELECT host FROM events WHERE CAST(text AS INTEGER) = 1",
    ):
        with pytest.raises(InputError):
            pair.run(pair.whole.query(SqlRequest(sql)))
        assert pair.ask(sql) == pair.expect(sql)
        assert isinstance(pair.ask(sql), list)


def test_an_explanation_counts_nothing_of_others(pair: Pair) -> None:
    reply = pair.run(pair.whole.query(SqlRequest("EXPLAIN SELECT * FROM cpu"), hosts=SEEN))
    assert reply.rows
    assert "reads" not in [row[0] for row in reply.rows]


def test_cardinality_counts_only_what_is_seen(pair: Pair) -> None:
    found = pair.run(pair.whole.cardinality(1000, hosts=SEEN))
    assert found == pair.run(pair.own.cardinality(1000))
    assert pair.run(pair.whole.cardinality(1000)).series > found.series


def test_hidden_tables_do_not_exist(pair: Pair) -> None:
    for table in ("cpu", "cpu_1m", "cpu_1h"):
        with pytest.raises(QuerySyntaxError, match="cpu"):
            pair.run(pair.whole.query(SqlRequest(f"SELECT * FROM {table}"), hidden=frozenset({"cpu"})))
