"""``[anomalies]``: how the fleet's own series are watched for rows that are unlike their past."""

from __future__ import annotations

from dataclasses import dataclass

from nagare.config.setting import setting


@dataclass(frozen=True, slots=True)
class AnomalySettings:
    """``[anomalies]``: every gauge of our own tables is scored as its rows come in; nothing else needs to be set."""

    on: bool = setting(True, "score the rows of the fleet and keep those that are unlike in the table anomalies")
    series_limit: int = setting(
        10_000, "series that are scored, at some 6 kB of memory each; further ones are not", low=1, high=200_000
    )
    floor: float = setting(0.5, "least score of a row that is kept", low=0.1, high=1)
    interval_seconds: float = setting(5.0, "time between two looks at what came in", unit="seconds", low=1, high=300)
