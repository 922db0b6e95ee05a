"""SQL over HTTP: the right status for each kind of refusal, and a server that stays well."""

import asyncio

import aiohttp
import pytest

from nagare.config.settings import QuerySettings, StorageSettings
from tests.component.server.conftest import Api, Serve

PATH = "/api/v1/sql"
ENDLESS = "select sum((a.range * b.range) % 7) from range(100000) a, range(100000) b"

REFUSED = [
    "select * from read_text('/etc/passwd')",
    "select * from '/etc/passwd'",
    "copy (select 1) to '/tmp/x'",
    "attach '/tmp/x.db'",
    "set memory_limit = '1TB'",
    "explain analyze copy (select 1) to '/tmp/x'",
    "select * from read_parquet('*')",
    "select * from glob('*')",
    "select 1; select 2",
    "select",
    "",
    "select * from tokens",
    "pragma version",
]


@pytest.mark.parametrize("statement", REFUSED)
async def test_refused_statements(api: Api, statement: str) -> None:
    answer = await api.call("POST", PATH, {"sql": statement})
    assert (answer.status, answer.code) == (400, "query-refused"), answer.raw
    assert await api.sql("select 1") == [[1]]


async def test_an_answer_has_names_types_and_rows(api: Api) -> None:
    token = await api.register()
    await api.call("POST", "/api/v1/metrics/batch", api.batch(), token=token)
    request = {"sql": "select core, ts, user_ratio from cpu where core = ? order by 1", "params": ["all"]}
    answer = (await api.call("POST", PATH, request)).json
    assert answer["columns"][0] == {"name": "core", "type": "VARCHAR"}
    assert answer["rows"][0][1].endswith("Z")
    assert answer["truncated"] is False
    named = {"sql": "select $a + 1", "params": {"a": 1}}
    assert (await api.call("POST", PATH, named)).json["rows"] == [[2]]
    cut = (await api.call("POST", PATH, {"sql": "select * from range(10)", "limit": 3})).json
    assert (len(cut["rows"]), cut["truncated"]) == (3, True)


async def test_the_deadline(serve: Serve) -> None:
    async with serve(sections={"query": QuerySettings(deadline_seconds=0.2)}) as api:
        answer = await api.call("POST", PATH, {"sql": ENDLESS})
        assert (answer.status, answer.code) == (504, "deadline-exceeded")
        assert await api.sql("select 1") == [[1]]


async def test_too_many_rows(serve: Serve) -> None:
    async with serve(sections={"query": QuerySettings(row_limit=10)}) as api:
        answer = await api.call("POST", PATH, {"sql": "select * from range(11)"})
        assert (answer.status, answer.code) == (422, "result-too-large")


async def test_a_query_stops_when_its_client_hangs_up(serve: Serve) -> None:
    async with serve(sections={"query": QuerySettings(concurrency=1, deadline_seconds=60.0)}) as api:
        timeout = aiohttp.ClientTimeout(total=0.5)
        headers = {"Authorization": f"Bearer {api.admin}"}
        with pytest.raises(TimeoutError):
            await api.session.post(api.running.url + PATH, json={"sql": ENDLESS}, headers=headers, timeout=timeout)
        async with asyncio.timeout(20):
            assert await api.sql("select 1") == [[1]]


async def test_a_full_disk_is_told_and_reading_goes_on(serve: Serve) -> None:
    async with serve() as api:
        token = await api.register()
        await api.call("POST", "/api/v1/metrics/batch", api.batch(), token=token)
    full = {"storage": StorageSettings(free_reserve_bytes=2**62)}
    async with serve(sections=full) as api:
        answer = await api.call("POST", "/api/v1/metrics/batch", api.batch(seq=2), token=token)
        assert (answer.status, answer.code) == (507, "disk-full")
        assert (await api.call("GET", "/ready", token=None)).code == "not-ready"
        assert (await api.call("GET", "/health", token=None)).json["status"] == "degraded"
        assert "not writable" in (await api.call("GET", "/api/v1/health")).json["checks"]["store"]
        assert await api.sql("select count(*) from cpu") == [[2]]


async def test_tables_are_described(api: Api) -> None:
    tables = {table["name"]: table for table in (await api.call("GET", "/api/v1/tables")).json}
    assert {"cpu", "memory", "events", "hosts"} <= set(tables)
    for table in tables.values():
        assert {"ts", "host"} <= {column["name"] for column in table["columns"]}, table["name"]


async def test_records_are_tables_of_the_present(api: Api) -> None:
    await api.register(labels={"rack": "7"})
    ((host, labels, ts),) = await api.sql("select host, labels, epoch_ms(ts) from hosts")
    assert (host, labels) == ("web1", {"rack": "7"})
    assert abs(ts - api.now_ms()) < 60_000
    window = {"sql": "select state from hosts", "since_ms": api.now_ms() - 1000}
    assert (await api.call("POST", PATH, window)).json["rows"] == [["unknown"]]


async def test_numbers_about_the_server_in_both_forms(api: Api) -> None:
    await api.register()
    text = await api.call("GET", "/metrics")
    assert text.headers["Content-Type"].startswith("text/plain")
    assert b'nagare_hosts{state="unknown"} 1.0' in text.raw
    open_metrics = await api.call("GET", "/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert open_metrics.headers["Content-Type"].startswith("application/openmetrics-text")
    assert open_metrics.raw.endswith(b"# EOF\n")
    values = (await api.call("GET", "/api/v1/system/metrics")).json["metrics"]
    names = {value["name"] for value in values}
    assert {"nagare_uptime_seconds", "nagare_store_log_bytes", "nagare_server_requests_total"} <= names
    for name in names:
        assert f"\n{name}".encode() in text.raw or name.endswith("_total"), name
    status = (await api.call("GET", "/api/v1/status")).json
    assert status["hosts"] == {"up": 0, "stale": 0, "down": 0, "unknown": 1}
    assert status["memory_bytes"] > 10**7
