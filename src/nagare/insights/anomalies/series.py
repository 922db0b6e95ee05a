"""Scores whole series that lie before us, as if their rows came one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from nagare.insights.anomalies.detector import Detector
from nagare.insights.anomalies.habits import DAY_MS

Array = np.ndarray[Any, Any]
# Rows that are scored in one piece: enough that Python costs nothing, few enough that nothing runs out of digits.
_PIECE_ROWS = 2048
# Series with the same moments go side by side: as many as make this number of values in a piece.
_PIECE_VALUES = 2**17


@dataclass(frozen=True, slots=True)
class _Clean:
    """A series in the order of time, each moment once, without rows that are no number.

    ``order`` are the rows that count, by time, and ``first`` tells for each of them which moment is its own.
    """

    ts_ms: Array
    values: Array
    order: Array
    first: Array


def score_series(ts_ms: Array, values: Array) -> Array:
    """Return the score of each row of one series, in the order of the rows, whatever that is.

    A row that is no number scores 0 and teaches nothing; of rows with one time the first counts, and the others share
    its score. What a row scores depends on no row that is later.
    """
    return score_all([(ts_ms, values)])[0]


def score_all(series: Sequence[tuple[Array, Array]]) -> list[Array]:
    """Return the scores of every one of ``series``, (moments, values), as ``score_series`` does; each for itself."""
    cleaned = [_clean(ts_ms, values) for ts_ms, values in series]
    alike: dict[bytes, list[int]] = {}
    for at, one in enumerate(cleaned):
        alike.setdefault(one.ts_ms.tobytes(), []).append(at)
    scores = [np.zeros(len(values)) for _, values in series]
    for places in alike.values():
        ts_ms = cleaned[places[0]].ts_ms
        together = max(1, _PIECE_VALUES // max(1, min(_PIECE_ROWS, len(ts_ms))))
        for begin in range(0, len(places), together):
            side = places[begin : begin + together]
            found = _in_order(ts_ms, np.stack([cleaned[at].values for at in side]))
            for at, row in zip(side, found, strict=True):
                scores[at][cleaned[at].order] = row[cleaned[at].first]
    return scores


def _clean(ts_ms: Array, values: Array) -> _Clean:
    order = np.argsort(ts_ms, kind="stable")
    order = order[np.isfinite(values[order])]
    times = ts_ms[order]
    is_first = np.ones(len(times), dtype=np.bool_)
    is_first[1:] = times[1:] != times[:-1]
    return _Clean(times[is_first], values[order[is_first]], order, np.cumsum(is_first) - 1)


def _in_order(ts_ms: Array, values: Array) -> Array:
    count = len(values)
    detector, places, scores = Detector(count), np.arange(count), np.zeros(values.shape)
    for begin, end in _pieces(ts_ms):
        stamps = np.broadcast_to(ts_ms[begin:end], (count, end - begin))
        scores[:, begin:end] = detector.advance(places, stamps, values[:, begin:end]).score
    return scores


def _pieces(ts_ms: Array) -> Iterator[tuple[int, int]]:
    """Yield where pieces begin and end: none is longer than allowed or goes on into another day."""
    days = np.flatnonzero(np.diff(ts_ms // DAY_MS)) + 1
    for first, end in pairwise([0, *days.tolist(), len(ts_ms)]):
        for begin in range(first, end, _PIECE_ROWS):
            yield begin, min(begin + _PIECE_ROWS, end)
