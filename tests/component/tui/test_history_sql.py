"""Every statement of the interface, answered by the real database: the same values as a live frame gives."""

import math
from collections.abc import Iterator
from typing import Any

import duckdb  # noqa: TID253  the database itself answers here
import numpy as np
import pytest

from nagare.metrics.rollups.hours import TIERS, Tier
from nagare.metrics.rollups.plan import plan_of
from nagare.metrics.schema import Schema, Schemas
from nagare.metrics.sql.macros import STATEMENTS
from nagare.model.host_series import SERIES, Across, read_value
from nagare.model.tables import TABLES, ColumnType, Table
from nagare.tui.history import (
    Span,
    Statement,
    as_columns,
    fleet_statement,
    host_statement,
    make_span,
    newest_statement,
    read_fleet,
    read_points,
    read_seed,
    rows_statements,
    seed_span,
    seed_statement,
    tables_of,
)

NOW = 1_760_000_000_000
_TYPES = {
    ColumnType.FLOAT: "double", ColumnType.INTEGER: "bigint", ColumnType.TEXT: "varchar", ColumnType.BOOLEAN: "boolean",
    ColumnType.MAP: "map(varchar, varchar)",
}  # fmt: skip


def _create(table: Table) -> str:
    columns = ", ".join(f'"{column.name}" {_TYPES[column.type]}' for column in table.columns)
    return f"create table {table.name} (ts timestamp_ms, host varchar, {columns})"


def _create_rollup(schema: Schema, tier: Tier) -> str:
    plan = plan_of(schema)
    items = ", ".join(f'{expression} as "{name}"' for name, expression in plan.sql_items().items())
    return (
        f"create view {tier.table(schema.table)} as select {items} from ({plan.from_raw(f'from {schema.table}', tier)})"
    )


