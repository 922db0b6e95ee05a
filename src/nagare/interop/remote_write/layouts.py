"""Requests that equal an earlier one but for values and times: nothing in them needs to be found again.

A sender that repeats its series in one order makes bodies of one length in which only the bytes of values and the low
bits of times change. One masked comparison tells; everything else about the request is known then.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nagare.interop.remote_write.columns_v1 import Cut, time_places
from nagare.interop.scratch import scratch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nagare.interop.remote_write.columns_v1 import Bytes

# A layout is tried in full only if it agrees here: another order of series shows within the first one or two.
_PROBE_BYTES = 512


@dataclass(frozen=True, slots=True)
class _Layout:
    """``masked`` is a body with ``mask`` laid over it: no bits of values, of times only which bytes follow."""

    mask: Bytes
    masked: Bytes
    cut: Cut

    def fits(self, padded: Bytes) -> bool:
        """Tell whether ``padded`` differs in values and times alone."""
        probe = slice(0, _PROBE_BYTES)
        if not np.array_equal(padded[probe] & self.mask[probe], self.masked[probe]):
            return False
        size = len(padded) // 8 * 8
        words = scratch(1, size).view(np.uint64)
        np.bitwise_and(padded[:size].view(np.uint64), self.mask[:size].view(np.uint64), out=words)
        # What is left beyond the last whole word is padding.
        return np.array_equal(words, self.masked[:size].view(np.uint64))


class Layouts:
    """The layouts of a sender, one for each length of body, forgotten in the order of their last use."""

    def __init__(self, limit_bytes: int) -> None:
        """Hold at most ``limit_bytes``."""
        self._limit = limit_bytes
        self._held = 0
        self._layouts: OrderedDict[int, _Layout] = OrderedDict()
        # Which series the last request of a length brought: only an order that comes twice is worth remembering.
        self._seen: OrderedDict[int, NDArray[np.int32]] = OrderedDict()

    def find(self, padded: Bytes) -> Cut | None:
        """Return how ``padded`` is cut, None when no layout fits."""
        layout = self._layouts.get(len(padded))
        if layout is None or not layout.fits(padded):
            return None
        self._layouts.move_to_end(len(padded))
        return layout.cut

    def note(self, padded: Bytes, cut: Cut) -> None:
        """Remember the layout of a request that ``find`` did not know, when its order of series came before."""
        length = len(padded)
        seen = self._seen.pop(length, None)
        if seen is not None and np.array_equal(seen, cut.series) and bool((cut.series >= 0).all()):
            self._keep(padded, cut)
            return
        self._seen[length] = cut.series
        if len(self._seen) > _SEEN_LIMIT:
            self._seen.popitem(last=False)

    def _keep(self, padded: Bytes, cut: Cut) -> None:
        length = len(padded)
        if self._layouts.pop(length, None) is not None:
            self._held -= _cost(length)
        self._layouts[length] = _layout(padded, cut)
        self._held += _cost(length)
        while self._held > self._limit:
            gone, _ = self._layouts.popitem(last=False)
            self._held -= _cost(gone)


_SEEN_LIMIT = 16


def _cost(length: int) -> int:
    return 3 * length


def _layout(padded: Bytes, cut: Cut) -> _Layout:
    mask = np.full(len(padded), 0xFF, dtype=np.uint8)
    values = cut.places[cut.is_full] + 3
    for offset in range(8):
        mask[values + offset] = 0
    times = time_places(cut.places, cut.is_full)
    for offset in range(6):
        mask[times + offset] = 0x80
    return _Layout(mask, padded & mask, cut)
