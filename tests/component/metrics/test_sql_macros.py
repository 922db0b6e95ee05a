"""Functions of ours in a caller's SQL: what they answer, what they refuse, and that the reference's examples run."""

import re
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.config.settings import QuerySettings
from nagare.errors import QuerySyntaxError, ResultTooLargeError
from nagare.metrics.engine import Engine
from nagare.metrics.store import MetricStore
from nagare.model.sql_functions import FUNCTIONS
from nagare.wire.sql import SqlRequest
from tests.support.metric_store import START_MS, make_batch, make_store, rows

REFERENCE = Path(__file__).parents[3] / "docs/reference/sql.md"
# Ten seconds of a counter that is reset once, beside a gauge.
COUNTS = [100, 150, 210, 10, 30, 30, 70, 90, 100, 160]
TIMES = [START_MS + second * 1000 for second in range(10)]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[MetricStore]:
    async with make_store(tmp_path, memory_limit_bytes=64 * 2**20) as store:
        await store.append(
            make_batch(
                1,
                {
                    "network": {"ts": TIMES, "interface": ["eth0"] * 10, "received_bytes_total": COUNTS},
                    "cpu": {"ts": TIMES, "core": ["all"] * 10, "busy_ratio": [n / 10 for n in range(10)]},
                    "memory": {"ts": TIMES, "used_bytes": [1000 + n for n in range(10)]},
                },
            )
        )
        await store.flush()
        # The same rows again a little later, out of order and with a hole, so that head and blocks answer together.
        late = [START_MS + 12_000, START_MS + 10_000, START_MS + 11_000]
        await store.append(
            make_batch(
                2,
                {
                    "network": {"ts": late, "interface": ["eth0"] * 3, "received_bytes_total": [300, 200, None]},
                    "load": {"ts": late, "load1": [3.0, 1.0, 2.0], "cores": [4, 4, 4]},
                },
            )
        )
        yield store


@pytest.mark.parametrize(
    ("sql", "column", "expected"),
    [
        ("SELECT arg_max(load1, ts) FROM load", "arg_max(load1, ts)", 3.0),
        ("SELECT max_by(load1, load.ts) FROM load", 'max_by(load1, "load".ts)', 3.0),
        ('SELECT arg_min(load1, "ts") FROM load', "arg_min(load1, ts)", 1.0),
        ("SELECT last(load1, TS) FROM load", "last(load1, TS)", 3.0),
        ("SELECT arg_max(load1, ts) FILTER (WHERE load1 < 3) FROM load", None, 2.0),
        ("SELECT arg_max(load1, ts) OVER () FROM load LIMIT 1", None, 3.0),
        ("SELECT arg_max(ts, ts) FROM load", None, "2025-10-09T08:53:32.000Z"),
        ("SELECT arg_max(load1, ts, 2)[2] FROM load", None, 2.0),
        # What is called so need not be a time, nor one that has a number of nanoseconds.
        ("SELECT arg_max(v, ts) FROM (VALUES (1, 'b'), (2, 'a')) AS t(v, ts)", None, 1),
        ("SELECT arg_max(v, ts) FROM (VALUES (1, 5), (2, 7)) AS t(v, ts)", None, 2),
        ("SELECT arg_max(v, ts) FROM (VALUES (1, DATE '2020-01-01'), (2, DATE '9999-01-01')) AS t(v, ts)", None, 2),
        ("SELECT arg_max(v, ts) FROM (VALUES (1, TIMESTAMP '290000-01-01'), (2, NULL)) AS t(v, ts)", None, 1),
        ("SELECT arg_max(v, ts) FROM (VALUES (1, TIMESTAMPTZ '2020-01-01 00:00:00+02')) AS t(v, ts)", None, 1),
        ("SELECT arg_max(v, ts) FROM (VALUES (1, [1]), (2, [2])) AS t(v, ts)", None, 2),
    ],
)
async def test_a_row_is_found_by_its_time(store: MetricStore, sql: str, column: str | None, expected: object) -> None:
    reply = await store.query(SqlRequest(sql))
    assert reply.rows == [[expected]]
    assert column is None or reply.columns[0].name == column


