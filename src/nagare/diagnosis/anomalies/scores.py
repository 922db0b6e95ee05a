"""The scores of many series: who stands at which place of the detector, and which of their rows are told.

Belongs to one thread. The number of series is bounded; one that said nothing for a day gives its place up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from nagare.diagnosis.anomalies.intake import SeriesName, SeriesRow
from nagare.insights.anomalies.detector import Detector
from nagare.insights.anomalies.pauses import PAUSE_SCORE
from nagare.lib.counters import Counters

# A series that said nothing for so long gives its place up.
_FORGOTTEN_MS = 86_400_000
# Series of one host that are told to have stopped at one time: more is a host that lost a whole part.
_STOPPED_LIMIT = 20


@dataclass(frozen=True, slots=True)
class Anomaly:
    """A row that is told. ``value`` is None where the series stopped."""

    name: SeriesName
    ts_ms: int
    score: float
    value: float | None
    expected: float


class Scores:
    """Scores of at most ``limit`` series; rows that score less than ``floor`` are not told."""

    def __init__(self, limit: int, floor: float, counters: Counters) -> None:
        """Begin with nobody."""
        self._limit = limit
        self._floor = floor
        self._counters = counters
        self.detector = Detector(0)
        self.names: list[SeriesName | None] = []
        self._places: dict[SeriesName, int] = {}
        self._free: list[int] = []
        self._stopped: set[int] = set()

    def __len__(self) -> int:
        """Return how many series have a place."""
        return len(self._places)

    def restore(self, names: Sequence[SeriesName | None], detector: Detector) -> None:
        """Go on from a state that was kept."""
        self.names, self.detector = list(names), detector
        self._places = {name: place for place, name in enumerate(names) if name is not None}
        self._free = [place for place, name in enumerate(names) if name is None]

    def take(self, rows: Iterable[SeriesRow], now_ms: int) -> list[Anomaly]:
        """Score ``rows``, whatever their order, and return those that are told, with series that stopped.

        A row that is not later than the last of its series is left out, and so is one of a series for which there is no
        place any more; both are counted.
        """
        self._forget(now_ms)
        waiting = self._placed(rows)
        found = list[Anomaly]()
        while waiting:
            # One row of each series at a time, in the order of time.
            now = {place: queue.pop(0) for place, queue in waiting.items()}
            found += self._advance(now)
            waiting = {place: queue for place, queue in waiting.items() if queue}
        return found + self._find_stopped(now_ms)

    def _placed(self, rows: Iterable[SeriesRow]) -> dict[int, list[SeriesRow]]:
        queues: dict[int, list[SeriesRow]] = {}
        for row in rows:
            place = self._places.get(row.name)
            if place is None:
                place = self._admit(row.name)
            if place is None:
                self._counters.add("anomaly_series_refused")
            elif np.isfinite(row.value):
                queues.setdefault(place, []).append(row)
        last = self.detector.last_ms
        return {place: kept for place, queue in queues.items() if (kept := self._later(queue, int(last[place])))}

    def _later(self, queue: list[SeriesRow], last_ms: int) -> list[SeriesRow]:
        """Return the rows after ``last_ms`` in the order of time, each moment once."""
        if len(queue) == 1:
            kept = queue if queue[0].ts_ms > last_ms else []
        else:
            kept = list({row.ts_ms: row for row in sorted(queue, key=lambda row: row.ts_ms, reverse=True)}.values())
            kept = [row for row in reversed(kept) if row.ts_ms > last_ms]
        if len(kept) < len(queue):
            self._counters.add("anomaly_late_rows", len(queue) - len(kept))
        return kept

    def _admit(self, name: SeriesName) -> int | None:
        if not self._free and len(self.names) < self._limit:
            grown = Detector(min(self._limit, max(256, 2 * len(self.names))))
            grown.restore(self.detector.arrays())
            self._free = list(range(grown.count - 1, len(self.names) - 1, -1))
            self.names += [None] * (grown.count - len(self.names))
            self.detector = grown
        if not self._free:
            return None
        place = self._free.pop()
        self._places[name], self.names[place] = place, name
        return place

    def _advance(self, rows: dict[int, SeriesRow]) -> list[Anomaly]:
        places = np.fromiter(rows, np.int64, len(rows))
        ts_ms = np.array([[row.ts_ms] for row in rows.values()], dtype=np.int64)
        values = np.array([[row.value] for row in rows.values()])
        scored = self.detector.advance(places, ts_ms, values)
        self._stopped.difference_update(rows)
        told = np.flatnonzero(scored.score[:, 0] >= self._floor).tolist()
        given = list(rows.values())
        return [
            Anomaly(
                given[at].name,
                given[at].ts_ms,
                float(scored.score[at, 0]),
                given[at].value,
                float(scored.expected[at, 0]),
            )
            for at in told
        ]

    def _find_stopped(self, now_ms: int) -> list[Anomaly]:
        """Return series that stopped while others of their host go on; a host of which nothing comes is the fleet's to tell."""
        silent = [place for place in self.detector.silent(now_ms).tolist() if place not in self._stopped]
        if not silent or self._floor > PAUSE_SCORE:
            return []
        quiet = set(silent) | self._stopped
        alive = {name.host for name, place in self._places.items() if place not in quiet}
        told: dict[str, list[Anomaly]] = {}
        means = self.detector.means
        for place in silent:
            name = self.names[place]
            if name is None or name.host not in alive:
                continue
            self._stopped.add(place)
            told.setdefault(name.host, []).append(Anomaly(name, now_ms, PAUSE_SCORE, None, float(means[place])))
        cut = {host: found[:_STOPPED_LIMIT] for host, found in told.items()}
        self._counters.add("anomaly_rows_left_out", sum(map(len, told.values())) - sum(map(len, cut.values())))
        return [one for found in cut.values() for one in found]

    def _forget(self, now_ms: int) -> None:
        last = self.detector.last_ms
        gone = np.flatnonzero((last > 0) & (last < now_ms - _FORGOTTEN_MS))
        if not len(gone):
            return
        self.detector.forget(gone)
        for place in gone.tolist():
            name, self.names[place] = self.names[place], None
            if name is not None:
                del self._places[name]
                self._free.append(place)
            self._stopped.discard(place)
