"""Statements of one form: what is kept of one is right for all that differ in free texts, and for no other."""

import json
from pathlib import Path
from typing import Any

import duckdb  # noqa: TID253  real DuckDB is tested here
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.errors import QuerySyntaxError
from nagare.metrics.sql.forms import Cut
from nagare.metrics.sql.sandbox import check
from nagare.metrics.sql.statements import Statements
from nagare.wire.sql import SqlRequest
from tests.support.metric_store import make_batch, make_store

CURSOR = duckdb.connect()
KNOWN = ("cpu", "load", "influx.cpu")
# All examples share what was learned by earlier ones.
LEARNED = Statements()

FORMS = [
    "SELECT count(*) FROM cpu WHERE host = '{0}'",
    "SELECT host, max(busy_ratio) FROM cpu WHERE host IN ('{0}', '{1}') AND ts >= TIMESTAMP '{2}' GROUP BY ALL",
    "SELECT date_trunc('{0}', ts), host = '{1}' FROM cpu WHERE core <> '{0}'",
    "SELECT time_bucket(INTERVAL '{0}', ts) AS t, last(busy_ratio, ts) FROM influx.cpu WHERE ts BETWEEN '{1}' AND '{2}' GROUP BY t",
    "WITH c AS (SELECT '{0}' AS word, * FROM load WHERE host = '{1}') SELECT * FROM c WHERE word < '{2}'",
    "SELECT '{0}' AS \"{1}\", repeat('{1}', 3) FROM cpu -- '{2}'\n WHERE host = '{2}';",
    "EXPLAIN SELECT * FROM load WHERE host NOT IN ('{0}', '{1}', '{2}')",
    "SELECT * FROM (PIVOT cpu ON host IN ('{0}', '{1}') USING sum(busy_ratio)) WHERE core = '{2}'",
    "SELECT regexp_matches(host, '{0}'), host LIKE '{1}', E'{2}' FROM cpu WHERE host = E'{0}' OR core = '{1}' '{2}'",
    "SELECT ('{0}'::DATE), TRY_CAST('{1}' AS TIMESTAMP), CAST('{2}' AS VARCHAR) FROM cpu, load AS \"it's\"",
    "SELECT sum(CASE WHEN host > '{0}' THEN 1 END) OVER (ORDER BY ts) FROM cpu WHERE '{1}' = '{2}' AND \"host\" = $a",
    "SELECT {0} FROM cpu WHERE host = '{1}'",
]
TEXTS = st.sampled_from(
    ["web1", "web2", "minute", "hour", "5 minutes", "2025-10-09 12:00:00", "2025-10-09", "a.b-c_d", "other0", "other0x1",
     "", "it''s", "a(b", "\\", "ä", "\n", "x" * 300, "' OR 1=1 --", "'; SELECT '", "/*", "*/", "--", "$$", "host"]
)  # fmt: skip


def _seen(statements: Any, sql: str) -> Any:
    """Return what is told of ``sql``, or why it is refused; places in the text are of no interest."""
    parameters = {"a": "web1"} if "$a" in sql else None
    try:
        found = statements(CURSOR, sql, KNOWN, parameters)
    except QuerySyntaxError as error:
        return str(error)
    return found.sql, found.written, found.tables, found.prefix, json.dumps(_without_places(found.tree))


def _without_places(tree: Any) -> Any:
    if isinstance(tree, list):
        return [_without_places(each) for each in tree]
    if not isinstance(tree, dict):
        return tree
    return {key: _without_places(value) for key, value in tree.items() if not key.startswith("query_location")}


@given(st.sampled_from(FORMS), st.lists(st.tuples(TEXTS, TEXTS, TEXTS), min_size=1, max_size=6))
def test_a_statement_of_a_known_form_is_the_one_that_it_is_by_itself(form: str, texts: list[tuple[str, ...]]) -> None:
    for each in texts:
        sql = form.format(*each)
        assert _seen(LEARNED.check, sql) == _seen(check, sql)


def test_texts_that_are_compared_or_become_times_are_free_and_no_others() -> None:
    statements = Statements()
    form = "SELECT date_trunc('{}', ts), '{}' AS word FROM cpu WHERE host IN ('{}') AND ts > TIMESTAMP '{}'"
    for _ in range(2):
        statements.check(CURSOR, form.format("hour", "a", "web1", "2025-10-09"), KNOWN, None)
    found = statements.check(CURSOR, form.format("hour", "a", "web2", "2025-10-10"), KNOWN, None)
    assert found.free == {"web2", "2025-10-10"}
    # What stands for something else too is told apart from nothing.
    found = statements.check(CURSOR, form.format("hour", "a", "hour", "2025-10-10"), KNOWN, None)
    assert found.free == {"2025-10-10"}


