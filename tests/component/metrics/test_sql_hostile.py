"""Statements made to take the process down, each against one store in a process of its own: how they end, and at what cost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

# In a process of its own: memory is measured over the whole of it. Its deadline is short, so that all take seconds.
_SCRIPT = r"""
import asyncio, sys, time
from pathlib import Path
from nagare.errors import NagareError
from nagare.wire.sql import SqlRequest
from tests.support.metric_store import START_MS, make_batch, make_store

# Margins for a machine that has other work: what they catch is a query that runs on for its full minutes.
DEADLINE, MARGIN = 1.0, 4.0
MEMORY = 64 * 2**20

def rss():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

async def beat(gaps):
    while True:
        began = time.perf_counter()
        await asyncio.sleep(0.01)
        gaps.append(time.perf_counter() - began - 0.01)

async def main():
    n = 5000
    columns = {"ts": [START_MS + i for i in range(n)], "core": ["all"] * n, "user_ratio": [0.5] * n}
    async with make_store(Path(sys.argv[1]), deadline_seconds=DEADLINE, memory_limit_bytes=MEMORY) as store:
        await store.append(make_batch(1, {"cpu": columns}))
        await store.query(SqlRequest("select count(*) from cpu"))
        base = rss()
        for line in sys.stdin.read().strip().split("\n"):
            code, _, sql = line.partition(" ")
            gaps, began = [], time.perf_counter()
            beating = asyncio.ensure_future(beat(gaps))
            try:
                await store.query(SqlRequest(sql))
                ended = "answered"
            except NagareError as error:
                ended = error.code
            spent = time.perf_counter() - began
            beating.cancel()
            grown = (rss() - base) >> 20
            # Memory may fill more slowly than the deadline comes, on a machine that has other work.
            assert ended == code or (code, ended) == ("result-too-large", "deadline-exceeded"), (ended, code, sql)
            assert spent < DEADLINE + MARGIN, (spent, sql)
            # The head's allowance of DuckDB's own limit, and what its allocator has not given back yet.
            assert grown < 700, (grown, sql)
            assert max(gaps, default=0) < 1.0, (max(gaps), sql)
        assert (await store.query(SqlRequest("select count(*) from cpu"))).rows == [[n]]
        # Nothing that was told to stop still runs.
        used = time.process_time()
        await asyncio.sleep(0.2)
        assert time.process_time() - used < 0.1
    print("unharmed")

asyncio.run(main())
"""
_DOUBLED = ", ".join(f"a{number + 1} as (select s||s s from a{number})" for number in range(30))
_SQUARED = ", ".join(f"a{number + 1} as (select * from a{number}, a{number} b)" for number in range(38))
_ALIASES = ", ".join(f"a{number}+a{number} a{number + 1}" for number in range(40))
_LETTERS = "[" + ",".join(["'a'"] * 36) + "]"
_HOSTILE = f"""
query-refused select len(replace(string_agg(repeat('a',1000),''), 'a', repeat('y',1000))) from cpu
query-refused select regexp_replace(string_agg(user_ratio::varchar,''), '.', repeat('y',1000), 'g') from cpu
query-refused select len(replace(replace(replace(core, 'a', '{"x" * 64}'), 'x', '{"y" * 64}'), 'y', '{"z" * 64}')) from cpu
query-refused select list_histogram(list(range)) from range(5000000)
query-refused select list_distinct(list(range)) from range(5000000)
query-refused select map_from_entries(list({{'k':range,'v':range}})) from range(3000000)
query-refused select len(list_reduce({_LETTERS}, lambda a,b: a||a))
query-refused select len(list_transform(l, lambda x: concat(s,s,s,s))) from (select list(range) l, 'x' s from range(2000))
query-refused select len(string_split(string_agg(repeat('a',1000),''), '')) from range(100000)
query-refused select len(regexp_extract_all(string_agg(repeat('a',1000),''), '.*?')) from range(100000)
query-refused with a0 as (select repeat('x',1000) s), {_DOUBLED} select len(s) from a30
query-refused with a0 as (select 1 x), {_SQUARED} select count(*) from a38
query-refused select 1 a0, {_ALIASES}
query-refused select count(*) from {", ".join(f"range(1) r{number}" for number in range(500))}
query-refused with recursive t(s) as (select 'x' union all select s||s from t) select max(len(s)) from t
query-refused select range||repeat('x',1000)||repeat('y',1000)||repeat('z',1000) a, {", ".join(f"range||repeat('{number}',1000)" for number in range(90))} from range(100000)
query-refused select count(*) from cpu group by cube(user_ratio, core, ts, host, 1, 2, 3, 4)
query-refused select regexp_matches(core, '(a{{0,1000}}){{0,1000}}$') from cpu
deadline-exceeded select sum((a.range*b.range)%7) from range(100000) a, range(100000) b
deadline-exceeded with recursive t(n) as (select 1 union all select n+1 from t) select max(n) from t
deadline-exceeded select sum(list_contains(l, -r)::int) from (select list(range) l from range(1000000)), range(1000000) b(r)
result-too-large select string_agg(repeat('x',1000),'') from range(10000)
result-too-large select list(range) from range(1000000)
result-too-large select list(range) from range(100000000)
result-too-large select mode(range) from range(1000000000)
result-too-large select s from (select string_agg(repeat('x',1000),'') s from range(100000)), range(100000)
result-too-large select repeat('x', 1000)||range from range(100000)
result-too-large select repeat(['x'], 1000), range from range(100000)
result-too-large select histogram(range) from range(100000)
""".strip()


def test_hostile_statements_end_as_told_and_harm_nothing(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _SCRIPT, str(tmp_path)],
        input=_HOSTILE, capture_output=True, text=True, timeout=120, check=False, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert (ended.returncode, ended.stdout) == (0, "unharmed\n"), ended.stderr
