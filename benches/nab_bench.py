"""The scores of ``nagare insights anomalies`` on labelled series, by the rules of the Numenta Anomaly Benchmark.

``python -m benches --only nab --data DIR`` takes a folder of CSV files with ``windows.json``; without it only series of
our own making are scored. The design was chosen with both halves of the published AWS series in sight, and with made
series of another seed and other mixtures; the made ones here had no part in it. Both halves are told, for how much they
differ says how far a score of so few windows can be trusted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benches.nab.files import load
from benches.nab.made import Maker
from benches.nab.scoring import Labelled, best, normalised
from benches.report import Row, Section
from nagare.insights.anomalies.series import score_series

TITLE = "Anomalies in labelled series"
# What we say is worth a look.
_THRESHOLD = 0.5
_SEEDS = {"one seed": 11, "another seed": 12}
_REPEATS = 3
_BESIDE = "windowed Gaussian, its best threshold"
Series = Mapping[str, Labelled]


def run(data: Path | None = None) -> Section:
    """Score every series once, as a stream, with the one setting there is."""
    section = Section(
        TITLE,
        "Points of the benchmark's standard profile: 100 for a detection in the first row of every window and none outside, 0 for none at all."
        " One setting and one threshold (0.5) for all.",
    )
    if data is not None:
        series = load(data)
        names = list(series)
        section.rows += _rows(f"{data.name}: all {len(names)}", series, promise=60)
        section.rows += _rows(f"{data.name}: every second", {name: series[name] for name in names[::2]})
        section.rows += _rows(f"{data.name}: the others", {name: series[name] for name in names[1::2]})
    for text, seed in _SEEDS.items():
        section.rows += _rows(f"made: {text}", Maker(seed).make(_REPEATS))
    return section


def _rows(what: str, series: Series, promise: float | None = None) -> list[Row]:
    began = time.process_time()
    scores = _scored(series, score_series)
    seconds = time.process_time() - began
    beside, _ = best(series, _scored(series, _windowed_gaussian))
    highest, threshold = best(series, scores)
    values = sum(len(one.values) for one in series.values())
    return [
        Row(what, normalised(series, scores, _THRESHOLD), "points", beside, _BESIDE, promise, more_is_better=True),
        Row(
            f"{what}, with the best threshold ({threshold:.2f})",
            highest,
            "points",
            beside,
            _BESIDE,
            more_is_better=True,
        ),
        Row(f"{what}, time of a million rows", seconds / values * 1e6, "s"),
    ]


def _scored(series: Series, score: Callable[[Any, Any], Any]) -> dict[str, Any]:
    return {name: score(one.ts_ms, one.values) for name, one in series.items()}


def _windowed_gaussian(_ts_ms: Any, values: Any) -> Any:
    """Return how improbable each row is under the normal distribution of all rows before it: the benchmark's baseline."""
    count = np.arange(1, len(values))
    mean = np.cumsum(values)[:-1] / count
    spread = np.sqrt(np.maximum(np.cumsum(values**2)[:-1] / count - mean**2, 1e-12))
    return np.concatenate(([0.0], 1 - 1 / (1 + np.abs(values[1:] - mean) / spread)))
