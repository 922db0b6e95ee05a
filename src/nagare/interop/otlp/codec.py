"""OTLP metrics to samples, each request by the quickest way that reads it exactly."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nagare.interop.masked import pad
from nagare.interop.otlp.columns import Reading
from nagare.interop.otlp.cut import read
from nagare.interop.otlp.delta import DeltaChanges, Totals
from nagare.interop.otlp.known import KnownPoints, KnownTree
from nagare.interop.otlp.layouts import Layouts
from nagare.interop.otlp.messages import PROTOBUF, read_request
from nagare.interop.otlp.walk import Walk
from nagare.model.samples import MetricMetadata, Samples, SeriesIntern

if TYPE_CHECKING:
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest


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

    def __init__(self, intern: SeriesIntern, memory_bytes: int = 64 * 2**20) -> None:
        """Begin without totals; remember series, layouts and parts of requests in at most ``memory_bytes``."""
        self._intern = intern
        self._totals = Totals()
        self._known = KnownPoints(memory_bytes // 8)
        self._tree = KnownTree(memory_bytes // 2)
        self._layouts = Layouts(memory_bytes // 4)
        # Guards all of them against a decode in another thread; never held while anything is awaited.
        self._lock = threading.Lock()

    @property
    def held_bytes(self) -> int:
        """The bytes by which it remembers requests in protobuf, about."""
        return self._tree.held_bytes + self._layouts.held_bytes

    def decode(self, body: bytes, media: str, now_ms: int) -> OtlpDecoded:
        """Return what the request in ``body`` holds; points without a time get ``now_ms``. Raises InputError."""
        if media == PROTOBUF:
            with self._lock:
                found = self._find(body, now_ms)
            if found is not None:
                return found
        request = read_request(body, media)
        with self._lock:
            found = self._read(body, request, now_ms) if media == PROTOBUF else None
            return self._walked(request, now_ms) if found is None else found

    def find(self, body: bytes, media: str, now_ms: int) -> OtlpDecoded | None:
        """Return the same at once for a request that differs from an earlier one in its numbers alone, and has no deltas.

        None for any other, and while another thread decodes.
        """
        if media != PROTOBUF or not self._lock.acquire(blocking=False):
            return None
        try:
            return self._find(body, now_ms, has_deltas=False)
        finally:
            self._lock.release()

    def commit(self, decoded: OtlpDecoded) -> None:
        """Let the deltas of ``decoded`` count: its samples are stored."""
        with self._lock:
            self._totals.commit(decoded.changes)

    def _find(self, body: bytes, now_ms: int, *, has_deltas: bool = True) -> OtlpDecoded | None:
        padded = pad(body)
        cut = self._layouts.find(body, padded)
        if cut is None or (len(cut.deltas) and not has_deltas):
            return None
        changes = DeltaChanges()
        samples = read(padded, cut, now_ms, self._totals, changes)
        return None if samples is None else OtlpDecoded(samples, cut.metadata, cut.points, 0, "", changes)

    def _read(self, body: bytes, request: ExportMetricsServiceRequest, now_ms: int) -> OtlpDecoded | None:
        walk = self._walk(now_ms)
        cut = Reading.of(body, self._tree, walk).cut(request)
        if cut is None:
            return None
        padded = pad(body)
        samples = read(padded, cut, now_ms, self._totals, walk.changes)
        if samples is None:
            return None
        self._layouts.note(body, padded, cut)
        points = cut.points + walk.points
        return OtlpDecoded(samples, cut.metadata, points, walk.rejected, walk.reason, walk.changes)

    def _walked(self, request: ExportMetricsServiceRequest, now_ms: int) -> OtlpDecoded:
        walk = self._walk(now_ms)
        for resource in request.resource_metrics:
            walk.resource(resource)
        metadata = tuple(walk.said.values())
        return OtlpDecoded(walk.rows.samples(), metadata, walk.points, walk.rejected, walk.reason, walk.changes)

    def _walk(self, now_ms: int) -> Walk:
        return Walk(self._intern, self._totals, self._known, now_ms)
