"""Which notifications somebody asks for. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DeliveriesWanted:
    """Which deliveries a list has; empty means any. ``since_ms``: made then or later, Unix milliseconds."""

    states: tuple[str, ...] = ()
    severity: int = 0
    incident: str = ""
    receiver: str = ""
    channel: str = ""
    since_ms: int = 0