def test_a_form_is_cut_at_plain_texts_alone() -> None:
    assert Cut.of("SELECT 'a', E'b', 'c''d', \"e 'f'\" -- 'g'") == Cut(
        ("SELECT '", "', E'b', 'c''d', \"e 'f'\" -- 'g'"), ("a",)
    )
    assert Cut.of("SELECT " + "'a', " * 200 + "1").texts == ()
    assert Cut.of("SELECT 'a' -- \x00").texts == ()
    assert Cut.of("") == Cut(("",), ())
    assert set(Cut.of("SELECT 'other0', 'b'").others()).isdisjoint({"other0", "b"})


@pytest.mark.parametrize("size", [10, 10**6])
def test_parameters_are_judged_with_each_statement_of_a_form(size: int) -> None:
    statements = Statements()
    for host in ("web1", "web2", "web3"):
        statements.check(CURSOR, f"SELECT repeat(?, 1000) FROM cpu WHERE host = '{host}'", KNOWN, ["x"])
    sql = "SELECT repeat(?, 1000) FROM cpu WHERE host = 'web4'"
    assert _judged(statements.check, sql, size) == _judged(check, sql, size) == (size < 10**6)


def _judged(judge: Any, sql: str, size: int) -> bool:
    try:
        judge(CURSOR, sql, KNOWN, ["x" * size])
    except QuerySyntaxError:
        return False
    return True


async def test_answers_of_one_form_are_of_their_own_texts(tmp_path: Path) -> None:
    async with make_store(tmp_path) as store:
        for number in range(5):
            await store.append(make_batch(1, host=f"web{number}"))
        for form in (
            "SELECT host, count(*) AS n FROM load WHERE host = '{0}' GROUP BY host",
            "SELECT host, host = '{0}' FROM load WHERE host = '{0}'",
            "SELECT max(host), '{0}' FROM load WHERE host <= '{0}'",
            "SELECT host AS \"{0}\" FROM load WHERE host IN ('{0}', 'nobody') AND ts > TIMESTAMP '1970-01-02'",
        ):
            for number in range(5):
                reply = await store.query(SqlRequest(form.format(f"web{number}")))
                assert reply.rows[0][0] == f"web{number}"
                told = [column.name for column in reply.columns] + [str(cell) for cell in reply.rows[0]]
                assert not {f"web{other}" for other in range(5) if other != number} & set(told)
                assert not any(f"'web{other}'" in name for other in range(5) if other != number for name in told)


STATEMENTS = [
    "WITH load AS (SELECT host FROM load WHERE load1 > 1) SELECT * FROM load ORDER BY host",
    "SELECT * FROM (WITH cpu AS (SELECT 1 AS one) SELECT * FROM cpu, load) ORDER BY host",
    "(SELECT host FROM load) UNION ALL (SELECT host FROM cpu) ORDER BY 1",
    "FROM load SELECT host ORDER BY host",
    "SELECT host, (SELECT max(load1) FROM load AS other WHERE other.host = load.host) FROM load ORDER BY host",
    "SELECT a.host, b.host FROM load a JOIN load b ON a.load1 < b.load1 ORDER BY ALL",
    "SELECT * FROM (PIVOT load ON host IN ('web1', 'web3') USING sum(load1)) ORDER BY ALL",
    "SELECT date_trunc('minute', ts), max(load1) FROM load WHERE ts >= TIMESTAMP '1970-01-02' GROUP BY 1 ORDER BY 1",
    "SELECT host, count(*) FROM load_1m GROUP BY host ORDER BY host",
    "SELECT name, host, value FROM samples ORDER BY ALL",
    "SELECT host, count(*) FROM cpu GROUP BY host",
    "VALUES (1), (2)",
    "SELECT 1",
]


@pytest.mark.parametrize("hosts", [None, frozenset({"web1", "web3"})])
async def test_what_stands_before_a_statement_means_what_a_view_means(
    hosts: frozenset[str] | None, tmp_path: Path
) -> None:
    async with make_store(tmp_path) as store:
        for number in range(4):
            await store.append(make_batch(number, host=f"web{number}"))
        for sql in STATEMENTS:
            answers = [await store.query(SqlRequest(sql), hosts=hosts) for _ in range(3)]
            assert answers[0].rows == answers[1].rows == answers[2].rows
            assert answers[0].columns == answers[2].columns
            if hosts is not None:
                assert not {"web0", "web2"} & {cell for row in answers[2].rows for cell in row if isinstance(cell, str)}
