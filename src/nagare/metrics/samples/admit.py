"""Which samples of a group commit are stored: those in time, of a series with a number, and not stored before.

A sample is (series, ts); the first one stays, and a repeat is acknowledged. Nearly every group holds each series once
and newer than before, which two passes over the columns show. Only for the others the head is searched, and the blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nagare.metrics.samples.newest import Newest
from nagare.metrics.samples.pairs import repeated
from nagare.model.samples import Samples, SamplesReply

# Why a sample is not stored, by the number that stands for it.
_DUPLICATE, _CARDINALITY, _STALE, _FUTURE = 1, 2, 3, 4
_REASONS = {_CARDINALITY: "cardinality", _STALE: "stale", _FUTURE: "future"}
# Tells which of some samples are stored already.
FindStored = Callable[[Samples], NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class Admitted:
    """What of a group is stored, and what each of its senders is told."""

    samples: Samples
    replies: tuple[SamplesReply, ...]
    # Each series comes once and is newer than before.
    is_newer: bool


@dataclass(frozen=True, slots=True)
class Admission:
    """Decides for the log's writer; ``find_stored`` searches head and blocks."""

    newest: Newest
    find_stored: FindStored

    def admit(self, requests: Sequence[Samples], oldest_ms: int, newest_ms: int) -> Admitted:
        """Return what of ``requests`` is stored, in their order."""
        group = joined(requests)
        reasons = _refuse(group, oldest_ms, newest_ms)
        lawful = group if reasons is None else taken(group, np.flatnonzero(reasons == 0))
        if len(lawful):
            self.newest.reserve(int(lawful.series.max()) + 1)
        if self.newest.are_newer(lawful):
            return Admitted(lawful, _replies(requests, reasons), is_newer=True)
        known = self._known(lawful)
        if known.any():
            reasons = np.zeros(len(group), np.uint8) if reasons is None else reasons
            reasons[np.flatnonzero(reasons == 0)[known]] = _DUPLICATE
            lawful = taken(lawful, np.flatnonzero(~known))
        return Admitted(lawful, _replies(requests, reasons), is_newer=False)

    def _known(self, samples: Samples) -> NDArray[np.bool_]:
        """Tell which of ``samples`` repeat an earlier one of the group, or one that is stored."""
        known = repeated(samples.series, samples.ts_ms)
        late = np.flatnonzero((samples.ts_ms <= self.newest.ts_ms[samples.series]) & ~known)
        if len(late):
            known[late] = self.find_stored(taken(samples, late))
        return known


def joined(requests: Sequence[Samples]) -> Samples:
    """Return the samples of all ``requests`` in one."""
    if len(requests) == 1:
        return requests[0]
    return Samples(
        np.concatenate([each.series for each in requests]),
        np.concatenate([each.ts_ms for each in requests]),
        np.concatenate([each.values for each in requests]),
    )


def taken(samples: Samples, rows: NDArray[np.intp]) -> Samples:
    """Return the samples at ``rows``."""
    return Samples(samples.series[rows], samples.ts_ms[rows], samples.values[rows])


def _refuse(group: Samples, oldest_ms: int, newest_ms: int) -> NDArray[np.uint8] | None:
    """Return the reason for each sample, zero where there is none; None when there is none at all."""
    if not len(group):
        return None
    if group.series.min() >= 0 and group.ts_ms.min() >= oldest_ms and group.ts_ms.max() <= newest_ms:
        return None
    reasons = np.zeros(len(group), np.uint8)
    reasons[group.ts_ms < oldest_ms] = _STALE
    reasons[group.ts_ms > newest_ms] = _FUTURE
    reasons[group.series < 0] = _CARDINALITY
    return reasons


def _replies(requests: Sequence[Samples], reasons: NDArray[np.uint8] | None) -> tuple[SamplesReply, ...]:
    if reasons is None:
        return tuple(SamplesReply(len(each)) for each in requests)
    replies = []
    start = 0
    for each in requests:
        counts = np.bincount(reasons[start : start + len(each)], minlength=_FUTURE + 1).tolist()
        start += len(each)
        refused = {name: counts[reason] for reason, name in _REASONS.items() if counts[reason]}
        replies.append(SamplesReply(counts[0], counts[_DUPLICATE], refused))
    return tuple(replies)
