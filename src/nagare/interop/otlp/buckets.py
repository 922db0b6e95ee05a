"""Histograms to the classic form, ``le`` and a running count, that every dashboard reads.

An exponential histogram is told by bounds that are powers of two, whatever its scale: the same bounds for ever, so that
its series stay few and can be subtracted from one another. What a finer scale said beyond that is lost.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.proto.metrics.v1.metrics_pb2 import ExponentialHistogramDataPoint, HistogramDataPoint

# Powers of two that a double can hold.
_EXPONENT_LIMIT = 1023


def explicit_buckets(point: HistogramDataPoint) -> Iterator[tuple[str, float]]:
    """Yield (``le``, count up to it). Raises ValueError when bounds and counts do not go together."""
    bounds, counts = point.explicit_bounds, point.bucket_counts
    if counts and len(counts) != len(bounds) + 1:
        raise ValueError("bounds and counts of a histogram do not go together")
    running = 0
    for bound, count in zip(bounds, counts, strict=False):
        running += count
        yield format_bound(bound), float(running)
    yield "+Inf", float(point.count)


def exponential_buckets(point: ExponentialHistogramDataPoint) -> Iterator[tuple[str, float]]:
    """Yield (``le``, count up to it) with powers of two, negative ones too, as bounds. Raises ValueError for absurd scales."""
    if not -12 <= point.scale <= 24:
        raise ValueError(f"the scale {point.scale} of a histogram is absurd")
    by_bound: dict[float, int] = {}
    for index, count in enumerate(point.negative.bucket_counts, point.negative.offset):
        # Values of bucket i are at least base^i away from zero: that is their upper bound on this side.
        _count(by_bound, -_power(index, point.scale, up=False), count)
    if point.zero_count:
        _count(by_bound, point.zero_threshold, point.zero_count)
    for index, count in enumerate(point.positive.bucket_counts, point.positive.offset):
        _count(by_bound, _power(index + 1, point.scale, up=True), count)
    running = 0
    for bound in sorted(by_bound):
        running += by_bound[bound]
        if math.isfinite(bound):
            yield format_bound(bound), float(running)
    yield "+Inf", float(point.count)


def format_bound(bound: float) -> str:
    """Return a bound as Prometheus writes it."""
    if math.isinf(bound):
        return "+Inf" if bound > 0 else "-Inf"
    return str(int(bound)) if bound.is_integer() and abs(bound) < 1e15 else repr(bound)


def _count(by_bound: dict[float, int], bound: float, count: int) -> None:
    if count:
        by_bound[bound] = by_bound.get(bound, 0) + count


def _power(index: int, scale: int, *, up: bool) -> float:
    """Return the power of two next to base^index, base being 2^(2^-scale): not below it for ``up``, else not above it."""
    exponent = index << -scale if scale <= 0 else -(-index >> scale) if up else index >> scale
    if exponent > _EXPONENT_LIMIT:
        return math.inf
    return math.ldexp(1.0, max(exponent, -_EXPONENT_LIMIT))
