"""A gap: time of a host for which no samples came when they should have, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class GapKind(StrEnum):
    """What became of the time: not known yet, nothing ran, the rows came later, some of them did, the agent gave them up."""

    LATE = "late"
    DOWN = "down"
    BUFFERED = "buffered"
    THINNED = "thinned"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Gap:
    """From one moment that arrived to the next, Unix milliseconds; ``until_ms`` is None while nothing came since."""

    from_ms: int
    until_ms: int | None
    kind: GapKind
