"""Samples for the tests of the metric store, and what a store must then answer."""

from collections.abc import Sequence

import numpy as np

from nagare.model.samples import STALE_BITS, Samples

STALE = np.array([STALE_BITS], np.int64).view(np.float64)[0]


def make_samples(series: Sequence[int], ts_ms: Sequence[int], values: Sequence[float]) -> Samples:
    """Return samples of three columns."""
    return Samples(np.array(series, np.int32), np.array(ts_ms, np.int64), np.array(values, np.float64))


def value_of(bits: int) -> float:
    """Return the double of these 64 bits, whatever they say."""
    return float(np.array([bits], np.uint64).view(np.float64)[0])
