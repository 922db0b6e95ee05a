"""The line protocol against a running server: what Telegraf hears, and what SQL finds then."""

import base64
import gzip
from typing import Any

import pytest

from nagare.config.settings import StorageSettings
from nagare.interop.remote_write.packing import pack_snappy
from tests.component.server.conftest import Answer, Api, Serve
from tests.support.remote_write import write_request

V1, V2 = "/write", "/api/v2/write"


async def _send(
    api: Api, lines: str, path: str = V1, *, token: str = "", query: str = "", encoding: str = ""
) -> Answer:
    body = gzip.compress(lines.encode()) if encoding else lines.encode()
    headers = {"Content-Type": "text/plain", "Content-Encoding": encoding or "identity"}
    return await api.call("POST", path + query, body=body, headers=headers, token=token)


@pytest.mark.parametrize("encoding", ["", "gzip"])
@pytest.mark.parametrize("path", [V1, V2])
async def test_a_measurement_keeps_its_shape(api: Api, path: str, encoding: str) -> None:
    ns = api.now_ms() * 10**6 + 123_456
    lines = (
        f'cpu,host=web1,core=0 usage=12i,ratio=0.5,ok=t,note="a, b" {ns}\n'
        f"cpu,host=web2,core=1 usage=13i {ns}\n"
        f'"my disk",path=/var/lib free=1 {ns}\n'.replace('"my disk"', "my\\ disk")
    )
    answer = await _send(api, lines, path, query="?bucket=b&org=o&precision=ns", encoding=encoding)
    assert (answer.status, answer.raw) == (204, b"")
    rows = await api.sql("select host, core, usage, ratio, ok, note, epoch_ns(ts) from influx.cpu order by host")
    assert rows == [["web1", "0", 12, 0.5, True, "a, b", str(ns)], ["web2", "1", 13, None, None, None, str(ns)]]
    assert await api.sql('select d.path, "my disk".free from influx."my disk" d, influx."my disk"') == [
        ["/var/lib", 1.0]
    ]
    assert await api.sql("with c as (select * from INFLUX.cpu) select count(*), max(cpu.core) from c, influx.cpu") == [
        [4, "1"]
    ]
    tables = {table["name"]: table for table in (await api.call("GET", "/api/v1/tables")).json}
    columns = {column["name"]: (column["type"], column["kind"]) for column in tables["influx.cpu"]["columns"]}
    assert columns == {
        "ts": ("TIMESTAMP_NS", "time"), "host": ("VARCHAR", "key"), "core": ("VARCHAR", "key"), "usage": ("BIGINT", "gauge"),
        "ratio": ("DOUBLE", "gauge"), "ok": ("BOOLEAN", "gauge"), "note": ("VARCHAR", "attribute"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("precision", "unit"), [("", 1), ("ns", 1), ("us", 1000), ("u", 1000), ("ms", 10**6), ("s", 10**9), ("m", 60 * 10**9), ("h", 3600 * 10**9)]
)  # fmt: skip
async def test_times_count_the_precision(api: Api, precision: str, unit: int) -> None:
    count = api.now_ms() * 10**6 // unit
    assert (await _send(api, f"cpu v=1 {count}", query=f"?precision={precision}")).status == 204
    assert await api.sql("select epoch_ns(ts) from influx.cpu") == [[str(count * unit)]]


async def test_a_line_without_a_time_holds_for_now(api: Api) -> None:
    before = api.now_ms()
    assert (await _send(api, "cpu v=1")).status == 204
    ((stamp,),) = await api.sql("select epoch_ms(ts) from influx.cpu")
    assert before <= stamp <= api.now_ms()


async def test_a_malformed_line_stores_nothing_and_is_named(api: Api) -> None:
    answer = await _send(api, "cpu v=1\ncpu v=\n", V2)
    assert (answer.status, answer.json["code"], answer.json["line"]) == (400, "invalid", 2)
    assert answer.json["message"].startswith("cannot read line 2")
    assert answer.json["error"] == answer.json["message"]
    assert (await _send(api, "cpu v=1", query="?precision=d")).status == 400
    assert not any(table["name"] == "influx.cpu" for table in (await api.call("GET", "/api/v1/tables")).json)


async def test_a_partial_write_stores_the_others(api: Api) -> None:
    ns = api.now_ms() * 10**6
    assert (await _send(api, f"cpu v=1,t=1i {ns}")).status == 204
    lines = [
        f"cpu v=2 {ns + 1}",
        f"cpu v=3i {ns + 2}",
        f'cpu v="x" {ns + 3}',
        "cpu v=4 5",
        f"cpu v=5 {ns + 10**13}",
        f"cpu V=6 {ns}",
    ]
    answer = await _send(api, "\n".join(lines))
    assert (answer.status, answer.json["line"]) == (400, 2)
    text = answer.json["message"]
    assert text.startswith(
        "partial write: 1 lines stored, dropped=5: line 2: 'v': type conflict: it is integer, and float"
    )
    assert "line 4: older than raw retention; line 5: ahead of the server's clock" in text
    assert await api.sql("select v from influx.cpu order by ts") == [[1.0], [2.0]]


async def test_of_a_repeated_point_the_last_value_of_each_field_counts(serve: Serve) -> None:
    async with serve() as api:
        ns = api.now_ms() * 10**6
        first = f"cpu,host=a,core=0 x=1i,y=1i {ns}\ncpu,host=a,core=1 x=5i {ns}\ncpu,host=a x=9i {ns}\n"
        for _ in range(2):
            assert (await _send(api, first)).status == 204
        assert (await _send(api, f"cpu,host=a,core=0 x=2i,z=3i {ns}")).status == 204
        expected: list[list[Any]] = [["0", 2, 1, 3], ["1", 5, None, None], [None, 9, None, None]]
        query = "select core, x, y, z from influx.cpu order by core nulls last"
        assert await api.sql(query) == expected
        assert await api.sql("select count(*) from influx.cpu") == [[3]]
        await api.services.store.flush()
        assert await api.sql(query) == expected
        assert (await _send(api, f"cpu,host=a,core=1 x=6i {ns}")).status == 204
    expected[1][1] = 6
    async with serve() as api:
        assert await api.sql(query) == expected
        # What was in blocks and in the log before the restart is known after it.
        assert (await _send(api, first)).status == 204
        expected[0][1], expected[1][1] = 1, 5
        assert await api.sql(query) == expected
        await api.services.store.flush()
        assert await api.sql(query) == expected
        columns = [row for row in (await api.call("GET", "/api/v1/tables")).json if row["name"] == "influx.cpu"]
        assert [column["name"] for column in columns[0]["columns"]] == ["ts", "host", "core", "x", "y", "z"]


async def test_names_that_mean_something_here(api: Api) -> None:
    ns = api.now_ms() * 10**6
    assert (await _send(api, f"odd,ts=a,a.min=b host=1i,_again=3i,a.b=4i {ns}")).status == 204
    assert await api.sql('select ts_, a_min, host_, _again_, "a.b" from influx.odd') == [["a", "b", 1, 3, 4]]
    answer = await _send(api, f"CPU v=1 {ns}\ncpu v=1 {ns}\nload_1m v=1 {ns}")
    assert answer.status == 400
    assert "differs by its case alone" in answer.json["message"]
    assert "as a rollup's does" in answer.json["message"]


async def test_a_host_speaks_for_itself_only(api: Api) -> None:
    token = await api.register()
    assert (await _send(api, "cpu v=1\nmem,host=web1 v=1", token=token)).status == 204
    answer = await _send(api, "cpu,host=web2 v=2", V2, token=token)
    assert (answer.status, answer.json["code"]) == (403, "forbidden")
    assert (await _send(api, "cpu,host=web2,instance=web1:9100 v=2", token=token)).status == 403
    assert (await _send(api, "disk,instance=10.0.0.1:9100 v=3", token=token)).status == 204
    assert await api.sql("select host, instance from influx.disk") == [["web1", "10.0.0.1:9100"]]
    assert (
        await api.sql("select host, v from influx.cpu union all select host, v from influx.mem") == [["web1", 1.0]] * 2
    )


async def test_credentials_as_its_clients_send_them(api: Api) -> None:
    for authorization in (f"Token {api.admin}", "Basic " + base64.b64encode(f"u:{api.admin}".encode()).decode()):
        answer = await api.call("POST", V2, body=b"cpu v=1", headers={"Authorization": authorization}, token=None)
        assert answer.status == 204
    answer = await api.call("POST", f"{V1}?u=x&p={api.admin}", body=b"cpu v=1", token=None)
    assert (answer.status, answer.json["code"]) == (401, "unauthorized")


async def test_overload_asks_to_come_again(api: Api) -> None:
    with api.services.bodies.held(api.services.settings.server.inflight_limit_bytes):
        answer = await _send(api, "cpu v=1")
    assert (answer.status, answer.json["code"]) == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) >= 1


