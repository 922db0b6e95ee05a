"""When each collector is due: fixed rates that never drift, computed and not accumulated.

Every interval is a grid on the monotonic clock, laid at the start so that its lines fall on wall-clock multiples of the
interval plus a phase of the host. Collectors of equal or multiple intervals so wake the agent together, and a fleet
does not send in step. A tick that passes while a collector still runs is counted and skipped, never queued.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

# A first grid line nearer than this share of the interval after the start is skipped: rates over less are noise.
_LEAST_FIRST_SHARE = 0.5
# Timers may fire this early by rounding; a tick within it counts as due.
_SLACK_SECONDS = 0.002


@dataclass(slots=True)
class _Line:
    interval: float
    # Monotonic seconds of a grid line; the others lie at whole intervals from it.
    anchor: float
    next_at: float
    # The tick at the start lies off the grid; only the line after it can be too near.
    is_first: bool = True


class Timetable:
    """The next tick of every name. All times are monotonic seconds."""

    def __init__(self, intervals: Mapping[str, float], *, now: float, wall: float, phase: float) -> None:
        """Make everything due at once, then on the grids; ``wall`` is Unix seconds at ``now``, ``phase`` seconds."""
        self._lines: dict[str, _Line] = {}
        for name, interval in intervals.items():
            behind = (wall - phase) % interval
            anchor = now - behind
            self._lines[name] = _Line(interval, anchor, now)

    @property
    def next_at(self) -> float:
        """When the earliest tick is due; infinity for an empty table."""
        return min((line.next_at for line in self._lines.values()), default=math.inf)

    def take_due(self, now: float) -> dict[str, int]:
        """Return the names that are due with the count of ticks each one missed, and move them on."""
        due: dict[str, int] = {}
        for name, line in self._lines.items():
            if line.next_at <= now + _SLACK_SECONDS:
                due[name] = max(0, math.floor((now + _SLACK_SECONDS - line.next_at) / line.interval))
                line.next_at = _line_after(line, now)
                if line.is_first and line.next_at - now < line.interval * _LEAST_FIRST_SHARE:
                    line.next_at += line.interval
                line.is_first = False
        return due

    def postpone(self, name: str, until: float) -> None:
        """Leave ``name`` out before ``until``; it returns on its grid."""
        line = self._lines[name]
        line.next_at = max(line.next_at, _line_after(line, until))


def _line_after(line: _Line, now: float) -> float:
    number = math.floor((now + _SLACK_SECONDS - line.anchor) / line.interval) + 1
    return line.anchor + number * line.interval
