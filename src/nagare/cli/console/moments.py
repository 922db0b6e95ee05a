"""Reads the moments that people type: ``1h`` ago, ``14:05`` today, ``2026-11-20``, or RFC 3339."""

from __future__ import annotations

import contextlib
import re
from datetime import datetime, time

from nagare.errors import InputError
from nagare.lib.clock import Clock, SystemClock
from nagare.lib.units import parse_duration

_HINT = "write it as 15m, 1h30m or 7d (ago), 14:05, 2026-11-20 or 2026-11-20T14:05:00Z"
_DURATION = re.compile(r"-?[\d.]+\s*[a-z]", re.IGNORECASE)


def parse_moment(text: str, clock: Clock | None = None) -> int:
    """Return Unix milliseconds of ``text``; a time without an offset is local. Raises InputError."""
    now = (clock or SystemClock()).now()
    stripped = text.strip()
    if stripped == "now":
        return round(now.timestamp() * 1000)
    if _DURATION.match(stripped) and ":" not in stripped:
        return round((now.timestamp() - _seconds(text, stripped.removeprefix("-"))) * 1000)
    with contextlib.suppress(ValueError):
        moment = datetime.combine(now.astimezone().date(), time.fromisoformat(stripped)).astimezone()
        return round(moment.timestamp() * 1000)
    with contextlib.suppress(ValueError, OverflowError):
        return round(datetime.fromisoformat(stripped).astimezone().timestamp() * 1000)
    raise InputError(f"cannot read moment {text!r}: neither a duration nor a time", hint=_HINT)


def parse_window(since: str | None, until: str | None, clock: Clock | None = None) -> tuple[int | None, int | None]:
    """Return both ends in Unix milliseconds, None where nothing was typed. Raises InputError for an empty window."""
    since_ms = parse_moment(since, clock) if since else None
    until_ms = parse_moment(until, clock) if until else None
    if since_ms is not None and until_ms is not None and since_ms >= until_ms:
        raise InputError(f"cannot look from {since} until {until}: the window is empty")
    return since_ms, until_ms


def _seconds(text: str, duration: str) -> float:
    try:
        return parse_duration(duration)
    except InputError:
        raise InputError(f"cannot read moment {text!r}: not a duration", hint=_HINT) from None