async def test_only_this_schema_may_be_named(api: Api) -> None:
    assert (await _send(api, "cpu v=1")).status == 204
    for source in ("main.cpu", "influx.nope", "temp.influx.cpu", "other.cpu", "information_schema.tables"):
        answer = await api.call("POST", "/api/v1/sql", {"sql": f"select * from {source}"})
        assert (answer.status, answer.code) == (400, "query-refused"), source


async def test_a_full_disk_asks_every_sender_to_come_again(serve: Serve) -> None:
    async with serve(sections={"storage": StorageSettings(free_reserve_bytes=2**60)}) as api:
        snappy = pack_snappy(write_request([({"__name__": "up"}, [(api.now_ms(), 1.0)])]).SerializeToString())
        otlp = b'{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"n","gauge":{"dataPoints":[{"asInt":"1"}]}}]}]}]}'
        for path, body, media, encoding in (
            (V1, b"cpu v=1", "text/plain", "identity"),
            (V2, b"cpu v=1", "text/plain", "identity"),
            ("/api/v1/write", snappy, "application/x-protobuf", "snappy"),
            ("/api/v1/otlp/v1/metrics", otlp, "application/json", "identity"),
            ("/api/v1/import/prometheus", b"up 1", "text/plain", "identity"),
        ):
            answer = await api.call(
                "POST", path, body=body, headers={"Content-Type": media, "Content-Encoding": encoding}
            )
            assert answer.status == 503, (path, answer.raw)
            assert int(answer.headers["Retry-After"]) >= 1
