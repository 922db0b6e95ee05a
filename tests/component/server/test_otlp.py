"""OTLP over HTTP against a running server: replies in the client's own type, and OpenTelemetry's own exporter."""

import asyncio
from typing import Any

import pytest
from google.protobuf import json_format
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from nagare.wire.codec import pack
from tests.component.server.conftest import Answer, Api

PATH = "/api/v1/otlp/v1/metrics"
PROTOBUF, JSON = "application/x-protobuf", "application/json"


def _request(api: Api, *values: float, delta: bool = False, host: str = "", at_ms: int | None = None) -> Any:
    request = ExportMetricsServiceRequest()
    whole = request.resource_metrics.add()
    if host:
        whole.resource.attributes.add(key="host.name").value.string_value = host
    metric = whole.scope_metrics.add().metrics.add(name="jobs")
    metric.sum.is_monotonic = True
    metric.sum.aggregation_temporality = 1 if delta else 2
    for at, value in enumerate(values):
        point = metric.sum.data_points.add(as_double=value)
        point.time_unix_nano = ((at_ms or api.now_ms()) + at) * 1_000_000
    return request


async def _send(api: Api, request: Any, media: str = PROTOBUF, encoding: str = "identity", token: str = "") -> Answer:
    body = request.SerializeToString() if media == PROTOBUF else json_format.MessageToJson(request).encode()
    headers = {"Content-Type": media, "Content-Encoding": encoding}
    return await api.call("POST", PATH, body=pack(body, encoding), headers=headers, token=token)


def _reply(answer: Answer) -> ExportMetricsServiceResponse:
    assert answer.status == 200, answer.raw
    if answer.headers["Content-Type"] == JSON:
        reply = ExportMetricsServiceResponse()
        json_format.Parse(answer.raw, reply)
        return reply
    assert answer.headers["Content-Type"] == PROTOBUF
    reply = ExportMetricsServiceResponse()
    reply.ParseFromString(answer.raw)
    return reply


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
@pytest.mark.parametrize("media", [PROTOBUF, JSON])
async def test_metrics_are_stored(api: Api, media: str, encoding: str) -> None:
    reply = _reply(await _send(api, _request(api, 5.0, host="web1"), media, encoding))
    assert not reply.HasField("partial_success")
    assert await api.sql("select name, host, value from samples") == [["jobs_total", "web1", 5.0]]


@pytest.mark.parametrize("media", [PROTOBUF, JSON])
async def test_what_is_rejected_is_counted_in_a_200(api: Api, media: str) -> None:
    request = _request(api, 1.0)
    request.resource_metrics[0].scope_metrics[0].metrics[0].sum.data_points.add(as_double=2.0, time_unix_nano=5)
    partial = _reply(await _send(api, request, media)).partial_success
    assert partial.rejected_data_points == 1
    assert "older than raw retention" in partial.error_message
    assert await api.sql("select value from samples") == [[1.0]]


async def test_deltas_add_up_and_a_repeat_is_not_added_twice(api: Api) -> None:
    now = api.now_ms()
    first = _request(api, 3.0, delta=True, at_ms=now - 2000)
    for request in (first, first, _request(api, 4.0, delta=True, at_ms=now)):
        assert not _reply(await _send(api, request)).partial_success.rejected_data_points
    assert await api.sql("select value from samples order by ts") == [[3.0], [7.0]]


@pytest.mark.parametrize("points", [3, 30_000])
async def test_a_layout_that_comes_again_is_stored_like_the_first(api: Api, points: int) -> None:
    now = api.now_ms()
    for turn in range(4):
        request = _request(api, *(float(turn) for _ in range(points)), host="web1", at_ms=now + turn * points)
        assert not _reply(await _send(api, request)).partial_success.rejected_data_points
    counted = await api.sql(
        "select value, count(*) from samples where name = 'jobs_total' group by value order by value"
    )
    assert counted == [[float(turn), points] for turn in range(4)]


async def test_a_repeat_of_a_known_layout_is_no_fault(api: Api) -> None:
    request = _request(api, 1.0, 2.0, at_ms=api.now_ms())
    for _ in range(5):
        assert not _reply(await _send(api, request)).partial_success.rejected_data_points
    assert await api.sql("select count(*) from samples") == [[2]]


async def test_errors_speak_the_type_of_the_request(api: Api) -> None:
    answer = await api.call("POST", PATH, body=b"\xff", headers={"Content-Type": PROTOBUF})
    assert (answer.status, answer.headers["Content-Type"]) == (400, PROTOBUF)
    assert answer.raw[:2] == b"\x08\x03"
    answer = await api.call("POST", PATH, body=b"[]", headers={"Content-Type": JSON})
    assert (answer.status, answer.json["code"]) == (400, 3)
    answer = await api.call("POST", PATH, body=b"{}", headers={"Content-Type": JSON}, token=None)
    assert (answer.status, answer.json["code"]) == (401, 16)
    answer = await api.call("POST", PATH, body=b"{}", headers={"Content-Type": "text/plain"})
    assert answer.status == 415
    with api.services.bodies.held(api.services.settings.server.inflight_limit_bytes):
        answer = await api.call("POST", PATH, body=b"{}", headers={"Content-Type": JSON})
    assert (answer.status, answer.json["code"]) == (503, 14)
    assert int(answer.headers["Retry-After"]) >= 1


async def test_a_host_speaks_for_itself_only(api: Api) -> None:
    token = await api.register()
    assert (await _send(api, _request(api, 1.0, host="web2"), token=token)).status == 403
    assert (await _send(api, _request(api, 1.0), token=token)).status == 200
    assert await api.sql("select host from samples") == [["web1"]]


async def test_the_sdks_own_exporter_is_content(api: Api) -> None:
    def export() -> bool:
        headers = {"Authorization": f"Bearer {api.admin}"}
        exporter = OTLPMetricExporter(endpoint=api.running.url + PATH, headers=headers)
        reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
        provider = MeterProvider([reader], Resource({"service.name": "shop", "host.name": "web1"}))
        meter = provider.get_meter("test")
        meter.create_counter("orders").add(3, {"kind": "book"})
        meter.create_histogram("wait", unit="s").record(0.2)
        is_sent = provider.force_flush(10_000)
        provider.shutdown()
        return is_sent

    assert await asyncio.to_thread(export)
    stored = await api.sql(
        "select name, labels['job'], labels['kind'], value from samples_last where host = 'web1' and name in ('orders_total', 'wait_seconds_count') order by name"
    )
    assert stored == [["orders_total", "shop", "book", 3.0], ["wait_seconds_count", "shop", None, 1.0]]
