"""The series that a scrape reports about itself, by the names that dashboards know from Prometheus."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nagare.model.samples import Samples, SeriesIntern
from nagare.scrape.staleness import Numbers
from nagare.scrape.targets import Target

_NAMES = (
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
)


@dataclass(frozen=True, slots=True)
class Report:
    """How a scrape went, a field for each of the names above."""

    up: float
    duration_seconds: float
    scraped: float = 0.0
    kept: float = 0.0
    added: float = 0.0


class ReportSeries:
    """The series of one target's reports."""

    def __init__(self, target: Target, intern: SeriesIntern) -> None:
        """Number the series."""
        self._numbers = np.array([intern.intern(name, target.labels) for name in _NAMES], dtype=np.int32)

    @property
    def numbers(self) -> Numbers:
        """The series that are stored, sorted."""
        return np.unique(self._numbers[self._numbers >= 0])

    def samples(self, report: Report, ts_ms: int) -> Samples:
        """Return ``report`` at ``ts_ms``."""
        told = (report.up, report.duration_seconds, report.scraped, report.kept, report.added)
        values = np.array(told, dtype=np.float64)
        return Samples(self._numbers, np.full(len(values), ts_ms, dtype=np.int64), values)
