"""The stretch of time that a diagnosis looks at, and how moments of it are written. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from nagare.lib.clock import Clock

# What counts as now: a thirtieth of the window, within these bounds.
_RECENT_SHARE, _RECENT_LEAST_MS, _RECENT_MOST_MS = 30, 60_000, 300_000
# How far before the window the usual is looked for.
_BASELINE_MOST_MS = 6 * 3_600_000
# Mean values stand for so much time: short enough to say when a thing began, long enough for a few samples each.
_BUCKETS = (5_000, 15_000, 60_000, 300_000)
_BUCKETS_MOST = 720
# Of an alert, the trouble is looked for from so long before its condition held.
ALERT_BEFORE_MS = 1_800_000
# An alert that is older is looked at as it began; one older than the longest lawful window, as things are now.
_ALERT_YOUNG_MS, _ALERT_OLD_MS = 86_400_000, 31 * 86_400_000


@dataclass(frozen=True, slots=True)
class Window:
    """[``from_ms``, ``until_ms``), Unix milliseconds: the trouble is looked for in it, the usual before it and in it."""

    from_ms: int
    until_ms: int

    @property
    def recent_ms(self) -> int:
        """Return the moment from which on things count as how they are now."""
        length = self.until_ms - self.from_ms
        return self.until_ms - min(max(length // _RECENT_SHARE, _RECENT_LEAST_MS), _RECENT_MOST_MS, length)

    @property
    def baseline_ms(self) -> int:
        """Return the moment from which on the usual is looked for: as long before the window as the window is."""
        return self.from_ms - min(self.until_ms - self.from_ms, _BASELINE_MOST_MS)

    @property
    def bucket_ms(self) -> int:
        """Return for how much time one mean value stands."""
        length = self.until_ms - self.baseline_ms
        return next((size for size in _BUCKETS if length <= size * _BUCKETS_MOST), _BUCKETS[-1])

    def moment(self, ms: float | None) -> int | None:
        """Return ``ms`` as a moment at which something that is seen may have begun; None for what is none, or comes only later."""
        return int(ms) if ms is not None and 0 <= ms <= self.until_ms else None


def sql_moment(ms: int) -> str:
    """Return a moment as a literal of SQL, in UTC as the store's sessions are."""
    return f"TIMESTAMP '{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M:%S}.{ms % 1000:03d}'"


def clock_text(ms: int) -> str:
    """Return a moment for people, in UTC."""
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%H:%M:%S}"


def window_of(since_seconds: float, clock: Clock) -> Window:
    """Return the window of the last ``since_seconds``."""
    now_ms = clock.now_ms()
    return Window(now_ms - round(since_seconds * 1000), now_ms)


def window_of_alert(began_ms: int, asked: Window) -> Window:
    """Return the window for an alert whose condition holds since ``began_ms``, where ``asked`` is what was asked for."""
    age_ms = asked.until_ms - began_ms
    if age_ms > _ALERT_OLD_MS:
        return asked
    if age_ms > _ALERT_YOUNG_MS:
        return Window(began_ms - ALERT_BEFORE_MS, min(began_ms + asked.until_ms - asked.from_ms, asked.until_ms))
    return Window(min(began_ms - ALERT_BEFORE_MS, asked.from_ms), asked.until_ms)
