"""Maintenance windows over HTTP."""

from __future__ import annotations

import msgspec


class RecurrenceDocument(msgspec.Struct, frozen=True):
    """When a window recurs: at ``at`` (02:30) of the clock in an IANA zone, on ``days`` (mon … sun; empty is every day)."""

    at: str
    duration_seconds: float
    zone: str = "UTC"
    days: list[str] = []


class WindowRequest(msgspec.Struct, frozen=True):
    """A window to make: for which hosts, from when (None: now) until when (Unix milliseconds), and why."""

    why: str
    hosts: list[str] = []
    groups: list[str] = []
    labels: dict[str, str] = {}
    from_ms: int | None = None
    until_ms: int | None = None
    recurrence: RecurrenceDocument | None = None


class WindowView(msgspec.Struct, frozen=True):
    """A window as people see it; times are RFC 3339."""

    id: str
    why: str
    made_by: str
    made_at: str
    is_open: bool
    hosts: list[str]
    groups: list[str]
    labels: dict[str, str]
    from_at: str
    until_at: str | None
    recurrence: RecurrenceDocument | None = None


class WindowList(msgspec.Struct, frozen=True):
    """``GET /api/v1/maintenance``: windows, in the order in which they were made."""

    windows: list[WindowView]
