"""Mute times: hours of the week in which a route tells nobody. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Span:
    """Minutes of the day ``[from_minute, until_minute)`` on ``days`` (0 is Monday); ``until`` at or before ``from`` ends on the next day."""

    days: frozenset[int]
    from_minute: int
    until_minute: int


@dataclass(frozen=True, slots=True)
class MuteTime:
    """A name for times of the week, at the wall clock of ``zone``."""

    name: str
    zone: ZoneInfo
    spans: tuple[Span, ...]
