"""What a statement may make: by every way that a name can take, and what ordinary statements need."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb  # noqa: TID253  real DuckDB is tested here
import pytest

from nagare.errors import QuerySyntaxError
from nagare.metrics.sql.extent import SOURCES_LIMIT
from nagare.metrics.sql.functions import ALLOWED
from nagare.metrics.sql.growth import (
    AGGREGATES_OF_ROWS,
    COUNTED,
    FACTORS,
    FIXED_SIZE,
    JSON_PATHS,
    MEASURES,
    PASSES,
    PATTERNS,
    SERIES,
    SHORT,
)
from nagare.metrics.sql.sandbox import check

KNOWN = ("cpu", "load", "events", "memory", "network", "process", "disk", "samples")


@pytest.fixture(scope="module")
def cursor() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


# Each makes one value of many rows, hands it on by another way of naming it, and then copies it.
HANDED_ON = """
select upper(s) from (select string_agg(core) s from cpu)
select upper(x.s) from (select string_agg(core) s from cpu) x
select upper(s) from (select string_agg(core) from cpu) x(s)
with x as (select string_agg(core) s from cpu) select upper(s) from x
with x(s) as (select string_agg(core) from cpu) select upper(s) from x
with x as (select string_agg(core) s from cpu), y as (select * from x), z as (from y) select upper(s) from z
with x as (select string_agg(core) s from cpu) select upper(s) from x join load using (host)
with x as materialized (select host, string_agg(core) s from cpu group by 1) select upper(b.s) from x a join x b using (host)
select upper("string_agg(core)") from (select string_agg(core) from cpu)
select upper("S") from (select string_agg(core) s from cpu)
select upper(x::varchar) from (select string_agg(core) s from cpu) x
select upper(to_json(x)) from (select string_agg(core) s from cpu) x
select upper(q) from (select * rename (s as q) from (select string_agg(core) s from cpu))
select upper(q) from (select * replace (s as q) from (select 1 q, string_agg(core) s from cpu))
select upper(s) from (select columns('s') from (select string_agg(core) s from cpu))
select upper(columns(*)) from (select string_agg(core) s from cpu)
select upper(#1) from (select string_agg(core) s from cpu)
select upper(value) from (select string_agg(core) s from cpu) unpivot (value for name in (s))
select * from (select upper(s) from (select core, string_agg(host) s from cpu group by 1))
select upper(s) from (select core s from cpu union all select string_agg(core) from cpu)
select upper(s) from (select 'a' s, 1 t union all select * from (select string_agg(core) s, 1 from cpu))
select upper(x) from (select 'a' x, 'b' y union all by name select string_agg(core) y, 'v' x from cpu)
select upper(s) from (select string_agg(core) s from cpu intersect select core from cpu)
with recursive t(s, n) as (select string_agg(core), 1 from cpu union all select s, n + 1 from t where n < 3) select upper(s) from t
select upper((select string_agg(core) from cpu))
select upper(k) from unnest((select list(core) from cpu)) t(k)
select unnest(s).upper() from (select list(core) s from cpu)
select string_agg(core) s, upper(s) from cpu
select l.host, (select upper(s)) from load l, (select string_agg(core) s from cpu)
select * from (select string_agg(core) s from cpu) a, lateral (select upper(a.s) u) b
select core from cpu group by core having upper(string_agg(host)) = 'A'
select core from cpu group by core order by upper(string_agg(host))
select core from cpu group by core qualify row_number() over (order by upper(string_agg(host))) = 1
select string_agg(core) from cpu order by upper(#1)
select string_agg(core) from cpu order by upper("string_agg(core)")
select distinct on (upper(s)) string_agg(core) s from cpu
select upper(max(s)) from (select string_agg(core) s from cpu)
select upper(coalesce(string_agg(core), '')) from cpu
select upper(case when true then string_agg(core) end) from cpu
select upper(first_value(s) over ()) from (select string_agg(core) s from cpu)
select upper(lag(s) over (order by 1)) from (select string_agg(core) s from cpu)
select upper(v.s) from (values ((select string_agg(core) from cpu))) v(s)
select s || s from (select string_agg(core) s from cpu)
select [s, s] from (select string_agg(core) s from cpu)
select {'a': s} from (select string_agg(core) s from cpu)
select string_agg(s) from (select string_agg(core) s from cpu)
select list(s) from (select list(core) s from cpu)
select s collate nocase from (select string_agg(core) s from cpu)
select list_sort(list(core)) from cpu
select array_to_string(list(core), ',') from cpu
select regexp_matches(string_agg(core), 'a') from cpu
select list(core) over (partition by host) from cpu
select l[n:] from (select list(core) l from cpu), (select 1 n)
""".strip().split("\n")

GROWING = """
select replace(core, 'a', host) from cpu
select replace(core, 'a', repeat('x', 60)) from cpu
select regexp_replace(core, 'a', host) from cpu
select array_to_string([core], host) from cpu
select regexp_matches(core, host) from cpu
select regexp_matches(core, '(a{0,100}){0,200}') from cpu
select core ~ host from cpu
select core similar to host from cpu
select strftime(ts, core) from cpu
select attributes ->> text from events
select attributes -> '$..*' from events
select json_extract(attributes, '$.*') from events
select max(core, 100000) from cpu
select arg_max(core, ts, 100000) from cpu
select range(100000) from cpu
select range(user_ratio::int) from cpu
select list_transform([1], lambda x: x)
select [x for x in [1]]
select reduce([1], lambda a, b: a)
select list_filter([1], lambda x: true)
select repeat(core, 1000) || repeat(host, 1000) from cpu
select hex(hex(hex(hex(hex(hex(repeat('x', 1000))))))) from cpu
select count(*) from cpu group by cube(a, b, c, d, e, f, g, h)
select 1 a, a+a b, b+b c, c+c d, d+d e, e+e f, f+f g, g+g h, h+h i, i+i j, j+j k, k+k l, l+l m, m+m n, n+n o, o+o p
""".strip().split("\n")


@pytest.mark.parametrize("sql", [*HANDED_ON, *GROWING])
def test_refused(sql: str, cursor: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(QuerySyntaxError) as refusal:
        check(cursor, sql, KNOWN)
    assert refusal.value.message.startswith("cannot ")


ORDINARY = """
select host || ':' || core k, avg(user_ratio) from cpu group by k
select host, string_agg(distinct core, ', ' order by core) cores from cpu group by host order by cores
with x as (select host, list(core order by core) cores from cpu group by 1) select host, len(cores), cores[1], cores[2:3] from x
with x as (select host, string_agg(core) s from cpu group by 1) select x.*, l.load1, host || '!' from x join load l using (host)
select host, list(core) cores, count(*) n from cpu group by host order by lower(host), n desc
select unnest(l) from (select list(core) l from cpu)
select upper(unnest(l)) from (select [host, core] l from cpu)
select max(s), length(s), s is null, s = 'a' from (select string_agg(core) s from cpu) group by s
select upper(s) from (select core s from cpu union all select host from load)
select upper(a.core) from cpu a, (select string_agg(core) s from cpu) b
select time_bucket(interval '5 minutes', ts) t, quantile_cont(user_ratio, [0.5, 0.99]), arg_max(host, user_ratio, 5) from cpu group by 1
select regexp_matches(name, '^nginx-[0-9]{1,3}$'), regexp_replace(name, '-.*', ''), replace(name, ' ', '_') from process
select strftime(ts, '%Y-%m-%d %H:%M') || 'Z', upper(kind), attributes['unit'], lpad(severity::varchar, 3) from events
select case when user_ratio > 0.9 then 'high' else 'ok' end, coalesce(core, '?'), split_part(host, '.', 1) from cpu
with recursive t(n) as (select 1 union all select n + 1 from t where n < 24) select n, lpad(n::varchar, 2, '0') from t
select h, count(c.host) from unnest(range(24)) t(h) left join cpu c on hour(c.ts) = h group by h
select attributes -> 'unit', attributes ->> '$.unit', to_json([1, 2]) from events
select host, count(*) from cpu group by rollup (host, core) order by all
select unnest(generate_series(1, 12)) m, row_number() over (order by m) from range(2)
""".strip().split("\n")


@pytest.mark.parametrize("sql", ORDINARY)
def test_ordinary(sql: str, cursor: duckdb.DuckDBPyConnection) -> None:
    assert check(cursor, sql, KNOWN).sql == sql


@pytest.mark.parametrize(
    ("sql", "parameters", "is_lawful"),
    [
        ("select replace(core, 'a', ?) from cpu", ["b"], True),
        ("select replace(core, 'a', ?) from cpu", ["b" * 65], False),
        ("select replace(core, 'a', $new) from cpu", {"new": "b"}, True),
        ("select replace(core, 'a', $new) from cpu", {"old": "b"}, False),
        ("select regexp_matches(core, ?) from cpu", ["^a+$"], True),
        ("select regexp_matches(core, ?) from cpu", ["(a{100}){200}"], False),
        ("select core || ? from cpu", ["b" * 4096], True),
        ("select " + "||".join(["?"] * 20), ["b" * 4096] * 20, False),
    ],
)
def test_parameters_are_constants(sql: str, parameters: Any, is_lawful: Any, cursor: duckdb.DuckDBPyConnection) -> None:
    if is_lawful:
        check(cursor, sql, KNOWN, parameters)
        return
    with pytest.raises(QuerySyntaxError):
        check(cursor, sql, KNOWN, parameters)


@pytest.mark.parametrize("over", [0, 1])
def test_sources_count_with_all_that_stands_behind_a_cte(over: int, cursor: duckdb.DuckDBPyConnection) -> None:
    # The definition counts ten; each use counts itself and the ten again.
    ten = ", ".join(f"range(1) r{number}" for number in range(10))
    uses = (SOURCES_LIMIT - 10) // 11
    rest = SOURCES_LIMIT - 10 - uses * 11 + over
    sources = [*(f"x x{number}" for number in range(uses)), *(f"range(1) s{number}" for number in range(rest))]
    sql = f"with x as (select 1 from {ten}) select 1 from {', '.join(sources)}"
    if over:
        with pytest.raises(QuerySyntaxError, match="more than"):
            check(cursor, sql, KNOWN)
    else:
        check(cursor, sql, KNOWN)


def test_rules_are_about_functions_that_may_be_called() -> None:
    ruled = {*AGGREGATES_OF_ROWS, *COUNTED, *FACTORS, *FIXED_SIZE, *JSON_PATHS, *MEASURES, *PASSES, *PATTERNS, *SHORT}
    operators = {"isnull", "listagg"}
    assert (ruled | SERIES) - operators <= ALLOWED | {name for name in ruled if not name[0].isalpha()}
