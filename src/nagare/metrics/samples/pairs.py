"""Pairs of series and time as sortable columns: which of them repeat, and which stand in another set of pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Bits of a key that stay positive.
_KEY_BITS = 63


@dataclass(frozen=True, slots=True)
class Pairs:
    """(series, ts) pairs; series are not negative."""

    series: NDArray[np.int32]
    ts_ms: NDArray[np.int64]

    def repeated(self) -> NDArray[np.bool_]:
        """Tell which pairs repeat an earlier one."""
        found = np.zeros(len(self.series), bool)
        order = np.lexsort((self.ts_ms, self.series))
        series, ts_ms = self.series[order], self.ts_ms[order]
        # lexsort is stable: the first of equals is the one that came first.
        found[order[1:]] = (series[1:] == series[:-1]) & (ts_ms[1:] == ts_ms[:-1])
        return found

    def among(self, others: Pairs) -> NDArray[np.bool_]:
        """Tell which pairs stand in ``others`` too."""
        if not len(self.series) or not len(others.series):
            return np.zeros(len(self.series), bool)
        low, high = int(self.ts_ms.min()), int(self.ts_ms.max())
        # Times outside of ours cannot be among them, and what is left fits one integer in all but absurd cases.
        near = np.flatnonzero((others.ts_ms >= low) & (others.ts_ms <= high))
        shift = (high - low).bit_length()
        if shift + int(self.series.max()).bit_length() > _KEY_BITS:
            return self._among_exactly(others)
        keys = (self.series.astype(np.int64) << shift) | (self.ts_ms - low)
        theirs = others.series[near]
        mine = theirs <= self.series.max()
        other_keys = (theirs[mine].astype(np.int64) << shift) | (others.ts_ms[near[mine]] - low)
        return np.isin(keys, other_keys)

    def _among_exactly(self, others: Pairs) -> NDArray[np.bool_]:
        held = set(zip(others.series.tolist(), others.ts_ms.tolist(), strict=True))
        pairs = zip(self.series.tolist(), self.ts_ms.tolist(), strict=True)
        return np.fromiter((pair in held for pair in pairs), bool, len(self.series))
