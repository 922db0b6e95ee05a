"""Requests that equal an earlier one but for values and times: nothing in them needs to be found again.

A sender that repeats its series in one order makes bodies of one length in which only the bytes of values and the low
bits of times change. One masked comparison tells; everything else about the request is known then.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nagare.interop.remote_write.columns_v1 import Cut
from nagare.interop.scratch import scratch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nagare.interop.remote_write.columns_v1 import Bytes

# A layout is tried in full only if it agrees here: another order of series shows within the first few.
_PROBE_BYTES = 1024
# Up to here a copy of the masked request costs less than the care that avoids it.
_SMALL_BYTES = 32 * 1024
_VALUE_BYTES, _TIME_BYTES = 8, 6
# Where the first sample is looked for: behind the labels of one series.
_HEAD_BYTES = 1024
_ENTRY_BYTES = 200
_Key = tuple[int, bytes]


def layout_key(body: bytes) -> _Key:
    """Return what requests of one layout have in common: their length, and the labels of their first series."""
    return len(body), body[: max(0, body.find(b"\x12\x10\x09", 0, _HEAD_BYTES))]


@dataclass(frozen=True, slots=True)
class _Layout:
    """``masked`` is a body with ``mask`` laid over it: no bits of values, of times only which bytes follow.

    Both are whole words; what is left beyond the last one is padding. ``text`` is ``masked`` as bytes when it is small.
    """

    mask: NDArray[np.uint64]
    masked: NDArray[np.uint64]
    text: bytes | None
    cut: Cut

    @property
    def cost(self) -> int:
        """The bytes that it holds, about."""
        return 3 * self.mask.nbytes + 20 * len(self.cut.series) + _ENTRY_BYTES

    def fits(self, padded: Bytes) -> bool:
        """Tell whether ``padded`` differs in values and times alone."""
        words = padded[: self.mask.nbytes].view(np.uint64)
        if self.text is not None:
            # Comparing bytes costs less than one more call of numpy, and a request has few microseconds.
            return (words & self.mask).tobytes() == self.text
        probe = slice(0, _PROBE_BYTES // 8)
        if not bool(((words[probe] & self.mask[probe]) == self.masked[probe]).all()):
            return False
        held = scratch(1, self.mask.nbytes).view(np.uint64)
        np.bitwise_and(words, self.mask, out=held)
        return bool((held == self.masked).all())


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
        if layout is None or not layout.fits(padded):
            return None
        self._layouts.move_to_end(key)
        return layout.cut

    def note(self, key: _Key, padded: Bytes, cut: Cut) -> None:
        """Remember the layout of a request that ``find`` did not know, when its order of series came before."""
        seen = self._seen.pop(key, None)
        if seen is not None:
            self._seen_held -= 4 * len(seen) + _ENTRY_BYTES
            if np.array_equal(seen, cut.series) and int(cut.series.min()) >= 0:
                self._keep(key, _layout(padded, cut))
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


def _layout(padded: Bytes, cut: Cut) -> _Layout:
    mask = np.full(len(padded), 0xFF, dtype=np.uint8)
    values = cut.value_places if cut.is_full is None else cut.value_places[cut.is_full]
    for offset in range(_VALUE_BYTES):
        mask[values + offset] = 0
    for offset in range(_TIME_BYTES):
        mask[cut.time_places + offset] = 0x80
    size = len(padded) // 8 * 8
    masked = (padded[:size] & mask[:size]).view(np.uint64)
    text = masked.tobytes() if size <= _SMALL_BYTES else None
    return _Layout(mask[:size].view(np.uint64), masked, text, cut)
