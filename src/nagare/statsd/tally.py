"""What was reported by now: counts, gauges, timings and sets by name and tags, and the samples they make. Pure.

Counts and the totals of timings grow for as long as the process runs, as counters do everywhere here, so that a lost
flush loses nothing of them and a rate over any window is right. The rest describes one interval.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import ClassVar, Protocol

from nagare.errors import InputError
from nagare.interop.columns import Parsed, SampleRows, joined, stale_marks
from nagare.interop.statsd import StatsdKind, StatsdLine
from nagare.model.samples import MetricMetadata, SeriesId, SeriesIntern

# Values of one timing kept in an interval: the percentiles of a fair choice of so many are within about two ranks in a
# hundred of the true ones, for 8 KB.
VALUES_LIMIT = 1000
# Members of all sets kept in an interval.
MEMBERS_LIMIT = 200_000
PERCENTILES: Mapping[str, float] = {"p50": 0.50, "p90": 0.90, "p95": 0.95, "p99": 0.99}

Key = tuple[StatsdKind, str, tuple[tuple[str, str], ...]]


class Entry(Protocol):
    """One name with its tags: takes lines, makes samples."""

    suffixes: ClassVar[Mapping[str, str]]

    def add(self, line: StatsdLine, tally: Tally) -> None:
        """Take one line."""
        ...

    def values(self) -> Iterator[float | None]:
        """Yield the value of each suffix in turn, None where the interval has none; a new interval begins."""
        ...


class CountEntry:
    """``c``: a total that grows."""

    suffixes: ClassVar[Mapping[str, str]] = {"_total": "counter"}
    __slots__ = ("_total",)

    def __init__(self) -> None:
        """Begin at zero."""
        self._total = 0.0

    def add(self, line: StatsdLine, _tally: Tally) -> None:
        """Count; a line that was sampled stands for those that were not sent."""
        self._total += line.value / line.rate

    def values(self) -> Iterator[float | None]:
        """Yield the total."""
        yield self._total


class GaugeEntry:
    """``g``: the last value, or one that moves by what is sent with a sign."""

    suffixes: ClassVar[Mapping[str, str]] = {"": "gauge"}
    __slots__ = ("_value",)

    def __init__(self) -> None:
        """Begin at zero, from where the first step counts."""
        self._value = 0.0

    def add(self, line: StatsdLine, _tally: Tally) -> None:
        """Set, or move."""
        self._value = self._value + line.value if line.is_relative else line.value

    def values(self) -> Iterator[float | None]:
        """Yield the value."""
        yield self._value


class SetEntry:
    """``s``: how many different members the interval brought."""

    suffixes: ClassVar[Mapping[str, str]] = {"_unique": "gauge"}
    __slots__ = ("_members",)

    def __init__(self) -> None:
        """Begin empty."""
        self._members: set[int] = set()

    def add(self, line: StatsdLine, tally: Tally) -> None:
        """Take a member, by its hash: the text is of no use here."""
        member = hash(line.member)
        if member not in self._members and tally.take_member():
            self._members.add(member)

    def values(self) -> Iterator[float | None]:
        """Yield the number of members."""
        yield float(len(self._members))
        self._members = set()


class TimingEntry:
    """``ms`` and ``h``: how often, how much, and how it was spread."""

    suffixes: ClassVar[Mapping[str, str]] = {
        "_count": "counter", "_sum": "counter", "_min": "gauge", "_max": "gauge", "_mean": "gauge",
        **{f"_{name}": "gauge" for name in PERCENTILES},
    }  # fmt: skip
    __slots__ = ("_count", "_kept", "_least", "_most", "_seen", "_sum", "_weight", "_weighted")

    def __init__(self) -> None:
        """Begin at zero."""
        self._count = self._sum = 0.0
        self._least, self._most = math.inf, -math.inf
        self._begin()

    def add(self, line: StatsdLine, tally: Tally) -> None:
        """Take one value."""
        weight = 1 / line.rate
        self._count += weight
        self._sum += line.value * weight
        self._weight += weight
        self._weighted += line.value * weight
        self._least, self._most = min(self._least, line.value), max(self._most, line.value)
        self._seen += 1
        if len(self._kept) < VALUES_LIMIT:
            self._kept.append(line.value)
        # Every value of the interval is kept with the same chance (reservoir sampling, Vitter's algorithm R, 1985).
        elif (place := tally.random.randrange(self._seen)) < VALUES_LIMIT:
            self._kept[place] = line.value

    def values(self) -> Iterator[float | None]:
        """Yield totals, then the interval."""
        yield self._count
        yield self._sum
        ordered = sorted(self._kept)
        is_empty = not ordered
        yield None if is_empty else self._least
        yield None if is_empty else self._most
        yield None if is_empty else self._weighted / self._weight
        for ratio in PERCENTILES.values():
            yield None if is_empty else ordered[math.ceil(ratio * len(ordered)) - 1]
        self._begin()

    def _begin(self) -> None:
        self._kept = array("d")
        self._seen = 0
        self._weight = self._weighted = 0.0
        self._least, self._most = math.inf, -math.inf


_ENTRIES: Mapping[StatsdKind, type[Entry]] = {
    StatsdKind.COUNTER: CountEntry,
    StatsdKind.GAUGE: GaugeEntry,
    StatsdKind.SET: SetEntry,
    StatsdKind.TIMING: TimingEntry,
}


@dataclass(slots=True)
class _Kept:
    """An entry, the series of its suffixes, and the interval that last brought it a line."""

    entry: Entry
    series: Sequence[SeriesId]
    heard: int


@dataclass(slots=True)
class Drops:
    """What the bounds kept out since this was last looked at."""

    lines: int = 0
    members: int = 0
    unlawful: int = 0


@dataclass(slots=True)
class Tally:
    """All entries, at most ``limit``. An entry that ``idle_intervals`` bring no line ends."""

    intern: SeriesIntern
    labels: Mapping[str, str]
    limit: int
    idle_intervals: int
    random: Random = field(default_factory=Random)
    drops: Drops = field(default_factory=Drops)
    _entries: dict[Key, _Kept] = field(default_factory=dict)
    _interval: int = 0
    _members: int = 0
    _told: list[MetricMetadata] = field(default_factory=list)

    def __len__(self) -> int:
        """Return the number of entries."""
        return len(self._entries)

    def add(self, line: StatsdLine) -> None:
        """Take one line; what is past a bound is counted in ``drops``."""
        kind = StatsdKind.TIMING if line.kind is StatsdKind.HISTOGRAM else line.kind
        key = (kind, line.name, line.tags)
        kept = self._entries.get(key) or self._begin(key)
        if kept is not None:
            kept.heard = self._interval
            kept.entry.add(line, self)

    def take_member(self) -> bool:
        """Tell whether a set may keep one member more in this interval."""
        if self._members >= MEMBERS_LIMIT:
            self.drops.members += 1
            return False
        self._members += 1
        return True

    def flush(self, ts_ms: int) -> Parsed:
        """Return the samples of the interval that ends at ``ts_ms``, with marks for what ended; a new one begins."""
        rows = SampleRows()
        ended: list[SeriesId] = []
        for key, kept in list(self._entries.items()):
            if self._interval - kept.heard >= self.idle_intervals:
                del self._entries[key]
                ended += kept.series
                continue
            for series, value in zip(kept.series, kept.entry.values(), strict=True):
                if value is not None:
                    rows.add(series, ts_ms, value)
        self._interval += 1
        self._members = 0
        told, self._told = tuple(self._told), []
        return Parsed(joined((rows.samples(), stale_marks(ended, ts_ms))), told)

    def _begin(self, key: Key) -> _Kept | None:
        kind, name, tags = key
        entry = _ENTRIES[kind]
        if len(self._entries) >= self.limit:
            self.drops.lines += 1
            return None
        # A count that is named as a counter already keeps its name.
        stem = name.removesuffix("_total") if kind is StatsdKind.COUNTER else name
        names = {f"{stem}{suffix}": type_ for suffix, type_ in entry.suffixes.items()}
        labels = {**self.labels, **dict(tags)}
        try:
            series = [self.intern.intern(full, labels) for full in names]
        except InputError:
            self.drops.unlawful += 1
            return None
        if min(series) < 0:
            # The store has no room for it; another line may find some.
            self.drops.lines += 1
            return None
        self._told += [MetricMetadata(full, type_) for full, type_ in names.items()]
        kept = self._entries[key] = _Kept(entry(), series, self._interval)
        return kept
