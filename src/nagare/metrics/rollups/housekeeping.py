"""What the store does when nobody waits for it: rollups, retention, merges, recompression, each in short pieces.

A piece is a few seconds on the maintenance thread, so that a flush never waits long. A fault in one piece is counted
and its table rests for a while; the others go on.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from nagare.errors import StorageError
from nagare.lib.clock import Clock
from nagare.metrics.rollups.hours import DAY_MS, HOUR_MS
from nagare.metrics.rollups.roller import Roller, Work

log = logging.getLogger(__name__)

# How long a piece of work that failed is left alone: a full disk or a block that does not read back stays so.
REST_MS = 600_000


@dataclass(slots=True)
class RollupQueue:
    """The rollups that are due, and how far behind they are; used by the maintenance thread, read from the loop."""

    roller: Roller
    clock: Clock
    failures: int = 0
    lag_seconds: float = 0.0
    _resting: dict[tuple[str, int], int] = field(default_factory=dict)

    def work(self, urgent_before_ms: int) -> bool:
        """Do one piece of what is due, if any; tell whether more is."""
        now_ms = self.clock.now_ms()
        self._measure(now_ms)
        self._resting = {key: until for key, until in self._resting.items() if now_ms < until <= now_ms + REST_MS}
        due = [one for one in self.roller.find_work(now_ms, urgent_before_ms) if _key(one) not in self._resting]
        if not due:
            return False
        left: tuple[int, ...] = ()
        try:
            left = self.roller.roll(due[0], urgent_before_ms)
        except StorageError as error:
            self.failures += 1
            self._resting[_key(due[0])] = now_ms + REST_MS
            log.error("store_rollup_failed error=%s", error.message)  # noqa: TRY400  the message says it all
        self._measure(now_ms)
        return bool(left) or len(due) > 1

    def _measure(self, now_ms: int) -> None:
        hours = [hour for group in self.roller.library.current.unrolled.values() for hour in group]
        self.lag_seconds = max((now_ms - hour - HOUR_MS for hour in hours), default=0) / 1000
        self.lag_seconds = max(0.0, self.lag_seconds)


def _key(work: Work) -> tuple[str, int]:
    return work.table, work.hours[0] // DAY_MS
