"""How alive each host is, in memory: when it was heard of, and what was announced about it.

Silence is measured by the monotonic clock, so that a step of the wall clock takes no host down. Pure bookkeeping; the
service reads and announces.
"""

from __future__ import annotations

from dataclasses import dataclass

from nagare.model.host import DOWN_INTERVALS, HostState, host_state


@dataclass(slots=True)
class Life:
    """What is known of one host's life. ``seen_at`` is monotonic; ``down_ms`` is set once its fall was announced."""

    last_seen_ms: int | None = None
    seen_at: float | None = None
    down_ms: int | None = None
    state: HostState = HostState.UNKNOWN
    is_saved: bool = True
    # As announced last.
    why_in_maintenance: str = ""

    def touch(self, now_ms: int, monotonic: float) -> None:
        """Note that the host was heard of just now."""
        self.last_seen_ms = now_ms
        self.seen_at = monotonic
        self.is_saved = False

    def state_at(self, monotonic: float, interval_seconds: float, started: float) -> HostState:
        """Return the state now, for a server that listens since ``started`` (monotonic).

        A host that was not announced to be down gets the whole time to report to a server that just started:
        it was the server that was away.
        """
        silence = None if self.seen_at is None else max(0.0, monotonic - self.seen_at)
        state = host_state(silence, interval_seconds)
        is_early = monotonic - started <= DOWN_INTERVALS * interval_seconds
        if state is HostState.DOWN and self.down_ms is None and is_early:
            return HostState.STALE
        return state


def revive(last_seen_ms: int | None, down_ms: int | None, now_ms: int, monotonic: float) -> Life:
    """Return the life of a host as it was stored."""
    if last_seen_ms is None:
        return Life(down_ms=down_ms)
    silence = max(0.0, (now_ms - last_seen_ms) / 1000)
    return Life(last_seen_ms=last_seen_ms, seen_at=monotonic - silence, down_ms=down_ms)
