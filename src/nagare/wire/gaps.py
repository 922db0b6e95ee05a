"""Gaps of a host over HTTP."""

from __future__ import annotations

import msgspec


class GapView(msgspec.Struct, frozen=True):
    """Time for which nothing came in time, RFC 3339; ``until_at`` is null while it lasts.

    ``kind``: down, buffered (the rows came later), thinned (some of them did), dropped (at the agent), late (not known yet).
    """

    from_at: str
    until_at: str | None
    kind: str


class GapList(msgspec.Struct, frozen=True):
    """``GET /api/v1/hosts/{name}/gaps``: gaps, the oldest first."""

    gaps: list[GapView]
