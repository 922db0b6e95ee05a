"""Heartbeats over HTTP. Times are RFC 3339, empty where there is none."""

from __future__ import annotations

from typing import Annotated

import msgspec


class HeartbeatPing(msgspec.Struct, frozen=True):
    """``POST /api/v1/heartbeats/{name}``: a sign of life. Nothing needs to be said; ``ok`` false says that the work failed."""

    ok: bool = True
    text: Annotated[str, msgspec.Meta(max_length=4000)] = ""
    took_seconds: Annotated[float, msgspec.Meta(ge=0)] | None = None


class HeartbeatView(msgspec.Struct, frozen=True):
    """A heartbeat. ``state`` is waiting (never seen, in time), ok, late, missing or failed; ``severity`` 0 to 3.

    It is due at ``due_at``, and missing ``grace_seconds`` later; ``late_seconds`` is how far that moment is gone, 0 in time.
    ``is_failed``, ``said``, ``took_seconds`` and ``sender`` are of the sign that came last.
    """

    name: str
    state: str
    severity: int
    text: str
    every_seconds: float
    grace_seconds: float
    late_seconds: float
    due_at: str
    seen_at: str
    is_failed: bool
    said: str
    took_seconds: float | None
    sender: str


class HeartbeatList(msgspec.Struct, frozen=True):
    """``GET /api/v1/heartbeats``: all that are defined, by name."""

    heartbeats: list[HeartbeatView]


class PulseNote(msgspec.Struct, frozen=True):
    """Our own sign of life, as it is posted: ``status`` ok or degraded (rules that cannot be judged), and active alerts by severity. ``at`` is RFC 3339."""

    status: str
    alerts: dict[str, int]
    failing_rules: int
    version: str
    at: str
