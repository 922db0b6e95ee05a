"""Labelled series of our own making, of kinds that the published ones have few of: swells, weeks, counts, ramps, nothing at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from benches.nab.scoring import Labelled

Array = np.ndarray[Any, Any]
_BEGIN_MS = 1_767_225_600_000
_ROWS = 4032
_DAY = 288
_STEP_SECONDS = 300


class Maker:
    """Makes series from one seed; each method makes one kind."""

    def __init__(self, seed: int) -> None:
        self._chance = np.random.default_rng(seed)
        self.made: dict[str, Labelled] = {}

    def make(self, repeats: int) -> dict[str, Labelled]:
        """Return ``repeats`` series of every kind."""
        for number in range(repeats):
            for kind in (self._swell, self._square, self._noise, self._nightly, self._counts, self._weeks, self._ramps):
                kind(number)
        return self.made

    def _add(self, name: str, values: Array, places: Sequence[int], step_seconds: int = _STEP_SECONDS) -> None:
        width = len(values) // 10 // max(1, len(places))
        windows = list[tuple[int, int]]()
        for place in sorted(places):
            begin = max(place - width // 2, windows[-1][1] + 1 if windows else len(values) // 6)
            windows.append((begin, max(begin + 1, min(place + width // 2, len(values) - 1))))
        offset = int(self._chance.integers(86_400)) * 1000
        self.made[name] = Labelled(_BEGIN_MS + offset + 1000 * step_seconds * np.arange(len(values)), values, windows)

    def _place(self, count: int, rows: int = _ROWS) -> list[int]:
        return sorted((self._chance.uniform(0.2, 0.92, count) * rows).astype(int).tolist())

    def _normal(self, spread: float, rows: int = _ROWS) -> Array:
        return self._chance.normal(0, spread, rows)

    def _swell(self, number: int) -> None:
        """A day that rises and falls: a burst and a low afternoon, and one whose hours are all alike."""
        day = 50 + 20 * np.sin(2 * np.pi * (np.arange(_ROWS) / _DAY + self._chance.random()))
        burst, low = self._place(2)
        values = day + self._normal(2)
        values[burst : burst + 6] += 40
        values[low : low + 144] -= 15
        self._add(f"swell {number}", values, [burst, low])
        (flat,) = self._place(1)
        values = day + self._normal(2)
        values[flat : flat + 200] = 50 + self._normal(2)[: len(values[flat : flat + 200])]
        self._add(f"flat amid swell {number}", values, [flat])

    def _square(self, number: int) -> None:
        """Low at night and high by day: a day that stays low, one that goes too high, and nothing."""
        values = np.where(np.arange(_ROWS) % _DAY < 96, 20.0, 80.0) + self._normal(3)
        self._add(f"square {number}", values.copy(), [])
        low, high = (_DAY * int(day) for day in self._chance.choice(np.arange(5, 13), 2, replace=False))
        values[low : low + _DAY] = 20 + self._normal(3)[:_DAY]
        values[high + 96 : high + _DAY] += 60
        self._add(f"wrong square {number}", values, [low + 96, high + 96])

    def _noise(self, number: int) -> None:
        """Noise alone, even and of heavy tails; a step and a restless time; a walk with a burst."""
        self._add(f"noise {number}", 20 + self._normal(2), [])
        self._add(f"heavy noise {number}", np.exp(self._normal(1)), [])
        self._add(f"constant {number}", np.full(_ROWS, 5.0), [])
        step, restless = self._place(2)
        values = 40 + self._normal(1.5)
        values[step:] += 12
        values[restless : restless + 150] += self._normal(9)[: len(values[restless : restless + 150])]
        self._add(f"step {number}", values, [step, restless])
        (burst,) = self._place(1)
        values = 100 + np.cumsum(self._normal(1))
        values[burst : burst + 3] += 40
        self._add(f"walk {number}", values, [burst])

    def _nightly(self, number: int) -> None:
        """A job every night, some minutes early or late: as always, and on a day when it takes longer."""
        values = np.abs(0.1 + self._normal(0.01))
        for night in range(_ROWS // _DAY):
            values[night * _DAY + 100 + int(self._chance.integers(-2, 3))] = 2 + self._chance.normal(0, 0.2)
        self._add(f"nightly {number}", values.copy(), [])
        (place,) = self._place(1)
        values[place : place + 5] = 3
        self._add(f"nightly and once more {number}", values, [place])

    def _counts(self, number: int) -> None:
        """Counts in bursts, with three great ones."""
        rows = 2 * _ROWS
        mean = np.exp(2 + 0.7 * np.sin(2 * np.pi * np.arange(rows) / _DAY) + 0.3 * np.cumsum(self._normal(0.01, rows)))
        values = self._chance.negative_binomial(2, 2 / (2 + mean)).astype(float)
        places = self._place(3, rows)
        for place in places:
            values[place : place + 12] += mean[place] * self._chance.uniform(6, 15)
        self._add(f"counts {number}", values, places)

    def _weeks(self, number: int) -> None:
        """Half hours of a city: days and weekends, a storm and a feast."""
        hours = np.arange(5000) / 2
        weekend = hours // 24 % 7 >= 5
        values = (
            10_000 + 6000 * np.sin(2 * np.pi * (hours - 9) / 24) - 3000 * weekend * np.sin(np.pi * (hours - 4) / 12)
        )
        values *= 1 + self._normal(0.04, 5000)
        storm, feast = 48 * int(self._chance.integers(30, 50)) + 20, 48 * int(self._chance.integers(70, 95)) + 20
        values[storm : storm + 40] *= 0.5
        values[feast : feast + 30] *= 1.5
        self._add(f"weeks {number}", values, [storm, feast], 1800)

    def _ramps(self, number: int) -> None:
        """Something that fills up and is emptied, a slow drift, and a machine that goes idle."""
        (place,) = self._place(1)
        values = np.arange(_ROWS) % 700 / 700 * 60 + 20 + self._normal(1)
        values[place : place + 20] += 30
        self._add(f"ramps {number}", values, [place])
        (place,) = self._place(1)
        values = 40 + self._normal(1.5)
        length = min(600, _ROWS - place)
        values[place : place + length] += np.linspace(0, 25, length)
        self._add(f"drift {number}", values, [place + 200])
        (place,) = self._place(1)
        values = np.clip(30 + self._normal(8), 0, 100)
        values[place : place + 200] = np.abs(self._normal(0.5))[: len(values[place : place + 200])]
        self._add(f"idle {number}", values, [place])
