"""When a maintenance window is open, and for which hosts; pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from nagare.model.host import Host
from nagare.model.maintenance import Recurrence, Selector, Window


def is_open(window: Window, at_ms: int) -> bool:
    """Tell whether ``window`` is open at that moment, Unix milliseconds."""
    if at_ms < window.from_ms or (window.until_ms is not None and at_ms >= window.until_ms):
        return False
    return window.recurrence is None or _recurs(window.recurrence, at_ms)


def is_meant(selector: Selector, host: Host, groups: frozenset[str]) -> bool:
    """Tell whether ``selector`` means ``host``, which is in ``groups``."""
    if host.name in selector.hosts or selector.groups & groups:
        return True
    return bool(selector.labels) and all(host.labels.get(key) == value for key, value in selector.labels.items())


def _recurs(recurrence: Recurrence, at_ms: int) -> bool:
    zone = ZoneInfo(recurrence.zone)
    today = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone).date()
    # It lasts a day at most, so one that is open began today or yesterday; by a leap of the clock, the day before.
    for days_ago in range(3):
        day = today - timedelta(days=days_ago)
        if recurrence.days and day.weekday() not in recurrence.days:
            continue
        hour, minute = divmod(recurrence.minute_of_day, 60)
        began_ms = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone).timestamp() * 1000
        if began_ms <= at_ms < began_ms + recurrence.duration_seconds * 1000:
            return True
    return False
