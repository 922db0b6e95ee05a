"""The record of the metric log for foreign samples: columns as they lie in memory, and what is new about series.

No object a sample: ten thousand samples are written and read as three arrays. Its first byte tells it from the other
records, which are MessagePack arrays. Little endian, and only fields of the envelope may be added, at its end.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from nagare.errors import InvariantError
from nagare.model.samples import MetricMetadata, Series

# No MessagePack array begins with it.
SAMPLES_KIND = 1
_HEADER = struct.Struct("<BxxxII4x")


@dataclass(frozen=True, slots=True)
class SamplesRecord:
    """Samples that became durable together, and the series and metadata that were new with them."""

    received_ms: int
    definitions: tuple[tuple[int, Series], ...]
    metadata: tuple[MetricMetadata, ...]
    series: NDArray[np.int32]
    ts_ms: NDArray[np.int64]
    values: NDArray[np.float64]


class _Envelope(msgspec.Struct, frozen=True, array_like=True):
    received_ms: int
    # Number, name, host, then label names and values in turn.
    definitions: list[tuple[int, str, str, list[str]]]
    metadata: list[tuple[str, str, str, str]] = []


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Envelope)


def is_samples(payload: bytes) -> bool:
    """Tell whether a log record's payload is one of samples."""
    return payload[:1] == bytes((SAMPLES_KIND,))


def encode_samples(record: SamplesRecord) -> bytes:
    """Return the payload for ``record``."""
    envelope = _encoder.encode(
        _Envelope(
            record.received_ms,
            [
                (number, series.name, series.host, [text for pair in series.labels for text in pair])
                for number, series in record.definitions
            ],
            [(each.name, each.type, each.unit, each.help) for each in record.metadata],
        )
    )
    return b"".join(
        (
            _HEADER.pack(SAMPLES_KIND, len(record.series), len(envelope)),
            np.ascontiguousarray(record.ts_ms, "<i8").data,
            np.ascontiguousarray(record.values, "<f8").data,
            np.ascontiguousarray(record.series, "<i4").data,
            envelope,
        )
    )


def decode_samples(payload: bytes) -> SamplesRecord:
    """Return the record in ``payload``, its columns as views. Raises InvariantError: its checksum held, so it must decode."""
    try:
        _, count, size = _HEADER.unpack_from(payload)
        at = _HEADER.size
        ts_ms = np.frombuffer(payload, "<i8", count, at)
        values = np.frombuffer(payload, "<f8", count, at + 8 * count)
        series = np.frombuffer(payload, "<i4", count, at + 16 * count)
        at += 20 * count
        envelope = _decoder.decode(payload[at : at + size])
    except (struct.error, ValueError, msgspec.DecodeError) as error:
        raise InvariantError(f"BUG: a log record with a good checksum must decode: {error}") from error
    return SamplesRecord(
        envelope.received_ms,
        tuple(
            (number, Series(name, tuple(zip(texts[::2], texts[1::2], strict=True)), host))
            for number, name, host, texts in envelope.definitions
        ),
        tuple(MetricMetadata(*each) for each in envelope.metadata),
        series,
        ts_ms,
        values,
    )
