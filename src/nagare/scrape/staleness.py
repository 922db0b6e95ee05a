"""Which series a target has just now, so that those which vanish get the mark by which queries see their end. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nagare.model.samples import Samples

Numbers = NDArray[np.int32]

NOTHING: Numbers = np.empty(0, dtype=np.int32)


@dataclass(frozen=True, slots=True)
class Difference:
    """What a scrape changed: ``present`` are the series after it, sorted; of these ``added`` are new."""

    present: Numbers
    vanished: Numbers
    added: Numbers


def compare(before: Numbers, samples: Samples, ts_ms: int) -> Difference:
    """Return what ``samples`` of the scrape at ``ts_ms`` change against the series ``before``.

    A sample with a time of its own says nothing of now: its series never ends by a mark. Refused ones were never stored.
    """
    counted = samples.series[(samples.ts_ms == ts_ms) & (samples.series >= 0)]
    present = np.unique(counted)
    return Difference(
        present,
        np.setdiff1d(before, present, assume_unique=True),
        np.setdiff1d(present, before, assume_unique=True),
    )
