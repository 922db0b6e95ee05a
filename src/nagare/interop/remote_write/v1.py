"""Remote write 1.0, ``prometheus.WriteRequest``: the walk that reads every lawful request.

It is the measure of the quick ways in ``columns_v1`` and ``layouts``, and what they leave to it.
"""

from __future__ import annotations

from nagare.interop.known import KnownSeries
from nagare.interop.protobuf import (
    BYTES,
    FIXED64,
    VARINT,
    Field,
    expect,
    fields,
    read_double,
    read_text,
    signed,
)
from nagare.interop.remote_write.decoded import Collected, number_of
from nagare.model.samples import MetricMetadata, SeriesId, SeriesIntern

_TIMESERIES, _METADATA = 1, 3
_LABELS, _SAMPLES, _EXEMPLARS, _HISTOGRAMS = 1, 2, 3, 4
METADATA_TYPES = ("", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset")


def walk(body: bytes, intern: SeriesIntern, known: KnownSeries) -> Collected:
    """Return everything in ``body``. Raises InputError."""
    found = Collected()
    for field in fields(body, 0, len(body)):
        if field.number == _TIMESERIES:
            expect(field, BYTES)
            _take_series(body, field, intern, known, found)
        elif field.number == _METADATA:
            expect(field, BYTES)
            entry = _metadata(body, field)
            found.metadata[entry.name] = entry
    return found


def label_pairs(buffer: bytes, spans: list[Field]) -> list[tuple[bytes, bytes]]:
    """Return names and values of the Label messages ``spans``. Raises InputError."""
    pairs = []
    for span in spans:
        name = value = b""
        for field in fields(buffer, span.start, span.end):
            if field.number == 1:
                expect(field, BYTES)
                name = buffer[field.start : field.end]
            elif field.number == 2:
                expect(field, BYTES)
                value = buffer[field.start : field.end]
        pairs.append((name, value))
    return pairs


def read_sample(buffer: bytes, span: Field) -> tuple[int, float]:
    """Return time and value of a Sample message (both versions number them alike). Raises InputError."""
    value, ts_ms = 0.0, 0
    for field in fields(buffer, span.start, span.end):
        if field.number == 1:
            expect(field, FIXED64)
            value = read_double(buffer, field.start)
        elif field.number == 2:
            expect(field, VARINT)
            ts_ms = signed(field.start)
    return ts_ms, value


def _take_series(buffer: bytes, whole: Field, intern: SeriesIntern, known: KnownSeries, found: Collected) -> None:
    labels: list[Field] = []
    samples: list[tuple[int, float]] = []
    labels_end, is_first = whole.start, True
    for field in fields(buffer, whole.start, whole.end):
        if field.number in (_LABELS, _SAMPLES, _EXEMPLARS, _HISTOGRAMS):
            expect(field, BYTES)
        if field.number == _LABELS:
            labels.append(field)
            labels_end = field.end if is_first else -1
            continue
        is_first = False
        if field.number == _SAMPLES:
            samples.append(read_sample(buffer, field))
        elif field.number == _EXEMPLARS:
            found.exemplars += 1
        elif field.number == _HISTOGRAMS:
            found.histograms += 1
    if samples:
        key = buffer[whole.start : labels_end] if labels_end >= 0 else None
        found.add(_series(buffer, labels, key, intern, known), samples)


def _series(
    buffer: bytes, labels: list[Field], key: bytes | None, intern: SeriesIntern, known: KnownSeries
) -> SeriesId:
    if key is not None and (series := known.find(key)) is not None:
        return series
    series = number_of(intern, label_pairs(buffer, labels))
    if key is not None:
        known.keep(key, series)
    return series


def _metadata(buffer: bytes, whole: Field) -> MetricMetadata:
    kind, texts = 0, {2: "", 4: "", 5: ""}
    for field in fields(buffer, whole.start, whole.end):
        if field.number == 1:
            expect(field, VARINT)
            kind = field.start
        elif field.number in texts:
            texts[field.number] = read_text(buffer, field)
    return MetricMetadata(texts[2], METADATA_TYPES[kind] if kind < len(METADATA_TYPES) else "", texts[5], texts[4])
