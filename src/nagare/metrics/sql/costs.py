"""Remembers what statements cost, by shape: their text without comments and without any value, so that none leaks.

In memory and bounded: of too many shapes the one that took least time in all is forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from nagare.wire.queries import QueryCost, QueryCosts

SHAPES_LIMIT = 500
_SHAPE_LENGTH = 1000
_VALUES = (duckdb.token_type.string_const, duckdb.token_type.numeric_const)


@dataclass(slots=True)
class _Cost:
    count: int = 0
    failures: int = 0
    total_seconds: float = 0.0
    max_seconds: float = 0.0
    rows: int = 0


class Costs:
    """Counts by shape; used on the event loop alone."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._by_shape: dict[str, _Cost] = {}

    def add(self, shape: str, seconds: float, rows: int | None) -> None:
        """Count a run of a statement of ``shape``, which the sandbox let pass; ``rows`` None says that it failed."""
        cost = self._by_shape.setdefault(shape, _Cost())
        cost.count += 1
        cost.failures += rows is None
        cost.total_seconds += seconds
        cost.max_seconds = max(cost.max_seconds, seconds)
        cost.rows += rows or 0
        if len(self._by_shape) > SHAPES_LIMIT:
            least = min((each for each in self._by_shape if each != shape), key=self._total)
            del self._by_shape[least]

    def top(self, limit: int) -> QueryCosts:
        """Return the shapes that took most time in all."""
        listed = sorted(self._by_shape, key=self._total, reverse=True)[:limit]
        return QueryCosts([self._view(shape, self._by_shape[shape]) for shape in listed])

    def _total(self, shape: str) -> float:
        return self._by_shape[shape].total_seconds

    def _view(self, shape: str, cost: _Cost) -> QueryCost:
        total, most = round(cost.total_seconds, 6), round(cost.max_seconds, 6)
        return QueryCost(shape, cost.count, cost.failures, total, most, cost.rows)


def shape_of(sql: str) -> str:
    """Return ``sql`` with ``?`` for every value, one space between words, and no comments."""
    content = sql.encode()
    tokens = duckdb.tokenize(sql)
    ends = [start for start, _ in tokens[1:]] + [len(content)]
    words: list[str] = []
    is_after_number = False
    for (start, kind), end in zip(tokens, ends, strict=True):
        text = content[start:end].decode(errors="replace")
        if kind == duckdb.token_type.comment:
            continue
        # What touches a number, as in 0x1F, is its end.
        if is_after_number and kind == duckdb.token_type.identifier:
            continue
        is_after_number = kind == duckdb.token_type.numeric_const and text == text.rstrip()
        words.append("?" if kind in _VALUES else " ".join(text.split()))
    # A list of values is one shape, however long it is.
    joined = " ".join(words).replace("$ ?", "?")
    while "? , ?" in joined:
        joined = joined.replace("? , ?", "?")
    return joined[:_SHAPE_LENGTH]
