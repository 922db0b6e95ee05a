"""The quick way through a remote-write 2.0 request: its texts get numbers that outlive it, its series are looked up by them.

Taken is only what is, from the first byte on, texts and then ``2a <length> 0a <length> <refs> <sample> [2a <metadata>]``
again and again with one sample in one of the two shapes that senders write; everything else is for the walk. What a
request says of the metric of a series that was met lately is not read again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from nagare.interop.known import KnownSeries
from nagare.interop.remote_write import v2
from nagare.interop.remote_write.columns_v1 import Cut, has_times
from nagare.interop.remote_write.decoded import number_of
from nagare.model.samples import MetricMetadata, SeriesId, SeriesIntern

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nagare.interop.masked import Bytes

    Numbers = NDArray[np.int32]

_FULL, _ZERO = b"\x12\x10\x09", b"\x12\x07\x10"
_FULL_BYTES, _ZERO_BYTES = 18, 9
# A reference of three bytes counts two million texts.
_REF_BYTES = 3
_TEXTS_LIMIT = 500_000
# Metadata are taken anew after so many requests: an exporter's help may change.
_TOLD_REQUESTS = 1000


@dataclass(slots=True)
class _Chain:
    """What following the lengths finds: for each series its refs, its sample's place and form, and its metadata."""

    refs: list[bytes] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    is_full: list[bool] = field(default_factory=list)
    said: list[bytes] = field(default_factory=list)


class Texts:
    """The texts of a sender, numbered in the order they came, and its series by those numbers."""

    def __init__(self, limit_bytes: int) -> None:
        """Remember series in at most ``limit_bytes``."""
        self._limit = limit_bytes
        self._requests = 0
        self._told: set[int] = set()
        self._forget()

    def _forget(self) -> None:
        self._numbers: dict[bytes, int] = {}
        self._texts: list[bytes] = []
        self._known = KnownSeries(self._limit)
        # The texts of the latest request, as they stand in it, and their numbers.
        self._section = b""
        self._section_numbers: Numbers = np.zeros(0, dtype=np.int32)

    def cut(self, body: bytes, padded: Bytes, intern: SeriesIntern) -> tuple[Cut, tuple[MetricMetadata, ...]] | None:
        """Return ``body`` cut up, with what it says of metrics that were not met lately; None when it is not usual."""
        begin = self._read_texts(body)
        chain = None if begin is None else _follow(body, begin)
        if chain is None or not chain.refs:
            return None
        keys = self._keys(chain.refs)
        if keys is None:
            return None
        series = np.array(self._series(keys, intern), dtype=np.int32)
        is_full = np.array(chain.is_full, dtype=np.bool_)
        cut = Cut.at(series, np.array(chain.places, dtype=np.int64), is_full)
        return (cut, self._metadata(series.tolist(), keys, chain.said)) if has_times(padded, cut) else None

    def _read_texts(self, body: bytes) -> int | None:
        size = len(self._section)
        if size and body.startswith(self._section) and body[size : size + 1] == b"\x2a":
            return size
        texts, at = _symbols(body)
        if not texts or texts[0]:
            return None
        if len(self._texts) > _TEXTS_LIMIT:
            self._forget()
        numbers = self._numbers
        for text in texts:
            if text not in numbers:
                numbers[text] = len(self._texts)
                self._texts.append(text)
        self._section = body[:at]
        self._section_numbers = np.array([numbers[text] for text in texts], dtype=np.int32)
        return at

    def _keys(self, refs: list[bytes]) -> list[bytes] | None:
        """Return each series' refs as numbers that outlive the request, None where a ref is unlawful."""
        joined = np.frombuffer(b"".join(refs) + bytes(_REF_BYTES), dtype=np.uint8)
        size = len(joined) - _REF_BYTES
        ends = np.flatnonzero(joined[:size] < 0x80)
        bounds = np.cumsum([len(each) for each in refs])
        if not len(ends) or bool((joined[bounds - 1] >= 0x80).any()):
            return None
        starts = np.concatenate(([0], ends[:-1] + 1))
        widths = ends - starts + 1
        if widths.max() > _REF_BYTES:
            return None
        local = joined[starts].astype(np.int64) & 0x7F
        for place in range(1, int(widths.max())):
            more = (joined[starts + place].astype(np.int64) & 0x7F) << 7 * place
            local |= np.where(widths > place, more, 0)
        counts = np.searchsorted(ends, bounds)
        if local.max() >= len(self._section_numbers) or bool((counts & 1).any()):
            return None
        content = self._section_numbers[local].tobytes()
        stops = (counts * 4).tolist()
        return [content[start:stop] for start, stop in zip([0, *stops[:-1]], stops, strict=True)]

    def _series(self, keys: list[bytes], intern: SeriesIntern) -> list[SeriesId]:
        get = self._known.getter
        found: list[SeriesId] = []
        for key in keys:
            number = get(key)
            if number is None and (number := self._known.find(key)) is None:
                number = number_of(intern, self._pairs(key))
                self._known.keep(key, number)
                get = self._known.getter
            found.append(number)
        return found

    def _pairs(self, key: bytes) -> list[tuple[bytes, bytes]]:
        texts = [self._texts[number] for number in np.frombuffer(key, dtype=np.int32).tolist()]
        return list(zip(texts[::2], texts[1::2], strict=True))

    def _metadata(self, series: list[int], keys: list[bytes], said: list[bytes]) -> tuple[MetricMetadata, ...]:
        self._requests += 1
        if self._requests % _TOLD_REQUESTS == 0:
            self._told.clear()
        untold = [at for at, number in enumerate(series) if said[at] and number not in self._told]
        self._told.update(series[at] for at in untold if series[at] >= 0)
        symbols = [self._texts[number] for number in self._section_numbers.tolist()] if untold else []
        found: dict[str, MetricMetadata] = {}
        for at in untold:
            name = dict(self._pairs(keys[at])).get(b"__name__", b"").decode(errors="replace")
            if name and name not in found:
                found[name] = v2.read_metadata(name, said[at], symbols)
        return tuple(found.values())


