"""The scoring of the Numenta Anomaly Benchmark, standard profile.

Lavin and Ahmad, "Evaluating real-time anomaly detection algorithms: the Numenta Anomaly Benchmark" (ICMLA 2015). One
threshold serves all series; a detection early in a window counts most, one outside costs, one in the first 15 % nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
_PROBATION_SHARE, _PROBATION_ROWS = 0.15, 750
_FALSE_COST = 0.11
# Scores that are tried as the threshold.
_THRESHOLDS = 200


@dataclass(frozen=True)
class Labelled:
    """A series, and the first and last row of each window in which something was wrong, in order."""

    ts_ms: Array
    values: Array
    windows: Sequence[tuple[int, int]]


@dataclass(frozen=True)
class _Weights:
    """What a detection at each row is worth, and the number of the window that it lies in, -1 for none."""

    worth: Array
    window: Array
    count: int


def normalised(series: Mapping[str, Labelled], scores: Mapping[str, Array], threshold: float) -> float:
    """Return the score of a detector from 0 (never fires) to 100 (fires at the first row of each window alone)."""
    weights = [(_weights(series[name]), scores[name]) for name in series]
    return _total(weights, threshold)


def best(series: Mapping[str, Labelled], scores: Mapping[str, Array]) -> tuple[float, float]:
    """Return the highest score that one threshold reaches, and that threshold."""
    weights = [(_weights(series[name]), scores[name]) for name in series]
    every = np.concatenate(list(scores.values()))
    tried = np.unique(np.quantile(every[every > 0], 1 - np.geomspace(1e-5, 0.5, _THRESHOLDS)))
    return max((_total(weights, float(threshold)), float(threshold)) for threshold in tried)


def _total(weights: Sequence[tuple[_Weights, Array]], threshold: float) -> float:
    windows = sum(one.count for one, _ in weights)
    total = sum(_sum(one, scores >= threshold) for one, scores in weights)
    return 100 * (total + windows) / (2 * windows)


def _sum(weights: _Weights, is_detected: Array) -> float:
    outside = float(weights.worth[is_detected & (weights.window < 0)].sum())
    found = [weights.worth[is_detected & (weights.window == at)] for at in range(weights.count)]
    return outside + sum(float(one.max()) if len(one) else -1.0 for one in found)


def _weights(series: Labelled) -> _Weights:
    count = len(series.values)
    rows = np.arange(count)
    worth, window = np.full(count, -_FALSE_COST), np.full(count, -1)
    for at, (first, last) in enumerate(series.windows):
        behind = rows > last
        worth[behind] = _FALSE_COST * _sigmoid((rows[behind] - last) / (last - first))
        inside = (rows >= first) & (rows <= last)
        worth[inside] = _sigmoid((rows[inside] - last - 1) / (last - first + 1)) / _sigmoid(np.array(-1.0))
        window[inside] = at
    # Of the rows of probation none counts for or against.
    is_early = rows < min(int(_PROBATION_SHARE * count), _PROBATION_ROWS)
    worth[is_early & (window < 0)] = 0.0
    window[is_early & (window >= 0)] = len(series.windows)
    return _Weights(worth, window, len(series.windows))


def _sigmoid(y: Array) -> Array:
    return np.where(y > 3, -1.0, 2 / (1 + np.exp(np.clip(5 * y, -50, 50))) - 1)
