"""Remote write against a running server: what a sender is told, and what is stored then."""

import base64
import math
import struct
from typing import Any

import pytest

from nagare.interop.remote_write.packing import pack_snappy
from nagare.wire.codec import pack
from tests.component.server.conftest import Answer, Api, Serve
from tests.support.remote_write import V2, Row, request_v2, write_request

PATH = "/api/v1/write"
V1_TYPE, V2_TYPE = "application/x-protobuf", "application/x-protobuf;proto=io.prometheus.write.v2.Request"
STALE = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]


def _rows(now: int, *values: float, name: str = "up", **labels: str) -> list[Row]:
    return [({"__name__": name, **labels}, [(now - 1000 * at, value) for at, value in enumerate(values)])]


async def _send(
    api: Api, rows: list[Row], version: int = 1, *, encoding: str = "snappy", token: str = "", **headers: str
) -> Answer:
    message = write_request(rows) if version == 1 else request_v2(rows)
    return await _send_raw(api, message.SerializeToString(), version, encoding=encoding, token=token, **headers)


async def _send_raw(
    api: Api, content: bytes, version: int = 1, *, encoding: str = "snappy", token: str = "", **headers: str
) -> Answer:
    body = pack_snappy(content) if encoding == "snappy" else pack(content, encoding)
    sent = {"Content-Type": V1_TYPE if version == 1 else V2_TYPE, "Content-Encoding": encoding, **headers}
    return await api.call("POST", PATH, body=body, headers=sent, token=token)


@pytest.mark.parametrize("encoding", ["snappy", "zstd"])
@pytest.mark.parametrize("version", [1, 2])
async def test_samples_are_stored_once(api: Api, version: int, encoding: str) -> None:
    now = api.now_ms()
    rows = [*_rows(now, 1.5, 2.5, name="load", host="web1", core="0"), *_rows(now, STALE, math.nan, 0.0, name="gone")]
    for _ in range(2):
        answer = await _send(api, rows, version, encoding=encoding)
        assert (answer.status, answer.raw) == (204, b"")
        if version == 2:
            assert answer.headers["X-Prometheus-Remote-Write-Samples-Written"] == "5"
            assert answer.headers["X-Prometheus-Remote-Write-Histograms-Written"] == "0"
            assert answer.headers["X-Prometheus-Remote-Write-Exemplars-Written"] == "0"
    stored = await api.sql(
        "select name, host, labels['core'], epoch_ms(ts), cast(value as varchar) from samples order by name, ts desc"
    )
    assert stored == [
        ["gone", "", None, now, None],
        ["gone", "", None, now - 1000, "nan"],
        ["gone", "", None, now - 2000, "0.0"],
        ["load", "web1", "0", now, "1.5"],
        ["load", "web1", "0", now - 1000, "2.5"],
    ]


@pytest.mark.parametrize("version", [1, 2])
async def test_what_cannot_be_taken_is_told_and_the_rest_is_stored(api: Api, version: int) -> None:
    now = api.now_ms()
    rows = [
        *_rows(now, 1.0),
        *_rows(now + 10**7, 1.0, name="early"),
        *_rows(5, 1.0, name="old"),
        ({"x": "y"}, [(now, 1.0)]),
    ]
    message: Any = write_request(rows) if version == 1 else request_v2(rows)
    message.timeseries[0].histograms.append(b"\x08\x01")
    answer = await _send_raw(api, message.SerializeToString(), version)
    assert answer.status == 400
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.raw.decode().strip() == (
        "stored 1 samples, refused 4: 1 ahead of the server's clock, 1 native histograms, which are not stored here, "
        "1 with unlawful labels, 1 older than raw retention"
    )
    if version == 2:
        assert answer.headers["X-Prometheus-Remote-Write-Samples-Written"] == "1"
    assert await api.sql("select name from samples") == [["up"]]


@pytest.mark.parametrize(
    ("content_type", "encoding"),
    [
        ("application/json", "snappy"),
        ("application/x-protobuf;proto=io.prometheus.write.v3.Request", "snappy"),
        (V1_TYPE, "gzip"),
        (V1_TYPE, "identity"),
        (V1_TYPE, "br"),
    ],
)
async def test_what_is_not_spoken_is_415_and_nothing_is_stored(api: Api, content_type: str, encoding: str) -> None:
    body = pack_snappy(write_request(_rows(api.now_ms(), 1.0)).SerializeToString())
    headers = {"Content-Type": content_type, "Content-Encoding": encoding}
    answer = await api.call("POST", PATH, body=body, headers=headers)
    assert answer.status == 415
    assert await api.sql("select count(*) from samples") == [[0]]


