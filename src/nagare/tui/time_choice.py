"""Words for a time become a window: ``1h``, ``7d``, ``auto``, ``14:05``, ``yesterday 14:05``, ``2026-01-31 14:05``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from types import MappingProxyType

from nagare.errors import InputError
from nagare.tui.location import Window, parse_window
from nagare.tui.renderables.time_axis import TimeWindow, local_time

CHOICES = ("5m", "15m", "1h", "6h", "24h", "7d")
# Letter -> how long ago, in words and in seconds: a moment that most people look for.
AGO: Mapping[str, tuple[str, int]] = MappingProxyType(
    {"m": ("a minute ago", 60), "h": ("an hour ago", 3600), "d": ("a day ago", 86_400)}
)
_CLOCK = re.compile(r"(?:(yesterday|\d{4}-\d{2}-\d{2})[ T]+)?(\d{1,2}):(\d{2})(?::(\d{2}))?")


def parse_time(text: str, span_seconds: int, now_ms: int, zone: tzinfo | None = None) -> Window:
    """Return the window that ``text`` asks for; a moment keeps the present span, stands in its middle, and is looked at.

    A time of day is the last time it was that late, in local time. Raises InputError.
    """
    words = text.strip().lower()
    match = _CLOCK.fullmatch(words)
    if match is None:
        if ".." in text:
            return parse_window(text)
        try:
            return parse_window(words)
        except InputError as error:
            raise InputError(
                f"cannot read time {text[:40]!r}: neither a span nor a moment",
                hint="write 15m, 1h, 7d, auto, 14:05, yesterday 14:05 or 2026-01-31 14:05",
            ) from error
    moment = _moment(match, now_ms, zone)
    end_ms = min(moment + span_seconds * 500, now_ms)
    at_ms = moment // 1000 * 1000
    return Window(span_seconds, end_ms // 1000 * 1000, at_ms=at_ms if at_ms < end_ms // 1000 * 1000 else None)


def _moment(match: re.Match[str], now_ms: int, zone: tzinfo | None) -> int:
    day, hour, minute, second = match.groups()
    now = local_time(now_ms, zone)
    try:
        moment = now.replace(hour=int(hour), minute=int(minute), second=int(second or 0), microsecond=0)
        if day == "yesterday":
            moment -= timedelta(days=1)
        elif day:
            date = datetime.fromisoformat(day)
            moment = moment.replace(year=date.year, month=date.month, day=date.day)
        elif moment > now:
            moment -= timedelta(days=1)
    except ValueError as error:
        raise InputError(f"cannot read time {match[0]!r}: {error}") from error
    if moment > now:
        raise InputError(f"cannot show {match[0]!r}: it lies in the future")
    # The wall clock's offset of that day, not of today.
    fixed = moment.replace(tzinfo=zone) if zone is not None else moment.replace(tzinfo=None).astimezone()
    return round(fixed.timestamp() * 1000)


def to_time_window(window: Window, now_ms: int) -> TimeWindow:
    """Return the charts' window of an address."""
    start_ms, end_ms = window.bounds_ms(now_ms)
    return TimeWindow(start_ms, end_ms, window.is_live)


def from_time_window(window: TimeWindow) -> Window:
    """Return the address's window of the charts': whole seconds."""
    span = max(10, round(window.span_ms / 1000))
    return Window(span, None if window.is_live else round(window.end_ms / 1000) * 1000)
