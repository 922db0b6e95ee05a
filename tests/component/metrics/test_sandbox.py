"""What a caller's SQL may say, and the many ways around it that it may not."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from nagare.errors import DeadlineExceededError, QuerySyntaxError, ResultTooLargeError
from nagare.metrics.store import MetricStore
from nagare.wire.sql import SqlRequest
from tests.support.metric_store import START_MS, make_batch, make_store, rows

CPU = {"cpu": {"ts": [START_MS, START_MS + 1000], "core": ["all", "0"], "user_ratio": [0.25, 0.5]}}


# One for all: of what is asked of it, nothing may change it, and each statement that could is refused.
@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def store(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[MetricStore]:
    folder = tmp_path_factory.mktemp("sandbox")
    async with make_store(folder, deadline_seconds=60.0, row_limit=1000, memory_limit_bytes=64 * 2**20) as store:
        await store.append(make_batch(1, CPU))
        await store.flush()
        await store.append(make_batch(2, CPU))
        yield store


STATEMENTS = """
copy cpu to '/tmp/x.parquet'
copy (select 1) to '/tmp/x.csv'
copy cpu from '/etc/passwd'
attach '/tmp/x.db'
attach ':memory:' as m
detach memory
set threads = 1
set global memory_limit = '1TB'
reset threads
pragma version
pragma database_list
call pragma_version()
call duckdb_settings()
install httpfs
load httpfs
force install httpfs
export database '/tmp/x'
import database '/tmp/x'
create table t (a int)
create temp table t as select 1
create view v as select 1
create macro m(a) as a + 1
create macro t() as table select 1
create function f(a) as a
create type e as enum ('a')
create secret s (type s3)
create schema s
drop table cpu
drop view cpu
insert into cpu (host) values ('x')
update cpu set host = 'x'
delete from cpu
truncate cpu
alter table cpu add column x int
begin
begin transaction
commit
rollback
checkpoint
vacuum
analyze
prepare q as select 1
execute q
execute immediate 'select 1'
deallocate q
use memory
explain
explain copy cpu to '/tmp/x'
explain analyze copy (select 1) to '/tmp/x'
EXPLAIN /* quietly */ ANALYZE copy (select 1) to '/tmp/x'
explain (analyze) copy (select 1) to '/tmp/x'
explain (format json) select 1
explain explain select 1
explain explain analyze copy (select 1) to '/tmp/x'
explain analyze explain copy (select 1) to '/tmp/x'
explain analyze insert into cpu (host) values ('x')
explain analyze create table t as select 1
explain select 1; select 2
explain analyze select 1; copy (select 1) to '/tmp/x'
select 1; select 2
select 1; drop table cpu
select 1 /* ; */ ; copy (select 1) to '/tmp/x'
; select 1; select 2
;; copy (select 1) to '/tmp/x'
describe cpu
describe select 1
desc cpu
show tables
show all tables
show databases
summarize cpu
summarize select 1
select * from (describe cpu)
select * from (show tables)
select * from (summarize cpu)
from (describe cpu)
pivot cpu on core using sum(user_ratio)
select * from (pivot cpu on core using sum(user_ratio))
comment on table cpu is 'x'
get setting
with a as (insert into cpu (host) values ('x') returning *) select * from a
with a as (delete from cpu returning *) select * from a
with a as (update cpu set host = 'x' returning *) select * from a

