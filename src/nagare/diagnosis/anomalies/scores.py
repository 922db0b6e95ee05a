"""The scores of many series: who stands at which place of the detector, and which of their rows are told.

Belongs to one thread. The number of series is bounded, and so is that of one host; one that said nothing for an hour and
more gives its place up, and earlier where another one needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nagare.diagnosis.anomalies.hosts import PAUSE_MS, Hosts
from nagare.diagnosis.anomalies.intake import SeriesName
from nagare.diagnosis.anomalies.layouts import BinaryRows, Layout, Rows
from nagare.diagnosis.anomalies.look import Laid, Look, lay, look_at
from nagare.diagnosis.anomalies.passes import Pass
from nagare.insights.anomalies.detector import Detector
from nagare.insights.anomalies.pauses import PAUSE_SCORE
from nagare.lib.counters import Counters

Array = np.ndarray[Any, Any]
# A series that said nothing for so long, and for so many of its usual steps, gives its place up.
_FORGOTTEN_MS, _FORGOTTEN_STEPS = 3_600_000, 30.0
# And where there is no free one, already after so long.
_SPARE_MS = 600_000
# One host has at most a tenth of the places, but so many anyway: more than one with many disks, devices and units needs.
_HOST_SHARE, _HOST_LEAST = 10, 2000
# Whose series end with what they are of: that is no news.
_ENDING = frozenset({"container"})
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


@dataclass(slots=True)
class _Spare:
    """Places that may be given to another series within one look, of all and by host, and those that were."""

    of_all: list[int] = field(default_factory=list)
    of_host: dict[str, list[int]] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)


class Scores:
    """Scores of at most ``limit`` series; rows that score less than ``floor`` are not told."""

    def __init__(
        self,
        limit: int,
        floor: float,
        counters: Counters,
        tick_ms: int = 5000,
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        """Begin with nobody; ``tick_ms`` is the time between two looks, and ``is_stopping`` ends one."""
        self._limit = limit
        self._host_limit = max(limit // _HOST_SHARE, _HOST_LEAST)
        self._floor = floor
        self._counters = counters
        self._alive_ms = max(PAUSE_MS, 3 * tick_ms)
        self._is_stopping = is_stopping
        self.detector = Detector(0)
        self.names: list[SeriesName | None] = []
        # Places of series that were told to have stopped.
        self.stopped: set[int] = set()
        self._places: dict[SeriesName, int] = {}
        self._free: list[int] = []
        self._hosts = Hosts()
        self._began_ms = 0
        # Rises when a place is given up: what a layout knows of places is no longer true.
        self._generation = 0

    def __len__(self) -> int:
        """Return how many series have a place."""
        return len(self._places)

    def restore(self, names: Sequence[SeriesName | None], detector: Detector, stopped: Iterable[int]) -> None:
        """Go on from a state that was kept."""
        self.names, self.detector, self.stopped = list(names), detector, set(stopped)
        self._places = {name: place for place, name in enumerate(names) if name is not None}
        self._free = [place for place, name in enumerate(names) if name is None]
        self._generation += 1
        for name, place in self._places.items():
            self._hosts.restored(name.host, int(detector.last_ms[place]))

    def take(self, rows: Iterable[Rows | BinaryRows], now_ms: int) -> list[Anomaly]:
        """Score ``rows`` as ``take_laid`` does."""
        return self.take_laid(lay(list(rows)), now_ms)

    def take_laid(self, laid: Laid, now_ms: int) -> list[Anomaly]:
        """Score the rows of ``laid``, whatever their order, and return those that are told.

        A row that is not later than the last of its series is left out, and so is one of a series for which there is no
        place any more; both are counted.
        """
        # What was silent while the server was off could not speak.
        self._began_ms = self._began_ms or now_ms
        self._forget(now_ms)
        found = list[Anomaly]()
        # One row of each series at a time, in the order of time.
        for look in self._looks(laid, now_ms):
            if self._is_stopping():
                break
            found += self._advance(look)
        return found

    def _looks(self, laid: Laid, now_ms: int) -> Iterator[Pass]:
        look = look_at(
            laid,
            [
                layout.places
                if layout.generation == self._generation and layout.places is not None
                else self._places_of(layout)
                for layout in laid.layouts
            ],
        )
        self._admit_all(laid, look, now_ms)
        placed = look.chosen(look.places >= 0)
        self._hosts.hear(placed.heard(laid), now_ms)
        later = placed.later_than(self.detector.last_ms).in_order()
        if len(later) < len(placed):
            self._counters.add("anomaly_late_rows", len(placed) - len(later))
        return later.passes()

    def _places_of(self, layout: Layout) -> Array:
        """Find the places of the series of ``layout``, below zero for those that have none, and note them there."""
        found = (self._places.get(name, -1) for name in layout.names)
        layout.places = np.fromiter(found, np.int64, len(layout.names))
        layout.generation = self._generation
        return layout.places

    def _admit_all(self, laid: Laid, look: Look, now_ms: int) -> None:
        """Give places to the series in ``look`` that have none, as long as there are any."""
        fresh = np.flatnonzero(look.places < 0).tolist()
        if not fresh:
            return
        # Nobody who speaks makes way.
        speaking, spare = set(look.places.tolist()), self._find_spare(now_ms)
        for at in fresh:
            layout, column = laid.layouts[int(look.source[at])], int(look.column[at])
            place = self._places.get(name := layout.names[column])
            if place is None:
                place = self._admit(name, spare, speaking)
            if place is None:
                self._counters.add("anomaly_series_refused")
                continue
            speaking.add(place)
            look.places[at] = place
            if layout.places is not None:
                layout.places[column] = place

    def _find_spare(self, now_ms: int) -> _Spare:
        """Return the places that another series may have, the longest silent last."""
        silent_ms = self._silent_ms(now_ms)
        places = np.flatnonzero(silent_ms > _SPARE_MS)
        spare = _Spare()
        for place in places[np.argsort(silent_ms[places], kind="stable")].tolist():
            if (name := self.names[place]) is not None:
                spare.of_all.append(place)
                spare.of_host.setdefault(name.host, []).append(place)
        return spare

    def _admit(self, name: SeriesName, spare: _Spare, speaking: Container[int]) -> int | None:
        host = self._hosts.find(name.host)
        if host is not None and host.places >= self._host_limit:
            self._evict(spare, spare.of_host.get(name.host, []), speaking)
            host = self._hosts.find(name.host)
            if host is not None and host.places >= self._host_limit:
                return None
        if not self._free and len(self.names) < self._limit:
            self._grow()
        if not self._free:
            self._evict(spare, spare.of_all, speaking)
        if not self._free:
            return None
        place = self._free.pop()
        self._places[name], self.names[place] = place, name
        self._hosts.add(name.host)
        return place

    def _grow(self) -> None:
        grown = Detector(min(self._limit, max(256, 2 * len(self.names))))
        grown.restore(self.detector.arrays())
        self._free = list(range(grown.count - 1, len(self.names) - 1, -1))
        self.names += [None] * (grown.count - len(self.names))
        self.detector = grown

    def _evict(self, spare: _Spare, places: list[int], speaking: Container[int]) -> None:
        """Free one of ``places``; not one whose rows wait, or that went already."""
        while places:
            place = places.pop()
            if place not in speaking and place not in spare.gone:
                spare.gone.add(place)
                self._leave([place])
                return

    def _leave(self, places: list[int]) -> None:
        self._generation += 1
        self.detector.forget(np.array(places, dtype=np.int64))
        for place in places:
            name, self.names[place] = self.names[place], None
            if name is not None:
                del self._places[name]
                self._hosts.remove(name.host)
                self._free.append(place)
            self.stopped.discard(place)

    def _advance(self, look: Pass) -> list[Anomaly]:
        scored = self.detector.advance(look.places, look.ts_ms[:, None], look.values[:, None])
        if self.stopped:
            self.stopped.difference_update(look.places.tolist())
        told = np.flatnonzero(scored.score[:, 0] >= self._floor).tolist()
        return [
            Anomaly(
                name,
                int(look.ts_ms[at]),
                float(scored.score[at, 0]),
                float(look.values[at]),
                float(scored.expected[at, 0]),
            )
            for at in told
            if (name := self.names[look.places[at]]) is not None
        ]

    def find_stopped(self, now_ms: int) -> list[Anomaly]:
        """Return series that stopped while others of their host go on; a host of which nothing comes is the fleet's to tell."""
        if self._floor > PAUSE_SCORE:
            return []
        told: dict[str, list[Anomaly]] = {}
        means = self.detector.means
        for place in self._find_silent(now_ms):
            if (name := self.names[place]) is not None:
                self.stopped.add(place)
                told.setdefault(name.host, []).append(Anomaly(name, now_ms, PAUSE_SCORE, None, float(means[place])))
        cut = {host: found[:_STOPPED_LIMIT] for host, found in told.items()}
        self._counters.add("anomaly_rows_left_out", sum(map(len, told.values())) - sum(map(len, cut.values())))
        return [one for found in cut.values() for one in found]

    def _find_silent(self, now_ms: int) -> list[int]:
        """Return the places of series that are silent beside their host, by its own time, and were not told."""
        last = self.detector.last_ms
        # None is silent beside its host that is not so by the clock.
        maybe = self.detector.silent(np.arange(self.detector.count), now_ms - last)
        pauses: dict[int, int] = {}
        for place in maybe.tolist():
            name = self.names[place]
            if name is None or place in self.stopped or name.table in _ENDING:
                continue
            host = self._hosts.find(name.host)
            if host is not None and host.newest_ms >= now_ms - self._alive_ms:
                pauses[place] = host.newest_ms - max(int(last[place]), host.since_ms)
        places = np.fromiter(pauses, np.int64, len(pauses))
        silent: list[int] = self.detector.silent(places, np.fromiter(pauses.values(), np.int64, len(pauses))).tolist()
        return silent

    def _silent_ms(self, now_ms: int) -> Array:
        """Return how long each place says nothing, the time before this run of the server left out; 0 for a free one."""
        last = self.detector.last_ms
        silent_ms: Array = np.where(last > 0, now_ms - np.maximum(last, self._began_ms), 0)
        return silent_ms

    def _forget(self, now_ms: int) -> None:
        gone = np.flatnonzero(self._silent_ms(now_ms) > _FORGOTTEN_MS + _FORGOTTEN_STEPS * self.detector.step_ms)
        if len(gone):
            self._leave(gone.tolist())
