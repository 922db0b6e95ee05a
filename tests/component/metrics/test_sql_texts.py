"""Rows that a WHERE cannot want are left out before DuckDB sees them, and no answer changes by it."""

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nagare.metrics.sql.sandbox import check
from nagare.metrics.sql.texts import ANY, Texts, find_texts
from nagare.metrics.store import MetricStore
from nagare.model.samples import STALE_BITS, Samples
from nagare.wire.sql import SqlRequest
from tests.component.metrics.test_repeats import CURSOR
from tests.support.metric_store import START_MS, make_store, rows
from tests.support.samples import make_samples

KNOWN = ("samples", "samples_last", "samples_1m", "cpu")
A, B = frozenset({"a"}), frozenset({"b"})


def _found(sql: str, params: Any = None) -> dict[str, Texts]:
    checked = check(CURSOR, sql, KNOWN, params)
    return find_texts(checked.tree, ("name", "host"), params)


@pytest.mark.parametrize(
    ("where", "params", "allowed"),
    [
        ("name = 'a'", None, {"name": A}),
        ("'a' = name", None, {"name": A}),
        ("s.name = 'a' AND host IN ('b')", None, {"name": A, "host": B}),
        ("name IN ('a', 'b') AND name = 'a'", None, {"name": A}),
        ("name = 'a' AND name = 'b'", None, {"name": frozenset()}),
        ("name = 'a' OR name = 'b'", None, {"name": A | B}),
        ("name = 'a' OR (name = 'b' AND host = 'b')", None, {"name": A | B}),
        ("name = 'a' OR host = 'b'", None, {}),
        ("name = 'a' OR value > 1", None, {}),
        ("name = ? AND host = ?", ["a", "b"], {"name": A, "host": B}),
        ("name = $x", {"x": "a"}, {"name": A}),
        ("name = ?", [1], {}),
        ("NOT name = 'a'", None, {}),
        ("name <> 'a'", None, {}),
        ("name NOT IN ('a')", None, {}),
        ("name IN ('a', host)", None, {}),
        ("name = upper('a')", None, {}),
        ("lower(name) = 'a'", None, {}),
        ("name LIKE 'a'", None, {}),
        ("name IS NOT DISTINCT FROM 'a'", None, {}),
        ("labels['name'] = 'a'", None, {}),
        ("name = 'a' COLLATE NOCASE", None, {}),
    ],
)
def test_what_is_certain_is_told(where: str, params: Any, allowed: Any) -> None:
    assert _found(f"SELECT * FROM samples s WHERE {where}", params) == {"samples": Texts(allowed)}


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM (SELECT * FROM samples) WHERE name = 'a'",
        "SELECT 'a' AS name FROM samples WHERE name = 'a'",
        "SELECT * FROM samples JOIN cpu USING (host) WHERE name = 'a'",
        "SELECT * FROM samples s SEMI JOIN cpu ON true WHERE s.name = 'a'",
        "SELECT * FROM samples WHERE name = 'a' UNION ALL SELECT * FROM samples",
        "SELECT * FROM samples HAVING any_value(name) = 'a'",
        "SELECT * FROM samples AS s (ts, name) WHERE s.name = 'a'",
        "SELECT sum(value) FILTER (WHERE name = 'a') FROM samples",
        "WITH samples AS (SELECT 'a' AS name) SELECT * FROM samples WHERE name = 'a' UNION ALL SELECT name FROM samples_last",
    ],
)
def test_what_is_not_certain_lets_any_text_pass(sql: str) -> None:
    found = _found(sql)
    assert found.get("samples", ANY) == ANY or "samples_last" in found
    assert found.get("samples_last", ANY) == ANY


NAMES, HOSTS = ["a", "b", "c'c", ""], ["h1", "h2", "h3"]
CONDITIONS = st.recursive(
    st.builds(
        lambda column, texts: f"{column} IN ({', '.join(repr_sql(text) for text in texts)})",
        st.sampled_from(["name", "host"]),
        st.lists(st.sampled_from([*NAMES, *HOSTS, "none"]), min_size=1, max_size=3),
    )
    | st.sampled_from(
        ["value > 3", "name = 'a'", "host = 'h2'", "NOT host = 'h1'", "ts > now() - INTERVAL '100 years'"]
    ),
    lambda inner: st.builds(
        lambda one, word, two: f"({one} {word} {two})", inner, st.sampled_from(["AND", "OR"]), inner
    ),
    max_leaves=5,
)


