"""Requests that equal an earlier one but for values and times: nothing in them needs to be found again.

A sender that repeats its series in one order makes bodies of one length in which only the bytes of values and the low
bits of times change. One masked comparison tells; everything else about the request is known then.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from nagare.interop.masked import Masked
from nagare.interop.remote_write.columns_v1 import Cut

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nagare.interop.masked import Bytes

_VALUE_BYTES, _TIME_BYTES = 8, 6
# Where the first sample is looked for: behind the labels of one series.
_HEAD_BYTES = 1024
_ENTRY_BYTES = 200
_Key = tuple[int, bytes]


def layout_key(padded: Bytes, length: int) -> _Key:
    """Return what requests of one layout have in common: their length, and the labels of their first series."""
    head = padded[: min(length, _HEAD_BYTES)].tobytes()
    return length, head[: max(0, head.find(b"\x12\x10\x09"))]


@dataclass(frozen=True, slots=True)
class _Layout:
    """A body without the bits of its values, of its times only which bytes follow, and how it is cut."""

    masked: Masked
    cut: Cut

    @property
    def cost(self) -> int:
        """The bytes that it holds, about."""
        return self.masked.cost + 20 * len(self.cut.series) + _ENTRY_BYTES


class Layouts:
    """The layouts of a sender, forgotten in the order of their last use."""

    def __init__(self, limit_bytes: int) -> None:
        """Hold at most ``limit_bytes``."""
        self._limit = limit_bytes * 3 // 4
        self._held = 0
        self._layouts: OrderedDict[_Key, _Layout] = OrderedDict()
        # Which series the last request of a key brought: only an order that comes twice is worth remembering.
        self._seen: OrderedDict[_Key, NDArray[np.int32]] = OrderedDict()
        self._seen_limit = limit_bytes // 4
        self._seen_held = 0

    def find(self, key: _Key, padded: Bytes) -> Cut | None:
        """Return how ``padded`` is cut, None when no layout fits."""
        layout = self._layouts.get(key)
        if layout is None or not layout.masked.fits(padded):
            return None
        self._layouts.move_to_end(key)
        return layout.cut

    def note(self, key: _Key, padded: Bytes, cut: Cut) -> None:
        """Remember the layout of a request that ``find`` did not know, when its order of series came before."""
        seen = self._seen.pop(key, None)
        if seen is not None:
            self._seen_held -= 4 * len(seen) + _ENTRY_BYTES
            if np.array_equal(seen, cut.series) and int(cut.series.min()) >= 0:
                self._keep(key, _layout(padded, key[0], cut))
                return
        self._seen[key] = cut.series
        self._seen_held += 4 * len(cut.series) + _ENTRY_BYTES
        while self._seen_held > self._seen_limit:
            _, gone = self._seen.popitem(last=False)
            self._seen_held -= 4 * len(gone) + _ENTRY_BYTES

    def _keep(self, key: _Key, layout: _Layout) -> None:
        replaced = self._layouts.pop(key, None)
        self._held += layout.cost - (0 if replaced is None else replaced.cost)
        self._layouts[key] = layout
        while self._held > self._limit:
            _, gone = self._layouts.popitem(last=False)
            self._held -= gone.cost


def _layout(padded: Bytes, length: int, cut: Cut) -> _Layout:
    size = -(-length // 8) * 8
    mask = np.full(size, 0xFF, dtype=np.uint8)
    values = cut.value_places if cut.is_full is None else cut.value_places[cut.is_full]
    for offset in range(_VALUE_BYTES):
        mask[values + offset] = 0
    for offset in range(_TIME_BYTES):
        mask[cut.time_places + offset] = 0x80
    return _Layout(Masked.of(padded, mask), replace(cut, tails=None))