;
--
""".strip("\n").split("\n")

SOURCES = """
read_text('/etc/passwd')
read_blob('/etc/passwd')
read_csv('/etc/passwd')
read_csv_auto('/etc/passwd')
read_json('/etc/passwd')
read_json_auto('/etc/passwd')
read_ndjson('/etc/passwd')
read_json_objects('/etc/passwd')
read_parquet('x.parquet')
read_duckdb('x.db')
parquet_scan('x.parquet')
parquet_metadata('x.parquet')
parquet_schema('x.parquet')
parquet_kv_metadata('x.parquet')
parquet_file_metadata('x.parquet')
parquet_bloom_probe('x', 'a', 1)
glob('/*')
sniff_csv('/etc/passwd')
query('select 1')
query_table('cpu')
query_table(['cpu'])
json_execute_serialized_sql('{}')
duckdb_settings()
duckdb_tables()
duckdb_functions()
duckdb_secrets()
duckdb_logs()
duckdb_memory()
duckdb_extensions()
duckdb_databases()
duckdb_temporary_files()
duckdb_logs_parsed('x')
pragma_version()
pragma_database_size()
pragma_table_info('cpu')
pragma_show('cpu')
pragma_storage_info('cpu')
which_secret('s3://x', 's3')
repeat('x', 10)
repeat_row(1, num_rows := 5)
seq_scan('cpu')
arrow_scan(1, 2, 3)
pandas_scan(1)
python_map_function()
test_all_types()
test_vector_types(1)
summary(cpu)
checkpoint()
force_checkpoint()
enable_logging()
enable_profiling()
truncate_duckdb_logs()
register_external_resource('x')
icu_calendar_names()
pg_timezone_names()
json_each('[1]')
histogram(cpu, core)
main.read_text('/etc/passwd')
main.range(3)
system.main.range(3)
"read_text"('/etc/passwd')
"READ_TEXT"('/etc/passwd')
Read_Text('/etc/passwd')
'/etc/passwd'
'/etc/passwd.csv'
'x.parquet'
"x.parquet"
'https://example.test/x.parquet'
's3://bucket/x.parquet'
"file.csv"
main.cpu
memory.main.cpu
temp.cpu
system.main.cpu
head_1.main.cpu
"head"."g2_cpu"
head_1.cpu
information_schema.tables
information_schema.columns
pg_catalog.pg_class
pg_class
pg_tables
sqlite_master
sqlite_schema
sqlite_temp_master
duckdb_tables
duckdb_settings
duckdb_views
duckdb_logs
pragma_database_list
store
rows
""".strip().split("\n")

EXPRESSIONS = """
getenv('HOME')
current_setting('threads')
getvariable('x')
read_text('/etc/passwd')
'/etc/passwd'.read_text()
host.read_text()
main.lower('x')
system.main.lower('x')
"getenv"('HOME')
"GETENV"('HOME')
getenv/* */('HOME')
current_query()
current_database()
current_schemas(true)
current_connection_id()
current_transaction_id()
txid_current()
in_search_path('a', 'b')
nextval('x')
currval('x')
setval('x', 1)
setseed(0.5)
sleep_ms(100000)
pg_sleep(100)
write_log('x')
error('x')
version()
stats(host)
parse_duckdb_log_message('x', 'y')
json_serialize_sql('select 1')
json_deserialize_sql('{}')
json_serialize_plan('select 1')
has_table_privilege('x', 'y')
pg_get_viewdef(1)
pg_conf_load_time()
inet_client_addr()
vector_type(host)
invoke(x -> x, 1)
cast_to_type('a', 1)
make_type('x')
get_block_size('x')
create_sort_key(host, 'ASC')
hive_partition_component('a')
repeat('x', 2000000000)
repeat('x', 1001)
repeat('x', -5)
repeat('x', 1e9)
repeat('x', length(host))
repeat('x', $1)
repeat(repeat('x', 1000), 1000)
repeat('x' || lpad('x', 1000, 'y'), 1000)
repeat('x', (select 1000))
repeat('x')
lpad('x', 2000000000, 'y')
rpad('x', 2000000000, 'y')
range(1000000000)
generate_series(1, 1000000000)
len(range(1000000000))
list_resize([1], 1000000000)
array_resize([1], 1000000000)
printf('%900000000d', 1)
format('{:900000000}', 1)
bar(1, 0, 10, 1000000000)
to_base(1, 2, 64)
levenshtein('a', 'b')
list_transform([1], x -> getenv('HOME'))
[getenv('HOME') for x in [1]]
case when true then getenv('HOME') end
(select getenv('HOME'))
max(getenv('HOME'))
max(host) filter (where getenv('HOME') is null)
max(host) over (order by getenv('HOME'))
getenv('HOME') over ()
read_text('x') over ()
{'a': getenv('HOME')}
map {'a': getenv('HOME')}
getenv('HOME')::varchar
try_cast(getenv('HOME') as int)
1 in (select getenv('HOME'))
exists(select * from read_text('/etc/passwd'))
coalesce(getenv('HOME'), '')
list_aggregate([getenv('HOME')], 'max')
𝓰etenv('HOME')
ｇｅｔｅｎｖ('HOME')
geténv('HOME')
""".strip().split("\n")

AROUND = """
with x as (from read_text('/etc/passwd')) select * from x
with recursive x as (select 1 i union all select i + 1 from x, read_text('/etc/passwd')) select * from x
with duckdb_settings as (select * from duckdb_settings) select * from duckdb_settings
with "/etc/passwd.csv" as (from "/etc/passwd.csv") from "/etc/passwd.csv"
select * from (with "x.csv" as (select 1) select 1) a, "x.csv"
with a as (select * from b), b as (select 1) select * from a
with a as (with inner_one as (select 1) select 1) select * from inner_one
with recursive pg_class as (select * from pg_class union all select 1) select * from pg_class
select * from cpu, lateral (select * from read_text(core))
select * from cpu c join lateral read_text(c.core) t on true
select * from cpu, read_text('/etc/passwd')
select * from cpu where exists (from glob('*'))
select * from cpu order by (select count(*) from glob('*'))
select * from cpu limit (select count(*) from glob('*'))
select * from cpu limit getenv('X')::int
select * from cpu offset (select count(*) from glob('*'))
select * from cpu group by getenv('X')
select 1 from cpu group by all having max(getenv('X')) is null
select * from cpu qualify getenv('X') is null
select * from cpu tablesample getenv('X')
select sum(user_ratio) over w from cpu window w as (order by getenv('X'))
select distinct on (getenv('X')) * from cpu
select * from cpu union all from read_text('/etc/passwd')
(from read_text('/etc/passwd'))
from read_text('/etc/passwd')
from read_text('/etc/passwd') select content
table read_text
values (getenv('HOME'))
values ((select content from read_text('/etc/passwd')))
select * from (values ((select content from read_text('/etc/passwd'))))
select * replace (getenv('X') as core) from cpu
select columns(c -> getenv('X') is null) from cpu
select columns(*)::read_text from cpu
select * from cpu pivot (max(getenv('X')) for core in ('all'))
select * from read_text('/etc/passwd') pivot (max(size) for filename in ('x'))
select * from range((select count(*) from glob('*')))
select * from range(getenv('X')::int)
select * from unnest((select list(file) from glob('/*')))
select * from unnest(getenv('X'))
select * from cpu at (version => 1)
select * from cpu at (timestamp => now())
select * from cpu positional join read_text('/etc/passwd')
select * from cpu asof join read_text('/etc/passwd') t on cpu.core >= t.content
select * from cpu semi join read_text('/etc/passwd') t on true
explain select * from read_text('/etc/passwd')
explain analyze select * from read_text('/etc/passwd')
explain analyze from query('copy (select 1) to ''/tmp/x''')
select/**/*/**/from/**/read_text('/etc/passwd')
select * from r\u0065ad_text('/etc/passwd')
select * from U&"read\\005ftext"('/etc/passwd')
from 'data:text/csv,a'
select $$x$$ from $$x.csv$$
""".strip().split("\n")


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    "sql",
    [
        *STATEMENTS,
        *(f"select * from {source}" for source in SOURCES),
        *(f"select {expression} from cpu" for expression in EXPRESSIONS),
        *AROUND,
    ],
)
async def test_refused(sql: str, store: MetricStore) -> None:
    with pytest.raises(QuerySyntaxError) as refusal:
        await store.query(SqlRequest(sql))
    assert refusal.value.message.startswith("cannot ")
    assert "\n" not in refusal.value.message


ALLOWED = """
select count(*) from cpu
SELECT COUNT(*) FROM CPU;
from cpu
from cpu select core limit 1
table cpu
unpivot cpu on user_ratio, system_ratio
; select 1
values (1), (2)
(select 1)
select 1;
select 1 -- done
select 1; -- done
/* first */ select 1 /* ; last */ ; ;
explain select * from cpu
explain analyze select * from cpu
EXPLAIN /* why */ ANALYZE /* not */ select 1;
explain (select 1)
with a as (select * from cpu), b as (select * from a) select * from b
with cpu as (select * from cpu where core = 'all') select * from cpu
with recursive r as (select 1 i union all select i + 1 from r where i < 3) select * from r
with a as materialized (select 1 x) select * from a union all select 2
select * from (select * from cpu) c join cpu d using (ts, core)
select * from cpu c, lateral (select c.core) l
select * from cpu asof join (select * from cpu) d on cpu.core = d.core and cpu.ts >= d.ts
select * from range(3) r(i), generate_series(1, 2) g(j), unnest([1, 2]) u(k)
select core, arg_max(user_ratio, ts) from cpu group by all order by all
select * from cpu qualify row_number() over (partition by core order by ts desc) = 1
select sum(user_ratio) over w from cpu window w as (partition by core order by ts rows 2 preceding)
select * exclude (host) replace (core || '!' as core) rename (ts as t) from cpu
select columns('.*_ratio') from cpu
select min(columns(*)) from cpu
select time_bucket(interval '1 minute', ts) t, avg(user_ratio) from cpu where ts > now() - interval '1 year' group by 1
select list_sum([1, 2]), unnest(range(3)), len(generate_series(1, 24)), {'a': 1}.a, map {'k': 1}['k']
select case when 1 > 0 then 'a' else 'b' end, coalesce(null, 1), nullif(1, 2), greatest(1, 2), if(true, 1, 2)
select 'a' like 'b', 'a' ilike 'A', 'a' ~ 'b', regexp_matches('a', 'a'), 'a' similar to 'b', not true, 1 between 0 and 2
select extract(hour from now()), date_trunc('day', now()), strftime(now(), '%H'), date '2025-01-01', interval 3 hours
select 1 + 2 - 3 * 4 / 5 // 6 % 7, 2 ** 3, 2 ^ 3, 5 & 3, 5 | 3, 1 << 2, @(-1), 'a' || 'b', -1, +1
select repeat('=', 40), lpad('7', 3, '0'), rpad('x', 1000, ' ')
select count(distinct core), count(*) filter (where core = '0'), string_agg(core, ',' order by core) from cpu
select quantile_cont(user_ratio, 0.9), stddev(user_ratio), corr(user_ratio, user_ratio), histogram(core) from cpu
select * from cpu unpivot (value for name in (user_ratio, system_ratio))
select * from cpu pivot (max(user_ratio) for core in ('all', '0'))
select grouping(core), count(*) from cpu group by rollup (core)
select '{"a": 1}'::json -> 'a', '{"a": 1}'::json ->> '$.a', to_json([1])
select core[1], core[1:2], [1, 2, 3][2] from cpu
select cast('1' as decimal(10, 2)), try_cast('x' as int), '1'::ubigint, 'x' collate nocase
select "select" from (select 1 as "select")
select (select max(user_ratio) from cpu), exists (select 1), 1 in (select 1), 1 = any (select 1)
select * from cpu tablesample 50%
select distinct on (core) core, ts from cpu order by core, ts desc
select ts at time zone 'Europe/Berlin', timezone('UTC', ts) from cpu
select current_date, current_timestamp, localtimestamp, today(), [now()], {'a': now()}, age(now(), now())
""".strip().split("\n")


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("sql", ALLOWED)
async def test_allowed(sql: str, store: MetricStore) -> None:
    reply = await store.query(SqlRequest(sql))
    assert reply.columns
    assert all(len(row) == len(reply.columns) for row in reply.rows)


async def test_a_query_without_end_stops_at_the_deadline_and_the_store_goes_on(tmp_path: Path) -> None:
    async with make_store(tmp_path, deadline_seconds=0.5) as store:
        await store.append(make_batch(1))
        with pytest.raises(DeadlineExceededError):
            await store.query(SqlRequest("select sum((a.range*b.range)%7) from range(100000) a, range(100000) b"))
        assert await rows(store, "select cores from load") == [[1]]
        await store.append(make_batch(2))
        assert await rows(store, "select count(*) from load") == [[2]]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    "sql",
    [
        "select * from range(1001)",
        "select a.range from range(1000) a, range(1000) b",
        "select list(range) from range(50000000)",
        "select count(distinct (range, range)) from range(50000000)",
        "select * from range(100000000) order by hash(range) limit 10000000 offset 90000000",
        "select string_agg(lpad('x', 1000, 'y'), '') from range(10000000)",
    ],
)
async def test_too_many_rows_or_too_much_memory(sql: str, store: MetricStore) -> None:
    with pytest.raises(ResultTooLargeError):
        await store.query(SqlRequest(sql))
    assert await rows(store, "select count(*) from cpu") == [[4]]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("depth", [200, 2000, 40_000])
async def test_deep_nesting_is_no_bug(depth: int, store: MetricStore) -> None:
    for sql in (
        f"select {'(' * depth}1{')' * depth}",
        f"select {'+'.join(['1'] * depth)}",
        f"select {'[' * depth}{']' * depth}",
    ):
        try:
            await store.query(SqlRequest(sql))
        except QuerySyntaxError as error:
            assert error.message.startswith("cannot run SQL")  # noqa: PT017  either outcome is lawful


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("sql", "message", "hint"),
    [
        ("select * from cpuu", "there is no such table", "did you mean 'cpu'?"),
        ("select usr_ratio from cpu", "not found", "did you mean 'user_ratio'?"),
        ("select coutn(*) from cpu", "coutn()", "did you mean 'count'?"),
        ("select generate_series(1, 20000)", "generate_series()", "in FROM"),
        ("selec 1", "syntax error", "selec 1"),
        ("describe cpu", "DESCRIBE", "nagare query"),
        ("select 'a'::int from cpu", "convert", ""),
        ("select 'x.parquet'::int from cpu", "convert", ""),
        ("select 'x.parquet' +", "syntax", ""),
        ("select regexp_matches('a', '.parquet(')", "parquet", ""),
        ("select 1 + 'a'", "explicit type casts", ""),
        ("select user_ratio + {'a': 1} from cpu", "", ""),
    ],
)
async def test_errors_name_the_way_out(sql: str, message: str, hint: str, store: MetricStore) -> None:
    with pytest.raises(QuerySyntaxError) as refusal:
        await store.query(SqlRequest(sql))
    assert message.lower() in refusal.value.message.lower()
    assert hint in refusal.value.hint


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("sql", "place", "named"),
    [
        ("select * form cpu", (1, 15), "cpu"),
        ("select ts,\n  user_rato\nfrom cpu", (2, 3), "user_rato"),
        ("select core from cpu order\nby", (2, 1), "by"),
        ("select from_ from cpu where from", (1, 29), "from"),
        ("select 'é' from cpu where nope = 1", (1, 27), "nope"),
        ("select " + "core, " * 60 + "wrong from cpu", None, "wrong"),
    ],
)
async def test_a_fault_is_pointed_at(sql: str, place: tuple[int, int] | None, named: str, store: MetricStore) -> None:
    with pytest.raises(QuerySyntaxError) as caught:
        await store.query(SqlRequest(sql))
    assert named in caught.value.message
    assert [(item["pointer"], (item["line"], item["column"])) for item in caught.value.errors] == (
        [("#/sql", place)] if place else []
    )