@pytest.fixture(scope="module")
def empty() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database with every table and rollup that there is: most of the time of these tests, so it is made once."""
    connection = duckdb.connect()
    for statement in STATEMENTS:
        connection.execute(statement)
    connection.execute("set timezone = 'UTC'")
    for table in TABLES.values():
        connection.execute(_create(table))
    for schema in Schemas().current.values():
        for tier in TIERS:
            connection.execute(_create_rollup(schema, tier))
    yield connection
    connection.close()


@pytest.fixture
def base(empty: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """The same, and what the test puts into it is taken back."""
    empty.begin()
    yield empty
    empty.rollback()


def _insert(base: duckdb.DuckDBPyConnection, table: str, host: str, ts_ms: int, **cells: Any) -> None:
    names = ", ".join(f'"{name}"' for name in cells)
    marks = ", ".join("?" for _ in cells)
    base.execute(
        f"insert into {table} (ts, host, {names}) values (epoch_ms(?)::timestamp_ms, ?, {marks})",
        [ts_ms, host, *cells.values()],
    )


def _ask(base: duckdb.DuckDBPyConnection, statement: Statement) -> list[list[Any]]:
    return [list(row) for row in base.execute(statement.sql, statement.params).fetchall()]


def _key_of(table: str) -> str:
    return TABLES[table].keys[0] if TABLES[table].keys else ""


@pytest.mark.parametrize("series_id", SERIES)
def test_a_series_is_the_same_live_and_by_sql(base: duckdb.DuckDBPyConnection, series_id: str) -> None:
    series = SERIES[series_id]
    key = series.only[0] if series.only else _key_of(series.table)
    names = ["lo", "eth0", series.only[1] if series.only else "wg0"] if key else [None]
    primary = [False, True, True] if series.across is Across.UPLINK else [None] * 3
    # Whole: some columns are of whole numbers.
    values = [3.0, 2.0, 1.0] if key else [2.0]
    columns: dict[str, list[Any]] = {series.column: values}
    for index, name in enumerate(names):
        cells = {series.column: values[index], **({key: name} if key else {})}
        if series.across is Across.UPLINK:
            cells["primary"] = primary[index]
        _insert(base, series.table, "a", NOW, **cells)
        columns.setdefault(key, []).append(name)
        columns.setdefault("primary", []).append(primary[index])
    span = Span(NOW - 5000, NOW + 5000, 1000)
    points = read_points([series], _ask(base, host_statement(series.table, [series], "a", span)))
    assert points[series_id][1].tolist() == [read_value(series, columns)]
    assert points[series_id][0].tolist() == [NOW]


def test_without_a_marked_route_all_but_the_loopback_count(base: duckdb.DuckDBPyConnection) -> None:
    series = SERIES["net.in"]
    for name, value in (("lo", 5.0), ("eth0", 2.0), ("eth1", 1.0)):
        _insert(base, "network", "a", NOW, interface=name, received_bytes_per_second=value)
    points = read_points([series], _ask(base, host_statement("network", [series], "a", Span(NOW, NOW + 1, 1000))))
    assert points["net.in"][1].tolist() == [3.0]
    live: dict[str, list[Any]] = {
        "received_bytes_per_second": [5.0, 2.0, 1.0],
        "interface": ["lo", "eth0", "eth1"],
        "primary": [None] * 3,
    }
    assert read_value(series, live) == 3.0


def test_a_spike_of_one_sample_survives_any_bucket(base: duckdb.DuckDBPyConnection) -> None:
    for step in range(720):
        _insert(base, "cpu", "a", NOW + step * 5000, core="all", busy_ratio=1.0 if step == 333 else 0.1)
    series = [SERIES["cpu.busy"]]
    for columns in (10, 60, 720):
        span = make_span(NOW, NOW + 3_600_000, columns)
        rows = _ask(base, host_statement("cpu", series, "a", span))
        times, values = read_points(series, rows)["cpu.busy"]
        assert len(rows) <= columns + 1
        assert values.max() == 1.0
        assert values.min() == 0.1
        assert (np.diff(times) >= 0).all()


def test_long_buckets_are_read_from_rollups(base: duckdb.DuckDBPyConnection) -> None:
    for minute in range(0, 7200, 7):
        at = NOW // 60_000 * 60_000 + minute * 60_000
        for core, value in (("all", minute / 7200), ("0", 2.0)):
            _insert(base, "cpu", "a", at, core=core, busy_ratio=value)
        for name, rate in (("eth0", 100.0), ("lo", 7.0)):
            _insert(base, "network", "a", at, interface=name, received_bytes_per_second=rate)
    series = [SERIES["cpu.busy"]]
    for days, tier in ((0.25, ""), (1, "1m"), (5, "1h")):
        span = make_span(NOW, NOW + round(days * 86_400_000), 100 if days > 1 else 400)
        assert (span.tier, span.table("cpu")) == (tier, f"cpu_{tier}" if tier else "cpu")
        values = read_points(series, _ask(base, host_statement("cpu", series, "a", span)))["cpu.busy"][1]
        raw = _ask(base, host_statement("cpu", series, "a", Span(span.start_ms, span.end_ms, 1000)))
        assert (values.min(), values.max()) == (min(row[1] for row in raw), max(row[2] for row in raw))
        fleet = read_fleet(series, _ask(base, fleet_statement("cpu", series, span)))
        assert fleet["cpu.busy.max"][1].max() <= values.max()
        rates = [SERIES["net.in"]]
        found = read_points(rates, _ask(base, host_statement("network", rates, "a", span)))["net.in"][1]
        assert set(found.tolist()) == {100.0}


def test_what_is_not_known_is_a_hole(base: duckdb.DuckDBPyConnection) -> None:
    _insert(base, "memory", "a", NOW, used_ratio=0.5)
    series = [SERIES["memory.used"], SERIES["memory.swap"]]
    points = read_points(series, _ask(base, host_statement("memory", series, "a", Span(NOW, NOW + 1000, 1000))))
    assert points["memory.used"][1].tolist() == [0.5]
    assert math.isnan(points["memory.swap"][1][0])
    nothing = read_points(series, _ask(base, host_statement("memory", series, "b", Span(NOW, NOW + 1000, 1000))))
    assert len(nothing["memory.used"][0]) == 0


def test_the_fleet_weighs_hosts_not_samples(base: duckdb.DuckDBPyConnection) -> None:
    for step in range(10):
        _insert(base, "cpu", "busy", NOW + step * 500, core="all", busy_ratio=1.0)
    _insert(base, "cpu", "idle", NOW, core="all", busy_ratio=0.0)
    for host, value in (("busy", 10.0), ("idle", 1.0)):
        _insert(base, "disk_io", host, NOW, device="sda", read_bytes_per_second=value)
    span = Span(NOW, NOW + 10_000, 10_000)
    cpu = read_fleet([SERIES["cpu.busy"]], _ask(base, fleet_statement("cpu", [SERIES["cpu.busy"]], span)))
    assert (cpu["cpu.busy"][1].tolist(), cpu["cpu.busy.max"][1].tolist()) == ([0.5], [1.0])
    read = read_fleet([SERIES["io.read"]], _ask(base, fleet_statement("disk_io", [SERIES["io.read"]], span)))
    assert read["io.read"][1].tolist() == [11.0]


def test_a_seed_holds_every_host_within_bounds(base: duckdb.DuckDBPyConnection) -> None:
    for host in ("a", "b"):
        for step in range(100):
            _insert(base, "cpu", host, NOW - step * 5000, core="all", busy_ratio=step / 100)
    series = tables_of(["cpu.busy", "cpu.user"])["cpu"]
    found = read_seed(series, _ask(base, seed_statement("cpu", series, seed_span(NOW, 2))))
    assert sorted(found) == ["a", "b"]
    assert 90 <= len(found["a"]["cpu.busy"][0]) <= 100
    assert np.isnan(found["a"]["cpu.user"][1]).all()
    assert (900_000 / seed_span(NOW, 5000).step_ms) * 5000 < 100_000


def test_the_newest_value_of_every_host_is_one_row(base: duckdb.DuckDBPyConnection) -> None:
    for host, last in (("a", 0.25), ("b", 0.75)):
        for step in range(5):
            _insert(base, "cpu", host, NOW - step * 5000, core="all", busy_ratio=last if not step else 0.1)
            _insert(base, "cpu", host, NOW - step * 5000, core="0", busy_ratio=0.9)
    _insert(base, "cpu", "c", NOW - 600_000, core="all", busy_ratio=0.5)
    series = tables_of(["cpu.busy", "cpu.user"])["cpu"]
    rows = _ask(base, newest_statement("cpu", series, NOW - 120_000))
    found = read_seed(series, rows)
    assert [list(row[:3]) for row in rows] == [["a", NOW, 0.25], ["b", NOW, 0.75]]
    assert found["b"]["cpu.busy"][1].tolist() == [0.75]
    assert np.isnan(found["a"]["cpu.user"][1]).all()


def _names(base: duckdb.DuckDBPyConnection, statement: Statement) -> list[str]:
    return [column[0] for column in base.execute(statement.sql, statement.params).description or []]


def _columns(base: duckdb.DuckDBPyConnection, table: str, now_ms: int, at_ms: int | None = None) -> Any:
    """Return what the first statement with an answer says, and how many were asked."""
    asked = 0
    for statement in rows_statements(table, "a", now_ms, at_ms):
        asked += 1
        if rows := _ask(base, statement):
            return as_columns(_names(base, statement), rows), asked
    return {}, asked


def test_rows_of_a_moment_are_the_newest_not_after_it(base: duckdb.DuckDBPyConnection) -> None:
    for step, name in ((0, "old"), (5000, "middle"), (10_000, "new")):
        _insert(base, "process", "a", NOW + step, rank=1, pid=step, name=name)
        _insert(base, "process", "b", NOW + step + 1, rank=1, pid=step, name="another host's")
    for at_ms, name in ((None, "new"), (NOW + 7000, "middle"), (NOW + 5000, "middle"), (NOW, "old")):
        columns, asked = _columns(base, "process", NOW + 20_000, at_ms)
        assert (columns["name"], asked) == ([name], 1)
    assert _columns(base, "process", NOW + 20_000, NOW - 1) == ({}, 3)


@pytest.mark.parametrize(("silent_ms", "asked"), [(60_000, 1), (3_600_000, 2), (9 * 86_400_000, 3), (-86_400_000, 1)])
def test_a_host_that_is_silent_for_long_shows_its_last_moment(
    base: duckdb.DuckDBPyConnection, silent_ms: int, asked: int
) -> None:
    for step, name in ((0, "old"), (5000, "last")):
        _insert(base, "process", "a", NOW + step, rank=1, pid=step, name=name)
    # Less than nothing: the clock of whoever looks is behind.
    columns, needed = _columns(base, "process", NOW + 5000 + silent_ms)
    assert (columns["name"], needed) == (["last"], asked)


def test_rows_of_collectors_are_the_newest_of_each(base: duckdb.DuckDBPyConnection) -> None:
    for step, collector, ok in ((0, "cpu", True), (5, "smart", False), (9, "cpu", False)):
        _insert(base, "agent", "a", NOW + step, collector=collector, ok=ok)
    columns, _ = _columns(base, "agent", NOW + 60_000)
    assert sorted(zip(columns["collector"], columns["ok"], strict=True)) == [("cpu", False), ("smart", False)]
    columns, _ = _columns(base, "agent", NOW + 60_000, NOW + 6)
    assert sorted(zip(columns["collector"], columns["ok"], strict=True)) == [("cpu", True), ("smart", False)]


@pytest.mark.parametrize("span_ms", [1000, 60_000, 900_000, 86_400_000, 90 * 86_400_000])
def test_buckets_are_whole_seconds_and_stand_still(span_ms: int) -> None:
    span = make_span(NOW - span_ms + 137, NOW + 137, 200)
    assert span.step_ms % 1000 == 0
    assert span.start_ms % span.step_ms == 0
    assert (span.end_ms - span.start_ms) / span.step_ms <= 202
