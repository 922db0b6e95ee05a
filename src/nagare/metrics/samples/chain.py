"""Lets each run of whole numbers go on where the one before ended, so that differences never jump between series.

A jump takes as many bits as the numbers themselves, and widens its whole miniblock. How far a run was moved is told once
a run, as its base: number = moved + base.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nagare.metrics.parquet.runs import run_starts

# Shorter runs cost more for their base than for their jump.
_SHORTEST = 8
# Beyond it the sum of a moved number and its base might not fit 64 bits.
_LIMIT = float(2**61)


def chained(numbers: NDArray[np.int64], runs: NDArray[np.intp]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return ``numbers`` moved, and the base of each; ``runs`` tells which run each is of. Both are alike in a run."""
    starts = run_starts(runs)
    if len(numbers) < _SHORTEST * len(starts):
        return numbers, np.zeros(len(numbers), np.int64)
    ends = np.append(starts[1:], len(numbers)) - 1
    spans = numbers[ends] - numbers[starts]
    # A run begins as far from the last one's end as its second number is from its first.
    steps = numbers[np.minimum(starts + 1, ends)] - numbers[starts]
    if np.abs(spans.astype(np.float64)).sum() + np.abs(steps.astype(np.float64)).sum() > _LIMIT:
        return numbers, np.zeros(len(numbers), np.int64)
    places = numbers[0] + np.cumsum(steps) - steps[0] + np.cumsum(spans) - spans
    base = np.repeat(numbers[starts] - places, ends - starts + 1)
    return numbers - base, base
