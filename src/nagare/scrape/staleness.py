"""Which series a target has just now, so that those which vanish get the mark by which queries see their end. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

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


@dataclass(slots=True)
class Presence:
    """The series of a target after its last scrape that was stored."""

    series: Numbers = field(default_factory=lambda: NOTHING)
    # The last page's series in its order, when all of them count: a page like it changes nothing.
    _order: Numbers | None = None

    def compare(self, samples: Samples, ts_ms: int) -> Difference:
        """Return what ``samples`` of the scrape at ``ts_ms`` change."""
        is_like = self._order is not None and np.array_equal(self._order, samples.series)
        if is_like and bool((samples.ts_ms == ts_ms).all()):
            return Difference(self.series, NOTHING, NOTHING)
        return compare(self.series, samples, ts_ms)

    def take(self, found: Difference, samples: Samples, ts_ms: int) -> None:
        """Let ``found`` hold: it is stored."""
        self.series = found.present
        counts = bool((samples.ts_ms == ts_ms).all()) and bool((samples.series >= 0).all())
        self._order = samples.series if counts else None


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
