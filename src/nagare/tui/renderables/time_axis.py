"""The window of time that charts share: zoom, pan, labels and ticks in local time. Pure values, no clock."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from math import ceil
from typing import Final

SECOND: Final = 1000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

# Closer than this nothing is measured; wider than this nothing is kept.
MIN_SPAN_MS: Final = 10 * SECOND
MAX_SPAN_MS: Final = 3660 * DAY

_STEPS = (
    1 * SECOND, 2 * SECOND, 5 * SECOND, 10 * SECOND, 15 * SECOND, 30 * SECOND,
    1 * MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE,
    1 * HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR,
    1 * DAY, 2 * DAY, 7 * DAY, 14 * DAY, 28 * DAY, 91 * DAY, 364 * DAY,
)  # fmt: skip
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# What a 64-bit stamp may say and a calendar can still write: years 1970 to 9998.
_LATEST_MS = 253_370_764_800_000


def local_time(ts_ms: float, zone: tzinfo | None = None) -> datetime:
    """Return the aware local time (or that of ``zone``) of a stamp, kept within the calendar."""
    return datetime.fromtimestamp(min(max(ts_ms, 0), _LATEST_MS) / 1000, UTC).astimezone(zone)


def format_clock(ts_ms: float, zone: tzinfo | None = None) -> str:
    """Return the time of day of a stamp, with seconds."""
    return f"{local_time(ts_ms, zone):%H:%M:%S}"


def format_moment(ts_ms: float, now_ms: float, zone: tzinfo | None = None) -> str:
    """Return the time of day, with the date in front when it is not the day of ``now_ms``."""
    moment = local_time(ts_ms, zone)
    if moment.date() == local_time(now_ms, zone).date():
        return f"{moment:%H:%M:%S}"
    return f"{_MONTHS[moment.month - 1]} {moment.day} {moment:%H:%M:%S}"


def format_span(ms: float, digits: int = 3) -> str:
    """Return a span in its largest unit with so many digits: ``15 m``, ``5 s``, ``1.5 h``."""
    for size, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "m")):
        if ms >= size:
            return f"{ms / size:.{max(digits, len(str(int(ms / size))))}g} {name}"
    return f"{ms / SECOND:.{digits}g} s"


@dataclass(frozen=True, slots=True)
class Tick:
    """A labelled moment of the axis."""

    ts_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """What is shown: from ``start_ms`` to ``end_ms``; a live window follows the clock."""

    start_ms: int
    end_ms: int
    is_live: bool = True

    @classmethod
    def live(cls, span_ms: int, now_ms: int) -> TimeWindow:
        """Return the live window of the last ``span_ms``."""
        return cls(now_ms - max(1, span_ms), now_ms)

    @property
    def span_ms(self) -> int:
        """The length; never less than a millisecond."""
        return max(1, self.end_ms - self.start_ms)

    def advance(self, now_ms: int) -> TimeWindow:
        """Return the window that ends now, when it is live; else the same."""
        return TimeWindow(now_ms - self.span_ms, now_ms) if self.is_live else self

    def go_live(self, now_ms: int) -> TimeWindow:
        """Return the live window of the same length."""
        return TimeWindow(now_ms - self.span_ms, now_ms)

    def with_span(self, span_ms: int) -> TimeWindow:
        """Return the window of that length with the same end."""
        span = min(MAX_SPAN_MS, max(MIN_SPAN_MS, span_ms))
        return replace(self, start_ms=self.end_ms - span)

    def zoom(self, factor: float, around_ms: int | None = None) -> TimeWindow:
        """Return a window ``factor`` times as long; ``around_ms`` keeps its place, else the end does.

        A live window stays live: its end is the clock's.
        """
        span = min(MAX_SPAN_MS, max(MIN_SPAN_MS, round(self.span_ms * factor)))
        if around_ms is None or self.is_live:
            return replace(self, start_ms=self.end_ms - span)
        share = min(1.0, max(0.0, (around_ms - self.start_ms) / self.span_ms))
        start = (
            round(around_ms - span * share) if 0.0 < share < 1.0 else self.start_ms + round((self.span_ms - span) / 2)
        )
        return TimeWindow(start, start + span, is_live=False)

    def pan(self, delta_ms: int) -> TimeWindow:
        """Return the window moved by ``delta_ms``, no longer live."""
        return TimeWindow(self.start_ms + delta_ms, self.end_ms + delta_ms, is_live=False)

    def around(self, ts_ms: int) -> TimeWindow:
        """Return the window of the same length with ``ts_ms`` in the middle, no longer live."""
        return self.pan(ts_ms - self.start_ms - self.span_ms // 2)

    def clamp(self, earliest_ms: int, latest_ms: int) -> TimeWindow:
        """Return the window moved into the bounds; one that reaches the latest moment becomes live."""
        if self.end_ms >= latest_ms:
            return TimeWindow(latest_ms - self.span_ms, latest_ms)
        if self.start_ms < earliest_ms:
            return replace(self, start_ms=earliest_ms, end_ms=earliest_ms + self.span_ms)
        return self

    def contains(self, ts_ms: float) -> bool:
        """Tell whether a moment is shown."""
        return self.start_ms <= ts_ms <= self.end_ms

    def column_of(self, ts_ms: float, columns: int) -> int:
        """Return the column of a moment; below zero or beyond ``columns`` when it is not shown."""
        return int((ts_ms - self.start_ms) * columns // self.span_ms) if ts_ms != self.end_ms else columns - 1

    def ts_of(self, column: int, columns: int) -> int:
        """Return the moment in the middle of a column."""
        return self.start_ms + int((column + 0.5) * self.span_ms / max(1, columns))

    def step_ms(self, columns: int) -> float:
        """Return the time that one column shows."""
        return self.span_ms / max(1, columns)

    def raster(self, columns: int) -> tuple[float, float]:
        """Return start and end moved onto the grid of whole columns, so that samples keep their column as time goes on.

        Without it a live chart shimmers: each tick would sort the same samples into other columns.
        """
        step = self.span_ms / max(1, columns)
        end = math.ceil(self.end_ms / step) * step
        return end - self.span_ms, end

    def label(self, columns: int | None = None) -> str:
        """Return what a frame says of the window: ``15 m · 5 s/col``."""
        span = format_span(self.span_ms)
        return span if columns is None else f"{span} · {format_span(self.step_ms(columns), 2)}/col"

    def ticks(self, columns: int, zone: tzinfo | None = None, room: int = 10) -> list[Tick]:
        """Return ticks at round local times, about one in ``room`` columns."""
        wanted = max(1, columns // max(1, room))
        rough = self.span_ms / wanted
        # Beyond the longest step, so many of it as keep the ticks few.
        step = next((step for step in _STEPS if step >= rough), _STEPS[-1] * max(1, ceil(rough / _STEPS[-1])))
        if step >= DAY:
            return self._day_ticks(step // DAY, zone)
        moments = _aligned(self.start_ms, self.end_ms, step, zone)
        return [Tick(ts, _tick_text(local_time(ts, zone), step)) for ts in moments]

    def _day_ticks(self, days: int, zone: tzinfo | None) -> list[Tick]:
        day = local_time(self.start_ms, zone).replace(hour=0, minute=0, second=0, microsecond=0)
        ticks: list[Tick] = []
        # Days differ in length where clocks change, so midnights are counted on the calendar.
        for _ in range(400):
            ts = int(day.timestamp() * 1000)
            if ts > self.end_ms or day.year > 9990:
                break
            if ts >= self.start_ms and (day.toordinal() % days == 0):
                ticks.append(Tick(ts, _day_text(day, days)))
            day = _next_midnight(day, days if day.toordinal() % days == 0 else 1, zone)
        return ticks


def _next_midnight(day: datetime, days: int, zone: tzinfo | None) -> datetime:
    noon = day.replace(hour=12) + timedelta(days=days)
    return noon.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)


def _aligned(start_ms: int, end_ms: int, step: int, zone: tzinfo | None) -> list[int]:
    offset = local_time(start_ms, zone).utcoffset() or timedelta()
    shift = int(offset.total_seconds() * 1000)
    first = -(-(start_ms + shift) // step) * step - shift
    return list(range(first, end_ms + 1, step))[:400]


def _tick_text(moment: datetime, step: int) -> str:
    if moment.hour == moment.minute == moment.second == 0:
        return f"{_MONTHS[moment.month - 1]} {moment.day}"
    return f"{moment:%H:%M:%S}" if step < MINUTE else f"{moment:%H:%M}"


def _day_text(day: datetime, days: int) -> str:
    return f"{_MONTHS[day.month - 1]} {day.year}" if days >= 364 else f"{_MONTHS[day.month - 1]} {day.day}"
