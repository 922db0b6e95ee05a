"""The garbage collector of processes that hold much: it must not walk what stays again and again.

A server's memory is mostly rows that wait: each column of a batch is a list, and the head holds a quarter of a million of
them. At the interpreter's defaults the collector walked all of them every thousand batches, and that took more than half
of the time of taking them in. A dashboard makes thousands of short-lived pieces of lines for each frame, and passes began
in the midst of them: a fifth of its work. None of these hold cycles, they go by their counts; what has cycles
(tracebacks, requests, screens) is young and few.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# Young passes every some 750 batches, a pass over everything every some 150 000: seconds under a flood, else hours. Of an
# ordinary fleet's batches most are gone before a young pass, and what is gone costs it nothing.
_THRESHOLDS = (100_000, 10, 20)
# More than the pieces of a few frames; of what has cycles never more than some megabytes wait.
_DRAWING_THRESHOLDS = (20_000, 10, 10)


@contextmanager
def calm_collector() -> Iterator[None]:
    """Set what was started aside, and let passes be rare, while the block runs.

    What stays aside at the interpreter's end is never taken down, and libraries take that for a leak of theirs.
    """
    gc.collect()
    with _rare_passes(_THRESHOLDS):
        set_aside()
        yield


@contextmanager
def drawing_collector() -> Iterator[None]:
    """Let passes be as rare as drawing bears while the block runs, which calls ``set_aside`` once it has imported all."""
    with _rare_passes(_DRAWING_THRESHOLDS):
        yield


def set_aside() -> None:
    """Have no pass look at what is there already, until the block of ``calm_collector`` or ``drawing_collector`` ends."""
    gc.freeze()


@contextmanager
def _rare_passes(thresholds: tuple[int, int, int]) -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(*thresholds)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
