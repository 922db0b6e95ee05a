"""The parts of requests that were met before, found by their bytes: labels are made once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from nagare.interop.known import Known, KnownSeries
from nagare.interop.otlp.buckets import format_bound
from nagare.interop.otlp.instruments import Base, Instrument, Origin, number_of_info
from nagare.interop.otlp.names import labels_of
from nagare.interop.otlp.points import SUM, Point, UnusualError
from nagare.model.samples import SeriesId, SeriesIntern

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import KeyValue

# What a point of the walk, an origin or a metric, and the number of a series cost, about, beside their keys.
_POINT_BYTES = 500
_PART_BYTES = 700
_NUMBER_BYTES = 40


@dataclass(slots=True)
class PointSeries:
    """The series of one data point by the end of their name and the value of their further label."""

    name: str
    labels: dict[str, str]
    numbers: dict[tuple[str, ...], SeriesId] = field(default_factory=dict)

    @staticmethod
    def of(name: str, base: Base, attributes: Iterable[KeyValue]) -> PointSeries:
        """Return the series of a point of the metric ``name`` with these attributes and the labels ``base``."""
        return PointSeries(name, {**labels_of(attributes), **dict(base)})

    def number(self, intern: SeriesIntern, suffix: str, more: Mapping[str, str]) -> SeriesId:
        """Return the number of one of its series. Raises InvalidLabelError."""
        key = (suffix, *more.values())
        number = self.numbers.get(key)
        if number is None:
            labels = {name: text for name, text in {**self.labels, **more}.items() if text}
            number = intern.intern(self.name + suffix, labels)
            # A refusal may end: it is not remembered.
            if number >= 0:
                self.numbers[key] = number
        return number


class KnownPoints:
    """Finds the series of data points that the walk meets."""

    def __init__(self, limit_bytes: int) -> None:
        """Hold at most ``limit_bytes``, about; past it all are forgotten and met anew."""
        self._limit = limit_bytes // _POINT_BYTES
        self._points: dict[tuple[str | Base | bytes, ...], PointSeries] = {}

    def get(self, name: str, base: Base, attributes: Iterable[KeyValue]) -> PointSeries:
        """Return the series of a point of the metric ``name`` with these attributes and the labels ``base``."""
        attributes = list(attributes)
        key = (name, base, *[each.SerializeToString(deterministic=True) for each in attributes])
        found = self._points.get(key)
        if found is None:
            if len(self._points) >= self._limit:
                self._points.clear()
            found = self._points[key] = PointSeries.of(name, base, attributes)
        return found


@dataclass(slots=True)
class KnownOrigin:
    """A resource that was met; ``prefix`` stands for it in the keys of its points."""

    prefix: bytes
    origin: Origin
    info_number: SeriesId | None = None

    def info(self, intern: SeriesIntern) -> SeriesId | None:
        """Return the series of its ``target_info``, None when that is not lawful."""
        if self.info_number is not None:
            return self.info_number
        number = number_of_info(intern, self.origin)
        if number is not None and number >= 0:
            self.info_number = number
        return number


@dataclass(frozen=True, slots=True)
class KnownMetric:
    """A metric that was met: ``prefix`` stands for it in the keys of its points, ``rest`` are the bytes behind them."""

    prefix: bytes
    rest: bytes
    instrument: Instrument

    @property
    def is_histogram(self) -> bool:
        """Whether its points are histograms, not numbers."""
        return self.instrument.kind == "histogram"


@dataclass(slots=True)
class Parent:
    """What points belong to: a metric of a resource; ``prefix`` stands for both in the keys of points."""

    origin: KnownOrigin
    metric: KnownMetric
    prefix: bytes

    def series(self, attributes: Iterable[KeyValue]) -> PointSeries:
        """Return the series of a point here."""
        return PointSeries.of(self.metric.instrument.name, self.origin.origin.base, attributes)


class KnownTree:
    """The resources, metrics and points of a sender by their bytes, each within a bound of memory.

    Prefixes never come again, so the keys of points stay true when a resource or a metric is forgotten.
    """

    def __init__(self, limit_bytes: int) -> None:
        """Hold at most ``limit_bytes``, about."""
        self.numbers = KnownSeries(limit_bytes * 5 // 8)
        self._histograms: Known[tuple[SeriesId, ...]] = Known(limit_bytes // 8)
        self._origins: Known[KnownOrigin] = Known(limit_bytes // 8)
        self._metrics: Known[KnownMetric] = Known(limit_bytes // 16)
        # The one that was met last under a header.
        self._latest: Known[KnownMetric] = Known(limit_bytes // 16)
        self._given = 0

    @property
    def held_bytes(self) -> int:
        """The bytes that it holds, about."""
        parts = (self.numbers, self._histograms, self._origins, self._metrics, self._latest)
        return sum(part.held_bytes for part in parts)

    def origin(self, key: bytes, resource: Any) -> KnownOrigin:
        """Return the resource with the bytes ``key``, which read as ``resource``."""
        found = self._origins.find(key)
        if found is None:
            found = KnownOrigin(self._next(), Origin.of(resource))
            self._origins.put(key, found, _PART_BYTES + 2 * len(key))
        return found

    def find(self, header: bytes) -> KnownMetric | None:
        """Return the metric that was met last under ``header``."""
        return self._latest.find(header)

    def metric(self, header: bytes, rest: bytes, metric: Any) -> KnownMetric:
        """Return the metric with these bytes around its points, which reads as ``metric``. Raises UnusualError."""
        # The length keeps apart what ends where the other begins.
        key = b"%d " % len(rest) + rest + header
        found = self._metrics.find(key)
        if found is None:
            instrument = Instrument.of(metric)
            if instrument is None or not instrument.name:
                raise UnusualError
            found = KnownMetric(self._next(), rest, instrument)
            self._metrics.put(key, found, _PART_BYTES)
        self._latest.put(header, found)
        return found

    def number(self, parent: Parent, attributes: bytes, intern: SeriesIntern) -> SeriesId:
        """Return the series of a number with these attributes. Raises InvalidLabelError."""
        key = parent.prefix + attributes
        series = self.numbers.find(key)
        if series is None:
            read = _points()[0].FromString(attributes).attributes
            series = parent.series(read).number(intern, "", {})
            self.numbers.keep(key, series)
        return series

    def histogram(self, parent: Parent, point: Point, intern: SeriesIntern) -> tuple[SeriesId, ...]:
        """Return the series of a histogram: its bounds, all, sum if it has one, count. Raises UnusualError, InvalidLabelError."""
        shape = b"%d %d %d " % (len(point.buckets), len(point.bounds), SUM in point.places)
        key = b"".join((parent.prefix, shape, point.bounds, point.attributes))
        found = self._histograms.find(key)
        if found is None:
            found = tuple(_histogram_series(parent, point, intern))
            if min(found) >= 0:
                self._histograms.put(key, found, _NUMBER_BYTES * len(found))
        return found

    def _next(self) -> bytes:
        self._given += 1
        return self._given.to_bytes(8, "little")


def _histogram_series(parent: Parent, point: Point, intern: SeriesIntern) -> Iterable[SeriesId]:
    bounds = np.frombuffer(point.bounds, dtype="<f8").tolist() if len(point.bounds) % 8 == 0 else None
    if bounds is None or (point.buckets and len(point.buckets) != len(bounds) + 1):
        raise UnusualError
    read = _points()[1].FromString(point.attributes).attributes
    series = parent.series(read)
    for bound in bounds if point.buckets else ():
        yield series.number(intern, "_bucket", {"le": format_bound(bound)})
    yield series.number(intern, "_bucket", {"le": "+Inf"})
    if SUM in point.places:
        yield series.number(intern, "_sum", {})
    yield series.number(intern, "_count", {})


@cache
def _points() -> tuple[Any, Any]:
    from opentelemetry.proto.metrics.v1 import metrics_pb2  # noqa: PLC0415  loaded by the first request

    return metrics_pb2.NumberDataPoint, metrics_pb2.HistogramDataPoint
