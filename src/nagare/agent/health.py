"""What the agent knows of each collector: how often it ran, how it ended, and when it may be asked again.

Told in the table ``agent``: a collector's row when something about it changed, and once a minute anyway.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from nagare.agent.lane import Outcome, Verdict
from nagare.model.columns import Value, row_count

log = logging.getLogger(__name__)

# A device that is absent now may be plugged in later; asking six times an hour costs nothing.
ABSENT_SECONDS = 600.0
# Rows of collectors that change nothing are repeated this often, so that a query over an hour finds them.
_REPEAT_SECONDS = 60.0

Row = Mapping[str, Value]


@dataclass(slots=True)
class Health:
    """The counts and the last ending of one collector."""

    name: str
    interval_seconds: float
    ok: bool | None = None
    error: str = ""
    duration_seconds: float | None = None
    rows: int = 0
    runs_total: int = 0
    failures_total: int = 0
    timeouts_total: int = 0
    overruns_total: int = 0
    _told_at: float | None = None
    _told: tuple[object, ...] = ()

    def skip(self, ticks: int) -> None:
        """Count ticks that passed while the collector could not be asked."""
        self.overruns_total += ticks

    def record(self, outcome: Outcome) -> None:
        """Take in how a collection ended; a new kind of ending is logged once, not every time."""
        self.runs_total += 1
        self.failures_total += outcome.verdict is Verdict.FAILED
        self.timeouts_total += outcome.verdict is Verdict.LATE
        self.duration_seconds = outcome.duration_seconds
        self.rows = sum(row_count(columns) for columns in outcome.tables.values())
        if outcome.error != self.error:
            self._log(outcome)
        self.error = outcome.error
        # An absent source is neither well nor ill.
        self.ok = None if outcome.verdict is Verdict.ABSENT else outcome.verdict is Verdict.OK

    def find_row(self, now: float) -> Row | None:
        """Return the row to send at monotonic ``now``, or None when nothing is worth telling."""
        state = (self.ok, self.error, self.failures_total, self.timeouts_total, self.overruns_total)
        is_repeat = self._told_at is not None and now - self._told_at < _REPEAT_SECONDS
        if not self.runs_total or (is_repeat and state == self._told):
            return None
        self._told, self._told_at = state, now
        return {
            "collector": self.name,
            "ok": self.ok,
            "error": self.error or None,
            "duration_seconds": self.duration_seconds,
            "rows": self.rows,
            "runs_total": self.runs_total,
            "failures_total": self.failures_total,
            "timeouts_total": self.timeouts_total,
            "overruns_total": self.overruns_total,
            "interval_seconds": self.interval_seconds,
        }

    def _log(self, outcome: Outcome) -> None:
        if outcome.verdict is Verdict.OK:
            log.info("collector_recovered name=%s", self.name)
        elif outcome.verdict is Verdict.ABSENT:
            log.debug("collector_absent name=%s reason=%s", self.name, outcome.error)
        else:
            log.warning("collector_failed name=%s reason=%s", self.name, outcome.error, exc_info=outcome.bug)


def find_rows(healths: Iterable[Health], now: float) -> list[Row]:
    """Return the rows worth sending at monotonic ``now``."""
    return [row for health in healths if (row := health.find_row(now)) is not None]
