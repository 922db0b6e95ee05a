"""OTLP requests by chance: every kind of metric, lawful and not, and the same requests as other libraries would encode them."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from random import Random
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from tests.support.write_layout import varint

NOW_MS = 1_760_000_000_000
_NS = NOW_MS * 1_000_000
_KEYS = ("host.name", "service.name", "mode", "a.b", "a_b")
_VALUES = ("x", "y", "", "web1", "é")
_KINDS, _ODD_KINDS = ("gauge", "sum", "histogram"), ("exponential_histogram", "summary", "")
# A field that no version of the protocol has: number 100, a varint.
_UNKNOWN = b"\xa0\x06\x01"


def make_request(chance: Random) -> ExportMetricsServiceRequest:
    """Return a request of a few resources, scopes, metrics and points; some have nothing odd, some are odd throughout."""
    return _Maker(chance, chance.choice((0, 0, 0.03, 0.3))).request()


def renumber(chance: Random, request: ExportMetricsServiceRequest) -> None:
    """Give every point other numbers; what has none gets none."""
    for point in points_of(request):
        # Mostly on, as clocks go, so that deltas are not always too old.
        point.time_unix_nano = max(_time(chance), point.time_unix_nano + 1) % 2**64 if point.time_unix_nano else 0
        for name in ("as_double", "as_int", "sum"):
            if _has(point, name):
                setattr(point, name, chance.randint(-9, 9) if name == "as_int" else chance.uniform(-9, 9))
        if hasattr(point, "bucket_counts"):
            point.bucket_counts[:] = [chance.randint(0, 9) for _ in point.bucket_counts]


def points_of(request: ExportMetricsServiceRequest) -> list[Any]:
    """Return all data points."""
    return [point for metric in metrics_of(request) for point in _content(metric).data_points]


def metrics_of(request: ExportMetricsServiceRequest) -> list[Metric]:
    """Return all metrics that have points of some kind."""
    scopes = [scope for resource in request.resource_metrics for scope in resource.scope_metrics]
    return [metric for scope in scopes for metric in scope.metrics if metric.WhichOneof("data")]


def shuffle_points(chance: Random, request: ExportMetricsServiceRequest) -> None:
    """Bring the points of each metric into another order."""
    for metric in metrics_of(request):
        points = _content(metric).data_points
        copies = [type(point).FromString(point.SerializeToString()) for point in points]
        chance.shuffle(copies)
        del points[:]
        points.extend(copies)


def add_attribute(chance: Random, request: ExportMetricsServiceRequest) -> None:
    """Give one point an attribute more."""
    for point in points_of(request)[:1]:
        point.attributes.add(key="new", value={"string_value": chance.choice(_VALUES)})


def add_unknown(chance: Random, request: ExportMetricsServiceRequest) -> None:
    """Add a field that is not known to some part of the request."""
    parts: list[Any] = [request, *request.resource_metrics, *metrics_of(request), *points_of(request)]
    chance.choice(parts).MergeFromString(_UNKNOWN)


def attributes_first(request: ExportMetricsServiceRequest) -> bytes:
    """Return ``request`` in the order in which the protocol's source lists the fields of points, not in that of their numbers."""
    return b"".join(_field(1, _resource(each)) for each in request.resource_metrics)


def _resource(resource: Any) -> bytes:
    scopes = (
        _field(2, _field(1, each.scope.SerializeToString()) + _metrics(each.metrics)) for each in resource.scope_metrics
    )
    return _field(1, resource.resource.SerializeToString()) + b"".join(scopes)


def _metrics(metrics: Iterable[Metric]) -> bytes:
    return b"".join(_field(2, _metric(metric)) for metric in metrics)


def _metric(metric: Metric) -> bytes:
    kind = metric.WhichOneof("data")
    if kind is None:
        return bytes(metric.SerializeToString())
    content = _content(metric)
    points = b"".join(_field(1, _point(point)) for point in content.data_points)
    bare, shell = Metric(), type(content)()
    bare.CopyFrom(metric)
    bare.ClearField(kind)
    shell.CopyFrom(content)
    del shell.data_points[:]
    number = metric.DESCRIPTOR.fields_by_name[kind].number
    return bytes(bare.SerializeToString()) + _field(number, points + shell.SerializeToString())


def _point(point: Any) -> bytes:
    rest = type(point)()
    rest.CopyFrom(point)
    del rest.attributes[:]
    number = point.DESCRIPTOR.fields_by_name["attributes"].number
    attributes = b"".join(_field(number, each.SerializeToString()) for each in point.attributes)
    return attributes + bytes(rest.SerializeToString())


