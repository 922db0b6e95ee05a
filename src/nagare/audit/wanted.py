"""What of the audit log somebody wants to read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries to read: newest first, of these times (Unix milliseconds, until excluded) and words."""

    limit: int = 100
    since_ms: int | None = None
    until_ms: int | None = None
    actor: str | None = None
    action: str | None = None
    outcome: str | None = None
    target: str | None = None
    before_seq: int | None = None
