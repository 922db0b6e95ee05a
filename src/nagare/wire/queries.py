"""What statements have cost, over HTTP."""

from __future__ import annotations

import msgspec


class QueryCost(msgspec.Struct, frozen=True):
    """One shape of statements, its values left out, since the server began."""

    statement: str
    count: int
    failures: int
    total_seconds: float
    max_seconds: float
    rows: int


class QueryCosts(msgspec.Struct, frozen=True):
    """``GET /api/v1/queries``: shapes of statements, by the time that they took in all."""

    queries: list[QueryCost]
