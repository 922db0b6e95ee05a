"""Moments as people and other programs read them, whatever a sender said that they are. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from nagare.lib.rfc3339 import format_ms

# The years that RFC 3339 can write; a foreign alert may say anything.
_LAST_MS = 253_402_300_799_000


def rfc3339(at_ms: int) -> str:
    """Return Unix milliseconds as RFC 3339; what lies outside of its years as the nearest that does not."""
    return format_ms(_lawful(at_ms))


def for_people(at_ms: int) -> str:
    """Return Unix milliseconds as date and minute, in UTC, which it says."""
    return datetime.fromtimestamp(_lawful(at_ms) / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _lawful(at_ms: int) -> int:
    return max(0, min(at_ms, _LAST_MS))
