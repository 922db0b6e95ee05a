"""The garbage collector of a process whose memory is mostly rows that wait: it must not walk them again and again.

Each column of a batch is a list, and the head holds a quarter of a million of them. At the interpreter's defaults the
collector walked all of them every thousand batches, and that took more than half of the time of taking them in. Rows
hold no cycles and go by their counts; what has cycles (tracebacks, requests) is young and few.
"""

from __future__ import annotations

import gc

# Young passes every some 150 batches, a pass over everything every some 150 000: seconds under a flood, else hours.
_THRESHOLDS = (20_000, 50, 20)


def calm_collector() -> None:
    """Set what was started aside for ever, and let passes be rare from here on."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
