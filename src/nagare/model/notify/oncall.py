"""Who is on duty, whom a step reaches, and when a route is quiet: questions of the wall clock. Pure; the moment is an argument."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from nagare.model.notify.mute import MuteTime, Span
from nagare.model.notify.notifying import Notifying
from nagare.model.notify.receiver import Rotation, Step


def on_call(rotation: Rotation, now_ms: int) -> str:
    """Return the receiver whose turn it is; a stand-in comes first, the last that was written."""
    for override in reversed(rotation.overrides):
        if override.from_ms <= now_ms < override.until_ms:
            return override.receiver
    # In wall clock time: a turn begins at its hour, whatever daylight saving does.
    start, length = datetime.fromisoformat(rotation.starts_at), timedelta(days=rotation.days)
    turns = (_local(now_ms, rotation.zone) - start) // length
    # In an hour that comes twice a turn begins the first time, and does not end again when the clock goes back.
    following = (start + (turns + 1) * length).replace(tzinfo=rotation.zone)
    if following.timestamp() * 1000 <= now_ms:
        turns += 1
    return rotation.people[turns % len(rotation.people)]


def receivers_of(notifying: Notifying, step: Step, now_ms: int) -> list[str]:
    """Return the names of the receivers that ``step`` reaches at that moment, each once."""
    names = []
    for name in step.receivers:
        rotation = notifying.rotations.get(name)
        names.append(name if rotation is None else on_call(rotation, now_ms))
    return list(dict.fromkeys(names))


def is_muted(mute: MuteTime, now_ms: int) -> bool:
    """Tell whether that moment is within ``mute``."""
    local = _local(now_ms, mute.zone)
    minute, day = local.hour * 60 + local.minute, local.weekday()
    return any(_is_within(span, day, minute) for span in mute.spans)


def _is_within(span: Span, day: int, minute: int) -> bool:
    if span.from_minute < span.until_minute:
        return day in span.days and span.from_minute <= minute < span.until_minute
    # Over midnight: the day is the one on which it begins.
    return (day in span.days and minute >= span.from_minute) or (
        (day - 1) % 7 in span.days and minute < span.until_minute
    )


def _local(now_ms: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(zone).replace(tzinfo=None)
