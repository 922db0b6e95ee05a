"""An answer is the same whether it is taken as arrays or in pieces, and no larger than it may be either way."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb  # noqa: TID253  real DuckDB is tested here
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.errors import ResultTooLargeError
from nagare.metrics.sql.columnar import UnfitError, bounded, fitting_rows, rows_of, take
from nagare.metrics.sql.rows import Allowance, Fetch, guarded
from nagare.wire.sql import SqlRequest
from tests.support.metric_store import make_batch, make_store, rows

_LONGEST = 128
_TIMES = st.integers(-(2**62), 2**62) | st.integers(-(10**15), 10**15).map(lambda number: number * 1000)
_VALUES: Mapping[str, st.SearchStrategy[Any]] = {
    "BOOLEAN": st.booleans(),
    "TINYINT": st.integers(-128, 127),
    "UINTEGER": st.integers(0, 2**32 - 1),
    "BIGINT": st.integers(-(2**63), 2**63 - 1) | st.integers(-100, 100),
    "UBIGINT": st.integers(0, 2**64 - 1),
    "FLOAT": st.floats(width=32),
    "DOUBLE": st.floats(),
    "VARCHAR": st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=_LONGEST // 4),
}
# How a time of a type is made of a number, within the years of four digits where a type knows more.
_MADE = {
    "TIMESTAMP": ("make_timestamp", st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999)),
    "TIMESTAMP_MS": ("make_timestamp_ms", st.integers(-62_135_596_800_000, 253_402_300_799_999)),
    "TIMESTAMP_NS": ("make_timestamp_ns", _TIMES),
}


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def _in_pieces(database: duckdb.DuckDBPyConnection, sql: str, columns: list[tuple[str, str]]) -> list[list[Any]]:
    database.execute(guarded(sql, columns))
    return Fetch(database, columns, Allowance(1000, None), lambda: None).rows()


def _as_arrays(database: duckdb.DuckDBPyConnection, sql: str, columns: list[tuple[str, str]]) -> list[list[Any]]:
    arrays = take(database, bounded(sql, columns, 1000), None, 1000)
    return rows_of(arrays, columns, Allowance(1000, None), lambda: None)


def _described(database: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[str, str]]:
    return [(str(row[0]), str(row[1])) for row in database.execute(f"DESCRIBE {sql}").fetchall()]


@given(st.data())
def test_a_column_is_the_same_either_way(database: duckdb.DuckDBPyConnection, data: st.DataObject) -> None:
    type_ = data.draw(st.sampled_from([*_VALUES, *_MADE]))
    made, values = _MADE.get(type_, ("", _VALUES.get(type_, st.none())))
    drawn = data.draw(st.lists(st.none() | values, min_size=1, max_size=20))
    database.execute(f"CREATE OR REPLACE TABLE given (place INTEGER, value {'BIGINT' if made else type_})")
    database.executemany("INSERT INTO given VALUES (?, ?)", list(enumerate(drawn)))
    sql = f"SELECT CAST({made}(value) AS {type_}) AS found, place FROM given ORDER BY place"
    columns = _described(database, sql)
    assert columns[0][1] == type_
    # As text: what is no number is not equal to itself.
    assert repr(_as_arrays(database, sql, columns)) == repr(_in_pieces(database, sql, columns))


@pytest.mark.parametrize("type_", ["TIMESTAMP", "TIMESTAMP_MS", "TIMESTAMP_NS"])
def test_times_without_end_and_odd_ones(database: duckdb.DuckDBPyConnection, type_: str) -> None:
    texts = ["1969-12-31 23:59:59.999", "2026-02-28 12:34:56.001", "1700-01-01"]
    texts += ["2026-01-01 00:00:00.000001"] if type_ != "TIMESTAMP_MS" else []
    texts += ["2026-01-01 00:00:00.000000001"] if type_ == "TIMESTAMP_NS" else []
    texts += ["20000-01-01", "0001-01-01"] if type_ == "TIMESTAMP" else []
    texts += ["2262-04-12", "9999-12-31 23:59:59.999"] if type_ == "TIMESTAMP_MS" else []
    listed = ", ".join(f"('{text}'::{type_})" for text in texts)
    sql = f"SELECT * FROM (VALUES {listed}, (NULL)) AS told(moment)"
    columns = _described(database, sql)
    assert _as_arrays(database, sql, columns) == _in_pieces(database, sql, columns)
    endless = f"SELECT 'infinity'::{type_}, '-infinity'::{type_}"
    assert _as_arrays(database, endless, _described(database, endless)) == [["infinity", "-infinity"]]


def test_many_times_are_told_as_few_are(database: duckdb.DuckDBPyConnection) -> None:
    sql = "SELECT make_timestamp_ms(range * 86_399_999 * 7 - 62_135_596_800_000) AS at FROM range(5000)"
    columns = _described(database, sql)
    arrays = take(database, bounded(sql, columns, 5000), None, 5000)
    found = rows_of(arrays, columns, Allowance(5000, None), lambda: None)
    database.execute(guarded(sql, columns))
    assert found == Fetch(database, columns, Allowance(5000, None), lambda: None).rows()


def test_names_that_are_alike_or_no_names(database: duckdb.DuckDBPyConnection) -> None:
    sql = "SELECT 'x' AS a, 1 AS a, 'y' AS \"A\", upper('z'), 2 AS \"a b\""
    columns = _described(database, sql)
    assert _as_arrays(database, sql, columns) == [["x", 1, "y", "Z", 2]]
    assert _as_arrays(database, "SELECT 1 AS a, 2 AS a", [("a", "INTEGER"), ("a", "INTEGER")]) == [[1, 2]]


def test_a_long_text_is_for_the_other_way(database: duckdb.DuckDBPyConnection) -> None:
    sql = f"SELECT repeat('x', {_LONGEST + 1}) AS text"
    with pytest.raises(UnfitError):
        _as_arrays(database, sql, [("text", "VARCHAR")])


def test_more_rows_than_fit_are_for_the_other_way(database: duckdb.DuckDBPyConnection) -> None:
    columns = [("range", "BIGINT")]
    sql = bounded("SELECT range FROM range(20)", columns, 11)
    with pytest.raises(UnfitError):
        take(database, sql, None, 10)
    assert len(take(database, sql, None, 11)[0]) == 11


def test_only_plain_types_are_taken_so() -> None:
    assert fitting_rows([("a", "BIGINT"), ("b", "VARCHAR")]) > 400_000
    for type_ in ("HUGEINT", "DATE", "INTERVAL", "VARCHAR[]", "MAP(VARCHAR, VARCHAR)", "TIMESTAMP WITH TIME ZONE"):
        assert not fitting_rows([("a", "BIGINT"), ("b", type_)])
    assert not fitting_rows([])


async def test_the_store_answers_long_texts_and_cuts_both_ways(tmp_path: Path) -> None:
    async with make_store(tmp_path, row_limit=10) as store:
        await store.append(make_batch(1))
        for text in ("'short'", f"repeat('x', {_LONGEST + 1})"):
            sql = f"SELECT range AS number, {text} AS told FROM range(20)"
            with pytest.raises(ResultTooLargeError, match="more than 10 rows"):
                await store.query(SqlRequest(sql))
            reply = await store.query(SqlRequest(sql, limit=3))
            assert ([row[0] for row in reply.rows], reply.truncated) == ([0, 1, 2], True)
        long = await rows(store, f"SELECT host, repeat(host, {_LONGEST}) FROM load")
        assert long == [["web1", "web1" * _LONGEST]]
