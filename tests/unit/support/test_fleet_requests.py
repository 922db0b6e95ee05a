"""What the benches and soaks send says exactly what the fleet says: read back by protobuf's own library, or by splitting."""

import cramjam
import numpy as np
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from tests.support.flood import Request
from tests.support.node_fleet import TICKS_A_MINUTE, Fleet, host_by_host, in_order, make_fleet, replaced, shuffled
from tests.support.node_lines import line_place, lines
from tests.support.node_otlp import exports
from tests.support.node_samples import KINDS
from tests.support.remote_write import V1

Point = tuple[tuple[tuple[str, str], ...], int, float]


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    return make_fleet(4, TICKS_A_MINUTE + 2, 1_795_000_000_000)


def _expected(fleet: Fleet) -> set[Point]:
    times = [fleet.times(tick, np.arange(len(fleet.series))) for tick in range(fleet.ticks)]
    return {
        (_key({"__name__": series.name, **dict(series.labels)}), int(times[tick][number]), fleet.values[number, tick])
        for number, series in enumerate(fleet.series)
        for tick in range(fleet.ticks)
    }


def _key(labels: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(labels.items()))


def _read(request: Request) -> list[Point]:
    message = V1["WriteRequest"].FromString(bytes(cramjam.snappy.decompress_raw(request.body)))
    points = []
    for series in message.timeseries:
        names = [label.name for label in series.labels]
        assert names == sorted(names)
        labels = _key({label.name: label.value for label in series.labels})
        points += [(labels, sample.timestamp, sample.value) for sample in series.samples]
    assert len(points) == request.samples
    return points


@pytest.mark.parametrize("make", [in_order, shuffled, host_by_host])
def test_remote_write_says_what_the_fleet_says(fleet: Fleet, make: object) -> None:
    points = [point for request in make(fleet, 2) for point in _read(request)]  # type: ignore[operator]
    assert len(points) == fleet.samples
    assert set(points) == _expected(fleet)


def test_requests_of_one_series_keep_their_lane(fleet: Fleet) -> None:
    lanes: dict[object, set[int]] = {}
    for request in shuffled(fleet, 2):
        for labels, _, _ in _read(request):
            lanes.setdefault(labels, set()).add(request.lane)
    assert {len(seen) for seen in lanes.values()} == {1}


def test_one_series_in_a_hundred_is_replaced_each_minute(fleet: Fleet) -> None:
    points = [point for request in replaced(fleet, 2) for point in _read(request)]
    assert len(points) == fleet.samples
    fresh = {labels for labels, _, _ in points if ("revision", "0") not in labels}
    assert len(fresh) == len(fleet.series) // 100


def test_otlp_says_what_the_fleet_says(fleet: Fleet) -> None:
    said, expected = set(), set()
    for request in exports(fleet, 2):
        message = ExportMetricsServiceRequest.FromString(request.body)
        for resource in message.resource_metrics:
            host = {pair.key: pair.value.string_value for pair in resource.resource.attributes}["host.name"]
            for metric in resource.scope_metrics[0].metrics:
                assert metric.HasField("sum") == metric.name.endswith("_total")
                points = metric.sum.data_points if metric.HasField("sum") else metric.gauge.data_points
                for point in points:
                    labels = _key({pair.key: pair.value.string_value for pair in point.attributes})
                    said.add((host, metric.name, labels, point.time_unix_nano // 1_000_000, point.as_double))
    for number, series in enumerate(fleet.series):
        own = _key(dict(KINDS[number % len(KINDS)].labels))
        for tick in range(fleet.ticks):
            ts = int(fleet.times(tick, np.array([number]))[0])
            expected.add((series.host, series.name, own, ts, fleet.values[number, tick]))
    assert said == expected


def test_line_protocol_says_what_the_fleet_says(fleet: Fleet) -> None:
    said = set()
    for request in lines(fleet, 2):
        for line in request.body.decode().splitlines():
            head, fields, ts = line.split(" ")
            said |= {(head, *pair.split("="), int(ts)) for pair in fields.split(",")}
    expected = {
        (*line_place(series), repr(float(fleet.values[number, tick])), int(fleet.times(tick, np.array([number]))[0]))
        for number, series in enumerate(fleet.series)
        for tick in range(fleet.ticks)
    }
    assert said == expected
