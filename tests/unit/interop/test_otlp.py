"""What OpenTelemetry clients send, made with OpenTelemetry's own messages, becomes the series that Prometheus makes of it."""

import math
from typing import Any

import numpy as np
import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality, Metric

from nagare.errors import InputError, UnsupportedMediaError
from nagare.interop.otlp.codec import OtlpCodec, OtlpDecoded
from nagare.interop.otlp.messages import JSON, PROTOBUF, check_media, write_reply, write_status
from nagare.model.samples import STALE_BITS
from tests.support.interned import Interned

NOW = 1_760_000_000_000
NS = NOW * 1_000_000
DELTA = AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
CUMULATIVE = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
Told = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def _attribute(key: str, value: AnyValue | str) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(string_value=value) if isinstance(value, str) else value)


def _request(*metrics: Metric, resource: dict[str, str] | None = None) -> ExportMetricsServiceRequest:
    request = ExportMetricsServiceRequest()
    whole = request.resource_metrics.add()
    whole.resource.attributes.extend(_attribute(key, value) for key, value in (resource or {}).items())
    whole.scope_metrics.add().metrics.extend(metrics)
    return request


def _sum(
    value: float,
    *,
    temporality: AggregationTemporality.ValueType = CUMULATIVE,
    at: int = NS,
    name: str = "requests",
    **more: Any,
) -> Metric:
    metric = Metric(name=name, **more)
    metric.sum.is_monotonic = True
    metric.sum.aggregation_temporality = temporality
    metric.sum.data_points.add(time_unix_nano=at, as_double=value)
    return metric


def _told(interned: Interned, decoded: OtlpDecoded) -> Told:
    return {(name, tuple(sorted(labels.items()))): value for name, labels, _, value in interned.told(decoded.samples)}


def _decode(request: ExportMetricsServiceRequest, media: str = PROTOBUF) -> tuple[Told, OtlpDecoded]:
    interned = Interned()
    body = request.SerializeToString() if media == PROTOBUF else json_format.MessageToJson(request).encode()
    decoded = OtlpCodec(interned).decode(body, media, NOW)
    return _told(interned, decoded), decoded


@pytest.mark.parametrize("media", [PROTOBUF, JSON])
def test_every_kind_of_metric(media: str) -> None:
    gauge = Metric(name="room.temperature", unit="Cel", description="how warm")
    point = gauge.gauge.data_points.add(time_unix_nano=NS, as_int=-3)
    point.attributes.append(_attribute("room.id", "a"))
    histogram = Metric(name="http.server.duration", unit="s")
    histogram.histogram.aggregation_temporality = CUMULATIVE
    histogram.histogram.data_points.add(
        time_unix_nano=NS, count=6, sum=1.5, bucket_counts=[1, 2, 3], explicit_bounds=[0.1, 5]
    )
    summary = Metric(name="gc")
    quantiles = summary.summary.data_points.add(time_unix_nano=NS, count=2, sum=3.0)
    quantiles.quantile_values.add(quantile=0.5, value=1.25)
    told, decoded = _decode(_request(gauge, _sum(7), histogram, summary), media)
    assert told == {
        ("room_temperature_celsius", (("room_id", "a"),)): -3.0,
        ("requests_total", ()): 7.0,
        ("http_server_duration_seconds_bucket", (("le", "0.1"),)): 1.0,
        ("http_server_duration_seconds_bucket", (("le", "5"),)): 3.0,
        ("http_server_duration_seconds_bucket", (("le", "+Inf"),)): 6.0,
        ("http_server_duration_seconds_sum", ()): 1.5,
        ("http_server_duration_seconds_count", ()): 6.0,
        ("gc", (("quantile", "0.5"),)): 1.25,
        ("gc_sum", ()): 3.0,
        ("gc_count", ()): 2.0,
    }
    assert set(decoded.samples.ts_ms.tolist()) == {NOW}
    said = {entry.name: (entry.type, entry.unit, entry.help) for entry in decoded.metadata}
    assert said["room_temperature_celsius"] == ("gauge", "celsius", "how warm")
    assert said["requests_total"][0] == "counter"
    assert (decoded.points, decoded.rejected) == (4, 0)


def test_the_resource_says_whose_it_is() -> None:
    resource = {
        "service.name": "shop", "service.namespace": "eu", "service.instance.id": "i-1", "host.name": "web1",
        "os.type": "linux",
    }  # fmt: skip
    told, _ = _decode(_request(_sum(1), resource=resource))
    base = (("host", "web1"), ("instance", "i-1"), ("job", "eu/shop"))
    assert told == {("requests_total", base): 1.0, ("target_info", (*base, ("os_type", "linux"))): 1.0}


