"""A sender's remote-write requests, each by the quickest way that reads it exactly."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

from nagare.interop.masked import pad, words_of
from nagare.interop.remote_write import v1, v2
from nagare.interop.remote_write.columns_v1 import Cut, Known, cut, read_times, read_values
from nagare.interop.remote_write.columns_v2 import Texts
from nagare.interop.remote_write.decoded import UNLAWFUL, UNLAWFUL_SERIES, Decoded
from nagare.interop.remote_write.layouts import Layouts, layout_key
from nagare.interop.remote_write.packing import unpack_padded
from nagare.model.samples import MetricMetadata, Samples, SeriesIntern

if TYPE_CHECKING:
    from nagare.interop.masked import Bytes


class RemoteWriteCodec:
    """Decodes for one ``intern``; may be called from several threads, which take turns."""

    def __init__(self, intern: SeriesIntern, memory_bytes: int = 64 * 2**20) -> None:
        """Remember series, layouts and tables of texts in at most ``memory_bytes``."""
        self._intern = intern
        self._known = Known(memory_bytes // 2)
        self._layouts = Layouts(memory_bytes // 8)
        self._layouts_v2 = Layouts(memory_bytes // 8)
        self._texts = Texts(memory_bytes // 8)
        self._tables = v2.Tables(memory_bytes // 8)
        # Guards all of them; never held while anything is awaited.
        self._lock = threading.Lock()

    def decode_v1(self, body: bytes) -> Decoded:
        """Return what a ``prometheus.WriteRequest`` holds. Raises InputError."""
        return self._read_v1(pad(body), len(body))

    def decode_v2(self, body: bytes) -> Decoded:
        """Return what an ``io.prometheus.write.v2.Request`` holds. Raises InputError."""
        return self._read_v2(pad(body), len(body))

    def decode_packed_v1(self, packed: bytes, length: int) -> Decoded:
        """Do the same for a snappy block that says it is ``length`` bytes unpacked. Raises InputError."""
        return self._read_v1(unpack_padded(packed, length), length)

    def decode_packed_v2(self, packed: bytes, length: int) -> Decoded:
        """Do the same for version 2.0. Raises InputError."""
        return self._read_v2(unpack_padded(packed, length), length)

    def _read_v1(self, padded: Bytes, length: int) -> Decoded:
        with self._lock:
            key = layout_key(padded, length)
            known = self._layouts.find(key, padded)
            if known is not None:
                # Only what is lawful is remembered.
                return Decoded(_samples(padded, known))
            found = cut(padded, length, self._intern, self._known)
            if found is None:
                return v1.walk(padded[:length].tobytes(), self._intern, self._known.texts).decoded()
            self._layouts.note(key, padded, found)
            return _read(padded, found)

    def _read_v2(self, padded: Bytes, length: int) -> Decoded:
        with self._lock:
            key = layout_key(padded, length)
            known = self._layouts_v2.find(key, padded)
            if known is not None:
                return Decoded(_samples(padded, known))
            body = padded[:length].tobytes()
            found = self._texts.cut(body, padded, self._intern)
            if found is None:
                return v2.walk(body, self._intern, self._tables).decoded()
            cut_up, metadata = found
            self._layouts_v2.note(key, padded, cut_up)
            return _read(padded, cut_up, metadata)


def _read(padded: Bytes, found: Cut, metadata: tuple[MetricMetadata, ...] = ()) -> Decoded:
    samples = _samples(padded, found)
    if int(found.series.min()) != UNLAWFUL_SERIES:
        return Decoded(samples, metadata)
    lawful = found.series != UNLAWFUL_SERIES
    refused = {UNLAWFUL: int(len(samples) - np.count_nonzero(lawful))}
    return Decoded(Samples(samples.series[lawful], samples.ts_ms[lawful], samples.values[lawful]), metadata, refused)


def _samples(padded: Bytes, found: Cut) -> Samples:
    content = words_of(padded)
    return Samples(found.series, read_times(content, found), read_values(content, found))
