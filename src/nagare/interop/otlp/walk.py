"""The walk over OpenTelemetry's own messages, which reads every lawful request: resources, scopes, metrics, data points.

It is the measure of the quick way in ``columns``, and reads what that leaves to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nagare.errors import InvalidLabelError
from nagare.interop.columns import STALE, SampleRows
from nagare.interop.otlp.buckets import explicit_buckets, exponential_buckets, format_bound
from nagare.interop.otlp.delta import DeltaChanges, Totals
from nagare.interop.otlp.instruments import Base, Instrument, Labels, Origin, number_of_info
from nagare.interop.otlp.known import KnownPoints
from nagare.model.samples import MetricMetadata, SeriesIntern

if TYPE_CHECKING:
    from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, ResourceMetrics

_NO_VALUE = 1  # DataPointFlags: this series ended


class _RejectedError(Exception):
    """One data point cannot be taken; never leaves this module."""


@dataclass(slots=True)
class Walk:
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
        """Take the points of a resource."""
        origin = Origin.of(resource.resource)
        begin = len(self.rows.ts_ms)
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                self.metric(metric, origin.base)
        if len(self.rows.ts_ms) > begin and origin.info:
            series = number_of_info(self.intern, origin)
            if series is not None:
                self.rows.add(series, max(self.rows.ts_ms[begin:]), 1.0)

    def metric(self, metric: Metric, base: Base) -> None:
        """Take the points of a metric, all but those that cannot be taken."""
        instrument = Instrument.of(metric)
        if instrument is None:
            return
        points: Any = getattr(metric, instrument.kind).data_points
        for point in points:
            self.points += 1
            marks = len(self.rows.ts_ms)
            try:
                self._point(instrument, point, base)
            except (_RejectedError, InvalidLabelError, ValueError) as error:
                self.rows.cut_back(marks)
                self.rejected += 1
                self.reason = self.reason or f"{instrument.name}: {error}"
        if instrument.name:
            self.said[instrument.name] = instrument.said

    def _point(self, instrument: Instrument, point: Any, base: Base) -> None:
        if not instrument.name:
            raise _RejectedError("a metric has no name")
        time_ns = point.time_unix_nano or self.now_ms * 1_000_000
        ts_ms = time_ns // 1_000_000
        known = self.known.get(instrument.name, base, point.attributes)
        for suffix, more, value in _values(instrument.kind, point):
            series = known.number(self.intern, suffix, more)
            if point.flags & _NO_VALUE:
                value = STALE
            elif instrument.is_delta and series >= 0:
                total = self.totals.add(series, time_ns, value, self.changes)
                if total is None:
                    if self.totals.is_repeat(series, time_ns):
                        continue
                    raise _RejectedError("a delta is older than the last one of its series")
                value = total
            self.rows.add(series, ts_ms, value)


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
