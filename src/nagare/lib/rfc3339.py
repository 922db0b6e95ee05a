"""Times as RFC 3339 writes them: UTC, milliseconds, Z."""

from __future__ import annotations

from datetime import UTC, datetime


def format_time(moment: datetime) -> str:
    """Return RFC 3339 in UTC with milliseconds and Z."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def format_ms(time_ms: int) -> str:
    """Return Unix milliseconds in the same form."""
    return format_time(datetime.fromtimestamp(time_ms / 1000, UTC))
