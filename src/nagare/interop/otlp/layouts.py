"""Requests that equal an earlier one but for values and times: nothing in them needs to be found again.

An exporter repeats its tree of resources, scopes, metrics and points at each interval. Its bodies have one length then,
and one masked comparison tells.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nagare.errors import InputError
from nagare.interop.masked import Masked
from nagare.interop.otlp.cut import Cut
from nagare.interop.protobuf import read_varint

if TYPE_CHECKING:
    from nagare.interop.masked import Bytes

# Of one length and one first resource there are several where a batch is cut into requests of equal size.
_ALIKE = 8
_ENTRY_BYTES = 1000
# What is remembered of a request that came once: only an order that comes twice is worth its memory.
_SEEN = 4096
_HEAD_BYTES = 1024
_RESOURCE_METRICS = _RESOURCE = 0x0A
_Key = tuple[int, bytes]


@dataclass(frozen=True, slots=True)
class _Layout:
    masked: Masked
    cut: Cut

    @property
    def cost(self) -> int:
        """The bytes that it holds, about."""
        return self.masked.cost + self.cut.cost + _ENTRY_BYTES


class Layouts:
    """The layouts of a sender, forgotten in the order of their last use."""

    def __init__(self, limit_bytes: int) -> None:
        """Hold at most ``limit_bytes``."""
        self._limit = limit_bytes
        self._held = 0
        self._layouts: OrderedDict[_Key, list[_Layout]] = OrderedDict()
        self._seen: OrderedDict[tuple[_Key, int], None] = OrderedDict()

    @property
    def held_bytes(self) -> int:
        """The bytes that it holds, about."""
        return self._held

    def find(self, body: bytes, padded: Bytes) -> Cut | None:
        """Return how ``body`` is cut, None when no layout fits."""
        key = _key(body)
        alike = self._layouts.get(key)
        if alike is None:
            return None
        for layout in alike:
            if layout.masked.fits(padded):
                self._layouts.move_to_end(key)
                return layout.cut
        return None

    def note(self, body: bytes, padded: Bytes, cut: Cut) -> None:
        """Remember the layout of a request that ``find`` did not know, when its series came in that order before."""
        if not cut.is_repeatable or not len(cut.series) or int(cut.series.min()) < 0:
            return
        key = _key(body)
        seen = (key, hash(cut.series.tobytes()))
        if seen in self._seen:
            del self._seen[seen]
            self._keep(key, _Layout(Masked.of(padded, cut.mask(len(padded))), cut))
            return
        self._seen[seen] = None
        if len(self._seen) > _SEEN:
            self._seen.popitem(last=False)

    def _keep(self, key: _Key, layout: _Layout) -> None:
        if layout.cost > self._limit:
            return
        alike = self._layouts.setdefault(key, [])
        self._layouts.move_to_end(key)
        alike.insert(0, layout)
        self._held += layout.cost
        if len(alike) > _ALIKE:
            self._held -= alike.pop().cost
        while self._held > self._limit:
            _, gone = self._layouts.popitem(last=False)
            self._held -= sum(each.cost for each in gone)


def _key(body: bytes) -> _Key:
    """Return what requests of one layout have in common: their length, and the first resource."""
    if body[:1] != bytes([_RESOURCE_METRICS]):
        return len(body), b""
    try:
        _, at = read_varint(body, 1, len(body))
        if body[at : at + 1] != bytes([_RESOURCE]):
            return len(body), b""
        length, begin = read_varint(body, at + 1, len(body))
    except InputError:
        return len(body), b""
    return len(body), body[at : min(begin + length, at + _HEAD_BYTES)]
