"""What it costs to score the fleet: ten thousand series, each with a row every five seconds, on one core.

Beside it stands the time that the same rows take one series at a time, as a file is scored.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from benches.report import Row, Section
from nagare.diagnosis.anomalies.layouts import Layouts
from nagare.diagnosis.anomalies.scores import Scores
from nagare.insights.anomalies.detector import Detector
from nagare.insights.anomalies.series import score_series
from nagare.lib.counters import Counters

SERIES = 10_000
TICKS = 60
_ROWS = 1_000_000
_STEP_MS = 5000
_BEGIN_MS = 1_767_225_600_000
_SEED = 7


def run() -> Section:
    """Measure ticks of the detector alone and with names, and a file of a million rows."""
    section = Section(
        "Anomaly scores",
        f"{SERIES:,} series, a row each every 5 s, {TICKS} ticks, seed {_SEED}, one process; milliseconds of processor time, the median.",
    )
    chance = np.random.default_rng(_SEED)
    values = chance.normal(10, 1, (TICKS, SERIES))
    section.rows.append(Row("a tick: the detector", _detector_ms(values), "ms", promise=500))
    section.rows.append(Row("a tick: with names, order and bounds", _scores_ms(values), "ms", promise=1000))
    began = time.process_time()
    score_series(_BEGIN_MS + _STEP_MS * np.arange(_ROWS), chance.normal(10, 1, _ROWS))
    section.rows.append(Row("a file of one series and a million rows", time.process_time() - began, "s", promise=10))
    return section


def _detector_ms(values: np.ndarray[Any, Any]) -> float:
    detector, places = Detector(SERIES), np.arange(SERIES)
    spent = []
    for at, row in enumerate(values):
        stamps = np.full((SERIES, 1), _BEGIN_MS + _STEP_MS * at)
        began = time.process_time()
        detector.advance(places, stamps, row[:, None])
        spent.append(1000 * (time.process_time() - began))
    return float(np.median(spent))


def _scores_ms(values: np.ndarray[Any, Any]) -> float:
    counters = Counters()
    scores, layouts = Scores(SERIES, 0.5, counters), Layouts(SERIES, counters)
    mounts = [str(number) for number in range(100)]
    keys: dict[str, list[Any]] = {"mount": mounts, "device": ["sda"] * 100, "fstype": ["ext4"] * 100}
    spent = []
    for at, row in enumerate(values.tolist()):
        now_ms = _BEGIN_MS + _STEP_MS * at
        hosts = {
            f"host{number}": {
                "disk": {"ts": [now_ms] * 100, **keys, "used_ratio": row[100 * number : 100 * number + 100]}
            }
            for number in range(SERIES // 100)
        }
        began = time.process_time()
        scores.take((rows for host, tables in hosts.items() for rows in layouts.rows(host, tables)), now_ms)
        scores.find_stopped(now_ms)
        spent.append(1000 * (time.process_time() - began))
    return float(np.median(spent))
