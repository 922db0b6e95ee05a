"""Requests of Prometheus remote write 1.0, made by filling values and times into a request that was laid out before.

Written from the protocol alone and apart from ``interop``: a fault in how the server reads must not hide behind the same
fault in how the bench writes.
"""

from __future__ import annotations

from collections.abc import Sequence

import cramjam
import numpy as np
from numpy.typing import NDArray

from nagare.model.samples import Series

HEADERS = {
    "Content-Encoding": "snappy",
    "Content-Type": "application/x-protobuf",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
    "User-Agent": "remote-write-test/1",
}
# Sample{value=1 double, timestamp=2 varint}: times of these decades take six bytes.
_TIME_BYTES = 6
_SAMPLE_HEAD = bytes([0x12, 1 + 8 + 1 + _TIME_BYTES])


def varint(number: int) -> bytes:
    """Return an unsigned number as protobuf writes it."""
    made = bytearray()
    while number > 0x7F:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    made.append(number)
    return bytes(made)


def _field(tag: int, content: bytes) -> bytes:
    return bytes([tag << 3 | 2]) + varint(len(content)) + content


def encode_labels(series: Series, **more: str) -> bytes:
    """Return the labels of a time series, the name first among equals of the alphabet."""
    labels = sorted({"__name__": series.name, **dict(series.labels), **more}.items())
    pairs = (_field(1, name.encode()) + _field(2, value.encode()) for name, value in labels)
    return b"".join(_field(1, pair) for pair in pairs)


def lay_out(labels: bytes) -> bytes:
    """Return the time series of these encoded labels with one sample whose value and time are still to be filled in."""
    content = labels + _SAMPLE_HEAD + b"\x09" + bytes(8) + b"\x10" + bytes(_TIME_BYTES)
    return b"\x0a" + varint(len(content)) + content


class Layout:
    """A request of one sample a series, whose values and times are still to be filled in."""

    def __init__(self, series: Sequence[bytes]) -> None:
        """Lay out a request for series as ``lay_out`` returns them."""
        self._bytes = np.frombuffer(b"".join(series), np.uint8).copy()
        ends = np.cumsum([len(one) for one in series])[:, None]
        self._times_at = ends - _TIME_BYTES + np.arange(_TIME_BYTES)
        self._values_at = ends - _TIME_BYTES - 1 - 8 + np.arange(8)

    def fill(self, values: NDArray[np.float64], ts_ms: NDArray[np.int64]) -> bytes:
        """Return the protobuf message with one value and time for each series."""
        self._bytes[self._values_at] = np.ascontiguousarray(values, "<f8").view(np.uint8).reshape(-1, 8)
        parts = (ts_ms[:, None] >> np.arange(0, 7 * _TIME_BYTES, 7) & 0x7F).astype(np.uint8)
        parts[:, :-1] |= 0x80
        self._bytes[self._times_at] = parts
        return self._bytes.tobytes()


def pack(message: bytes) -> bytes:
    """Return the message as the body of a request: a snappy block."""
    return bytes(cramjam.snappy.compress_raw(message))
