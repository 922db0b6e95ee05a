"""Samples kept in memory where a test asks what was handed over, not what a store makes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import numpy as np

from nagare.errors import NagareError
from nagare.model.samples import STALE_BITS, MetricMetadata, Samples, SamplesReply
from tests.support.interned import Interned

# Generous, for a machine that is busy with other work.
WAIT_SECONDS = 20.0
Row = tuple[str, dict[str, str], int, float | None]


class KeptSamples:
    """Takes samples as a store does; ``rows`` holds each as (name, labels, time, value), None for a stale mark."""

    def __init__(self, room: int = 10**6) -> None:
        self.series = Interned(room)
        self.rows: list[Row] = []
        self.metadata: list[MetricMetadata] = []
        self.appends = 0
        self.refuses: NagareError | None = None
        self._changed = asyncio.Condition()

    async def append_samples(self, samples: Samples, *, metadata: Sequence[MetricMetadata] = ()) -> SamplesReply:
        """Keep ``samples``, or refuse them all."""
        async with self._changed:
            self.appends += 1
            self._changed.notify_all()
            if self.refuses is not None:
                raise self.refuses
            stale = (samples.values.view(np.uint64) == STALE_BITS).tolist()
            told = self.series.told(samples)
            kept = [(*row[:3], None if mark else row[3]) for row, mark in zip(told, stale, strict=True) if row[0]]
            self.rows += kept
            self.metadata += metadata
            refused = len(told) - len(kept)
            return SamplesReply(len(kept), refused={"cardinality": refused} if refused else {})

    async def until(self, condition: Callable[[], object]) -> None:
        """Return when an append has made ``condition`` true."""
        async with asyncio.timeout(WAIT_SECONDS), self._changed:
            await self._changed.wait_for(condition)

    def values(self, name: str, **labels: str) -> list[float | None]:
        """Return the values of every series of that name with these labels, as they came."""
        return [
            value for own, theirs, _, value in self.rows if own == name and labels.items() <= theirs.items()
        ]  # fmt: skip

    def times(self, name: str, **labels: str) -> list[int]:
        """Return the times that belong to ``values``."""
        return [ts for own, theirs, ts, _ in self.rows if own == name and labels.items() <= theirs.items()]
