"""Silences as they are told over HTTP. Pure."""

from __future__ import annotations

from nagare.lib.rfc3339 import format_ms
from nagare.model.alert.silence import Silence
from nagare.wire.alerts import SilenceView


def silence_view(silence: Silence, matches: int, now_ms: int) -> SilenceView:
    """Return a silence as callers see it; ``matches`` active alerts are under it."""
    state = (
        "open" if silence.is_open(now_ms) else "waiting" if now_ms < silence.starts_ms < silence.until_ms else "over"
    )
    return SilenceView(
        id=silence.id,
        matchers=[str(matcher) for matcher in silence.matchers],
        reason=silence.reason,
        owner=silence.owner,
        state=state,
        made_at=format_ms(silence.made_ms),
        starts_at=format_ms(silence.starts_ms),
        until_at=format_ms(silence.until_ms),
        matched_at=format_ms(silence.matched_ms),
        idle_seconds=silence.idle_seconds,
        ended_by=silence.ended_by,
        cause=silence.cause,
        matches=matches if state == "open" else 0,
    )