@pytest.mark.parametrize(
    ("expression", "table", "expected"),
    [
        ("increase(received_bytes_total, ts)", "network", 110 + 10 + 150 + 40 + 100),
        ("rate(received_bytes_total, ts)", "network", 410 / 12),
        ("delta(received_bytes_total, ts)", "network", 200),
        ("last(received_bytes_total, ts)", "network", 300),
        ("first(received_bytes_total, ts)", "network", 100),
        ('"LAST" (load1, ts)', "load", 3.0),
        ("First(load1, ts)", "load", 1.0),
        ("last(load1, ts) FILTER (WHERE load1 < 3)", "load", 2.0),
        ("percentile(busy_ratio, 0.5)", "cpu", 0.45),
        ("median(busy_ratio)", "cpu", 0.45),
        ("1 + round(rate(received_bytes_total, ts), 3)", "network", 35.167),
        ("rate(cores, ts)", "load", 0.0),
        ("increase(used_bytes, ts)", "memory where false", None),
        ("rate(used_bytes, ts)", "memory where used_bytes = 1003", None),
        ("last('é' || host, ts)", "load", "éweb1"),
    ],
)
async def test_functions_answer(store: MetricStore, expression: str, table: str, expected: object) -> None:
    assert (await rows(store, f"SELECT {expression} FROM {table}"))[0][0] == pytest.approx(expected)


@pytest.mark.parametrize("width", ["'5s'", "'5 seconds'", "INTERVAL 5 SECONDS", "INTERVAL '5s'", "to_seconds(5)"])
async def test_time_bucket_takes_text_and_interval(store: MetricStore, width: str) -> None:
    found = await rows(
        store, f"SELECT epoch_ms(time_bucket({width}, ts)) AS t, count(*) FROM cpu GROUP BY t ORDER BY t"
    )
    assert found == [[START_MS, 5], [START_MS + 5000, 5]]


async def test_columns_keep_the_names_that_were_written(store: MetricStore) -> None:
    reply = await store.query(
        SqlRequest("SELECT last(load1, ts), percentile(load1, 0.5), rate(load1, ts), 1 FROM load")
    )
    assert [column.name for column in reply.columns] == [
        "last(load1, ts)",
        "percentile(load1, 0.5)",
        "rate(load1, ts)",
        "1",
    ]


async def test_columns_tables_and_aliases_may_be_named_as_functions(store: MetricStore) -> None:
    sql = (
        "WITH rate AS (SELECT ts, load1 AS last, load1 AS pair, load1 AS counter FROM load) "
        "SELECT last(last, ts) AS last, rate(counter, ts), rate(pair, rate.ts) AS increase FROM rate"
    )
    assert await rows(store, sql) == [[3.0, 1.0, 1.0]]


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("SELECT rate(rate(load1, ts), ts) FROM load", "with rate inside"),
        ("SELECT increase(abs(delta(load1, ts)), ts) FROM load", "with delta inside"),
        ("SELECT rate((SELECT max(load1) FROM load), ts) FROM load", "with a subquery inside"),
        ("SELECT rate(load1, (SELECT rate(load1, ts) FROM load)) FROM load", "inside"),
        ("SELECT rate(load1 IN (SELECT 1), ts) FROM load", "with a subquery inside"),
        ("SELECT rate(load1, ts) OVER () FROM load", "OVER a window"),
        ("SELECT delta(load1, ts) OVER (PARTITION BY host) FROM load", "OVER a window"),
        ("SELECT rate(DISTINCT load1, ts) FROM load", "DISTINCT"),
        ("SELECT rate(load1, ts ORDER BY load1) FROM load", "DISTINCT"),
        ("SELECT rate(load1, ts) FILTER (WHERE true) FROM load", "FILTER"),
        ("SELECT rate(load1) FROM load", "these arguments"),
        ("SELECT rate(load1, ts, 1) FROM load", "these arguments"),
        ("SELECT rate(counter := load1, ts := ts) FROM load", "these arguments"),
        ("SELECT rate(list(load1), ts) FROM load", "made of many rows"),
        ("SELECT load1.last(ts) FROM load", "no schema or dot"),
        ("SELECT main.rate(load1, ts) FROM load", "no schema or dot"),
        ("SELECT system.main.last(load1, ts) FROM load", "no schema or dot"),
        ("SELECT percentile(load1, load1) FROM load", "cannot run SQL"),
        ("FROM rate(1, 2)", "not allowed"),
        ("SELECT raet(load1, ts) FROM load", "unknown or not allowed"),
        ("CREATE MACRO rate(a) AS 1", "is allowed"),
        ("DROP MACRO rate", "is allowed"),
    ],
)
async def test_hostile_uses_are_refused(store: MetricStore, sql: str, why: str) -> None:
    with pytest.raises(QuerySyntaxError, match=why):
        await store.query(SqlRequest(sql))