def test_attributes_of_every_type() -> None:
    metric = _sum(1)
    values: dict[str, AnyValue] = {
        "a.b": AnyValue(string_value="x"), "a/b": AnyValue(string_value="y"), "1st": AnyValue(bool_value=True),
        "i": AnyValue(int_value=-5), "d": AnyValue(double_value=0.5), "raw": AnyValue(bytes_value=b"\x00"),
        "l": AnyValue(array_value=ArrayValue(values=[AnyValue(int_value=1), AnyValue(string_value="z")])),
        "m": AnyValue(kvlist_value=KeyValueList(values=[_attribute("k", "v")])), "none": AnyValue(),
    }  # fmt: skip
    metric.sum.data_points[0].attributes.extend(_attribute(key, value) for key, value in values.items())
    ((_, labels),) = _decode(_request(metric))[0]
    assert dict(labels) == {
        "a_b": "x;y", "key_1st": "true", "i": "-5", "d": "0.5", "l": '[1,"z"]', "m": '{"k":"v"}', "raw": '"AA=="',
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "unit", "told"),
    [
        ("system.memory.usage", "By", "system_memory_usage_bytes_total"),
        ("requests_total", "1", "requests_total"),
        ("total.requests", "", "requests_total"),
        ("rate", "By/s", "rate_bytes_per_second_total"),
        ("rate", "{packet}/s", "rate_per_second_total"),
        ("1st", "{thing}", "_1st_total"),
        ("wait_seconds", "s", "wait_seconds_total"),
    ],
)
def test_names(name: str, unit: str, told: str) -> None:
    ((found, _),) = _decode(_request(_sum(1, name=name, unit=unit)))[0]
    assert found == told


def test_deltas_add_up_once_they_are_stored() -> None:
    interned = Interned()
    codec = OtlpCodec(interned)

    def decode(value: float, step: int) -> OtlpDecoded:
        request = _request(_sum(value, temporality=DELTA, at=NS + step * 10**9))
        return codec.decode(request.SerializeToString(), PROTOBUF, NOW)

    first = decode(5, 0)
    assert first.samples.values.tolist() == [5]
    # Not stored: the same report comes again and is neither lost nor added twice.
    first = decode(5, 0)
    assert first.samples.values.tolist() == [5]
    codec.commit(first)
    again = decode(5, 0)
    assert (len(again.samples), again.rejected) == (0, 0)
    second = decode(2, 1)
    assert second.samples.values.tolist() == [7]
    codec.commit(second)
    late = decode(1, 0)
    assert (len(late.samples), late.rejected) == (0, 1)


def test_a_delta_histogram_adds_up_bucket_by_bucket() -> None:
    interned = Interned()
    codec = OtlpCodec(interned)
    told: Told = {}
    for step in (1, 2):
        metric = Metric(name="h")
        metric.histogram.aggregation_temporality = DELTA
        metric.histogram.data_points.add(
            time_unix_nano=NS + step, count=3, sum=2.0, bucket_counts=[1, 2], explicit_bounds=[1]
        )
        decoded = codec.decode(_request(metric).SerializeToString(), PROTOBUF, NOW)
        codec.commit(decoded)
        told = _told(interned, decoded)
    assert told == {
        ("h_bucket", (("le", "1"),)): 2.0, ("h_bucket", (("le", "+Inf"),)): 6.0, ("h_sum", ()): 4.0, ("h_count", ()): 6.0,
    }  # fmt: skip


def test_exponential_histograms_are_told_in_powers_of_two() -> None:
    metric = Metric(name="e")
    metric.exponential_histogram.aggregation_temporality = CUMULATIVE
    point = metric.exponential_histogram.data_points.add(time_unix_nano=NS, count=10, sum=1, scale=1, zero_count=1)
    point.positive.offset = 0  # (1, 1.41], (1.41, 2], (2, 2.83]
    point.positive.bucket_counts.extend([1, 2, 3])
    point.negative.offset = 2  # [-2.83, -2)
    point.negative.bucket_counts.append(3)
    told, _ = _decode(_request(metric))
    assert {labels[0][1]: value for (name, labels), value in told.items() if name == "e_bucket"} == {
        "-2": 3.0, "0": 4.0, "2": 7.0, "4": 10.0, "+Inf": 10.0,
    }  # fmt: skip


