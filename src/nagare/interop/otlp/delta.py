"""Deltas to running totals: what a client counted since its last report is added to what it counted before.

The sums live in memory, within a bound: after a restart, or for a series that was not heard of for long, a total begins
again at zero, which every reader of counters takes for a reset. Changes count only once they are stored, so that a
request which a client repeats is not added twice, nor lost.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Total:
    value: float
    time_ns: int


@dataclass(slots=True)
class DeltaChanges:
    """What one request adds; nothing of it counts before ``Totals.commit``."""

    totals: dict[int, _Total] = field(default_factory=dict)


class Totals:
    """Running totals by series number; used by one request at a time."""

    def __init__(self, limit: int = 100_000) -> None:
        """Keep at most ``limit`` series, those heard of last."""
        self._limit = limit
        self._totals: OrderedDict[int, _Total] = OrderedDict()

    def add(self, series: int, time_ns: int, delta: float, changes: DeltaChanges) -> float | None:
        """Return the total at ``time_ns``, None for a delta that is not newer than the last one."""
        total = changes.totals.get(series) or self._totals.get(series)
        if total is not None and time_ns <= total.time_ns:
            return None
        value = delta + (total.value if total is not None else 0.0)
        changes.totals[series] = _Total(value, time_ns)
        return value

    def is_repeat(self, series: int, time_ns: int) -> bool:
        """Tell whether exactly that report was counted already."""
        total = self._totals.get(series)
        return total is not None and total.time_ns == time_ns

    def commit(self, changes: DeltaChanges) -> None:
        """Let ``changes`` count."""
        for series, total in changes.totals.items():
            self._totals[series] = total
            self._totals.move_to_end(series)
        while len(self._totals) > self._limit:
            self._totals.popitem(last=False)