@pytest.mark.parametrize("body", [b"", b"\x05", b"\x03\x08abc", b"junk" * 10])
async def test_a_malformed_body_is_400(api: Api, body: bytes) -> None:
    for content_type in (V1_TYPE, V2_TYPE):
        answer = await api.call(
            "POST", PATH, body=body, headers={"Content-Type": content_type, "Content-Encoding": "snappy"}
        )
        assert answer.status == 400


async def test_a_bomb_stops_at_the_cap(serve: Serve) -> None:
    async with serve(unpacked_limit_bytes=2**20) as api:
        for encoding in ("snappy", "zstd"):
            answer = await _send_raw(api, b"\0" * 2**22, encoding=encoding)
            assert answer.status == 413
        assert api.services.bodies.held_bytes == 0


async def test_overload_asks_to_come_again(serve: Serve) -> None:
    async with serve(inflight_limit_bytes=2**20) as api:
        with api.services.bodies.held(2**20):
            answer = await _send(api, _rows(api.now_ms(), 1.0))
        assert answer.status == 503
        assert int(answer.headers["Retry-After"]) >= 1
        assert (await _send(api, _rows(api.now_ms(), 1.0))).status == 204


async def test_a_large_request_is_read_beside_the_loop(api: Api) -> None:
    now = api.now_ms()
    rows = [({"__name__": f"metric_{i}", "note": "x" * 200}, [(now, float(i))]) for i in range(6000)]
    assert (await _send(api, rows)).status == 204
    assert await api.sql("select count(*), sum(value) from samples") == [[6000, sum(range(6000)) * 1.0]]


async def test_a_host_speaks_for_itself_only(api: Api) -> None:
    token, now = await api.register(), api.now_ms()
    assert (await _send(api, _rows(now, 1.0, instance="localhost:9100"), token=token)).status == 204
    assert (await _send(api, _rows(now, 1.0, name="other", host="web1"), token=token)).status == 204
    answer = await _send(api, [*_rows(now, 1.0, name="x"), *_rows(now, 1.0, name="y", host="web2")], token=token)
    assert answer.status == 403
    assert b"web1" in answer.raw
    stored = await api.sql("select name, host, labels['instance'] from samples order by name")
    assert stored == [["other", "web1", None], ["up", "web1", "localhost:9100"]]
    # What the host may not say does not become sayable by what another sender said before.
    assert (await _send(api, _rows(now, 1.0, name="y", host="web2"))).status == 204
    assert (await _send(api, _rows(now - 1, 1.0, name="y", host="web2"), token=token)).status == 403


async def test_credentials(api: Api) -> None:
    rows = _rows(api.now_ms(), 1.0)
    body = pack_snappy(write_request(rows).SerializeToString())
    headers = {"Content-Type": V1_TYPE, "Content-Encoding": "snappy"}
    assert (await api.call("POST", PATH, body=body, headers=headers, token=None)).status == 401
    for secret, status in ((api.admin, 204), ("wrong", 401)):
        basic = base64.b64encode(f"prometheus:{secret}".encode()).decode()
        for form in (f"Basic {basic}", f"Token {secret}", f"Bearer {secret}"):
            answer = await api.call("POST", PATH, body=body, headers={**headers, "Authorization": form}, token=None)
            assert answer.status == status, form
    answer = await api.call("POST", PATH, body=body, headers={**headers, "Authorization": "Basic ?"}, token=None)
    assert (answer.status, answer.headers["Content-Type"]) == (401, "text/plain; charset=utf-8")
    basic = base64.b64encode(f"x:{api.admin}".encode()).decode()
    other = await api.call("GET", "/api/v1/status", headers={"Authorization": f"Basic {basic}"}, token=None)
    assert (other.status, other.code) == (401, "unauthenticated")


async def test_metadata_alone_is_taken(api: Api) -> None:
    message = write_request([])
    message.metadata.add(type=1, metric_family_name="up", help="what", unit="seconds")
    assert (await _send_raw(api, message.SerializeToString())).status == 204
    assert (await _send_raw(api, b"")).status == 204
    assert (await _send_raw(api, V2["Request"](symbols=[""]).SerializeToString(), 2)).status == 204


async def test_samples_outlive_a_restart_and_are_known_after_it(serve: Serve) -> None:
    async with serve() as api:
        now = api.now_ms()
        rows = _rows(now, 1.0, 2.0, host="a")
        assert (await _send(api, rows)).status == 204
    async with serve() as api:
        assert (await _send(api, rows)).status == 204
        assert await api.sql("select count(*) from samples") == [[2]]
