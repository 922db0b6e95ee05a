"""The garbage collector of a process whose memory is mostly rows that wait: it must not walk them again and again.

Each column of a batch is a list, and the head holds a quarter of a million of them. At the interpreter's defaults the
collector walked all of them every thousand batches, and that took more than half of the time of taking them in. Rows
hold no cycles and go by their counts; what has cycles (tracebacks, requests) is young and few.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# Young passes every some 750 batches, a pass over everything every some 150 000: seconds under a flood, else hours. Of an
# ordinary fleet's batches most are gone before a young pass, and what is gone costs it nothing.
_THRESHOLDS = (100_000, 10, 20)


@contextmanager
def calm_collector() -> Iterator[None]:
    """Set what was started aside, and let passes be rare, while the block runs.

    What stays aside at the interpreter's end is never taken down, and libraries take that for a leak of theirs.
    """
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