def _symbols(body: bytes) -> tuple[list[bytes], int]:
    """Return the texts with which ``body`` begins and where they end; none when a length is unusual."""
    content, size = body + b"\0\0", len(body)
    texts: list[bytes] = []
    at = 0
    while content[at] == 0x22:
        length, begin = content[at + 1], at + 2
        if length >= 0x80:
            if content[begin] >= 0x80:
                return [], 0
            length, begin = length & 0x7F | content[begin] << 7, begin + 1
        at = begin + length
        if at > size:
            return [], 0
        texts.append(content[begin:at])
    return texts, at


def _follow(body: bytes, at: int) -> _Chain | None:
    """Return the series from ``at`` to the end of ``body``, None when one is unusual."""
    chain, size = _Chain(), len(body)
    content = body + bytes(4)
    while at < size:
        length, begin, tag = content[at + 1], at + 2, content[at]
        if length >= 0x80:
            if content[begin] >= 0x80:
                return None
            length, begin = length & 0x7F | content[begin] << 7, begin + 1
        at = begin + length
        refs_length, place = content[begin + 1], begin + 2 + content[begin + 1]
        if tag != 0x2A or at > size or content[begin] != 0x0A or not 0 < refs_length < 0x80:
            return None
        form = content[place : place + 3]
        is_full = form == _FULL
        end = place + (_FULL_BYTES if is_full else _ZERO_BYTES)
        if end > at or not (content[place + 11] == 0x10 if is_full else form == _ZERO):
            return None
        if end < at and (content[end] != 0x2A or end + 2 + content[end + 1] != at or content[end + 1] >= 0x80):
            return None
        chain.refs.append(content[begin + 2 : place])
        chain.places.append(place)
        chain.is_full.append(is_full)
        chain.said.append(content[end + 2 : at])
    return chain
