"""OTLP metrics to samples: one walk over resources, scopes, metrics and data points.

Names and labels are made as Prometheus's own receiver makes them, so that the same queries work. ``service.name``
(with its namespace) becomes ``job``, ``service.instance.id`` ``instance``, ``host.name`` ``host``; what else a resource
says stands in ``target_info``.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nagare.errors import InvalidLabelError
from nagare.interop.columns import STALE, SampleRows
from nagare.interop.otlp.buckets import explicit_buckets, exponential_buckets, format_bound
from nagare.interop.otlp.delta import DeltaChanges, Totals
from nagare.interop.otlp.known import Base, KnownPoints
from nagare.interop.otlp.messages import read_request
from nagare.interop.otlp.names import labels_of, metric_name, unit_name
from nagare.model.samples import MetricMetadata, Samples, SeriesIntern

if TYPE_CHECKING:
    from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, ResourceMetrics

_NO_VALUE = 1  # DataPointFlags: this series ended
_DELTA = 1  # AggregationTemporality
_KINDS = {"gauge": "gauge", "histogram": "histogram", "exponential_histogram": "histogram", "summary": "summary"}
Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class OtlpDecoded:
    """One request: its samples, how many of its data points were rejected and why, and what its deltas change."""

    samples: Samples
    metadata: tuple[MetricMetadata, ...]
    points: int
    rejected: int
    reason: str
    changes: DeltaChanges


class OtlpCodec:
    """Decodes for one ``intern``. Requests with deltas must come one by one: decode, store, ``commit``."""

    def __init__(self, intern: SeriesIntern) -> None:
        """Begin without totals."""
        self._intern = intern
        self._totals = Totals()
        self._known = KnownPoints()
        # Guards both against a decode in another thread.
        self._lock = threading.Lock()

    def decode(self, body: bytes, media: str, now_ms: int) -> OtlpDecoded:
        """Return what the request in ``body`` holds; points without a time get ``now_ms``. Raises InputError."""
        request = read_request(body, media)
        with self._lock:
            walk = _Walk(self._intern, self._totals, self._known, now_ms)
            for resource in request.resource_metrics:
                walk.resource(resource)
        return OtlpDecoded(
            walk.rows.samples(), tuple(walk.said.values()), walk.points, walk.rejected, walk.reason, walk.changes
        )

    def commit(self, decoded: OtlpDecoded) -> None:
        """Let the deltas of ``decoded`` count: its samples are stored."""
        with self._lock:
            self._totals.commit(decoded.changes)


class _RejectedError(Exception):
    """One data point cannot be taken; never leaves this module."""


@dataclass(slots=True)
class _Walk:
    """One request while it is read."""

    intern: SeriesIntern
    totals: Totals
    known: KnownPoints
    now_ms: int
    rows: SampleRows = field(default_factory=SampleRows)
    said: dict[str, MetricMetadata] = field(default_factory=dict)
    changes: DeltaChanges = field(default_factory=DeltaChanges)
    points: int = 0
    rejected: int = 0
    reason: str = ""

    def resource(self, resource: ResourceMetrics) -> None:
        attributes = {each.key: each for each in resource.resource.attributes}
        labels = labels_of(attributes.values())
        base = _identity(labels)
        begin = len(self.rows.ts_ms)
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                self._metric(metric, tuple(base.items()))
        if len(self.rows.ts_ms) > begin and base:
            self._target_info(labels, base, max(self.rows.ts_ms[begin:]))

    def _target_info(self, labels: dict[str, str], base: Labels, ts_ms: int) -> None:
        rest = {name: value for name, value in labels.items() if name not in _IDENTIFYING}
        if not rest:
            return
        try:
            series = self.intern.intern("target_info", {**rest, **base})
        except InvalidLabelError:
            return
        self.rows.add(series, ts_ms, 1.0)

    def _metric(self, metric: Metric, base: Base) -> None:
        kind = metric.WhichOneof("data")
        if kind is None:
            return
        content: Any = getattr(metric, kind)
        is_counter = kind == "sum" and content.is_monotonic
        name = metric_name(metric.name, metric.unit, is_counter=is_counter, is_gauge=kind == "gauge")
        told = "counter" if is_counter else _KINDS.get(kind, "gauge")
        is_delta = getattr(content, "aggregation_temporality", 0) == _DELTA
        for point in content.data_points:
            self.points += 1
            marks = len(self.rows.ts_ms)
            try:
                self._point(name, kind, point, base, is_delta=is_delta)
            except (_RejectedError, InvalidLabelError, ValueError) as error:
                self.rows.cut_back(marks)
                self.rejected += 1
                self.reason = self.reason or f"{name}: {error}"
        if name:
            self.said[name] = MetricMetadata(name, told, unit_name(metric.unit), metric.description)

    def _point(self, name: str, kind: str, point: Any, base: Base, *, is_delta: bool) -> None:
        if not name:
            raise _RejectedError("a metric has no name")
        time_ns = point.time_unix_nano or self.now_ms * 1_000_000
        ts_ms = time_ns // 1_000_000
        known = self.known.get(name, base, point.attributes)
        for suffix, more, value in _values(kind, point):
            series = known.number(self.intern, suffix, more)
            if point.flags & _NO_VALUE:
                value = STALE
            elif is_delta and series >= 0:
                total = self.totals.add(series, time_ns, value, self.changes)
                if total is None:
                    if self.totals.is_repeat(series, time_ns):
                        continue
                    raise _RejectedError("a delta is older than the last one of its series")
                value = total
            self.rows.add(series, ts_ms, value)


_IDENTIFYING = frozenset({"service_name", "service_namespace", "service_instance_id", "host_name"})


def _identity(labels: Labels) -> dict[str, str]:
    name, namespace = labels.get("service_name", ""), labels.get("service_namespace", "")
    found = {
        "job": f"{namespace}/{name}" if name and namespace else name,
        "instance": labels.get("service_instance_id", ""),
        "host": labels.get("host_name", ""),
    }
    return {label: value for label, value in found.items() if value}


def _values(kind: str, point: Any) -> Iterator[tuple[str, Labels, float]]:
    """Yield (end of the name, further labels, value) for each series of a data point. Raises ValueError."""
    if kind in ("gauge", "sum"):
        yield "", {}, _number(point)
        return
    if kind == "summary":
        for quantile in point.quantile_values:
            yield "", {"quantile": format_bound(quantile.quantile)}, quantile.value
        yield "_sum", {}, point.sum
    else:
        buckets = explicit_buckets if kind == "histogram" else exponential_buckets
        for bound, count in buckets(point):
            yield "_bucket", {"le": bound}, count
        if point.HasField("sum"):
            yield "_sum", {}, point.sum
    yield "_count", {}, float(point.count)


def _number(point: Any) -> float:
    kind = point.WhichOneof("value")
    if kind is None:
        if point.flags & _NO_VALUE:
            return 0.0
        raise ValueError("a data point has no value")
    return float(getattr(point, kind))