async def test_a_macro_counts_as_often_as_it_repeats_its_arguments(store: MetricStore) -> None:
    sums = " + ".join(["load1"] * 60)
    calls = ", ".join([f"rate({sums}, ts)"] * 40)
    plain = calls.replace("rate(", "arg_max(")
    assert len((await rows(store, f"SELECT {plain} FROM load"))[0]) == 40
    with pytest.raises(QuerySyntaxError, match="steps"):
        await store.query(SqlRequest(f"SELECT {calls} FROM load"))


async def test_a_group_without_bounds_ends_at_the_memory_of_queries(store: MetricStore) -> None:
    with pytest.raises(ResultTooLargeError):
        await store.query(SqlRequest("SELECT rate(range, make_timestamp_ms(range)) FROM range(40000000)"))


@given(
    samples=st.lists(
        st.tuples(st.integers(0, 3_600_000), st.one_of(st.none(), st.integers(-1000, 10**12))),
        unique_by=lambda sample: sample[0],
        max_size=30,
    )
)
def test_increase_and_rate_equal_a_naive_count(
    tmp_path_factory: pytest.TempPathFactory, samples: list[tuple[int, int | None]]
) -> None:
    told = [(at, value) for at, value in sorted(samples) if value is not None]
    grown = [now if now < before else now - before for (_, before), (_, now) in pairwise(told)]
    engine = Engine(tmp_path_factory.getbasetemp(), QuerySettings())
    with engine.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE t (ts TIMESTAMP_MS, v BIGINT)")
        for at, value in samples:
            cursor.execute("INSERT INTO t VALUES (make_timestamp_ms(?), ?)", [at, value])
        found = cursor.execute("SELECT increase(v, ts), rate(v, ts) FROM t").fetchone()
    engine.close()
    if len(told) < 2:
        assert found == (None, None)
        return
    seconds = (told[-1][0] - told[0][0]) / 1000
    assert found == (pytest.approx(sum(grown)), pytest.approx(sum(grown) / seconds))


def test_every_function_stands_in_the_reference_with_an_example() -> None:
    text = REFERENCE.read_text()
    for function in FUNCTIONS:
        assert f"| `{function.name}({function.arguments})` |" in text, f"add {function.name} to {REFERENCE.name}"
        assert any(f"{function.name}(" in example for example in _examples()), f"show {function.name} in an example"


async def test_the_examples_of_the_reference_run(store: MetricStore) -> None:
    for example in _examples():
        assert await rows(store, example), example


def _examples() -> list[str]:
    return re.findall(r"```sql\n(.*?)```", REFERENCE.read_text(), re.DOTALL)
