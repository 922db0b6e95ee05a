"""What is kept of statements that come again: never another answer than the first time, and never another's."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb  # noqa: TID253  real DuckDB is tested here
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.errors import QuerySyntaxError
from nagare.metrics.rollups import plain_time
from nagare.metrics.sql.sandbox import check
from nagare.metrics.sql.statements import Statements
from nagare.wire.sql import SqlRequest
from tests.support.metric_store import START_MS, make_batch, make_store, rows

CURSOR = duckdb.connect()


def _node(expression: str) -> dict[str, Any]:
    row = CURSOR.execute("select json_serialize_sql(cast(? as varchar))", [f"select {expression} as x"]).fetchone()
    assert row
    found: dict[str, Any] = json.loads(row[0])["statements"][0]["node"]["select_list"][0]
    return found


TIMES = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1))  # noqa: DTZ001
TEXTS = TIMES.map(str) | TIMES.map(lambda at: at.isoformat()) | TIMES.map(lambda at: str(at.date()))
FORMS = ["TIMESTAMP '{}'", "'{}'", "CAST('{}' AS TIMESTAMP)", "'{}'::timestamp_ns", "DATE '{}'", "CAST('{}' AS DATE)"]


@given(TEXTS | st.text("0123456789-: .TZ", max_size=20), st.sampled_from(FORMS))
def test_a_moment_that_is_read_here_is_the_one_that_duckdb_means(text: str, form: str) -> None:
    node = _node(form.format(text))
    plain = plain_time.plain_moment(node)
    if plain is not None:
        row = CURSOR.execute(f"select epoch_us(cast({form.format(text)} as timestamp))").fetchone()
        assert row == (plain,)


@given(st.integers(-(10**18), 10**18))
def test_milliseconds_are_read_alike(number: int) -> None:
    plain = plain_time.plain_moment(_node(f"make_timestamp_ms({number})"))
    if plain is not None:
        assert plain == number * 1000


UNITS = ["millisecond", "second", "minute", "hour", "day", "week", "month", "year", "century"]
SPANS = [
    "INTERVAL '{} {}'",
    "INTERVAL {} {}",
    "INTERVAL ({}) {}",
    "to_{1}s({0})",
    "CAST('{} {}s' AS INTERVAL)",
    "'{}{}'::INTERVAL",
]


def _microseconds(expression: str) -> Any:
    try:
        return CURSOR.execute(f"select epoch_us({expression})").fetchall()[0][0]
    except duckdb.Error as error:
        return type(error).__name__


@given(st.integers(-10, 10**9), st.sampled_from(UNITS), st.sampled_from(SPANS), st.sampled_from("+-"))
def test_spans_and_what_the_clock_is_moved_by_are_those_that_duckdb_means(
    count: int, unit: str, form: str, sign: str
) -> None:
    span, now_us = form.format(count, unit), 1_790_000_000_123_456
    try:
        node = _node(span)
    except KeyError:
        return  # no SQL at all
    plain = plain_time.plain_span(node)
    if plain is not None:
        assert plain == _microseconds(f"make_timestamp({now_us}) + {span}") - now_us
    for clock in ("now()", "now()::timestamp", "get_current_timestamp()", "CAST(now() AS TIMESTAMPTZ)"):
        at_us = plain_time.plain_moment(_node(f"{clock} {sign} {span}"), None, now_us)
        if at_us is not None:
            assert at_us == _microseconds(f"make_timestamp({now_us}) {sign} {span}")


@given(st.integers(-(10**15), 10**15) | st.booleans() | st.text("0123456789-", max_size=12) | st.none())
def test_a_parameter_of_milliseconds_is_read_alike(value: Any) -> None:
    for expression, params in (("epoch_ms(?)", [value]), ("make_timestamp_ms($at)", {"at": value})):
        plain = plain_time.plain_moment(_node(expression), params)
        if plain is not None:
            assert CURSOR.execute(f"select epoch_us({expression})", params).fetchall() == [(plain,)]


def test_what_is_not_plain_is_left_to_duckdb() -> None:
    for expression in (
        "'2026-01-01' + INTERVAL '1 day'",
        "today()",
        "now() - INTERVAL '1 month'",
        "now()::DATE",
    ):
        assert plain_time.plain_moment(_node(expression), None, 5) is None
    for expression in ("TRY_CAST('1 day' AS INTERVAL)", "to_seconds(1.5)", "5"):
        assert plain_time.plain_span(_node(expression)) is None


def test_the_usual_forms_are_read_here() -> None:
    for span in ("INTERVAL '5 minutes'", "INTERVAL 5 MINUTE", "to_minutes(5)"):
        assert plain_time.plain_span(_node(span)) == 300_000_000
        assert plain_time.plain_moment(_node(f"now() - {span}"), None, 10**15) == 10**15 - 300_000_000
    assert plain_time.plain_moment(_node("epoch_ms(?)"), [7]) == 7000
    at = round(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC).timestamp() * 1_000_000)
    for expression in ("TIMESTAMP '2026-01-02 03:04:05'", "'2026-01-02T03:04:05'", f"make_timestamp_ms({at // 1000})"):
        assert plain_time.plain_moment(_node(expression)) == at


STATEMENTS = [
    "select count(*) from cpu",
    "select host, avg(busy_ratio) from cpu where ts >= make_timestamp_ms(5) group by all order by 1",
    "with c as (select * from load) select max(load1) from c",
    "explain select 1",
    "select rate(load1, ts) from load",
    "select repeat('x', 3), ? from load",
]


@pytest.mark.parametrize("sql", STATEMENTS)
def test_a_statement_is_checked_the_same_again(sql: str) -> None:
    statements, known = Statements(), ("cpu", "load")
    params = [1] if "?" in sql else None
    for _ in range(3):
        again, first = statements.check(CURSOR, sql, known, params), check(CURSOR, sql, known, params)
        assert (again.sql, again.tables, again.prefix) == (first.sql, first.tables, first.prefix)
        assert json.dumps(again.tree) == json.dumps(first.tree)
        # Whoever changes it has a tree of its own.
        again.tree.clear()  # type: ignore[attr-defined]


def test_what_one_caller_may_name_another_may_not() -> None:
    statements = Statements()
    statements.check(CURSOR, "select * from audit", ("audit", "cpu"), None)
    with pytest.raises(QuerySyntaxError):
        statements.check(CURSOR, "select * from audit", ("cpu",), None)


def test_parameters_are_judged_each_time() -> None:
    statements = Statements()
    sql = "select repeat(?, 1000) from cpu"
    statements.check(CURSOR, sql, ("cpu",), ["x"])
    for judge in (check, statements.check):
        with pytest.raises(QuerySyntaxError):
            judge(CURSOR, sql, ("cpu",), ["x" * 10**6])


async def test_a_new_column_is_seen_by_a_statement_that_was_asked_before(tmp_path: Path) -> None:
    async with make_store(tmp_path) as store:
        await store.append(make_batch(1, {"own": {"ts": [START_MS], "a": [1.5]}}))
        sql = "select * from own order by ts"
        before = await store.query(SqlRequest(sql))
        assert [column.name for column in before.columns] == ["ts", "host", "a"]
        await store.append(make_batch(2, {"own": {"ts": [START_MS + 1], "a": [2.5], "b": ["x"]}}))
        after = await store.query(SqlRequest(sql))
        assert [column.name for column in after.columns] == ["ts", "host", "a", "b"]
        assert [row[2:] for row in after.rows] == [[1.5, None], [2.5, "x"]]


async def test_types_follow_the_parameters(tmp_path: Path) -> None:
    async with make_store(tmp_path) as store:
        await store.append(make_batch(1))
        for value in (1, 1.0, True, "1", 2**40, None, 1):
            reply = await store.query(SqlRequest("select ? as x from load", [value]))
            assert reply.rows == [[value]], value


async def test_many_at_once_have_answers_of_their_own(tmp_path: Path) -> None:
    async with make_store(tmp_path) as store:
        for seq in range(1, 6):
            await store.append(make_batch(seq))
        asked = [f"select sum(load1) from load where cores >= {n % 5}" for n in range(40)]
        expected = [[[float(sum(range(max(1, n % 5), 6)))]] for n in range(40)]
        assert await asyncio.gather(*(rows(store, sql) for sql in asked)) == expected