def _field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def _content(metric: Metric) -> Any:
    return getattr(metric, str(metric.WhichOneof("data")))


def _has(point: Any, name: str) -> bool:
    return name in point.DESCRIPTOR.fields_by_name and any(field.name == name for field, _ in point.ListFields())


def _odd_double(chance: Random) -> float:
    # Any bits but those of a signalling NaN, which no float of Python's surely keeps.
    found: float = struct.unpack("<d", chance.randbytes(8))[0]
    return found if found == found else 0.25


class _Maker:
    """Makes a request; ``odd`` is how often a thing is unusual."""

    def __init__(self, chance: Random, odd: float) -> None:
        self._chance = chance
        self._odd = odd
        self._fill = {
            "gauge": self._number,
            "sum": self._number,
            "histogram": self._histogram,
            "exponential_histogram": self._exponential,
            "summary": self._summary,
        }

    def request(self) -> ExportMetricsServiceRequest:
        request, chance = ExportMetricsServiceRequest(), self._chance
        for _ in range(chance.randint(0, 3)):
            whole = request.resource_metrics.add()
            self._describe(whole.resource.attributes)
            for _ in range(chance.randint(0, 2)):
                scope = whole.scope_metrics.add(schema_url=chance.choice(("", "https://example.org")))
                scope.scope.name = chance.choice(("", "scope"))
                for _ in range(chance.randint(0, 4)):
                    self._metric(scope.metrics.add())
        return request

    def _is_odd(self) -> bool:
        return self._chance.random() < self._odd

    def _describe(self, attributes: Any) -> None:
        for _ in range(self._chance.randint(0, 3)):
            value = attributes.add(key="" if self._is_odd() else self._chance.choice(_KEYS)).value
            if self._is_odd():
                value.int_value = self._chance.randint(0, 3)
            else:
                value.string_value = self._chance.choice(_VALUES)

    def _metric(self, metric: Metric) -> None:
        chance = self._chance
        metric.name = "" if self._is_odd() else chance.choice(("requests", "wait", "wait.time", "heat"))
        metric.unit = chance.choice(("", "s"))
        kind = chance.choice(_ODD_KINDS if self._is_odd() else _KINDS)
        if not kind:
            return
        content = getattr(metric, kind)
        content.SetInParent()
        if hasattr(content, "aggregation_temporality"):
            content.aggregation_temporality = chance.choice((0, 1) if self._is_odd() else (2, 2, 1))
        if kind == "sum":
            content.is_monotonic = chance.random() < 0.5
        for _ in range(chance.randint(0, 4)):
            point = content.data_points.add(start_time_unix_nano=chance.choice((0, _NS)))
            point.time_unix_nano = 0 if self._is_odd() else _time(chance)
            point.flags = int(self._is_odd())
            self._describe(point.attributes)
            self._fill[kind](point)

    def _number(self, point: Any) -> None:
        chance = self._chance
        if self._is_odd():
            point.exemplars.add(as_double=1.0, trace_id=bytes(16))
        if chance.random() < 0.6:
            point.as_double = chance.choice((0.0, 1.5, _odd_double(chance)))
        elif not self._is_odd():
            point.as_int = chance.choice((0, 7, -(2**63), 2**63 - 1))

    def _histogram(self, point: Any) -> None:
        chance = self._chance
        bounds = chance.choice(((), (1.0,), (0.1, 5.0, math.inf)))
        point.explicit_bounds.extend(bounds)
        counts = len(bounds) + (2 if self._is_odd() else 1)
        point.bucket_counts.extend(chance.choice((0, 2**39, 2**62)) if self._is_odd() else 2 for _ in range(counts))
        if self._is_odd():
            del point.bucket_counts[:]
        point.count = chance.choice((0, 2**63 + 5)) if self._is_odd() else 9
        if chance.random() < 0.7:
            point.sum = 1.25
        if chance.random() < 0.3:
            point.min, point.max = 0.5, 4.0

    def _exponential(self, point: Any) -> None:
        point.scale, point.count, point.zero_count = self._chance.choice((0, 3, 99)), 4, 1
        point.positive.bucket_counts.extend([1, 2])

    def _summary(self, point: Any) -> None:
        point.count, point.sum = 2, self._chance.random()
        point.quantile_values.add(quantile=0.5, value=1.0)


def _time(chance: Random) -> int:
    return 2**64 - 1 if chance.random() < 0.02 else _NS + chance.randint(1, 10**10)