def repr_sql(text: str) -> str:
    """Return ``text`` as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


async def _fill(store: MetricStore) -> None:
    numbers = [
        store.series.intern(name, {"host": host, "n": str(n)}) for name in NAMES[:3] for host in HOSTS for n in range(2)
    ]
    series = np.tile(np.array(numbers, np.int32), 3)
    times = START_MS + np.repeat(np.arange(3), len(numbers)) * 1000
    values = np.arange(len(series), dtype=np.float64)
    values[5], values[7] = np.nan, np.array([STALE_BITS], np.int64).view(np.float64)[0]
    half = len(numbers) + 5
    await store.append_samples(Samples(series[:half], times[:half], values[:half]))
    await store.flush()
    await store.append_samples(Samples(series[half:], times[half:], values[half:]))


# A store for each: many conditions in it rather than many of them.
@settings(max_examples=10)
@given(st.lists(CONDITIONS, min_size=1, max_size=12))
def test_no_answer_changes(tmp_path_factory: pytest.TempPathFactory, conditions: list[str]) -> None:
    async def run() -> None:
        async with make_store(Path(tmp_path_factory.mktemp("store"))) as store:
            await _fill(store)
            for table in ("samples", "samples_last"):
                for where in conditions:
                    columns = f"host, name, labels['n'], epoch_ms(ts), value::VARCHAR FROM {table}"
                    plain = f"SELECT {columns} WHERE {where} ORDER BY ALL"
                    # Through a CTE nothing is certain, and nothing is left out.
                    whole = f"WITH held AS MATERIALIZED (SELECT * FROM {table}) SELECT {columns.replace(table, 'held')} WHERE {where} ORDER BY ALL"
                    expected = await rows(store, whole)
                    # From the second time on rows of blocks may come from memory.
                    for _ in range(3):
                        assert await rows(store, plain) == expected

    asyncio.run(run())


async def test_a_limited_caller_sees_no_more(tmp_path: Path) -> None:
    async with make_store(tmp_path) as store:
        await _fill(store)
        for table, count in (("samples", 18), ("samples_last", 6)):
            sql = f"SELECT count(*), min(host), max(host) FROM {table} WHERE name IN ('a', 'b', 'c''c')"
            reply = await store.query(SqlRequest(sql), hosts=frozenset({"h2"}))
            assert reply.rows == [[count, "h2", "h2"]]
            reply = await store.query(SqlRequest(f"{sql} AND host = 'h1'"), hosts=frozenset({"h2"}))
            assert reply.rows == [[0, None, None]]


async def test_what_is_asked_again_and_again_opens_no_block_and_answers_the_same(tmp_path: Path) -> None:
    sql = "SELECT epoch_ms(ts), host, labels['n'], value::VARCHAR FROM samples WHERE name = 'c''c' AND host IN ('h1', 'h3')"
    async with make_store(tmp_path) as store:
        await _fill(store)
        for round_ in range(6):
            whole = f"SELECT * FROM ({sql.replace('FROM samples', 'FROM (FROM samples)')}) ORDER BY ALL"
            expected = await rows(store, whole)
            assert len(expected) == 12 + 4 * min(round_, 3)
            for _ in range(3):
                assert await rows(store, f"{sql} ORDER BY ALL") == expected
            plan = str(await rows(store, f"EXPLAIN ANALYZE {sql}"))
            assert "READ_PARQUET" not in plan
            # New rows, in the head and then in a block; the same rows in a merged block; the same after the database rested.
            if round_ < 3:
                await _add(store, START_MS + 10_000 + round_)
            if round_ != 1:
                await store.flush()


async def _add(store: MetricStore, ts_ms: int) -> None:
    numbers = [store.series.intern("c'c", {"host": host, "n": str(n)}) for host in HOSTS for n in range(2)]
    values = [float("inf"), -0.0, 1 / 3, float("nan"), 5e-324, 1e17]
    await store.append_samples(make_samples(numbers, [ts_ms] * 6, values))


async def test_a_series_that_comes_later_is_found_by_the_same_condition(tmp_path: Path) -> None:
    async with make_store(tmp_path) as store:
        for count in range(1, 4):
            number = store.series.intern("up", {"host": "h1", "n": str(count)})
            await store.append_samples(make_samples([number], [START_MS], [1.0]))
            for table in ("samples", "samples_last"):
                assert await rows(store, f"SELECT count(*) FROM {table} WHERE name = 'up'") == [[count]]
