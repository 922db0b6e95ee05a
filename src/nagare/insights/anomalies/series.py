"""Scores a whole series that lies before us, as if its rows came one by one."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from nagare.insights.anomalies.detector import Detector
from nagare.insights.anomalies.habits import DAY_MS

Array = np.ndarray[Any, Any]
# Rows that are scored in one piece: enough that Python costs nothing, few enough that nothing runs out of digits.
_PIECE_ROWS = 256


def score_series(ts_ms: Array, values: Array) -> Array:
    """Return the score of each row of one series, in the order of the rows, whatever that is.

    A row that is no number scores 0 and teaches nothing; of rows with one time the first counts, and the others share
    its score. What a row scores depends on no row that is later.
    """
    scores = np.zeros(len(values))
    order = np.argsort(ts_ms, kind="stable")
    order = order[np.isfinite(values[order])]
    if not len(order):
        return scores
    times = ts_ms[order]
    is_first = np.concatenate(([True], times[1:] != times[:-1]))
    found = _in_order(times[is_first], values[order[is_first]])
    scores[order] = found[np.cumsum(is_first) - 1]
    return scores


def _in_order(ts_ms: Array, values: Array) -> Array:
    detector, place, scores = Detector(1), np.zeros(1, dtype=np.int64), np.zeros(len(values))
    for begin, end in _pieces(ts_ms):
        scored = detector.advance(place, ts_ms[None, begin:end], values[None, begin:end])
        scores[begin:end] = scored.score[0]
    return scores


def _pieces(ts_ms: Array) -> list[tuple[int, int]]:
    """Return where pieces begin and end: none is longer than allowed or goes on into another day."""
    days = np.flatnonzero(np.diff(ts_ms // DAY_MS)) + 1
    edges = [0, *days.tolist(), len(ts_ms)]
    return [
        (begin, min(begin + _PIECE_ROWS, end))
        for first, end in pairwise(edges)
        for begin in range(first, end, _PIECE_ROWS)
    ]
