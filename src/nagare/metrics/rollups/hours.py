"""The widths of rollups, the names of their tables, and the hours by which they are made and kept; imports nothing of ours."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

HOUR_MS = 3_600_000
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Tier:
    """One width of buckets; ``width_ms`` divides an hour."""

    name: str
    width_ms: int
    text: str

    def table(self, base: str) -> str:
        """Return the name of the rollup of ``base`` in this tier."""
        return f"{base}_{self.name}"


MINUTES = Tier("1m", 60_000, "the minute")
HOURS = Tier("1h", HOUR_MS, "the hour")
# The finest first: each is made from the one before it.
TIERS = (MINUTES, HOURS)
# Every event and every command stands for itself; a mean of them says nothing.
_NOT_ROLLED = frozenset({"events", "commands"})


def is_rolled(base: str) -> bool:
    """Tell whether rollups are made of the table ``base``."""
    return base not in _NOT_ROLLED


def split_table(table: str) -> tuple[str, Tier | None]:
    """Return the base table and tier that a table's name tells; no tier for a base table."""
    for tier in TIERS:
        base = table.removesuffix(f"_{tier.name}")
        if base and base != table:
            return base, tier
    return table, None


def hours_of(low_ms: int, high_ms: int) -> range:
    """Return the first milliseconds of the hours from ``low_ms`` to ``high_ms``, both included."""
    return range(low_ms // HOUR_MS * HOUR_MS, high_ms + 1, HOUR_MS)


def spans_of(hours: Iterable[int]) -> list[tuple[int, int]]:
    """Return the hours as spans of time, first millisecond included and last not, as few as there can be."""
    spans: list[tuple[int, int]] = []
    for hour in sorted(set(hours)):
        if spans and spans[-1][1] == hour:
            spans[-1] = (spans[-1][0], hour + HOUR_MS)
        else:
            spans.append((hour, hour + HOUR_MS))
    return spans
