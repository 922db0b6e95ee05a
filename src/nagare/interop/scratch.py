"""Arrays that are used again and again: fresh memory for each request costs a page fault for every 4 KiB of it.

That is more than the arithmetic on them. Each thread has its own, so nothing is shared and nothing is locked.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Larger ones are made for the occasion: a thread that once met a giant need not hold its memory for ever.
_KEPT_BYTES = 4 * 2**20
_PLACES = 3
_of_thread = threading.local()


def scratch(place: int, size: int) -> NDArray[np.uint8]:
    """Return ``size`` bytes of any content; this thread's next call with the same ``place`` hands them out again."""
    if size > _KEPT_BYTES:
        return np.empty(size, dtype=np.uint8)
    held: list[NDArray[np.uint8]] | None = getattr(_of_thread, "held", None)
    if held is None:
        held = _of_thread.held = [np.empty(0, dtype=np.uint8) for _ in range(_PLACES)]
    if len(held[place]) < size:
        # A power of two, so that growing requests do not make a new array each time.
        held[place] = np.empty(1 << max(12, (size - 1).bit_length()), dtype=np.uint8)
    return held[place][:size]
