"""What a statement may make of texts and lists: chains that double are refused, what people write is answered."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nagare.errors import QuerySyntaxError
from nagare.metrics.store import MetricStore
from nagare.wire.sql import SqlRequest
from tests.support.metric_store import START_MS, make_batch, make_store

CPU = {"cpu": {"ts": [START_MS, START_MS + 1000], "core": ["all", "0"], "user_ratio": [0.25, 0.5]}}
EVENTS = {"own": {"ts": [START_MS], "name": ["a.b-c"], "tags": [{"k": "v"}]}}


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[MetricStore]:
    async with make_store(tmp_path, deadline_seconds=10.0, memory_limit_bytes=64 * 2**20) as store:
        await store.append(make_batch(1, CPU))
        await store.append(make_batch(2, EVENTS))
        yield store


def _chain(first: str, step: str, count: int = 25) -> str:
    """Return a statement of CTEs c0, c1 …: ``first``, then ``step`` over the one before."""
    links = [f"c0 as ({first})"] + [f"c{at} as ({step.format(f'c{at - 1}')})" for at in range(1, count)]
    return f"with {', '.join(links)} select max(length(s::varchar)) from c{count - 1}"


STEPS = [
    "select s || s as s from {0}", "select concat(s, s) s from {0}", "select concat_ws('-', s, s) s from {0}",
    "select s || s from {0} t(s)", "select x as s from (select s || s from {0}) t(x)",
    "select (select a.s || a.s) s from {0} a", "select a.s || b.s s from {0} a, {0} b",
    "select a.s || b.s s from {0} a join {0} b using (s)", "select replace(s, 'a', 'aa') s from {0}",
    "select regexp_replace(s, 'a', 'aa', 'g') s from {0}", "select string_agg(s, s) s from {0}",
    "select string_agg(s, '') s from {0}, range(2)", "select array_to_string([s, s], '') s from {0}",
    "select [s, s] s from {0}", "select list(s) s from {0}, range(2)", "select {{'a': s, 'b': s}} s from {0}",
    "select row(s, s) s from {0}", "select map {{'a': s, 'b': s}} s from {0}", "select to_json([s, s])::varchar s from {0}",
    "select {{'a': s, 'b': s}}::varchar s from {0}", "select hex(s) s from {0}", "select url_encode(s || '%') || s s from {0}",
    "select case when true then s || s end s from {0}", "select coalesce(s || s, '') as s from {0}",
    "select upper(s || lower(s)) s from {0}", "select columns(*) || columns(*) from {0} union all select '' s where false",
    "select * replace (s || s as s) from {0}", "select t || t s from (select s::varchar t from {0})",
    "select s || s s from {0} union all select s from {0}", "select s from {0} union all select s || s from {0}",
    "select l.s from {0} a, lateral (select a.s || a.s as s) l", "select t.s || t.s as s from {0} t where t.s is not null",
    "select concat(*columns(*)) || concat(*columns(*)) s from {0}", "select list_concat([s], [s])::varchar s from {0}",
    "select distinct s || s as s from {0} order by 1 limit 1", "select a || a as s from (values ('x')) v(b), (select s a from {0})",
    "select any_value(s) || any_value(s) s from {0}", "select s || s s from {0} group by all",
    "select first_value(s) over () || s s from {0}", "select (s, s)::varchar s from {0}",
    "select s[1:] || s[1:] s from {0}", "select if(true, s, s) || s s from {0}",
]  # fmt: skip
REFUSED = [
    "with a as (select repeat('a', 1000) s), b as (select s || s s from a), " + ", ".join(
        f"{chr(at + 1)} as (select s || s s from {chr(at)})" for at in range(ord("b"), ord("w"))
    ) + " select length(s) from w",
    "with recursive r as (select 'a' s, 1 i union all select s || s, i + 1 from r where i < 40) select max(length(s)) from r",
    "with recursive r(s, i) as (select ['a'], 1 union all select list_concat(s, s), i + 1 from r) select max(len(s)) from r",
    "select " + " ".join(f"a{at} || a{at} as a{at + 1}," for at in range(30)) + " length(a30) from (select core a0 from cpu)",
    "select len(replace(string_agg(repeat('a', 1000), ''), 'a', repeat('y', 1000))) from cpu",
    "select len(replace(core, 'a', core)) from cpu",
    "select len(list_reduce(['a', 'b'], lambda a, b: a || a)) from cpu",
    "select len(list_transform(range(1000), lambda x: (select string_agg(core, '') from cpu))) from cpu",
    "select list(core) over (order by ts) from cpu",
    "select string_agg(core, '') over (order by ts) from cpu",
    "select list_histogram(list(range)) from range(5000000)",
    "select string_split(string_agg(core, ''), '') from cpu",
    "select hex(string_agg(core, '')) from cpu",
    "with " + ", ".join(
        ["a0 as (select 1 x)"] + [f"a{at} as (select a.x from a{at - 1} a, a{at - 1} b)" for at in range(1, 40)]
    ) + " select count(*) from a39",
    "select count(*) from " + ", ".join(f"cpu c{at}" for at in range(500)),
]  # fmt: skip


@pytest.mark.parametrize("sql", [*(_chain("select 'a' s", step) for step in STEPS), *REFUSED])
async def test_what_grows_at_each_step_is_refused(sql: str, store: MetricStore) -> None:
    with pytest.raises(QuerySyntaxError) as refusal:
        await store.query(SqlRequest(sql))
    assert refusal.value.message.startswith("cannot ")
    assert refusal.value.hint or "must be" in refusal.value.message or "not allowed" in refusal.value.message


ALLOWED = """
select host || ':' || core as host, avg(user_ratio) from cpu group by all
select host || ':' || core as k, count(*) from cpu group by k order by k
select '[' || k || ']' from (select host || ':' || core as k from cpu)
with a as (select host || ':' || core as k, user_ratio from cpu) select k || ' ' || round(max(user_ratio), 2) from a group by k
select string_agg(host || ':' || core, ', ' order by core) from cpu
select host, string_agg(distinct core, ',') from cpu group by host
select host, list(core order by core) cores from cpu group by host
select cores, len(cores), cores[1], list_contains(cores, '0') from (select list(core) cores from cpu)
select unnest(cores) from (select list(core) cores from cpu)
select length(s), s is null from (select string_agg(core, '') s from cpu)
select concat_ws('/', host, core, ts::varchar) from cpu
select replace(replace(host, '.', '-'), '_', '-'), regexp_replace(host, '[.].*', '') from cpu
select upper(left(host, 1)) || lower(substr(host, 2)) from cpu
select lpad(core, 5, ' ') || ' |' || repeat('#', 20) from cpu
select strftime(ts, '%Y-%m-%d %H:%M') || ' ' || host from cpu
select split_part(host, '.', 1), string_split(host, '.')[1] from cpu
select {'host': host, 'core': core} s, to_json({'a': host}), [host, core], map {'k': host} from cpu
select s.host || s.core from (select {'host': host, 'core': core} s from cpu)
select round(user_ratio * 100, 1) || ' %' from cpu
select case when user_ratio > 0.3 then 'busy ' || host else 'idle ' || host end from cpu
select host, max(user_ratio)::varchar || '/' || min(user_ratio)::varchar from cpu group by host
with recursive r as (select 1 i union all select i + 1 from r where i < 100) select 'n' || i from r
select time_bucket(interval '5 minutes', ts) t, host || '/' || core series, avg(user_ratio) v from cpu group by all order by all
select format_bytes(1024) || '/s', host from cpu
select a.host || b.core from cpu a join cpu b using (ts, core)
select host || core from cpu union all select core || host from cpu
select name || coalesce(tags['k'], '') from own
select histogram(core) from cpu
select list_sort(list_distinct(['b', 'a']))
""".strip().split("\n")


@pytest.mark.parametrize("sql", ALLOWED)
async def test_what_people_write_is_answered(sql: str, store: MetricStore) -> None:
    assert (await store.query(SqlRequest(sql))).columns