@given(
    st.integers(-4, 8),
    st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=30),
)
def test_bounds_of_exponential_histograms_hold(scale: int, values: list[float]) -> None:
    metric = Metric(name="e")
    base = 2.0 ** (2.0**-scale)
    indexes = [math.ceil(math.log(value, base)) - 1 for value in values]
    point = metric.exponential_histogram.data_points.add(time_unix_nano=NS, count=len(values), scale=scale)
    point.positive.offset = min(indexes)
    counts = [0] * (max(indexes) - min(indexes) + 1)
    for index in indexes:
        counts[index - min(indexes)] += 1
    point.positive.bucket_counts.extend(counts)
    told, _ = _decode(_request(metric))
    for (name, labels), count in told.items():
        if name == "e_bucket" and labels[0][1] != "+Inf":
            bound = float(labels[0][1])
            # What a bucket counts is below its bound; what is below half of it (a step down) is counted for sure.
            assert sum(value <= bound / max(2.0, base) * 0.999 for value in values) <= count
            assert count <= sum(value <= bound * 1.001 for value in values)


def test_a_point_that_cannot_be_taken_leaves_its_neighbours() -> None:
    broken = Metric(name="h")
    broken.histogram.data_points.add(time_unix_nano=NS, count=3, bucket_counts=[1, 2], explicit_bounds=[1, 2])
    empty = Metric(name="g")
    empty.gauge.data_points.add(time_unix_nano=NS)
    told, decoded = _decode(_request(broken, _sum(1), empty))
    assert told == {("requests_total", ()): 1.0}
    assert (decoded.points, decoded.rejected) == (3, 2)
    assert "do not go together" in decoded.reason


def test_a_series_that_ended_is_marked_stale() -> None:
    metric = Metric(name="g")
    metric.gauge.data_points.add(time_unix_nano=NS, flags=1)
    _, decoded = _decode(_request(metric))
    assert decoded.samples.values.view(np.uint64).tolist() == [STALE_BITS]


def test_json_as_clients_write_it() -> None:
    body = b"""{"resourceMetrics":[{"futureField":1,"scopeMetrics":[{"metrics":[{"name":"n","sum":{
      "isMonotonic":true,"aggregationTemporality":2,"dataPoints":[{"timeUnixNano":"1760000000000000000","asInt":"42",
      "exemplars":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","asDouble":1}]}]}}]}]}]}"""
    interned = Interned()
    decoded = OtlpCodec(interned).decode(body, JSON, NOW)
    assert interned.told(decoded.samples) == [("n_total", {}, NOW, 42.0)]


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b"1", b'{"resourceMetrics":3}', b"{", b"\xff", b"[" * 5000, b'{"resourceMetrics":[null]}'],
)
def test_malformed_json(body: bytes) -> None:
    with pytest.raises(InputError):
        OtlpCodec(Interned()).decode(body, JSON, NOW)


_LAWFUL = _request(_sum(1, unit="s"), resource={"service.name": "a"}).SerializeToString()


@given(st.binary(max_size=200), st.sampled_from([PROTOBUF, JSON]))
def test_arbitrary_bytes(body: bytes, media: str) -> None:
    try:
        OtlpCodec(Interned()).decode(body, media, NOW)
    except InputError:
        return


@given(st.lists(st.tuples(st.integers(0, len(_LAWFUL) - 1), st.integers(0, 255)), max_size=4))
def test_damaged_requests(changes: list[tuple[int, int]]) -> None:
    body = bytearray(_LAWFUL)
    for place, byte in changes:
        body[place] = byte
    try:
        OtlpCodec(Interned()).decode(bytes(body), PROTOBUF, NOW)
    except InputError:
        return


def test_replies_and_errors_speak_the_type_of_the_request() -> None:
    assert write_reply(PROTOBUF, 0, "") == b""
    assert write_reply(JSON, 0, "") == b"{}"
    reply = ExportMetricsServiceResponse.FromString(write_reply(PROTOBUF, 3, "why"))
    assert (reply.partial_success.rejected_data_points, reply.partial_success.error_message) == (3, "why")
    assert json_format.Parse(write_reply(JSON, 3, "why"), ExportMetricsServiceResponse()) == reply
    assert write_status(JSON, 3, "bad") == b'{"code":3,"message":"bad"}'
    status = write_status(PROTOBUF, 14, "x" * 300)
    assert status == b"\x08\x0e\x12\xac\x02" + b"x" * 300
    with pytest.raises(UnsupportedMediaError):
        check_media("text/plain")
