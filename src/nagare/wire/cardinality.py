"""How many series there are, and of what, over HTTP."""

from __future__ import annotations

import msgspec


class CardinalityRow(msgspec.Struct, frozen=True):
    """The series that share ``name``; ``by`` says what that is: table, metric, label, value (label=value) or host."""

    by: str
    name: str
    series: int


class CardinalityReply(msgspec.Struct, frozen=True):
    """``GET /api/v1/cardinality``: all series, and the groups of most of each kind, largest first."""

    series: int
    rows: list[CardinalityRow]
