"""A protobuf request cut up: where in its bytes the number of each sample stands, and the samples that are read from there.

A cut says nothing of the numbers themselves, so it holds for every request that differs in them alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from nagare.interop.columns import SampleRows
from nagare.interop.masked import words_of
from nagare.interop.otlp.delta import DeltaChanges, Totals
from nagare.model.samples import MetricMetadata, Samples, SeriesId

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nagare.interop.masked import Bytes

    Places = NDArray[np.int64]
    Words = NDArray[np.uint64]

# Every number stands in so many bytes: doubles, fixed64 and sfixed64.
NUMBER_BYTES = 8
# Counts of buckets below this can be added up without a thought of overflow.
_COUNT_BITS = np.uint64(40)
_SIGN_BIT = np.uint64(63)
_NS_PER_MS = 1_000_000
_ONE_BITS = 0x3FF0000000000000
_NONE = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Cut:
    """For each sample the number of its series, and where its value and its time stand; zeros stand behind the body.

    Values are doubles but for those that the next columns list by their index: ``signed`` and ``counts`` are whole numbers;
    ``buckets`` are counts that are added up, each from the bucket on whose place among them is in ``firsts``;
    ``fixed`` have ``fixed_bits`` whatever stands there; ``deltas`` are added to the total of their series; ``infos`` are
    pairs (first sample of a resource, its target_info), whose time is the resource's newest. ``unread`` are the places
    of numbers that nobody asks for. ``told`` are samples that were read otherwise, by their index: there are none in a
    cut that ``is_repeatable``.
    """

    series: NDArray[np.int32]
    places: Places
    time_places: Places
    signed: Places
    counts: Places
    buckets: Places
    firsts: Places
    fixed: Places
    fixed_bits: Words
    deltas: Places
    infos: Places
    unread: Places
    told: tuple[Places, SampleRows]
    points: int
    metadata: tuple[MetricMetadata, ...]
    is_repeatable: bool

    @property
    def cost(self) -> int:
        """The bytes that it holds, about."""
        columns = (self.series, self.places, self.time_places, self.signed, self.counts, self.buckets, self.firsts,
                   self.fixed, self.fixed_bits, self.deltas, self.infos, self.unread)  # fmt: skip
        return sum(each.nbytes for each in columns)

    def mask(self, size: int) -> Bytes:
        """Return a mask for a padded body of ``size`` bytes that hides every number."""
        mask = np.full(size, 0xFF, dtype=np.uint8)
        for places in (self.places, self.time_places, self.unread):
            for offset in range(NUMBER_BYTES):
                mask[places + offset] = 0
        return mask


@dataclass(slots=True)
class Marks:
    """Samples on their way into a cut."""

    series: list[SeriesId] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    time_places: list[int] = field(default_factory=list)
    signed: list[int] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    buckets: list[int] = field(default_factory=list)
    firsts: list[int] = field(default_factory=list)
    fixed: list[int] = field(default_factory=list)
    fixed_bits: list[int] = field(default_factory=list)
    deltas: list[int] = field(default_factory=list)
    infos: list[int] = field(default_factory=list)
    unread: list[int] = field(default_factory=list)
    told: list[int] = field(default_factory=list)
    points: int = 0
    is_repeatable: bool = True

    def sizes(self) -> tuple[int, ...]:
        """Return how much there is of what one metric adds, for ``cut_back``."""
        return (
            len(self.series),
            len(self.signed),
            len(self.counts),
            len(self.buckets),
            len(self.fixed),
            len(self.unread),
            self.points,
        )

    def cut_back(self, sizes: tuple[int, ...]) -> None:
        """Take back what came after ``sizes``."""
        series, signed, counts, buckets, fixed, unread, self.points = sizes
        del self.series[series:], self.places[series:], self.time_places[series:], self.signed[signed:]
        del self.counts[counts:], self.buckets[buckets:], self.firsts[buckets:]
        del self.fixed[fixed:], self.fixed_bits[fixed:], self.unread[unread:]

    def fix(self, at: int, bits: int) -> None:
        """Give the sample ``at`` a value that no place says."""
        self.fixed.append(at)
        self.fixed_bits.append(bits)

    def add_info(self, first: int, series: SeriesId, end: int) -> None:
        """Add the ``target_info`` of the resource whose samples begin at ``first``; ``end`` is the end of the body."""
        at = len(self.series)
        self.infos += (first, at)
        self.fix(at, _ONE_BITS)
        self.series.append(series)
        self.places.append(end)
        self.time_places.append(end)

    def cut(self, rows: SampleRows, metadata: tuple[MetricMetadata, ...]) -> Cut:
        """Return the cut; ``rows`` are the samples that were read otherwise."""
        return Cut(
            np.array(self.series, dtype=np.int32),
            _column(self.places),
            _column(self.time_places),
            _column(self.signed),
            _column(self.counts),
            _column(self.buckets),
            _column(self.firsts),
            _column(self.fixed),
            np.array(self.fixed_bits, dtype=np.uint64),
            _column(self.deltas),
            _column(self.infos),
            _column(self.unread),
            (_column(self.told), rows),
            self.points,
            metadata,
            self.is_repeatable,
        )


def read(padded: Bytes, cut: Cut, now_ms: int, totals: Totals, changes: DeltaChanges) -> Samples | None:
    """Return the samples of ``cut``, None when a count or a delta asks for more care; ``changes`` are void then."""
    words = words_of(padded)
    bits = words[cut.places]
    if not _read_whole(bits, cut):
        return None
    nanoseconds, times = _read_times(words[cut.time_places], now_ms)
    if len(cut.deltas) and not _add_deltas(cut, bits, nanoseconds, totals, changes):
        return None
    indexes, rows = cut.told
    if len(indexes):
        told = rows.samples()
        times[indexes], bits[indexes] = told.ts_ms, told.values.view(np.uint64)
    if len(cut.infos):
        # Of the pairs of bounds every other one spans from a target_info to the next resource.
        times[cut.infos[1::2]] = np.maximum.reduceat(times, cut.infos)[::2]
    return Samples(cut.series, times, bits.view(np.float64))


def _read_whole(bits: Words, cut: Cut) -> bool:
    """Make doubles of whole numbers; return False when some are too large for a column."""
    values = bits.view(np.float64)
    if len(cut.signed):
        values[cut.signed] = bits[cut.signed].view(np.int64)
    if len(cut.counts):
        counts = bits[cut.counts]
        if int(counts.max()) >> int(_SIGN_BIT):
            return False
        values[cut.counts] = counts.view(np.int64)
    if len(cut.buckets):
        counts = bits[cut.buckets]
        if int(counts.max()) >> int(_COUNT_BITS):
            return False
        sums = np.cumsum(counts, dtype=np.uint64)
        values[cut.buckets] = (sums - (sums - counts)[cut.firsts]).view(np.int64)
    bits[cut.fixed] = cut.fixed_bits
    return True


def _read_times(nanoseconds: Words, now_ms: int) -> tuple[Words, NDArray[np.int64]]:
    """Return the times in nanoseconds, ``now_ms`` for those that are zero, and in milliseconds."""
    if not nanoseconds.all():
        nanoseconds[nanoseconds == 0] = now_ms * _NS_PER_MS
    return nanoseconds, (nanoseconds // np.uint64(_NS_PER_MS)).view(np.int64)


def _add_deltas(cut: Cut, bits: Words, nanoseconds: Words, totals: Totals, changes: DeltaChanges) -> bool:
    values = bits.view(np.float64)
    rows = zip(
        cut.series[cut.deltas].tolist(), nanoseconds[cut.deltas].tolist(), values[cut.deltas].tolist(), strict=True
    )
    found: list[float] = []
    for series, time_ns, value in rows:
        total = totals.add(series, time_ns, value, changes) if series >= 0 else value
        if total is None:
            return False
        found.append(total)
    values[cut.deltas] = found
    return True


def _column(numbers: list[int]) -> Places:
    return np.array(numbers, dtype=np.int64) if numbers else _NONE
