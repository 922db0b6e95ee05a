"""What operations people miss in SQL and find here by name: for the engine, for completion, and for the reference page."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SqlFunction:
    """One function as people see it: its name, its arguments in words, and what it answers."""

    name: str
    arguments: str
    text: str


FUNCTIONS: tuple[SqlFunction, ...] = (
    SqlFunction("rate", "counter, ts", "increase of a counter per second over the group; a reset counts from zero"),
    SqlFunction("increase", "counter, ts", "increase of a counter over the group; a reset counts from zero"),
    SqlFunction("delta", "gauge, ts", "newest value of the group less its oldest"),
    SqlFunction("last", "value, ts", "newest value of the group that is not null"),
    SqlFunction("first", "value, ts", "oldest value of the group that is not null"),
    SqlFunction("percentile", "value, 0.95", "value below which that part of the group lies, interpolated"),
    SqlFunction("median", "value", "the middle of the group"),
    SqlFunction("time_bucket", "'5m', ts", "start of the interval that a time lies in; takes '5m' and INTERVAL"),
)
