"""How a heartbeat stands: from its definition, what came last of it, and the clock. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from nagare.lib.rfc3339 import format_ms
from nagare.model.notify.heartbeat import Heartbeat
from nagare.wire.heartbeats import HeartbeatView


class BeatState(StrEnum):
    """How a heartbeat stands, in one word; what is missing is so whatever was said last."""

    # It never came, and need not have yet.
    WAITING = "waiting"
    OK = "ok"
    # It is due, and its grace is not over.
    LATE = "late"
    MISSING = "missing"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Beat:
    """What came last of a heartbeat; times are Unix milliseconds.

    ``known_ms``: since when it is waited for. ``seen_ms`` is None before the first sign, of which the rest tells.
    """

    name: str
    known_ms: int
    seen_ms: int | None = None
    is_failed: bool = False
    said: str = ""
    took_seconds: float | None = None
    sender: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """A heartbeat at one moment, in Unix milliseconds as when it is due is; ``late_seconds`` is 0 until then."""

    heartbeat: Heartbeat
    beat: Beat
    at_ms: int
    state: BeatState
    due_ms: int
    late_seconds: float


def standing_of(heartbeat: Heartbeat, beat: Beat, now_ms: int) -> Standing:
    """Return how ``heartbeat`` stands at ``now_ms``."""
    since_ms = beat.known_ms if beat.seen_ms is None else beat.seen_ms
    # What came in the time of a clock that was ahead counts from now on.
    due_ms = min(since_ms, now_ms) + round(heartbeat.every_seconds * 1000)
    late_seconds = max(0.0, (now_ms - due_ms) / 1000)
    return Standing(heartbeat, beat, now_ms, _state(heartbeat, beat, late_seconds), due_ms, late_seconds)


def _state(heartbeat: Heartbeat, beat: Beat, late_seconds: float) -> BeatState:
    if late_seconds > heartbeat.grace_seconds:
        return BeatState.MISSING
    if beat.is_failed:
        return BeatState.FAILED
    if late_seconds > 0:
        return BeatState.LATE
    return BeatState.WAITING if beat.seen_ms is None else BeatState.OK


def heartbeat_view(standing: Standing) -> HeartbeatView:
    """Return a heartbeat as callers see it."""
    heartbeat, beat = standing.heartbeat, standing.beat
    return HeartbeatView(
        name=heartbeat.name,
        state=standing.state.value,
        severity=int(heartbeat.severity),
        text=heartbeat.text,
        every_seconds=heartbeat.every_seconds,
        grace_seconds=heartbeat.grace_seconds,
        late_seconds=standing.late_seconds,
        due_at=format_ms(standing.due_ms),
        seen_at="" if beat.seen_ms is None else format_ms(beat.seen_ms),
        is_failed=beat.is_failed,
        said=beat.said,
        took_seconds=beat.took_seconds,
        sender=beat.sender,
    )
